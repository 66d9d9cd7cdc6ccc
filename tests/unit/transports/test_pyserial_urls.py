"""URLs that pyserial opens: threads only where it has no descriptor, and one clear line for what is wrong."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Generator
from pathlib import Path

import pytest
import serial
import serial.tools.list_ports

from host_tools.emulator.plugs import PtyPlug
from host_tools.transports import errors
from host_tools.transports.pipe import FdPipe, Pipe
from host_tools.transports.registry import Registry
from host_tools.transports.serial_ports import open_in_thread, take_baud
from host_tools.transports.threaded import ThreadedPipe
from tests.unit.transports.parts import CONTENT, Collector, SmallBoard, until, whole_session


@pytest.fixture
def terminal() -> Generator[tuple[int, str]]:
    """The far end of a pseudo-terminal, and the path of the near one."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def with_pipe(url: str, act) -> None:
    async def scenario() -> None:
        pipe = await Registry().open(url)
        try:
            await act(pipe)
        finally:
            pipe.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [1, 5000, 100_000])
def test_a_loop_gives_back_what_was_written_however_much(size):
    content = bytes(range(256)) * (size // 256 + 1)

    async def act(pipe: Pipe) -> None:
        assert isinstance(pipe, ThreadedPipe)
        assert (pipe.kind, pipe.nominal_bytes_per_s) == ("other", None)
        collector = Collector()
        pipe.start(collector)
        left = bytearray(content[:size])

        def send() -> bool:
            del left[: pipe.write([bytes(left)])]
            return not left

        await until(send)
        await collector.until(lambda seen: len(seen.data) == size)
        assert bytes(collector.data) == content[:size]

    with_pipe("loop://", act)


def test_a_loop_that_nobody_reads_ends_too():
    async def act(pipe: Pipe) -> None:
        pipe.start(Collector(limit=0))
        await until(lambda: not pipe.write([bytes(50_000)]))

    with_pipe("loop://", act)


@pytest.mark.req("LINK-01")
def test_spy_sees_the_bytes_of_a_whole_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    async def scenario() -> None:
        board = SmallBoard(lambda wake: PtyPlug(tmp_path / "port", wake))
        pipe = await Registry().open(f"spy://{tmp_path / 'port'}")
        assert isinstance(pipe, ThreadedPipe)
        await whole_session(pipe)
        board.unplug()

    asyncio.run(scenario())
    assert capsys.readouterr().err.count(" RX ") > len(CONTENT) / 16


@pytest.mark.parametrize("form", ["{path}", "serial://{path}?baud=9600", "alt://{path}", "alt://{path}?class=Serial"])
def test_a_terminal_gets_no_thread_by_whatever_name(terminal, form):
    master, path = terminal
    url = form.format(path=path)

    async def act(pipe: Pipe) -> None:
        assert isinstance(pipe, FdPipe)
        assert (pipe.url, pipe.kind) == (url, "pty")
        collector = Collector()
        pipe.start(collector)
        os.write(master, b"hello")
        await collector.until(lambda seen: bytes(seen.data) == b"hello")

    with_pipe(url, act)


def test_hwgrep_finds_a_terminal_and_gets_no_thread(terminal, monkeypatch):
    path = terminal[1]

    def grep(regexp: str) -> list[tuple[str, str, str]]:
        return [(path, "a board", "USB VID:PID=1209:0001")] if regexp == "1209:0001" else []

    monkeypatch.setattr(serial.tools.list_ports, "grep", grep)

    async def act(pipe: Pipe) -> None:
        assert isinstance(pipe, FdPipe)
        assert pipe.url == "hwgrep://1209:0001"

    with_pipe("hwgrep://1209:0001", act)
    with pytest.raises(errors.PortMissing, match="hwgrep://other: no such port"):
        asyncio.run(Registry().open("hwgrep://other"))


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("spy:///dev/does-not-exist", errors.PortMissing, "plug the board in"),
        ("loop://?unknown=1", errors.PortError, "cannot be opened"),
        ("loop://?logging=loud", errors.PortError, "loop://"),
        ("loop://?baud=0", errors.PortError, "no baud rate"),
        ("alt:///dev/null?class=Nothing", errors.PortError, "unknown class"),
        ("cp2110://0001:0002", errors.PortError, "needs the Python package hid"),
        ("serial:///dev/ttyS0?parity=odd", errors.PortError, "write for example serial:///dev/ttyS0"),
        ("serial://", errors.PortError, "write for example serial:///dev/ttyS0"),
    ],
)
def test_what_cannot_be_opened_gets_one_clear_line(url, kind, words):
    with pytest.raises(kind) as caught:
        asyncio.run(Registry().open(url))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(url)
    assert words in str(caught.value)


def test_every_scheme_that_can_be_opened_is_named_and_checked_without_opening():
    registry = Registry()
    for scheme in ("alt", "hwgrep", "loop", "rfc2217", "serial", "socket", "spy", "usb"):
        assert scheme in registry.schemes
        registry.check(f"{scheme.upper()}://somewhere")


def test_a_handler_of_another_package_is_found(monkeypatch):
    monkeypatch.setattr(serial, "protocol_handler_packages", ["serial.urlhandler", "host_tools.emulator.urlhandlers"])
    assert "emu" in Registry().schemes
    with pytest.raises(errors.PortError, match="emu://nowhere"):
        asyncio.run(Registry().open("emu://nowhere"))


def test_a_rate_is_taken_out_of_a_url_and_nothing_else():
    assert take_baud("/dev/ttyS0") == ("/dev/ttyS0", None)
    assert take_baud("spy:///dev/ttyS0?file=a&baud=9600&raw") == ("spy:///dev/ttyS0?file=a&raw", 9600)
    assert take_baud("loop://?baud=9600") == ("loop://", 9600)
    assert take_baud("hwgrep://1209:.*&n=2") == ("hwgrep://1209:.*&n=2", None)


def test_a_port_that_nobody_waits_for_any_more_is_given_back():
    given_back: list[str] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        begun, may_end = asyncio.Event(), asyncio.Event()

        def make() -> str:
            loop.call_soon_threadsafe(begun.set)
            asyncio.run_coroutine_threadsafe(may_end.wait(), loop).result()
            return "port"

        opening = asyncio.ensure_future(open_in_thread(make, given_back.append))
        await begun.wait()
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        may_end.set()
        await until(lambda: given_back)

    asyncio.run(scenario())
    assert given_back == ["port"]
