"""A controller as a program: what it knows of docked cameras when it ends is there for the next one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from host_tools.cli.compose import create_destination
from host_tools.cli.people import wall_ms
from host_tools.cli.serve import running_controller
from host_tools.controller.cameras import CameraView
from host_tools.controller.members import Member
from host_tools.controller.settings import WEB_OFF, Settings
from host_tools.system.records import Device
from tests.unit.cli.parts import system_in
from tests.unit.controller.telling_parts import until


@pytest.mark.req("CTRL-03")
def test_a_controller_that_ends_in_order_notes_who_is_docked_still(tmp_path: Path):
    folder = tmp_path / "c"
    system_in(folder)
    create_destination(tmp_path / "d")
    settings = Settings(folder=folder, destination=tmp_path / "d", usb_root=None, dev=tmp_path, web=WEB_OFF)

    async def first_life() -> int:
        async with running_controller(settings) as running:
            controller, system = running.controller, running.controller.system
            assert system is not None
            now_ms = wall_ms()
            controller.membership.members.note(Member("CAM-0001", "m", now_ms + 1_000, now_ms))
            controller.cameras["CAM-0001"] = CameraView("CAM-0001", "m", online=True)

            def noted() -> bool:  # nobody may listen yet
                controller.happenings.tell("docked", camera="CAM-0001")
                return "CAM-0001" in system.state.of("device")

            await until(noted, "its docking to be noted")
            controller.cameras["CAM-0001"].status["battery_percent"] = 63
            return now_ms

    async def second_life(began_ms: int) -> None:
        async with running_controller(settings) as running:
            system = running.controller.system
            assert system is not None
            device = system.state.of("device")["CAM-0001"]
            assert isinstance(device, Device)
            assert device.docked is not None
            assert device.docked.unix_ms >= began_ms
            assert device.docked.seen.battery_percent == 63, "as of the end"
            assert running.controller.cameras["CAM-0001"].status == {"battery_percent": 63}

    asyncio.run(second_life(asyncio.run(first_life())))
