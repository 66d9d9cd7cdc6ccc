"""What is wrong on the USB tree is a problem in status, as long as it lasts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from host_tools.emulator.usb_bus import PortState
from tests.unit.controller.rig import ControllerRig, running


@pytest.mark.req("EMU-04")
def test_a_port_that_fails_is_one_line_in_status_until_it_works(tmp_path: Path):
    async def scenario() -> None:
        async with running(ControllerRig(tmp_path)) as rig:
            rig.usb.add_hub("1-1", 4)
            rig.usb.set_port("1-1.3", PortState("not-attached", 0))
            rig.camera(1).dock()
            await rig.wait_for("docked", camera="CAM-0001")  # so the tree has been looked at, and the count is known
            rig.usb.set_port("1-1.3", PortState("not-attached", 2))
            told = await rig.wait_for("usb_fault", location="1-1.3")
            assert told["text"] == "USB port 1-1.3: over-current, 2 times: look for a short, then put it in again"
            assert (await rig.status())["problems"]["usb 1-1.3"] == told["text"]
            rig.camera(3).dock()  # at that port
            await rig.until(lambda: "usb 1-1.3" not in rig.controller.problems, "the problem to be over")

    asyncio.run(scenario())
