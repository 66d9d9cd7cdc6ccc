"""Ports that are wrong, and programs that are not there: one clear line each, exit code 1."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from firmware.camera import access
from firmware.drivers.cable import Refusal
from tests.patience import LIMIT_S
from tests.unit.cli.parts import Bwc, bwc_process, system_in
from tests.unit.controller.strangers import Noisy, OtherVersion, Silent
from tests.unit.protocol.parts import PtyBoard


@pytest.fixture
def pty() -> Iterator[str]:
    """The path of a serial port behind which there is nothing."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(slave)
    os.close(master)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://x", ["ftp://x: unknown scheme ftp://", "emu://, ", "serial://"]),
        ("/dev/ttyNOPE", ["/dev/ttyNOPE: no such port", "plug the board in", "bwc ports"]),
        ("/dev/null", ["/dev/null", "name a serial port"]),
        ("socket://127.0.0.1", ["host or port is missing", "socket://HOST:PORT"]),
        ("socket://127.0.0.1:1", ["nothing answers there", "check host and port"]),
        ("socket://no-such-host.invalid:1", ["no-such-host.invalid"]),
        ("emu://nowhere/camera-1", ["no bench nowhere is running", "there is:"]),
        ("emu://nowhere", ["write emu://BENCH/BOARD"]),
        ("serial:///dev/ttyS0?baud=fast", ["baud"]),
    ],
)
def test_a_port_that_cannot_be_opened(url: str, words: list[str], bwc: Bwc):
    bwc("identify", url).must_be_one_line(*words)


def test_a_port_in_use(bwc: Bwc, pty: str):
    with serial.Serial(pty, exclusive=True):
        bwc("identify", pty).must_be_one_line(pty, "another program holds the port", "close it first")


@pytest.mark.req("LINK-03")
def test_devices_that_are_not_ours(tmp_path: Path):
    async def scenario() -> None:
        strangers = [Silent(tmp_path / "silent"), Noisy(tmp_path / "noisy"), OtherVersion(tmp_path / "newer")]
        ports = [stranger.plug.link for stranger in strangers]
        silent, noisy, newer = await asyncio.gather(*(bwc_process("identify", port) for port in ports))
        silent.must_be_one_line(str(ports[0]), "silent", "power-cycle it or connect an OpenBWC board")
        noisy.must_be_one_line(str(ports[1]), "but not our protocol", "connect an OpenBWC board")
        newer.must_be_one_line(str(ports[2]), "link version 3 to 4, we speak 1", "update")
        for stranger in strangers:
            stranger.unplug()

    asyncio.run(scenario())


def test_a_port_that_vanishes_while_it_is_asked(tmp_path: Path):
    async def scenario() -> None:
        board = PtyBoard(tmp_path / "board", {"identify": lambda fields: board.unplug()})
        ended = await bwc_process("identify", board.plug.link)
        ended.must_be_one_line(str(board.plug.link), "is gone", "plug it in again")

    asyncio.run(scenario())


def test_a_camera_that_answers_its_own_controller_alone(tmp_path: Path):
    def refuse(fields: dict[str, Any]) -> None:
        raise Refusal("refused", access.REASONS[access.SHUT])

    async def scenario() -> None:
        board = PtyBoard(tmp_path / "board", {"identify": refuse})
        ended = await bwc_process("identify", board.plug.link)
        ended.must_be_one_line(str(board.plug.link), "answers its own controller alone", "--folder")
        board.unplug()

    asyncio.run(scenario())


def test_a_board_says_who_it_is(tmp_path: Path):
    async def scenario() -> None:
        board = PtyBoard(tmp_path / "board")
        ended = await bwc_process("identify", board.plug.link)
        assert (ended.code, ended.err) == (0, "")
        assert "camera CAM-0001, model small, firmware 1.2.3" in ended.out
        board.unplug()

    asyncio.run(scenario())


def test_programs_that_are_not_there(bwc: Bwc, tmp_path: Path):
    bwc("status", "--folder", tmp_path).must_be_one_line("no controller answers in", str(tmp_path), "start it first")
    bwc("bench", "state", "--folder", tmp_path).must_be_one_line("no bench answers in", "start it first")


def test_a_configured_port_of_no_known_kind_ends_the_controller_at_once(bwc: Bwc, tmp_path: Path):
    arguments = ["controller", "--folder", tmp_path / "c", "--destination", tmp_path / "d", "--create-destination"]
    bwc(*arguments, "--url", "ftp://x").must_be_one_line("ftp://x", "unknown scheme")


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["controller", "--nonsense"], ["bench", "press"], ["demo", "--cameras", "99"]]
)
def test_wrong_arguments_are_usage_errors(arguments: list[str], bwc: Bwc):
    ended = bwc(*arguments)
    assert ended.code == 2
    assert "Traceback" not in ended.err


def test_an_interrupted_program_ends_in_order(tmp_path: Path):
    system_in(tmp_path / "c")

    async def scenario() -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "host_tools.cli", "controller", "--folder", str(tmp_path / "c")),
            *("--destination", str(tmp_path / "d"), "--create-destination", "--bench", str(tmp_path / "no-bench")),
            *("--web", "off"),  # whoever has its port would be told of
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readline(), LIMIT_S)
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert not (tmp_path / "c" / "controller.sock").exists()

    asyncio.run(scenario())
