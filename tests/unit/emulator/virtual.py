"""A bench on virtual time, and a host in memory that talks to its dock: tests of minutes take milliseconds."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from firmware.camera.app import CameraApp
from firmware.camera.recorder import Wearer
from firmware.dock import DockApp
from firmware.link.schema import BAY_STATES, word_of
from firmware.ports.memory_files import MemoryFiles
from host_tools.emulator.bench_file import Bench as BenchPlan
from host_tools.emulator.camera_world import CameraWorld
from host_tools.emulator.platform import ReplayEntropy
from host_tools.emulator.workshop import Workshop
from host_tools.protocol.connection import Connection
from host_tools.protocol.constructs import ConstructCodec
from host_tools.simulation.emulated import VirtualBench
from tests.unit.emulator.rig import SMALL, member_card

SEED = 7
NONCES = itertools.count(1)


class Bench(VirtualBench):
    """SMALL: a dock, camera-1 in bay 1, camera-2 worn by Ada."""

    def camera(self, number: int = 2) -> CameraWorld:
        """A camera's world."""
        return self.bench.cameras[f"camera-{number}"]

    def app(self, number: int = 2) -> CameraApp:
        """A camera's firmware."""
        app = self.camera(number).emulated.application
        assert isinstance(app, CameraApp)
        return app

    def dock_app(self) -> DockApp:
        """The dock's firmware."""
        app = self.bench.docks["dock-1"].emulated.application
        assert isinstance(app, DockApp)
        return app

    def bay(self, number: int = 1) -> str:
        """A bay's state as its firmware has it."""
        return word_of(BAY_STATES, self.dock_app().bays[number - 1].state)

    def inject(self, board: str, component: str, kind: str, instance: int = 0) -> None:
        """See EmulatedBench.inject."""
        self.do(lambda: self.bench.inject(board, component, kind, instance))

    def press(self, hold_s: float = 0.15, number: int = 2, button: str = "record") -> None:
        """Press a camera's button."""
        self.do(lambda: self.bench.press(f"camera-{number}", button, hold_s))

    def connect(self, board: str = "dock-1") -> Connection:
        """A host's session with a board."""

        async def connecting() -> Connection:
            pipe = await self.finder.registry().open(f"memory://{board}")
            connection = Connection(pipe, next(NONCES), ConstructCodec())
            await connection.open()
            return connection

        found: Connection = self.loop.run_until_complete(connecting())
        return found

    def ask(self, connection: Connection, name: str = "identify") -> tuple[dict[str, Any], float]:
        """What a board answers, and after how many seconds."""
        started_us = self.loop.world.now_us
        found: dict[str, Any] = self.loop.run_until_complete(connection.ask(name))
        return found, (self.loop.world.now_us - started_us) / 1e6


@contextmanager
def virtual_bench(
    folder: Path, ready: bool = True, card: MemoryFiles | None = None, plan: BenchPlan = SMALL
) -> Generator[Bench]:
    """Started; ``ready``: camera-2 is a member with a wearer. What fell on the floor fails the test."""
    print(f"seed {SEED}")
    workshop = Workshop(entropy=ReplayEntropy(f"workshop {SEED}"))
    cards = {"camera-2": card or MemoryFiles()}
    if ready:
        model = plan.camera[1].model
        cards["camera-2"] = member_card(workshop, "camera-2", "CAM-0002", Wearer("W-1", "Ada Lovelace"), model)
    bench = Bench(plan, folder, lambda name, size: cards.get(name) or MemoryFiles(), workshop)
    try:
        yield bench
    finally:
        bench.close()
    assert bench.errors == [], bench.errors[0]
