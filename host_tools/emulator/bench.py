"""The emulated bench: docks, cameras, the USB tree between them, and the hands that dock, press and pull.

Law: everything people can do to real boards, and nothing that they cannot. What a board believes is asked of the board,
over its cable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.ports.files import Files
from host_tools.emulator.air import Air
from host_tools.emulator.bench_file import SPOT_M_MAX, Bench, BenchFileError, CameraPart, DockPart, ReaderPart
from host_tools.emulator.camera_world import CameraWorld, Surroundings
from host_tools.emulator.dock_world import DockWorld
from host_tools.emulator.errors import BenchError, FaultUnsupported
from host_tools.emulator.fault_plan import Played, parse_plan, play
from host_tools.emulator.faults import Faults
from host_tools.emulator.lane import HostLane, Lane
from host_tools.emulator.look import look_at_bay, look_at_camera, look_at_link
from host_tools.emulator.models.imu import ACTIVITIES, DOCKED, STANDING
from host_tools.emulator.physics import Physics
from host_tools.emulator.reader_world import HOLD_S, ReaderWorld
from host_tools.emulator.truth import Truth
from host_tools.emulator.usb_layout import UsbIdentity
from host_tools.emulator.usb_ports import Socket, UsbPorts
from host_tools.emulator.walk import DEFAULT_WALK, read_walk
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import find_board
from host_tools.hardware.errors import nearest
from host_tools.hardware.usb import location_of_controller
from host_tools.protocol.capture import CaptureFile
from host_tools.protocol.pcapng import CaptureFileError
from host_tools.protocol.tap import LinkTap

__all__ = ("BenchError", "EmulatedBench")

SHORT_PRESS_S = 0.15
STAND_H_MAX = 48.0  # longer than any limit that firmware has for a camera in its bay
HELD_S_MAX = 60.0  # a finger whose owner has gone away lets go
LINK_BYTES_PER_S_MIN = 1_000  # 9600 baud: slower lines time out before they carry anything


class EmulatedBench:
    """``files_of`` makes the card of a camera from its name and size in bytes; ``workshop``: where the cameras were
    made, else in one that is gone with the bench; ``lane``: what it stands on, a host's unless given."""

    def __init__(
        self,
        bench: Bench,
        folder: Path,
        files_of: Callable[[str, int], Files],
        workshop: Workshop | None = None,
        lane: Lane | None = None,
    ) -> None:
        self.bench = bench
        self.folder = folder
        self.ports_folder = folder / "ports"
        self.lane = lane or HostLane(folder)
        self.usb = self.lane.bus
        self.usb_ports = UsbPorts(self.lane.bus, bench.seed)
        self.truth = Truth(folder / "truth.jsonl")
        self.workshop = workshop or Workshop()
        self.air = Air(f"{bench.seed}")
        self._loop = asyncio.get_running_loop()
        self._made_s = self._loop.time()
        self._releases: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._captures: dict[Path, CaptureFile] = {}
        self.docks = {part.name: self._make_dock(number, part) for number, part in enumerate(bench.dock)}
        self.cameras = {
            part.name: self._make_camera(number, part, files_of) for number, part in enumerate(bench.camera)
        }
        self.readers = {part.name: self._make_reader(number, part) for number, part in enumerate(bench.reader)}
        self._physics = Physics(self.docks, self.cameras, self.usb_ports, self.world_ms)
        self.faults = Faults(self)
        self.played: list[Played] = []

    # -- life

    async def start(self) -> None:
        """Power everything and put the cameras where the bench file says."""
        self.lane.begin()
        self.usb.clear()
        self._physics.start()
        for name in self.docks:
            self.set_power(name, True)
        for part in self.bench.reader:
            self.usb_ports.plug(part.name, part.port)
        first_dock = next(iter(self.docks), "")
        for name, camera in self.cameras.items():
            self.set_power(name, True)
            if camera.part.bay:
                self.put_in(name, first_dock, camera.part.bay)

    async def stop(self) -> None:
        """Take all ports away and cut the power."""
        self.faults.stop()
        self._physics.stop()
        for handle in self._releases.values():
            handle.cancel()
        for reader in self.readers.values():
            reader.stop()
        try:
            self.usb_ports.stop()
        finally:  # a tree that can no longer be written keeps no board on
            for world in [*self.cameras.values(), *self.docks.values()]:
                world.power_off()
            for capture in self._captures.values():
                capture.close()
            self.lane.end()

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
            contacts.insert(self.world_ms(), world.side)
        except ValueError as error:
            raise BenchError(f"bay {bay} of {dock}: {error}") from error
        world.bay, world.contacts = (dock, bay), contacts
        world.motion.begin(DOCKED, self.world_ms())
        station.move()
        self._physics.follow(camera)

    def take_out(self, camera: str) -> None:
        """Pull a camera out of its bay."""
        world = self._camera(camera)
        if world.contacts is None or world.bay is None:
            raise BenchError(f"{camera} is in no bay; put it into one first")
        contacts, (dock, _bay) = world.contacts, world.bay
        contacts.remove(self.world_ms())
        world.bay = world.contacts = None
        world.motion.begin(STANDING, self.world_ms())
        self.docks[dock].move()
        self._physics.follow(camera)

    def press(self, camera: str, button: str, hold_s: float = SHORT_PRESS_S) -> None:
        """Press a button for some time; it is let go by itself, or sooner by ``let_go``."""
        if not 0 < hold_s <= HELD_S_MAX:
            raise BenchError(f"{hold_s} s is no press: hold a button for up to {HELD_S_MAX:.0f} s")
        world = self._camera(camera)
        try:
            world.press(button, True)
        except KeyError:
            known = ", ".join(each.name for each in world.board.buttons)
            raise BenchError(f"{camera} has no button {button}; it has {known}") from None
        self._lift_in(camera, button, hold_s)

    def let_go(self, camera: str, button: str) -> None:
        """The finger goes off a button that ``press`` holds. Nothing if it is off."""
        if (camera, button) in self._releases:
            self._lift_in(camera, button, 0.0)

    def move(self, camera: str, activity: str) -> None:
        """What the wearer of a camera does from now on: a word of models.imu. BenchError where the camera cannot feel
        it, or is worn by nobody."""
        world = self._camera(camera)
        if activity not in ACTIVITIES:
            raise BenchError(f"nobody can be {activity}; {nearest(activity, ACTIVITIES, 'activities')}")
        if world.motion_chip is None:
            raise FaultUnsupported(f"unsupported: {camera} is a {world.board.model} and has no motion sensor")
        if world.bay is not None and activity != DOCKED:
            raise BenchError(f"{camera} is in bay {world.bay[1]} of {world.bay[0]}, worn by nobody; take it out first")
        world.motion.begin(activity, self.world_ms())

    def carry(self, camera: str, x_m: float, y_m: float) -> None:
        """Carry a camera to a spot on the bench, in metres: how far it is from others is how well they hear it."""
        if not (abs(x_m) <= SPOT_M_MAX and abs(y_m) <= SPOT_M_MAX):
            raise BenchError(f"{x_m}, {y_m} is beyond the bench: it ends {SPOT_M_MAX:.0f} m from its middle")
        self._camera(camera).go((x_m, y_m))

    def put_cell(self, camera: str, percent: float) -> None:
        """Another cell of its kind is put into a camera, charged so far. BenchError."""
        if not 0 <= percent <= 100:
            raise BenchError(f"no cell is charged to {percent} %: 0 to 100")
        self._camera(camera).battery.replace(percent)
        self._physics.follow(camera)

    def let_stand(self, camera: str, hours: float) -> None:
        """A camera is left as it is for hours, which nobody waits for: its own clock counts them and its cell takes or
        gives what it takes or gives now. Its clock chip, its dock and everybody else go on as before. BenchError."""
        if not 0 < hours <= STAND_H_MAX:
            raise BenchError(f"{hours} h cannot be hastened: more than 0, up to {STAND_H_MAX:.0f}")
        self._physics.hasten(self._camera(camera).part.name, round(hours * 3_600_000))

    def show_badge(self, reader: str, uid: str, seconds: float = HOLD_S) -> None:
        """Hold a badge to a reader for some time. BenchError."""
        self._reader(reader).hold(uid, seconds)

    def plug_reader(self, reader: str, plugged: bool) -> None:
        """Plug a reader in at its port, or pull it out."""
        name = self._reader(reader).name
        if plugged and self.faults.is_on(name, "reader", "unplug"):
            raise BenchError(f"{name} is kept out by a fault; heal it: reader ok")
        if plugged:
            self.usb_ports.plug(name, next(part.port for part in self.bench.reader if part.name == name))
        else:
            self.usb_ports.unplug(name)

    def set_power(self, name: str, on: bool) -> None:
        """Switch a board's own supply (a camera's battery, a dock's mains adapter)."""
        world = self._any(name)
        if not on:
            self.usb_ports.unplug(name)
            world.power_off()
        elif not world.emulated.is_on:
            world.power_on()
        if isinstance(world, CameraWorld):
            self._physics.follow(name)
        elif on:
            self.usb_ports.plug(name, location_of_controller(world.board, world.part.port))

    def reset(self, name: str) -> None:
        """Reset a board: it vanishes from the bus and boots again."""
        self.set_power(name, False)
        self.set_power(name, True)

    def limit_link(self, name: str, bytes_per_s: int | None) -> None:
        """Make a board's line to the host slow, or (None) as fast as before."""
        if bytes_per_s is not None and bytes_per_s < LINK_BYTES_PER_S_MIN:
            raise BenchError(f"{bytes_per_s} bytes a second is no link; give at least {LINK_BYTES_PER_S_MIN}")
        self._any(name).line.limit(bytes_per_s)

    def inject(self, board: str, component: str, kind: str, instance: int = 0) -> None:
        """A fault by name; ``ok`` clears. See faults.TABLE. FaultUnsupported if that board cannot have it."""
        self.faults.inject(board, component, kind, instance)

    def play(self, text: str) -> int:
        """Play a plan of faults (``fault_plan``) from now on; returns how many it names. BenchError if it is none.
        What it does is in ``played``."""
        try:
            plan = parse_plan(text)
        except BenchFileError as error:
            raise BenchError(str(error)) from error
        play(plan, self.faults, lambda: self.world_ms() / 1000, self.played.append)
        return len(plan.fault)

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
            "world_ms": self.world_ms(),
            "faults": self.faults.active(),
            "docks": {name: self._dock_state(dock) for name, dock in self.docks.items()},
            "cameras": {name: self._camera_state(camera) for name, camera in self.cameras.items()},
            "readers": {
                name: {**reader.state(), "plugged": self.usb_ports.is_plugged(name)}
                for name, reader in self.readers.items()
            },
        }

    def world_ms(self) -> int:
        """The bench's monotonic clock, from 0."""
        return int((self._loop.time() - self._made_s) * 1000)

    def find(self, name: str) -> CameraWorld | DockWorld:
        """A board of the bench, with all that is around it. BenchError if there is none of that name."""
        return self._any(name)

    def find_any(self, name: str) -> CameraWorld | DockWorld | ReaderWorld:
        """The same, or a reader: whatever has a cable. BenchError."""
        if name in self.readers:
            return self.readers[name]
        if name in self.docks or name in self.cameras:
            return self._any(name)
        there = ", ".join([*self.docks, *self.cameras, *self.readers])
        raise BenchError(f"no board {name} on this bench; it has {there}")

    def look_at_bay(self, dock: str, bay: int) -> None:
        """Something has changed at a bay: whoever sits in it feels it."""
        for name, camera in self.cameras.items():
            if camera.bay == (dock, bay):
                self._physics.follow(name)

    def look_at_camera(self, name: str) -> None:
        """Something has changed about a camera."""
        self._physics.follow(name)

    # -- helpers

    def _lift_in(self, camera: str, button: str, delay_s: float) -> None:
        before = self._releases.get((camera, button))
        if before is not None:
            before.cancel()
        self._releases[camera, button] = self._loop.call_later(delay_s, self._lift, camera, button)

    def _lift(self, camera: str, button: str) -> None:
        del self._releases[camera, button]
        self.cameras[camera].press(button, False)

    def _make_dock(self, number: int, part: DockPart) -> DockWorld:
        plug = self.lane.plug(part.name, lambda: self.docks[part.name].emulated.wake())
        seed = self.bench.seed * 1000 + 100 * number
        world = DockWorld(
            part, find_board(part.model), plug, self.lane, self.world_ms, seed, lambda: self._booted(part.name)
        )
        self._add_socket(world)
        return world

    def _make_camera(self, number: int, part: CameraPart, files_of: Callable[[str, int], Files]) -> CameraWorld:
        board = find_board(part.model)
        plug = self.lane.plug(part.name, lambda: self.cameras[part.name].emulated.wake())
        card = board.storage("card")
        card_bytes = part.card_bytes or (card.size_bytes if card else 1 << 30)
        seed = self.bench.seed * 1000 + 500 + number
        around = Surroundings(
            self.lane,
            self.world_ms,
            files_of(part.name, card_bytes),
            card_bytes,
            self.workshop,
            self.lane.scene(part.scene or self.bench.scene, seed),
            self.bench.picture,
            self.truth,
            lambda: self._booted(part.name),
            self.lane.unix_ms,
            read_walk(Path(part.walk)) if part.walk else DEFAULT_WALK,
            self.air,
        )
        world = CameraWorld(part, board, plug, around, seed)
        world.go(part.spot_m or (float(number), 0.0))
        self._add_socket(world)
        return world

    def _add_socket(self, world: CameraWorld | DockWorld) -> None:
        usb, part = world.board.usb, world.part
        identity = UsbIdentity(usb.vid, usb.pid, usb.manufacturer, usb.product, part.serial)
        socket = Socket(part.name, identity, usb.speed_mbps, world.plug.name, world.plug.put_in, world.plug.pull_out)
        self.usb_ports.add(socket)

    def _make_reader(self, number: int, part: ReaderPart) -> ReaderWorld:
        seed = self.bench.seed * 1000 + 900 + number
        world = ReaderWorld(part.name, part.kind, lambda wake: self.lane.plug(part.name, wake), self.world_ms, seed)
        self.usb_ports.add(world.socket())
        return world

    def _reader(self, name: str) -> ReaderWorld:
        if name not in self.readers:
            raise BenchError(f"no reader {name} on this bench; it has {', '.join(self.readers) or 'none'}")
        return self.readers[name]

    def _booted(self, name: str) -> None:
        """A board that starts anew lets its pull-up go, and pulls up again."""
        location = self.usb_ports.location_of(name)
        if location:
            self.usb_ports.unplug(name)
            self.usb_ports.plug(name, location)

    def _camera(self, name: str) -> CameraWorld:
        if name not in self.cameras:
            raise BenchError(f"no camera {name} on this bench; it has {', '.join(self.cameras)}")
        return self.cameras[name]

    def _dock(self, name: str) -> DockWorld:
        if name not in self.docks:
            raise BenchError(f"no dock {name} on this bench; it has {', '.join(self.docks)}")
        return self.docks[name]

    def _any(self, name: str) -> CameraWorld | DockWorld:
        if name not in self.docks and name not in self.cameras:
            raise BenchError(f"no board {name} on this bench; it has {', '.join([*self.docks, *self.cameras])}")
        return self.docks[name] if name in self.docks else self.cameras[name]

    def _dock_state(self, dock: DockWorld) -> dict[str, Any]:
        holders = {camera.bay: name for name, camera in self.cameras.items()}
        return {
            **self._board_state(dock),
            "bays": {
                str(number): {
                    "camera": holders.get((dock.part.name, number), ""),
                    "lamps": dock.lamps(number),
                    **look_at_bay(dock, number),
                }
                for number in dock.bays
            },
        }

    def _camera_state(self, camera: CameraWorld) -> dict[str, Any]:
        return {
            **self._board_state(camera),
            "bay": camera.bay,
            "lamps": camera.lamps(),
            "battery_percent": round(camera.battery.percent(), 1),
            **look_at_camera(camera),
        }

    def _board_state(self, world: CameraWorld | DockWorld) -> dict[str, Any]:
        return {
            "model": world.board.model,
            "serial": world.part.serial,
            "on": world.emulated.is_on,
            "port": world.plug.where if world.plug.is_open() else "",
            "boots": world.emulated.boots,
            "crashes": list(world.emulated.crashes),
            "link": look_at_link(world, self.usb_ports),
        }
