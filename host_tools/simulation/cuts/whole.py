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
from typing import Literal, TypeVar, cast

from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import AFTER, BEFORE, INSIDE, PowerCutFiles
from host_tools.simulation.cuts.model import MOMENTS, Cut, Operation, Promise, Side, Violation, operation_of, torn_by
from host_tools.simulation.disk import Disk, Survive
from host_tools.simulation.loop import US_PER_S
from host_tools.simulation.plan import Action, Mishap, Plan
from host_tools.simulation.world import Outcome, Simulation

FRAGMENT_BYTES = 60_000
CAMERA = 0
SERIAL = "CAM-0001"
RESTART_US = 2 * US_PER_S
ACCIDENT_US = 2_000  # after the offload has begun: some chunks have arrived, most have not
BACK_US = 5 * US_PER_S
S = 1_000  # ms

T = TypeVar("T")
Target = tuple[int, str]  # number of the operation, phase
Accident = Literal["", "undock", "recover"]
NOWHERE: Target = (-1, "")
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
RECOVER = "recover"  # from an accident on
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
POWER_LOST = Mishap(28 * S, "camera_power_cut", CAMERA, 1 * S, 5)


class CutMedium(PowerCutFiles):
    """A disk's content that counts its operations and, at one of them, has the power go: ``die`` is called at that
    moment. What the dead program still does is done to what nobody will read."""

    def __init__(
        self, medium: MemoryFiles, target: Target, die: Callable[[], None], chapter: Callable[[], str]
    ) -> None:
        super().__init__(medium)
        self.medium = medium
        self.operations: list[tuple[str, Operation]] = []
        self._at, self._phase = target
        self._target = target
        self._die = die
        self._chapter = chapter

    def after_another_cut(self, seed: int) -> CutMedium:
        """What is left of it when the power goes for another reason; it counts on from here."""
        left = CutMedium(self.medium.crash_torn(seed), self._target, self._die, self._chapter)
        left.changes, left.operations = self.changes, list(self.operations)
        return left

    def change(self, operation: str) -> None:
        """See PowerCutFiles."""
        if self.changes == self._at and self._phase == BEFORE:
            self._go()
        super().change(operation)
        self.operations.append((self._chapter(), operation_of(operation)))

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
    """A chapter of a day. ``accident``: ``undock``, the camera is snatched in the middle of its offload and put back;
    ``recover``, this side has lost its power once already, the camera while recording, the controller offloading."""

    name: str
    side: Side
    chapter: str
    accident: Accident = ""

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
        run = _Day(self.side, self.accident, cut, (number, cut.phase)).run()
        if not run.has_died:
            raise Violation("the run finishes once healed", "the cut never came: the run is not the same every time")
        _judge(run.outcome)

    def _own(self) -> list[tuple[int, Operation]]:
        run = _rehearsed(self.side, self.accident)
        return [(number, each) for number, (chapter, each) in enumerate(run.operations) if chapter == self.chapter]


def scenarios() -> list[WholeScenario]:
    """All of both sides."""
    return [
        WholeScenario("whole: adopt", "camera", ADOPT),
        WholeScenario("whole: record", "camera", "record"),
        WholeScenario("whole: offload", "camera", "offload"),
        WholeScenario("whole: undock mid-offload", "camera", "offload", "undock"),
        WholeScenario("whole: erase", "camera", "erase"),
        WholeScenario("whole: recover", "camera", RECOVER, "recover"),
        WholeScenario("whole: adopt", "controller", ADOPT),
        WholeScenario("whole: offload", "controller", "offload"),
        WholeScenario("whole: undock mid-offload", "controller", "offload", "undock"),
        WholeScenario("whole: deliver", "controller", "deliver"),
        WholeScenario("whole: erase", "controller", "erase"),
        WholeScenario("whole: recover", "controller", RECOVER, "recover"),
    ]


@dataclass(slots=True)
class _Lived:
    operations: list[tuple[str, Operation]]
    outcome: Outcome
    has_died: bool


class _Day:
    """One world, from its first moment until everything has healed and arrived."""

    def __init__(self, side: Side, accident: Accident, cut: Cut | None, target: Target) -> None:
        self._chapter = ADOPT
        self._accident = accident
        self._cut = cut
        self._side = side
        self._died = False
        lost = accident == "recover" and side == "camera"
        plan = Plan(1, 1, END_MS, DAY, (POWER_LOST,) if lost else ())
        self._world = _World(plan, self._on_line, self._survive, self._put_in)
        self._target = target
        self._medium: CutMedium | None = None
        self._left: MemoryFiles | None = None

    def run(self) -> _Lived:
        """Live it."""
        outcome = self._world.run()
        return _Lived(self._medium.operations if self._medium is not None else [], outcome, self._died)

    def _disk(self) -> Disk:
        return self._world.site.disk if self._side == "controller" else self._world.camera(CAMERA).disk

    def _put_in(self) -> None:
        disk = self._disk()
        self._medium = CutMedium(disk.files, self._target, self._die, lambda: self._chapter)
        disk.files = _as_content(self._medium)

    def _die(self) -> None:
        disk, world = self._disk(), self._world
        self._died = True
        disk.cut_now(0)
        self._tell_witness(disk)
        if disk.on_cut is not None:
            disk.on_cut()
        if self._side == "camera":
            world.loop.world.after(RESTART_US, world.camera(CAMERA).power_on)

    def _tell_witness(self, disk: Disk) -> None:
        """The card's witness hears of changes that are over. Of the one that was cut it hears if it is there."""
        if self._cut is None or self._cut.phase == BEFORE or self._medium is None or self._left is None:
            return
        operation, (place, _) = self._medium.operations[-1][1], self._medium.place
        if operation.kind == "make_folder":
            disk.witness.folder_made(operation.path)
        elif operation.kind == "rename" and self._left.exists(place):
            disk.witness.renamed(operation.path, place)

    def _survive(self, files: MemoryFiles, seed: int) -> MemoryFiles:
        medium: Files = files
        if not isinstance(medium, CutMedium):
            return files.crash()
        if self._died and self._cut is not None:
            self._left = torn_by(medium.medium, self._cut)
            return self._left
        self._medium = medium.after_another_cut(seed)
        return _as_content(self._medium)

    def _on_line(self, line: str) -> None:
        what: str = json.loads(line[line.index("{") :])["what"]
        self._chapter = CHAPTERS.get(what, self._chapter)
        if what == "mishap":
            self._chapter = RECOVER
        if what == "told_offload_started" and self._accident:
            if self._accident == "undock":
                self._world.loop.world.after(ACCIDENT_US, self._snatch)
            elif self._side == "controller":
                self._world.loop.world.after(ACCIDENT_US, self._lose_controller)
            self._accident = ""

    def _lose_controller(self) -> None:
        self._chapter = RECOVER
        self._world.site.cut(POWER_LOST.seed)
        self._world.start_site_after(POWER_LOST.length_ms)

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


def _as_content(medium: CutMedium) -> MemoryFiles:
    """What a Disk asks of its content is the files port."""
    return cast("MemoryFiles", medium)


@cache
def _rehearsed(side: Side, accident: Accident) -> _Lived:
    lived = _Day(side, accident, None, NOWHERE).run()
    _judge(lived.outcome)
    return lived


def _judge(outcome: Outcome) -> None:
    violation = outcome.violation
    if violation is not None:
        raise Violation(PROMISES[violation.letter], str(violation))
