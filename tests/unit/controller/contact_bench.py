"""The real controller beside a whole emulated bench, on virtual time and in memory: minutes of charging take a second.

Cameras and docks are the bench's, with their models' contacts; the controller is composed as a program's is, with the
simulation's channel in place of TLS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.contact_history import ContactHistory
from host_tools.controller.members import Members
from host_tools.controller.service import Controller, World
from host_tools.controller.status import take_status
from host_tools.custody.belief import of_system
from host_tools.custody.index import open_index
from host_tools.custody.spool import Spool
from host_tools.destinations.memory import MemoryDestination
from host_tools.emulator.bench_file import Bench, CameraPart, DockPart
from host_tools.emulator.platform import ReplayEntropy
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import find_board
from host_tools.simulation.channel import SimChannel
from host_tools.simulation.emulated import VirtualBench
from host_tools.system.system import System
from tests.unit.controller.rig import ADOPTED_UNIX_MS, BOARDS, ROSTER, CardOf, make_member, wall_ms
from tests.unit.trust.parts import World as TrustWorld

T = TypeVar("T")

SEED = 5
DOCK = "DOCK-0001"


async def at_once(function: Callable[[], T], /) -> T:
    """Blocking work, done where it is asked for."""
    return function()


class ContactBench:
    """One dock; ``camera-N`` in bay N, of this system unless it is in ``strangers``. ``told``: all that happened, of
    all lives of the controller; ``history``: outlives them, as its file does; ``system``: may be put in before it
    begins."""

    def __init__(self, folder: Path, cameras: int = 1, strangers: tuple[int, ...] = (), percent: float = 40.0) -> None:
        workshop = Workshop(entropy=ReplayEntropy(f"workshop {SEED}"))
        self.world = TrustWorld(now_ms=ADOPTED_UNIX_MS)
        self.world.trust.trust_manufacturer(workshop.maker.root)
        parts = tuple(
            CameraPart(name=f"camera-{number}", serial=f"CAM-{number:04}", bay=number, battery_percent=percent)
            for number in range(1, cameras + 1)
        )
        cards = {part.name: MemoryFiles() for part in parts}
        for number, part in enumerate(parts, 1):
            keys = workshop.keys_of(part.name, find_board(part.model), cards[part.name])
            workshop.provision(part.serial, cards[part.name], keys)
            if number not in strangers:
                make_member(self.world.trust, CardOf(part.serial, cards[part.name], keys))
        made = Bench(name="contacts", seed=SEED, dock=(DockPart(name="dock-1", serial=DOCK),), camera=parts)
        self.virtual = VirtualBench(made, folder, lambda name, size: cards[name], workshop)
        self.bench = self.virtual.bench
        self.world.now_ms = wall_ms()
        self.told: list[dict[str, Any]] = []
        self.history = ContactHistory(None, 0)
        self.system: System | None = None
        self._nonces = ReplayEntropy("nonces")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """The controller begins, or begins anew."""
        assert self._task is None, "it runs"
        self._index = open_index(":memory:")
        belief = of_system(self.world.trust)
        self._spool = Spool(MemoryFiles(), self._index, self._wall_ms, spare_bytes=4096, belief=belief)
        world = World(
            finder=self.virtual.finder,
            registry=self.virtual.finder.registry(),
            boards=BOARDS,
            index=self._index,
            spool=self._spool,
            destination=MemoryDestination(),
            roster=ROSTER,
            wall_ms=self._wall_ms,
            nonce=lambda: int.from_bytes(self._nonces.random_bytes(8), "little"),
            opener_of=belief.opener_of,
            run_blocking=at_once,
            trust=self.world.trust,
            members=Members(),
            make_channel=SimChannel,
            contact_history=self.history,
            system=self.system,
        )
        self.controller = Controller(world)
        self.controller.happenings.listen(self.told.append)
        self._task = self.virtual.loop.create_task(self.controller.run())

    def stop(self) -> None:
        """The controller ends."""
        task, self._task = self._task, None
        assert task is not None, "it does not run"
        task.cancel()
        self.virtual.wait(task.done)
        self._spool.close()
        self._index.close()

    def wait(self, what: str, after: int = 0, limit_s: float = 60.0, **having: Any) -> dict[str, Any]:
        """Let time pass until that is told, from ``after`` on."""
        wanted = {"what": what, **having}

        def found() -> list[dict[str, Any]]:
            return [each for each in self.told[after:] if wanted.items() <= each.items()]

        self.virtual.wait(found, limit_s)
        return found()[0]

    def command(self, asked: Any) -> Any:
        """Let time pass until a coroutine of the controller's has an answer."""
        return self.virtual.loop.run_until_complete(asked)

    def rows(self, bay: int) -> dict[str, dict[str, Any]]:
        """What ``bwc status`` knows of a bay's contacts, by quantity."""
        status = self.command(take_status(self.controller, self._index, self._spool, at_once))
        (dock,) = status["docks"]
        return {row["quantity"]: row for row in dock["bays"][bay - 1]["contacts"]}

    def inject(self, component: str, kind: str, bay: int = 0, board: str = "dock-1") -> None:
        """See EmulatedBench.inject."""
        self.virtual.do(lambda: self.bench.inject(board, component, kind, bay))

    def _wall_ms(self) -> int:
        return self.world.now_ms + self.virtual.loop.world.now_us // 1000


@contextmanager
def contact_bench(
    folder: Path, cameras: int = 1, strangers: tuple[int, ...] = (), percent: float = 40.0
) -> Generator[ContactBench]:
    """A bench whose controller has not begun. What fell on the floor fails the test."""
    print(f"seed {SEED}")
    made = ContactBench(folder, cameras, strangers, percent)
    try:
        yield made
    finally:
        if made._task is not None:
            made.stop()
        made.virtual.close()
    assert made.virtual.errors == [], made.virtual.errors[0]
