"""A desk with readers and docks on virtual time: where pick-up by badge is shown and measured, tap by tap.

Law: the real controller, the firmware of docks and cameras, and emulated readers behind modelled serial lines; people
are whoever calls. For everything else that befalls a fleet there is ``world``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from firmware.ports.memory_files import MemoryFiles
from firmware.version import VERSION
from host_tools.controller.happenings import Happening
from host_tools.destinations.memory import MemoryDestination
from host_tools.hardware import board_models, find_board
from host_tools.simulation.bench import SimBench, SimCamera, SimDock
from host_tools.simulation.disk import Disk
from host_tools.simulation.loop import US_PER_S, VirtualLoop
from host_tools.simulation.reader import SimReader, SimReaders
from host_tools.simulation.records import CameraWitness, Recorded
from host_tools.simulation.site import Running, Site
from host_tools.system.records import AssignmentMode, Wearer
from host_tools.system.roster import Roster
from host_tools.system.store import MemoryStore
from host_tools.system.system import System

EPOCH_UNIX_MS = 1_767_225_600_000  # 2026-01-01
CARD_BYTES = 256 << 20
DISK_BYTES = 1 << 30
FRAGMENT_BYTES = 4_096
STEP_US = 5_000  # between two looks at what is waited for
READY_S = 60.0  # in which a bench of some cameras is greeted, adopted and ready
PRESS_S = 0.15


class DeskWorld:
    """``cameras`` sit in the first bays of the first dock, ``docks`` have eight; ``wearers``: ids, each with the badge
    ``uid_of`` them. ``happened``: all that the controllers told, oldest first."""

    def __init__(
        self,
        cameras: int = 4,
        wearers: tuple[str, ...] = ("W-1", "W-2", "W-3"),
        mode: AssignmentMode = "self_single",
        docks: int = 1,
        readers: int = 1,
        seed: int = 1,
        make_site: type[Site] = Site,
        fragment_bytes: int = FRAGMENT_BYTES,
    ) -> None:
        self.happened: list[Happening] = []
        self.crashes: list[str] = []
        self.records: dict[str, Recorded] = {}
        self.loop = VirtualLoop(self.crashes.append)
        self.store = MemoryStore()
        self.readers = [SimReader(self.loop, f"desk-{number}", seed=seed) for number in range(1, readers + 1)]
        boards = {model: find_board(model) for model in board_models()}
        self.bench = SimBench(self.loop, boards, seed, self.crashes.append)
        self.docks: list[SimDock] = [self.bench.add_dock() for _ in range(docks)]
        self._set_up(wearers, mode)
        self.site = make_site(
            self.loop,
            self.bench.bus,
            boards,
            Disk(DISK_BYTES, MemoryFiles.crash_torn),
            MemoryDestination(),
            Roster(),
            self.wall_ms,
            seed,
            self._hear,
            self.crashes.append,
            self.store,
            SimReaders(self.readers),
        )
        self.site.set_up(self.bench.workshop.maker.root)
        for number, bay in zip(range(cameras), list(self.docks[0].contacts), strict=False):
            serial = f"CAM-{number + 1:04}"
            disk = Disk(CARD_BYTES, MemoryFiles.crash_torn)
            camera = self.bench.add_camera(serial, disk, fragment_bytes)
            whose = partial(self.wearer_on, serial)
            disk.witness = CameraWitness(serial, self.records, whose, lambda _record: None, self.crashes.append)
            camera.power_on()
            camera.put_in(self.docks[0], bay)
        self.start()
        self.until(lambda: self.ready() == set(self.bench.cameras), READY_S)

    # -- time

    def wall_ms(self) -> int:
        """The controller's wall clock."""
        return EPOCH_UNIX_MS + self.loop.world.now_us // 1_000

    def now_us(self) -> int:
        """Since the world began."""
        return self.loop.world.now_us

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.loop.run_until(self.loop.world.now_us + round(seconds * US_PER_S))

    def until(self, holds: Callable[[], bool], limit_s: float = 10.0, step_us: int = STEP_US) -> int:
        """Let time pass until something holds; how much, in µs. TimeoutError."""
        began_us = self.now_us()
        while not holds():
            if self.now_us() - began_us > limit_s * US_PER_S:
                tail = "\n".join(str(each) for each in self.happened[-12:])
                raise TimeoutError(f"after {limit_s} s it does not hold; lately:\n{tail}\n{self.crashes}")
            self.loop.run_until(self.now_us() + step_us)
        return self.now_us() - began_us

    # -- hands and eyes

    def start(self) -> None:
        """Start the controller's program."""
        self.site.start()

    def kill(self) -> None:
        """It dies at this instant, and its tasks unwind where nobody sees it."""
        self.site.cut(1)
        while self.site.is_unwinding():
            self.run(0.01)

    def stop(self) -> None:
        """Its program ends in order."""
        self.site.stop()
        while self.site.is_unwinding():
            self.run(0.01)

    def tap(self, wearer: str, reader: int = 0) -> None:
        """Hold a wearer's badge to a reader for half a second."""
        self.readers[reader].hold(uid_of(wearer))

    def take(self, serial: str) -> None:
        """Pull a camera out of its bay."""
        self.camera(serial).take_out()

    def put_back(self, serial: str, dock: int = 0) -> None:
        """Into the first free bay of a dock."""
        station = self.docks[dock]
        self.camera(serial).put_in(station, station.free_bays()[0])

    def record(self, serial: str, seconds: float = 3.0) -> None:
        """Press the button, wait, and hold it."""
        camera = self.camera(serial)
        self.bench.hold(camera, "record", PRESS_S)
        self.run(seconds)
        hold_s = next(each.hold_ms for each in camera.board.buttons if each.name == "record") / 1000 + 0.3
        self.bench.hold(camera, "record", hold_s)
        self.run(hold_s + 1.0)

    def camera(self, serial: str) -> SimCamera:
        """By its serial."""
        return self.bench.cameras[serial]

    def flashing(self) -> list[str]:
        """Cameras whose own lamps flash green now."""
        return [serial for serial, camera in self.bench.cameras.items() if self.flashes(camera)]

    @staticmethod
    def flashes(camera: SimCamera) -> bool:
        """Whether a camera flashes for somebody."""
        return (
            camera.place is not None
            and camera.app is not None
            and camera.state == "docked"
            and camera.app.assignment.is_offered()
        )

    def wearer_on(self, serial: str) -> str:
        """Whom a camera would record for now."""
        app = self.camera(serial).app
        wearer = app.assignment.wearer if app is not None else None
        return wearer.wearer_id if wearer is not None else ""

    def told(self, what: str, after: int = 0) -> list[Happening]:
        """Happenings of one kind."""
        return [each for each in self.happened[after:] if each["what"] == what]

    # -- the controller

    def running(self) -> Running:
        """This life of it."""
        if self.site.running is None:
            raise RuntimeError("the controller is not running")
        return self.site.running

    def pickup(self) -> dict[str, Any]:
        """As status has it."""
        desk = self.running().desk
        return desk.view() if desk is not None else {}

    def ready(self) -> set[str]:
        """Cameras that are greeted and stand idle."""
        running = self.site.running
        views = running.controller.cameras.values() if running is not None else ()
        return {view.serial for view in views if view.online and view.status.get("state") == "docked"}

    def close(self) -> None:
        """Everything off."""
        for camera in self.bench.cameras.values():
            camera.power_off()
        for dock in self.docks:
            dock.power_off()
        self.site.stop()
        while self.site.is_unwinding():
            self.run(1.0)
        self.loop.close()

    def _set_up(self, wearers: tuple[str, ...], mode: AssignmentMode) -> None:
        system = System(self.store)
        with system.change("set-up", EPOCH_UNIX_MS) as edit:
            edit.put(system.settings.model_copy(update={"assignment_mode": mode}))
            for number, wearer in enumerate(wearers):
                tag = uid_of(wearer).hex().upper()
                edit.put(Wearer(id=wearer, name=f"Person {number + 1}", tags=(tag,)))

    def _hear(self, happening: Happening) -> None:
        if happening["what"] == "progress":
            return
        self.happened.append(happening)
        if happening["what"] == "stranger" and happening["admission"] == "factory":
            self.loop.create_task(self._add(happening["camera"]))

    async def _add(self, serial: str) -> None:
        await asyncio.sleep(0.05)  # until it is held
        await self.running().controller.membership.add(serial)


def uid_of(wearer: str) -> bytes:
    """Seven bytes, as a badge has them."""
    return (b"\x04" + wearer.encode() + bytes(7))[:7]


SOFTWARE = VERSION  # of every board in such a world
