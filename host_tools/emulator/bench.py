"""The emulated bench: docks, cameras, the USB tree between them, and the hands that dock, press and pull.

Law: everything people can do to real boards, and nothing that they cannot. What a board believes is asked of the board,
over its cable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware.ports.files import Files
from host_tools.emulator.bench_file import Bench
from host_tools.emulator.camera_world import CameraWorld, Surroundings
from host_tools.emulator.dock_world import DockWorld
from host_tools.emulator.models import CameraSide, exchange
from host_tools.emulator.plugs import PtyPlug
from host_tools.emulator.scene import scene_from_argument
from host_tools.emulator.truth import Truth
from host_tools.emulator.usb_bus import UsbBus, UsbIdentity
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import find_board
from host_tools.hardware.usb import location_of_bay, location_of_controller
from host_tools.protocol.capture import CaptureFile
from host_tools.protocol.pcapng import CaptureFileError
from host_tools.protocol.tap import LinkTap

TICK_S = 0.02  # how often the physics around the boards is brought up to date
ENUMERATION_S = 0.3  # from a device's pull-up to its serial port, on a healthy port of a Linux host
SHORT_PRESS_S = 0.15
LINK_BYTES_PER_S_MIN = 1_000  # 9600 baud: slower lines time out before they carry anything


class BenchError(Exception):
    """The hands cannot do that. One line."""


@dataclass
class _Attachment:
    location: str
    at_s: float
    done: bool = False


class EmulatedBench:
    """``files_of`` makes the card of a camera from its name and size in bytes; ``workshop``: where the cameras were
    made, else in one that is gone with the bench."""

    def __init__(
        self, bench: Bench, folder: Path, files_of: Callable[[str, int], Files], workshop: Workshop | None = None
    ) -> None:
        self.bench = bench
        self.folder = folder
        self.ports_folder = folder / "ports"
        self.usb = UsbBus(folder / "usb")
        self.truth = Truth(folder / "truth.jsonl")
        self.workshop = workshop or Workshop()
        self._loop = asyncio.get_running_loop()
        self._attachments: dict[str, _Attachment] = {}
        self._ticker: asyncio.Task[None] | None = None
        self._presses: set[asyncio.Task[None]] = set()
        self._captures: dict[Path, CaptureFile] = {}
        self.docks = {part.name: self._make_dock(number, part) for number, part in enumerate(bench.dock)}
        self.cameras = {
            part.name: self._make_camera(number, part, files_of) for number, part in enumerate(bench.camera)
        }

    # -- life

    async def start(self) -> None:
        """Power everything and put the cameras where the bench file says."""
        self.usb.clear()
        for dock in self.docks.values():
            dock.emulated.power_on()
            self._attach(dock.part.name, location_of_controller(dock.board, dock.part.port))
        for camera in self.cameras.values():
            camera.power_on()
        first_dock = next(iter(self.docks), "")
        for name, camera in self.cameras.items():
            if camera.part.bay:
                self.put_in(name, first_dock, camera.part.bay)
        self._ticker = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Take all ports away and cut the power."""
        tasks = [*self._presses, *([self._ticker] if self._ticker else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for world in [*self.cameras.values(), *self.docks.values()]:
            world.plug.pull_out()
            world.emulated.power_off()
        for capture in self._captures.values():
            capture.close()
        self.usb.clear()

    # -- hands

    def put_in(self, camera: str, dock: str, bay: int) -> None:
        """Put a camera into a bay."""
        world, station = self._camera(camera), self._dock(dock)
        if world.bay is not None:
            raise BenchError(f"{camera} is in bay {world.bay[1]} of {world.bay[0]}; take it out first")
        contacts = station.bays.get(bay)
        if contacts is None:
            raise BenchError(f"{dock} has no bay {bay}; it has bays {', '.join(map(str, station.bays))}")
        try:
            contacts.insert(self.world_ms(), CameraSide())
        except ValueError as error:
            raise BenchError(f"bay {bay} of {dock}: {error}") from error
        world.bay, world.contacts = (dock, bay), contacts
        station.emulated.wake()

    def take_out(self, camera: str) -> None:
        """Pull a camera out of its bay."""
        world = self._camera(camera)
        if world.contacts is None or world.bay is None:
            raise BenchError(f"{camera} is in no bay; put it into one first")
        contacts, (dock, _bay) = world.contacts, world.bay
        contacts.remove(self.world_ms())
        world.bay = world.contacts = None
        self._detach(world.part.name, world.plug)
        world.follow()
        self.docks[dock].emulated.wake()

    def press(self, camera: str, button: str, hold_s: float = SHORT_PRESS_S) -> None:
        """Press a button for some time; it is let go by itself."""
        world = self._camera(camera)
        try:
            world.press(button, True)
        except KeyError:
            known = ", ".join(each.name for each in world.board.buttons)
            raise BenchError(f"{camera} has no button {button}; it has {known}") from None
        task = asyncio.create_task(self._release(world, button, hold_s))
        self._presses.add(task)
        task.add_done_callback(self._presses.discard)

    def set_power(self, name: str, on: bool) -> None:
        """Switch a board's own supply (a camera's battery, a dock's mains adapter)."""
        world = self._any(name)
        if on:
            world.power_on()
            if isinstance(world, DockWorld):
                self._attach(name, location_of_controller(world.board, world.part.port))
        else:
            self._detach(name, world.plug)
            world.emulated.power_off()

    def reset(self, name: str) -> None:
        """Reset a board: it vanishes from the bus and boots again."""
        self.set_power(name, False)
        self.set_power(name, True)

    def limit_link(self, name: str, bytes_per_s: int | None) -> None:
        """Make a board's line to the host slow, or (None) as fast as before."""
        if bytes_per_s is not None and bytes_per_s < LINK_BYTES_PER_S_MIN:
            raise BenchError(f"{bytes_per_s} bytes a second is no link; give at least {LINK_BYTES_PER_S_MIN}")
        self._any(name).plug.limit(bytes_per_s)

    def tap(self, name: str) -> LinkTap:
        """Listen on a board's cable from now on."""
        plug = self._any(name).plug
        plug.tap = plug.tap or LinkTap()
        return plug.tap

    def record(self, name: str, path: Path) -> None:
        """Record a board's cable into a capture from now on; several boards may share a file. BenchError if it cannot
        be written, or the board is recorded already."""
        world = self._any(name)
        if world.plug.recorder is not None:
            raise BenchError(f"{name} is recorded already; one capture holds all that passes on its cable")
        path = path.resolve()
        if path not in self._captures:
            try:
                self._captures[path] = CaptureFile(path, f"bench {self.bench.name}, seed {self.bench.seed}")
            except CaptureFileError as error:
                raise BenchError(str(error)) from error
        world.plug.recorder = self._captures[path].recorder(name, f"{world.board.model} {world.part.serial}")

    def state(self) -> dict[str, Any]:
        """What somebody standing at the bench sees."""
        return {
            "name": self.bench.name,
            "docks": {name: self._dock_state(dock) for name, dock in self.docks.items()},
            "cameras": {name: self._camera_state(camera) for name, camera in self.cameras.items()},
        }

    def world_ms(self) -> int:
        """The bench's monotonic clock."""
        return int(self._loop.time() * 1000)

    # -- physics

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now_ms = self.world_ms()
            for name, camera in self.cameras.items():
                if camera.contacts is not None:
                    exchange(camera.contacts, camera.battery, now_ms)
                else:
                    camera.battery.set_input(0, 0)
                    camera.battery.advance(now_ms)
                camera.follow()
                self._follow_bus(name, camera)
            self._enumerate()

    def _follow_bus(self, name: str, camera: CameraWorld) -> None:
        connected = camera.bay is not None and camera.is_fed() and camera.emulated.is_on
        if connected and name not in self._attachments and camera.bay is not None:
            dock = self.docks[camera.bay[0]]
            self._attach(name, location_of_bay(camera.bay[1], dock.board, dock.part.port))
        elif not connected and name in self._attachments:
            self._detach(name, camera.plug)

    def _attach(self, name: str, location: str) -> None:
        if name not in self._attachments:
            self._attachments[name] = _Attachment(location, self._loop.time() + ENUMERATION_S)

    def _enumerate(self) -> None:
        for name, attachment in self._attachments.items():
            if attachment.done or self._loop.time() < attachment.at_s:
                continue
            attachment.done = True
            world = self._any(name)
            world.plug.put_in()
            usb = world.board.usb
            identity = UsbIdentity(usb.vid, usb.pid, usb.manufacturer, usb.product, world.part.serial)
            self.usb.attach(attachment.location, identity, min(usb.speed_mbps, 480), world.plug.link.name)

    def _detach(self, name: str, plug: PtyPlug) -> None:
        attachment = self._attachments.pop(name, None)
        if attachment is not None and attachment.done:
            self.usb.detach(attachment.location)
            plug.pull_out()

    # -- helpers

    async def _release(self, world: CameraWorld, button: str, hold_s: float) -> None:
        await asyncio.sleep(hold_s)
        world.press(button, False)

    def _make_dock(self, number: int, part: Any) -> DockWorld:
        plug = PtyPlug(self.ports_folder / part.name, lambda: self.docks[part.name].emulated.wake())
        seed = self.bench.seed * 1000 + 100 * number
        return DockWorld(part, find_board(part.model), plug, self.world_ms, seed)

    def _make_camera(self, number: int, part: Any, files_of: Callable[[str, int], Files]) -> CameraWorld:
        board = find_board(part.model)
        plug = PtyPlug(self.ports_folder / part.name, lambda: self.cameras[part.name].emulated.wake())
        card = board.storage("card")
        seed = self.bench.seed * 1000 + 500 + number
        around = Surroundings(
            self.world_ms,
            files_of(part.name, part.card_bytes or (card.size_bytes if card else 1 << 30)),
            self.workshop,
            scene_from_argument(part.scene or self.bench.scene, seed),
            self.bench.picture,
            self.truth,
        )
        return CameraWorld(part, board, plug, around, seed)

    def _camera(self, name: str) -> CameraWorld:
        if name not in self.cameras:
            raise BenchError(f"no camera {name} on this bench; it has {', '.join(self.cameras)}")
        return self.cameras[name]

    def _dock(self, name: str) -> DockWorld:
        if name not in self.docks:
            raise BenchError(f"no dock {name} on this bench; it has {', '.join(self.docks)}")
        return self.docks[name]

    def _any(self, name: str) -> CameraWorld | DockWorld:
        return self.docks[name] if name in self.docks else self._camera(name)

    def _dock_state(self, dock: DockWorld) -> dict[str, Any]:
        holders = {camera.bay: name for name, camera in self.cameras.items()}
        return {
            **_board_state(dock),
            "bays": {
                str(number): {"camera": holders.get((dock.part.name, number), ""), "lamps": dock.lamps(number)}
                for number in dock.bays
            },
        }

    def _camera_state(self, camera: CameraWorld) -> dict[str, Any]:
        return {
            **_board_state(camera),
            "bay": camera.bay,
            "lamps": camera.lamps(),
            "battery_percent": round(camera.battery.percent(), 1),
        }


def _board_state(world: CameraWorld | DockWorld) -> dict[str, Any]:
    return {
        "model": world.board.model,
        "serial": world.part.serial,
        "on": world.emulated.is_on,
        "port": str(world.plug.link) if world.plug.is_open() else "",
        "crashes": list(world.emulated.crashes),
    }
