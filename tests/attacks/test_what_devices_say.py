"""What a device says of itself before anybody believes it, shown to people and written into logs: no terminal obeys it,
no line of a log is its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from firmware.camera.recorder import Wearer
from host_tools.controller.opening import identify
from host_tools.controller.status import recording_row as recording_view
from host_tools.hardware.said import printable
from host_tools.hardware.usb import read_usb_tree
from host_tools.protocol.connection import Connection, RequestRefused
from tests.attacks.parts import SealingCamera, controller
from tests.unit.trust.parts import World

NASTY = "CAM-1\x1b]0;mine\x07\x1b[2J\r\n2026-01-01 ERROR\u202e\u2028\x9b31m"


def test_a_usb_device_cannot_write_to_a_terminal(tmp_path: Path):
    device = tmp_path / "1-1"
    device.mkdir()
    for name, text in (("idVendor", "1209"), ("idProduct", "0001"), ("serial", NASTY), ("product", NASTY)):
        device.joinpath(name).write_text(text, encoding="utf-8", newline="")
    (found,) = read_usb_tree(tmp_path)
    for said in (found.serial, found.product):
        assert said.isprintable()
        assert said.startswith("CAM-1?]0;mine?")


def test_a_board_that_says_who_it_is_cannot_either():
    class Lying:
        """Answers one question."""

        async def ask(self, name, fields=None, limit_s=1.0):
            return {"kind": 2, "serial": NASTY, "model": NASTY, "firmware": NASTY, "boot": b"\x1b", "uptime_ms": 1}

    identity = asyncio.run(identify(cast(Connection, Lying())))
    assert {name for name, value in identity.items() if isinstance(value, str) and not value.isprintable()} == set()
    assert identity["boot"] == b"\x1b"


def test_a_refusal_is_one_line_whatever_the_board_writes():
    said = str(RequestRefused("erase", "refused", NASTY))
    assert said.isprintable()
    assert said.startswith("erase was refused (refused): CAM-1?")


def test_a_wearer_whom_a_camera_names_cannot_either(tmp_path: Path):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", "CAM-0001")
    camera.trust.assignment().keep(Wearer("W-1", NASTY), "default")
    recording = camera.record([b"init", b"media"])
    with controller(world, tmp_path / "controller") as here:
        here.offload(camera, recording)
        here.deliver()
        assert here.index.get(recording).wearer_name == NASTY, "kept as it was signed"
        assert recording_view(here.index, here.index.get(recording))["wearer"].isprintable()


@pytest.mark.parametrize("text", ["CAM-0001", "Åström, Ada", "田中", "", "no\u00a0break"])
def test_what_can_be_seen_stays(text: str):
    assert printable(text).replace("?", "\u00a0") == text
