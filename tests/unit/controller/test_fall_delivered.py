"""A fall's whole way: the profile's settings reach the camera at its dock, its wearer falls, the recording is delivered
and says why it began."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.camera.app import CameraApp
from firmware.ports.memory_files import MemoryFiles
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import Bench, CameraPart, DockPart, Picture
from host_tools.hardware import find_board
from host_tools.system.records import FixedAssignment, Profile
from tests.unit.controller.rig import CardOf, ControllerRig, make_member, running
from tests.unit.system.parts import NOW_MS, make_system

BENCH = Bench(
    name="falls",
    picture=Picture(width_px=96, height_px=64, frames_per_second=10, bit_rate_bps=100_000),
    dock=(DockPart(name="dock-1", serial="DOCK-0001"),),
    camera=(CameraPart(name="camera-2", serial="CAM-0002", model="pi_cm4_camera"),),
)


class FallRig(ControllerRig):
    """A controller, and a bench of one camera that feels motion. It is Eve's, whose profile wants falls recorded."""

    def __init__(self, folder: Path) -> None:
        system = make_system()
        with system.change("ann", NOW_MS) as edit:
            edit.put(Profile(name="night", settings={"fall_recording": True, "broadcast_receive": True}))
            edit.put(system.state.wearers["W-002"].model_copy(update={"profile": "night"}))
            edit.put(FixedAssignment(camera="CAM-0002", wearer="W-002"))
        super().__init__(folder, dev="ports", system=system)
        card = MemoryFiles()
        self.bench = EmulatedBench(BENCH, folder, lambda name, _: card, self.workshop)
        keys = self.workshop.keys_of("camera-2", find_board("pi_cm4_camera"), card)
        self.workshop.provision("CAM-0002", card, keys)
        make_member(self.trust, CardOf("CAM-0002", card, keys))

    def app(self) -> CameraApp:
        """The camera's firmware."""
        app = self.bench.cameras["camera-2"].emulated.application
        assert isinstance(app, CameraApp)
        return app

    def falls_and_falls_again(self) -> Callable[[], bool]:
        """Whether a fall is being recorded; its wearer stands for a second and falls, and does so anew where this
        process had no turn for longer than the sensor remembers."""
        began_ms, parts = self.bench.world_ms(), itertools.cycle(((1_000, "fall"), (11_000, "standing")))
        due_ms, activity = began_ms + 1_000, next(parts)[1]

        def look() -> bool:
            nonlocal due_ms, activity
            if self.app().state == "ready" and self.bench.world_ms() >= due_ms:
                self.bench.move("camera-2", activity)
                after_ms, activity = next(parts)
                due_ms = self.bench.world_ms() + after_ms
            return self.app().recorder.recorded_bytes() > 2_000

        return look


@pytest.mark.req("CAM-11", "CAM-13", "EMU-03")
def test_a_falls_recording_is_delivered_with_its_cause(tmp_path: Path):
    async def scenario() -> None:
        rig = FallRig(tmp_path)
        await rig.bench.start()
        try:
            async with running(rig):
                rig.bench.put_in("camera-2", "dock-1", 2)
                await rig.until(lambda: rig.app().behaviour.is_on("fall_recording", False), "the profile's setting")
                await rig.until(lambda: rig.app().assignment.wearer, "its wearer")
                number, key = rig.trust.broadcast_key()
                await rig.until(lambda: rig.app().broadcasts.keys == {number: key}, "the key that it hears others by")
                rig.bench.take_out("camera-2")
                await rig.until(lambda: rig.app().state == "ready", "the camera to be worn")
                await rig.until(rig.falls_and_falls_again(), "a fall to be recorded")
                rig.bench.put_in("camera-2", "dock-1", 2)
                delivered = await rig.wait_for("delivered", camera="CAM-0002")
                box = await rig.store.read_container(delivered["container"])
                assert box is not None
                assert (box.metadata["TriggerOn"], box.metadata["TriggerOff"]) == ("Fall", "Docked")
                await rig.wait_for("erased", camera="CAM-0002")
        finally:
            await rig.bench.stop()

    asyncio.run(scenario())
