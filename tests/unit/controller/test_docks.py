"""Docks as the controller sees them: real dock firmware over the physical models, cameras in its bays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.bay_lamps import lamp_for
from host_tools.controller.cameras import CameraView
from host_tools.controller.docks import Dock
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import Bench, CameraPart, DockPart
from host_tools.hardware import find_board, read_usb_tree
from host_tools.protocol.connection import RequestRefused
from tests.unit.controller.rig import CardOf, ControllerRig, make_member, running, write_recording

BENCH = Bench(
    name="docks",
    dock=(DockPart(name="dock-1", serial="DOCK-0001"), DockPart(name="dock-2", serial="DOCK-0002", port="1-2")),
    camera=(CameraPart(name="camera-1", serial="CAM-0001"), CameraPart(name="camera-2", serial="CAM-0002")),
)


class BenchRig(ControllerRig):
    """A controller beside an emulated bench in the same process."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, dev="ports")
        self.cards = {part.name: MemoryFiles() for part in BENCH.camera}
        self.bench = EmulatedBench(BENCH, folder, lambda name, _: self.cards[name], self.workshop)
        self.members_cards: dict[str, CardOf] = {}
        for part in BENCH.camera:
            card = self.cards[part.name]
            keys = self.workshop.keys_of(part.name, find_board(part.model), card)
            self.workshop.provision(part.serial, card, keys)
            self.members_cards[part.serial] = CardOf(part.serial, card, keys)
            make_member(self.trust, self.members_cards[part.serial])

    def bay(self, dock: str, number: int) -> dict[str, Any]:
        """What the controller knows of a bay."""
        return self.controller.docks[dock].bays[number]

    def dock(self, serial: str) -> Dock:
        """The controller's dock."""
        return self.controller.docks[serial]


@asynccontextmanager
async def at_work(folder: Path) -> AsyncGenerator[BenchRig]:
    """Bench and controller, both docks greeted."""
    rig = BenchRig(folder)
    await rig.bench.start()
    try:
        async with running(rig):
            await rig.until(lambda: len(rig.controller.docks) == 2 and all(
                dock.bays for dock in rig.controller.docks.values()
            ), "both docks")  # fmt: skip
            yield rig
    finally:
        await rig.bench.stop()


@pytest.mark.req("DOCK-01", "DOCK-05", "DOCK-06", "CTRL-03")
def test_a_camera_is_seen_in_its_bay_and_the_bays_lamp_follows_it(tmp_path: Path):
    async def scenario() -> None:
        async with at_work(tmp_path) as rig:
            write_recording(rig.members_cards["CAM-0002"], 1)
            rig.bench.reset("camera-2")
            rig.bench.put_in("camera-1", "dock-1", 8)
            rig.bench.put_in("camera-2", "dock-2", 3)
            for serial, dock, bay in (("CAM-0001", "DOCK-0001", 8), ("CAM-0002", "DOCK-0002", 3)):
                docked = await rig.wait_for("docked", camera=serial)
                assert (docked["dock"], docked["bay"]) == (dock, bay)
            await rig.wait_for("erased", camera="CAM-0002")
            ready = 5  # of schema.LAMP_PATTERNS
            await rig.until(lambda: rig.bay("DOCK-0001", 8).get("lamp") == ready, "the first lamp")
            await rig.until(lambda: rig.bay("DOCK-0002", 3).get("lamp") == ready, "the second lamp")
            status = await rig.status()
            places = {camera["serial"]: camera["place"] for camera in status["cameras"]}
            assert places["CAM-0001"] == {"dock": "DOCK-0001", "bay": 8}
            assert places["CAM-0002"] == {"dock": "DOCK-0002", "bay": 3}
            bays = {dock["serial"]: {bay["camera"]: bay["bay"] for bay in dock["bays"]} for dock in status["docks"]}
            assert (bays["DOCK-0001"]["CAM-0001"], bays["DOCK-0002"]["CAM-0002"]) == (8, 3)

            rig.bench.take_out("camera-1")
            await rig.wait_for("bay", bay=8, state="free")
            await rig.wait_for("undocked", camera="CAM-0001")
            assert (await rig.status())["cameras"][0]["place"] == {}

    asyncio.run(scenario())


@pytest.mark.req("DOCK-01")
def test_a_camera_that_was_there_first_is_in_its_bay_all_the_same(tmp_path: Path):
    async def scenario() -> None:
        rig = BenchRig(tmp_path)
        await rig.bench.start()
        rig.bench.put_in("camera-1", "dock-1", 4)
        all_of_it = {"DOCK-0001", "DOCK-0002", "CAM-0001"}
        await rig.until(
            lambda: all_of_it <= {each.serial for each in read_usb_tree(tmp_path / "usb")}, "all on the bus"
        )
        async with running(rig):
            docked = await rig.wait_for("docked")
            assert (docked["dock"], docked["bay"]) == ("DOCK-0001", 4)
        await rig.bench.stop()

    asyncio.run(scenario())


@pytest.mark.req("DOCK-02")
def test_contacts_are_measured_at_docking_and_on_request(tmp_path: Path):
    async def scenario() -> None:
        async with at_work(tmp_path) as rig:
            dock = rig.dock("DOCK-0001")
            with pytest.raises(RequestRefused, match="dock a camera first"):
                await dock.check_contacts(2)
            rig.bench.put_in("camera-1", "dock-1", 2)
            told = await rig.wait_for("contacts", dock="DOCK-0001", bay=2)
            assert told["verdict"] == "pass"
            await rig.wait_for("camera_idle", camera="CAM-0001")
            measured = {row["quantity"]: row for row in await dock.check_contacts(2)}
            assert measured["supply_voltage"]["unit"] == "uV"
            assert measured["supply_voltage"]["low"] < measured["supply_voltage"]["value"]
            docks = {dock["serial"]: dock for dock in (await rig.status())["docks"]}
            bay = docks["DOCK-0001"]["bays"][1]
            assert "delivery_integrity" in {row["quantity"] for row in bay["contacts"]}, "the data pair's own test"

    asyncio.run(scenario())


@pytest.mark.req("DOCK-06")
def test_power_to_a_bay_can_be_cycled_and_drops_that_camera_alone(tmp_path: Path):
    async def scenario() -> None:
        async with at_work(tmp_path) as rig:
            rig.bench.put_in("camera-1", "dock-1", 1)
            rig.bench.put_in("camera-2", "dock-1", 2)
            for serial in ("CAM-0001", "CAM-0002"):
                await rig.wait_for("camera_idle", camera=serial)
            mark = len(rig.told)
            await rig.dock("DOCK-0001").set_power(1, False)
            await rig.wait_for("undocked", camera="CAM-0001", after=mark)
            await rig.dock("DOCK-0001").set_power(1, True)
            await rig.wait_for("docked", camera="CAM-0001", after=mark)
            assert "CAM-0002" not in {each.get("camera") for each in rig.told[mark:] if each["what"] == "undocked"}

    asyncio.run(scenario())


@pytest.mark.req("DOCK-07")
def test_a_dock_that_resets_comes_back_with_its_cameras(tmp_path: Path):
    async def scenario() -> None:
        async with at_work(tmp_path) as rig:
            rig.bench.put_in("camera-1", "dock-2", 5)
            await rig.wait_for("camera_idle", camera="CAM-0001")
            mark = len(rig.told)
            rig.bench.reset("dock-2")
            await rig.wait_for("dock_offline", dock="DOCK-0002", after=mark)
            await rig.wait_for("dock_online", dock="DOCK-0002", after=mark)
            docked = await rig.wait_for("docked", camera="CAM-0001", after=mark)
            assert docked["bay"] == 5
            assert rig.bay("DOCK-0002", 5)["powered"]

    asyncio.run(scenario())


@pytest.mark.req("DOCK-05")
@pytest.mark.parametrize(
    ("view", "lamp"),
    [
        (CameraView("C", wearer="Ada"), "ready"),
        (CameraView("C"), "docked"),
        (CameraView("C", wearer="Ada", status={"recordings": 2}), "offloading"),
        (CameraView("C", wearer="Ada", offloading="00"), "offloading"),
        (CameraView("C", wearer="Ada", offloading="00", trouble="full"), "error"),
    ],
)
def test_what_a_bays_lamp_says_of_a_camera(view: CameraView, lamp: str):
    assert lamp_for(view) == lamp
