"""What somebody builds into a docking station, or plugs into the controller: it says whatever it likes, and is asked
for electrical facts and lamps at most. No name, no key and no recording ever goes to it, and no camera is taken for
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.link import schema
from host_tools.emulator.usb_bus import UsbIdentity
from host_tools.hardware import find_board
from tests.unit.controller.rig import BOARD, ControllerRig, running, write_recording
from tests.unit.protocol.parts import IDENTITY, PtyBoard

DOCK = find_board("pico_dock_8")
KINDS = {row[1]: row[0] for row in schema.BOARD_KINDS}
FOR_DOCKS = {"identify", "get_bays", "set_lamp", "set_bay_power", "check_contacts"}


class Rogue:
    """A device that notes all that it is asked, and answers as a dock would."""

    def __init__(self, link: Path, kind: str, serial: str) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        answers: dict[str, Callable[[], Any]] = {
            "identify": lambda: ("identity", {**IDENTITY, "kind": KINDS[kind], "serial": serial}),
            "get_bays": lambda: ("bays", {"entries": []}),
        }

        def noted(name: str) -> Callable[[dict[str, Any]], Any]:
            def handle(fields: dict[str, Any]) -> Any:
                self.asked.append((name, fields))
                return answers.get(name, lambda: None)()

            return handle

        self.board = PtyBoard(link, {name: noted(name) for _number, name, *_ in schema.MESSAGES})


def plugged(rig: ControllerRig, usb: Any, kind: str, serial: str) -> Rogue:
    """It enumerates as that board."""
    rogue = Rogue(rig.folder / "dev" / "rogue", kind, serial)
    rig.usb.attach("1-2", UsbIdentity(usb.vid, usb.pid, "OpenBWC", "dock", serial), 12, "rogue")
    return rogue


@pytest.mark.req("LINK-04")
@pytest.mark.parametrize(("usb", "kind"), [(BOARD.usb, "dock"), (BOARD.usb, "camera"), (DOCK.usb, "camera")])
def test_whoever_proves_nothing_is_no_camera_whatever_it_says(usb: Any, kind: str, tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        async with running(rig):
            rogue = plugged(rig, usb, kind, "CAM-0001")
            told = await rig.wait_for("stranger", admission="refused")
            assert "does not speak securely" in told["text"]
            assert rig.controller.docks == {}
            assert {name for name, _ in rogue.asked} <= {"identify"}
            rogue.board.unplug()

    asyncio.run(scenario())


@pytest.mark.req("LINK-04", "CAM-19")
def test_a_rogue_dock_beside_a_camera_at_work_hears_no_name_and_no_recording(tmp_path: Path):
    """It even says that it is the camera that is docked, and later another dock of the same serial."""

    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        recording = write_recording(camera, 1)
        async with running(rig):
            rogue = plugged(rig, DOCK.usb, "dock", camera.serial)
            await rig.wait_for("dock_online", dock=camera.serial)
            camera.dock()
            await rig.wait_for("erased", recording=recording.hex)
            assert await rig.delivered_content(recording) == recording.content
            (row,) = (await rig.status())["cameras"]
            assert (row["serial"], row["admission"], row["wearer"]) == ("CAM-0001", "member", "Ada Lovelace")
            assert {name for name, _ in rogue.asked} <= FOR_DOCKS
            heard = repr(rogue.asked)
            for secret in ("Ada", "W-001", recording.hex, recording.recording.hex(), rig.trust.system):
                assert secret not in heard
            rogue.board.unplug()

    asyncio.run(scenario())
