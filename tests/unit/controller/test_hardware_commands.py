"""Commands about hardware, through the facade, to real firmware behind a pseudo-terminal and a real dock."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.accounts.audit import AuditTrail
from host_tools.accounts.roles import Actor
from host_tools.accounts.secret import load_secret
from host_tools.accounts.store import Store, open_store
from host_tools.controller.commands import CommandError, CommandRefused, Commands, Gate
from host_tools.controller.hardware_commands import INDICATE_MS_MAX, HardwareCommands
from host_tools.custody.blocking import run_in_thread
from host_tools.custody.journey import Journey
from host_tools.destinations.interface import DestinationRefused
from host_tools.destinations.memory import MemoryDestination
from host_tools.destinations.wrappers import Failing, Failure
from tests.unit.controller.rig import ControllerRig, running, wall_ms, write_recording
from tests.unit.controller.test_docks import at_work

ADA = Actor("ada", "administrator", "192.0.2.7")


class Desk:
    """The facade of a rig's controller, and its audit trail."""

    def __init__(self, rig: ControllerRig) -> None:
        self.store: Store = open_store(":memory:", load_secret(MemoryFiles(), SeededEntropy("people")))
        self.trail = AuditTrail(self.store)
        gate, journey = Gate(self.trail, wall_ms, run_in_thread), Journey(rig.index, wall_ms)
        self.commands = Commands([HardwareCommands(gate, rig.controller, rig.index, rig.spool, journey, run_in_thread)])

    async def ask(self, name: str, actor: Actor = ADA, **arguments: object) -> object:
        return await self.commands.call(actor, name, arguments)


@pytest.mark.req("CTRL-03", "CTRL-07")
def test_a_docked_camera_shows_itself_and_its_wearer_goes_first(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        desk, camera = Desk(rig), rig.camera(1)
        async with running(rig):
            with pytest.raises(CommandError, match="CAM-0001 is not docked"):
                await desk.ask("indicate_camera", serial="CAM-0001")
            camera.dock()
            await rig.wait_for("camera_idle")
            await desk.ask("indicate_camera", serial="CAM-0001", pattern="error", duration_ms=1_000)
            wrongs: list[dict[str, Any]] = [
                {"pattern": "disco"},
                {"duration_ms": 0},
                {"duration_ms": INDICATE_MS_MAX + 1},
            ]
            for wrong in wrongs:
                with pytest.raises(CommandError):
                    await desk.ask("indicate_camera", serial="CAM-0001", **wrong)
            assert await desk.ask("prioritise_wearer", wearer="W-001") == wall_ms() + 86_400_000
            status = await desk.ask("status", Actor("wall", "viewer", "192.0.2.8"))
            assert status["prioritised"] == {"W-001": wall_ms() + 86_400_000}  # type: ignore[index]
            await desk.ask("prioritise_wearer", wearer="W-001", on=False)
            assert (await rig.status())["prioritised"] == {}
            with pytest.raises(CommandError, match="no wearer has the id W-404"):
                await desk.ask("prioritise_wearer", wearer="W-404")
        outcomes = [(entry.action, entry.outcome) for entry in desk.trail.entries()]
        assert outcomes.count(("indicate_camera", "done")) == 1
        assert outcomes.count(("indicate_camera", "failed")) == 4
        assert ("status", "asked") not in outcomes
        desk.store.close()

    asyncio.run(scenario())


@pytest.mark.req("CTRL-09")
def test_what_was_set_aside_is_taken_up_again(tmp_path: Path):
    async def scenario() -> None:
        refused = DestinationRefused("destination: no room for this one: free some")
        store = MemoryDestination()
        rig = ControllerRig(tmp_path, destination=Failing(store, [Failure("put_object", 1, refused)]))
        desk, camera = Desk(rig), rig.camera(1)
        recording = write_recording(camera, 1)
        async with running(rig):
            camera.dock()
            await rig.wait_for("set_aside")
            with pytest.raises(CommandRefused):
                await desk.ask("retry_delivery", Actor("wall", "viewer", "192.0.2.8"))
            with pytest.raises(CommandError, match="nothing to try again"):
                await desk.ask("retry_delivery", recording="00" * 16)
            assert rig.words("delivered") == []
            assert await desk.ask("retry_delivery", recording=recording.hex) == [recording.hex]
            await rig.wait_for("delivered")
            assert await desk.ask("retry_delivery") == []
        desk.store.close()

    asyncio.run(scenario())


@pytest.mark.req("DOCK-05", "CTRL-14")
def test_bays_are_switched_by_whoever_may(tmp_path: Path):
    async def scenario() -> None:
        async with at_work(tmp_path) as rig:
            desk = Desk(rig)
            with pytest.raises(CommandError, match="which dock\\? there is DOCK-0001, DOCK-0002"):
                await desk.ask("set_bay_power", bay=1, on=False)
            with pytest.raises(CommandError, match="no dock DOCK-0404; there is DOCK-0001"):
                await desk.ask("set_bay_power", bay=1, on=False, dock="DOCK-0404")
            with pytest.raises(CommandError, match="DOCK-0001 refuses: bay 2 is free: dock a camera first"):
                await desk.ask("check_contacts", bay=2, dock="DOCK-0001")
            rig.bench.put_in("camera-1", "dock-1", 1)
            await rig.wait_for("bay", dock="DOCK-0001", state="docked")
            measured = await desk.ask("check_contacts", bay=1, dock="DOCK-0001")
            assert "pass" in str(measured)
            with pytest.raises(CommandRefused, match="may not switch the supply of a bay"):
                await desk.ask("set_bay_power", Actor("wall", "viewer", "192.0.2.8"), bay=1, on=False, dock="DOCK-0001")
            assert rig.bay("DOCK-0001", 1)["powered"]
            await desk.ask("set_bay_power", bay=1, on=False, dock="DOCK-0001")
            await rig.until(lambda: not rig.bay("DOCK-0001", 1)["powered"], "the bay to be without power")
            assert [entry.outcome for entry in desk.trail.entries()][-3:] == ["refused", "asked", "done"]
            desk.store.close()

    asyncio.run(scenario())
