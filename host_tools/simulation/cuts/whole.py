"""Power cuts in the whole: real firmware, real link sessions and the real controller in one simulated world, and one
side's power goes at a chosen operation on its medium while the other side lives on.

Law: the world and its checkers are the simulation's; here are only the days that are cut, which chapter of them an
operation belongs to, and the medium that cuts. A cut board or controller is started again, everything heals, and the
world's own liveness check says whether all arrived.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar, cast

from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import AFTER, BEFORE, INSIDE, PowerCutFiles
from host_tools.simulation.cuts.model import MOMENTS, Cut, Operation, Promise, Side, Violation, operation_of, torn_by
from host_tools.simulation.disk import Disk, Survive
from host_tools.simulation.loop import US_PER_S
from host_tools.simulation.plan import Action, Plan
from host_tools.simulation.world import Outcome, Simulation

FRAGMENT_BYTES = 60_000
CAMERA = 0
SERIAL = "CAM-0001"
RESTART_US = 2 * US_PER_S
UNDOCK_US = 2_000  # after the offload has begun: some chunks have arrived, most have not
BACK_US = 5 * US_PER_S
S = 1_000  # ms

T = TypeVar("T")
# What a checker's letter means here.
PROMISES: dict[str, Promise] = {
    "a": "no erase before durability",
    "b": "nothing acknowledged is lost",
    "c": "nothing acknowledged is lost",
    "d": "nothing half-written is taken for whole",
    "e": "nothing acknowledged is lost",
    "f": "the run finishes once healed",
    "g": "the run finishes once healed",
    "h": "the run finishes once healed",
}
# What the world tells, and the chapter that begins with it.
ADOPT = "adopt"  # until somebody takes the camera
CHAPTERS = {
    "take": "record",
    "dock": "offload",
    "told_held": "deliver",
    "told_delivered": "erase",
    "told_erased": "afterwards",
}
DAY = (
    Action(20 * S, CAMERA, "take", 0, 0),
    Action(25 * S, CAMERA, "record", 0, 0),
    Action(31 * S, CAMERA, "stop", 0, 0),
    Action(40 * S, CAMERA, "dock", 0, 1),
)
END_MS = 60 * S


class CutMedium(PowerCutFiles):
    """A disk's content that counts its operations and, at one of them, has the power go: ``die`` is called at that
    moment. What the dead program still does is done to what nobody will read."""

    def __init__(self, medium: MemoryFiles, cut: Cut | None, number: int, die: Callable[[], None]) -> None:
        super().__init__(medium)
        self.medium = medium
        self.operations: list[Operation] = []
        self._at = number if cut is not None else -1
        self._phase = cut.phase if cut is not None else ""
        self._die = die

    def change(self, operation: str) -> None:
        """See PowerCutFiles."""
        if self.changes == self._at and self._phase == BEFORE:
            self._go()
        super().change(operation)
        self.operations.append(operation_of(operation))

    def perform(self, work: Callable[[], T], is_sync: bool = False) -> T:
        """See PowerCutFiles."""
        is_it = self.changes - 1 == self._at
        if is_it and is_sync and self._phase == INSIDE:
            self._go()
        try:
            return work()
        finally:
            if is_it and self._phase in (INSIDE, AFTER):
                self._go()

    def _go(self) -> None:
        self._phase = ""
        self._die()


@dataclass(frozen=True, slots=True)
class WholeScenario:
    """A chapter of a day. ``undock``: the camera is snatched in the middle of its offload and put back."""

    name: str
    side: Side
    chapter: str
    undock: bool = False

    @property
    def phases(self) -> tuple[str, ...]:
        """See Scenario."""
        return MOMENTS

    @property
    def is_costly(self) -> bool:
        """See Scenario."""
        return True

    def rehearse(self) -> list[Operation]:
        """See Scenario."""
        return [operation for _, operation in self._own()]

    def try_cut(self, cut: Cut) -> None:
        """See Scenario."""
        number = self._own()[cut.operation][0]
        run = _Day(self.side, self.undock, cut, number).run()
        if not run.has_died:
            raise Violation("the run finishes once healed", "the cut never came: the run is not the same every time")
        _judge(run.outcome)

    def _own(self) -> list[tuple[int, Operation]]:
        run = _rehearsed(self.side, self.undock)
        return [(number, each) for number, (chapter, each) in enumerate(run.operations) if chapter == self.chapter]


def scenarios() -> list[WholeScenario]:
    """All of both sides."""
    return [
        WholeScenario("whole: adopt", "camera", ADOPT),
        WholeScenario("whole: record", "camera", "record"),
        WholeScenario("whole: offload", "camera", "offload"),
        WholeScenario("whole: undock mid-offload", "camera", "offload", undock=True),
        WholeScenario("whole: erase", "camera", "erase"),
        WholeScenario("whole: adopt", "controller", ADOPT),
        WholeScenario("whole: offload", "controller", "offload"),
        WholeScenario("whole: undock mid-offload", "controller", "offload", undock=True),
        WholeScenario("whole: deliver", "controller", "deliver"),
        WholeScenario("whole: erase", "controller", "erase"),
    ]


@dataclass(slots=True)
class _Lived:
    operations: list[tuple[str, Operation]]
    outcome: Outcome
    has_died: bool


class _Day:
    """One world, from its first moment until everything has healed and arrived."""

    def __init__(self, side: Side, undock: bool, cut: Cut | None, number: int) -> None:
        self._chapter = ADOPT
        self._chapters: list[str] = []
        self._undock = undock
        self._cut = cut
        self._side = side
        self._died = False
        plan = Plan(1, 1, END_MS, DAY, ())
        self._world = _World(plan, self._on_line, self._survive, self._put_in)
        self._number = number
        self._medium: CutMedium | None = None

    def run(self) -> _Lived:
        """Live it."""
        outcome = self._world.run()
        operations = self._medium.operations if self._medium is not None else []
        return _Lived(list(zip(self._chapters, operations, strict=False)), outcome, self._died)

    def _disk(self) -> Disk:
        return self._world.site.disk if self._side == "controller" else self._world.camera(CAMERA).disk

    def _put_in(self) -> None:
        disk = self._disk()
        self._medium = _NotedMedium(disk.files, self._cut, self._number, self._die, self._note)
        disk.files = cast("MemoryFiles", self._medium)  # what a Disk asks of its content is the files port

    def _note(self) -> None:
        self._chapters.append(self._chapter)

    def _die(self) -> None:
        disk, world = self._disk(), self._world
        self._died = True
        disk.cut_now(0)
        if disk.on_cut is not None:
            disk.on_cut()
        if self._side == "camera":
            world.loop.world.after(RESTART_US, world.camera(CAMERA).power_on)

    def _survive(self, files: MemoryFiles, seed: int) -> MemoryFiles:
        medium: Files = files
        if not isinstance(medium, CutMedium) or self._cut is None:
            return files.crash()
        return torn_by(medium.medium, self._cut)

    def _on_line(self, line: str) -> None:
        told = json.loads(line[line.index("{") :])
        what: str = told["what"]
        self._chapter = CHAPTERS.get(what, self._chapter)
        if what == "told_offload_started" and self._undock:
            self._undock = False
            self._world.loop.world.after(UNDOCK_US, self._snatch)

    def _snatch(self) -> None:
        camera = self._world.camera(CAMERA)
        place = camera.place
        camera.take_out()
        if place is not None:
            self._world.loop.world.after(BACK_US, lambda: self._put_back(place))

    def _put_back(self, place: tuple[object, int]) -> None:
        camera = self._world.camera(CAMERA)
        if camera.place is None:
            camera.put_in(*place)  # pyright: ignore[reportArgumentType]


class _World(Simulation):
    """Calls ``begun`` when everything is in place and nothing has happened yet."""

    def __init__(self, plan: Plan, sink: Callable[[str], None], survive: Survive, begun: Callable[[], None]) -> None:
        super().__init__(plan, sink=sink, survive=survive, fragment_bytes=FRAGMENT_BYTES)
        self._begun = begun

    def _begin(self) -> None:
        super()._begin()
        self._begun()


class _NotedMedium(CutMedium):
    """Tells of each operation as it comes."""

    def __init__(
        self, medium: MemoryFiles, cut: Cut | None, number: int, die: Callable[[], None], note: Callable[[], None]
    ) -> None:
        super().__init__(medium, cut, number, die)
        self._note = note

    def change(self, operation: str) -> None:
        """See PowerCutFiles."""
        self._note()
        super().change(operation)


@cache
def _rehearsed(side: Side, undock: bool) -> _Lived:
    lived = _Day(side, undock, None, -1).run()
    _judge(lived.outcome)
    return lived


def _judge(outcome: Outcome) -> None:
    violation = outcome.violation
    if violation is not None:
        raise Violation(PROMISES[violation.letter], str(violation))
