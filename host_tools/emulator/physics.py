"""What happens between boards while nobody touches them: charge flows, cells run empty, cameras enumerate.

Law: nothing ticks. Each camera has one appointment, as far away as its surroundings are calm, and whatever changes them
calls ``follow``, which looks at once and makes the next. So a bench that rests costs nothing, on wall time and on
virtual time alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from host_tools.emulator.camera_world import CameraWorld
from host_tools.emulator.dock_world import DockWorld
from host_tools.emulator.models import exchange
from host_tools.emulator.usb_ports import UsbPorts
from host_tools.hardware.usb import location_of_bay

MOVING_S = 0.02  # between two looks while contacts bounce and switches rise
CHARGING_S = 5.0  # a quarter of the contacts' thermal time constant
HASTENED_MS = 60_000  # in which a cell takes what it took before, where hours are not waited for
RESTING_S = 30.0  # a full cell, or one that drains: it loses 0.01 % meanwhile


class Physics:
    """``start`` before anything; after ``stop`` nothing happens any more."""

    def __init__(
        self,
        docks: Mapping[str, DockWorld],
        cameras: Mapping[str, CameraWorld],
        usb: UsbPorts,
        world_ms: Callable[[], int],
    ) -> None:
        self._docks = docks
        self._cameras = cameras
        self._usb = usb
        self._world_ms = world_ms
        self._loop = asyncio.get_running_loop()
        self._due: dict[str, asyncio.Handle] = {}
        self._starved: set[str] = set()  # cameras that went off because their cell was empty
        self._running = False

    def start(self) -> None:
        """Things take their course."""
        self._running = True
        for dock_name, dock in self._docks.items():
            dock.switched = lambda bay, name=dock_name: self._switched(name, bay)
        for name, camera in self._cameras.items():
            camera.chips.charger.changed = lambda name=name: self._again(name, 0.0) if self._running else None

    def stop(self) -> None:
        """Nothing moves any more."""
        self._running = False
        for handle in self._due.values():
            handle.cancel()
        self._due.clear()

    def follow(self, name: str) -> None:
        """The surroundings of a camera have changed."""
        if self._running:
            self._look(name)

    def hasten(self, name: str, elapsed_ms: int) -> None:
        """Hours pass for a camera and its cell, and for nobody else."""
        camera, now_ms = self._cameras[name], self._world_ms()
        self.follow(name)
        for _ in range(elapsed_ms // HASTENED_MS):
            camera.battery.hasten(HASTENED_MS)
            if camera.contacts is not None:
                exchange(camera.contacts, camera.battery, now_ms)
        camera.ahead_ms += elapsed_ms
        self.follow(name)
        camera.emulated.wake()

    def _switched(self, dock_name: str, bay: int) -> None:
        """A dock has switched a bay. Looked at right after, for it is in the middle of its step."""
        for name, camera in self._cameras.items():
            if camera.bay == (dock_name, bay) and self._running:
                self._again(name, 0.0)

    def _look(self, name: str) -> None:
        camera = self._cameras[name]
        now_ms = self._world_ms()
        camera.battery.set_draw(camera.draw_uw())
        dock = self._docks[camera.bay[0]] if camera.bay is not None else None
        if camera.contacts is not None and camera.bay is not None and dock is not None:
            camera.chips.charger.tick()
            exchange(camera.contacts, camera.battery, now_ms)
            dock.note_load(camera.bay[1])
        else:
            camera.battery.set_input(0, 0)
            camera.battery.advance(now_ms)
        self._feed(name, camera)
        camera.follow()
        self._follow_bus(name, camera)
        self._again(name, self._wait_s(camera, dock))

    def _feed(self, name: str, camera: CameraWorld) -> None:
        """A camera without power goes off; with some again, it starts."""
        if camera.emulated.is_on and not camera.has_power():
            self._starved.add(name)
            camera.power_off()
        elif name in self._starved and camera.has_power():
            self._starved.discard(name)
            camera.power_on()

    def _follow_bus(self, name: str, camera: CameraWorld) -> None:
        if camera.bay is not None and camera.is_fed() and camera.emulated.is_on:
            dock = self._docks[camera.bay[0]]
            self._usb.plug(name, location_of_bay(camera.bay[1], dock.board, dock.part.port))
        else:
            self._usb.unplug(name)

    def _wait_s(self, camera: CameraWorld, dock: DockWorld | None) -> float:
        if dock is not None and not dock.rests():
            return MOVING_S
        return CHARGING_S if camera.battery.is_charging() else RESTING_S

    def _again(self, name: str, wait_s: float) -> None:
        handle = self._due.get(name)
        if handle is not None:
            handle.cancel()
        self._due[name] = self._loop.call_later(wait_s, self._look, name)
