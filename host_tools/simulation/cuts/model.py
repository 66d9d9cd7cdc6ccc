"""What a power cut is: where it comes, what it leaves on the medium, and what a scenario must be able to do.

Law: assumptions about media are those of ``firmware.ports.memory_medium``, nothing is assumed here. Whatever a broken
promise is, it is a ``Violation`` that begins with the promise's name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol, get_args

from firmware.ports.errors import NotFound
from firmware.ports.files import Files
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import AFTER, BEFORE, INSIDE, PowerCut, PowerCutFiles

Side = Literal["camera", "controller"]
SIDES: tuple[str, ...] = get_args(Side)
# Not a moment of its own: inside, on a card that loses the whole erase block it was writing.
BLOCK = "block"
MOMENTS = (BEFORE, INSIDE, AFTER)
PHASES = (*MOMENTS, BLOCK)
# A sector alone, what small cards erase at once, and what cards of today do.
ERASE_BLOCK_BYTES = (512, 64 << 10, 4 << 20)
# What programs a file's own blocks; a change of names does not.
BLOCK_KINDS = frozenset({"create", "write", "truncate", "sync", "commit"})

Promise = Literal[
    "nothing acknowledged is lost",
    "nothing half-written is taken for whole",
    "no erase before durability",
    "the run finishes once healed",
    "a second restart changes nothing",
]


class Violation(Exception):
    """A promise that did not survive."""

    def __init__(self, promise: Promise, text: str) -> None:
        super().__init__(f"{promise}: {text}")
        self.promise = promise


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """``scenario``: its name, with its variant behind a ``/`` if it has any; ``operation``: counted from 0."""

    scenario: str
    side: str
    operation: int
    phase: str
    seed: int

    def __str__(self) -> str:
        return f"{self.side} {self.scenario} {self.operation} {self.phase} {self.seed}"


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of one file that were synced and are gone all the same."""

    path: str
    start: int
    stop: int


class Stage(Protocol):
    """One run of a scenario: it remembers what was promised until the power went."""

    medium: MemoryFiles

    def act(self, files: Files) -> None:
        """The run. Ends by itself, or with PowerCut from ``files``."""
        ...

    def judge(self, after: MemoryFiles, damage: Damage | None) -> None:
        """Restart from ``after``, hold it against what was promised, heal, finish, restart once more. Violation."""
        ...


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation that could be cut. ``kind``: write, truncate, sync, create, rename, …; ``commit`` is the sync that
    makes a transaction of the index durable."""

    kind: str
    path: str


class Scenario(Protocol):
    """Something that can be run again and again, the same each time, and cut at each of its operations."""

    @property
    def name(self) -> str:
        """In words; a variant's number behind a ``/``."""
        ...

    @property
    def side(self) -> Side:
        """Whose power goes."""
        ...

    @property
    def phases(self) -> tuple[str, ...]:
        """Which are tried."""
        ...

    @property
    def is_costly(self) -> bool:
        """Whether a sample of it is a small one: a run takes a quarter of a second instead of a hundredth."""
        ...

    def rehearse(self) -> list[Operation]:
        """Run it uncut, judge it, and learn what there is to cut. Violation."""
        ...

    def try_cut(self, cut: Cut) -> None:
        """Run it up to a cut and judge what is left. Violation."""
        ...


@dataclass(frozen=True, slots=True)
class Staged:
    """A scenario on one medium and without time. ``stage`` makes a fresh run. ``on_card``: BLOCK is tried too."""

    name: str
    side: Side
    stage: Callable[[], Stage]
    on_card: bool = False

    @property
    def phases(self) -> tuple[str, ...]:
        """See Scenario."""
        return PHASES if self.on_card else MOMENTS

    @property
    def is_costly(self) -> bool:
        """See Scenario."""
        return False

    def rehearse(self) -> list[Operation]:
        """See Scenario."""
        stage = self.stage()
        files = CountedFiles(stage.medium)
        stage.act(files)
        stage.judge(stage.medium.crash(), None)
        return files.operations

    def try_cut(self, cut: Cut) -> None:
        """See Scenario."""
        stage = self.stage()
        files = CountedFiles(stage.medium, cut)
        run_to_its_cut(stage, files)
        after, damage = left_by(stage.medium, files, cut)
        stage.judge(after, damage)


class CountedFiles(PowerCutFiles):
    """PowerCutFiles that also remembers what the operations were."""

    def __init__(self, files: Files, cut: Cut | None = None) -> None:
        at = cut.operation if cut else None
        phase = cut.phase if cut else ""
        super().__init__(
            files,
            at if phase == BEFORE else None,
            at if phase in (INSIDE, BLOCK) else None,
            at if phase == AFTER else None,
        )
        self.operations: list[Operation] = []

    def change(self, operation: str) -> None:
        """See PowerCutFiles."""
        super().change(operation)
        self.operations.append(operation_of(operation))


def operation_of(text: str) -> Operation:
    """As PowerCutFiles calls it."""
    kind, _, path = text.partition(" ")
    return Operation("commit" if kind == "sync" and path.endswith("-wal") else kind, path)


def run_to_its_cut(stage: Stage, files: PowerCutFiles) -> None:
    """Until the power goes."""
    with _quiet_death():
        try:
            stage.act(files)
        except BaseException:  # an error that some layer made of the power cut is as good as the cut itself
            if not files.dead:
                raise
    if not files.dead:
        raise Violation("the run finishes once healed", "the cut never came: the run is not the same every time")


@cache
def draw_cut(base: Staged, number: int) -> Cut:
    """Some cut of a scenario, for one that begins with what it leaves."""
    entropy = SeededEntropy(f"draw {number}")
    operations = len(base.rehearse())
    return Cut(base.name, base.side, entropy.below(operations), MOMENTS[entropy.below(len(MOMENTS))], number)


def left_by(medium: MemoryFiles, files: CountedFiles, cut: Cut) -> tuple[MemoryFiles, Damage | None]:
    """What a power cut leaves, and the erase block that it took with it, if it did."""
    after = torn_by(medium, cut)
    if cut.phase != BLOCK or files.operations[-1].kind not in BLOCK_KINDS:
        return after, None
    entropy = SeededEntropy(f"block {cut}")
    path, offset_bytes = files.place
    block_bytes = ERASE_BLOCK_BYTES[entropy.below(len(ERASE_BLOCK_BYTES))]
    start = offset_bytes - offset_bytes % block_bytes
    lost = after.lose_block(path, offset_bytes, block_bytes, f"lost {cut}")
    return after, Damage(path, start, start + block_bytes) if lost else None


def torn_by(medium: MemoryFiles, cut: Cut) -> MemoryFiles:
    """What is there of what was not synced. Inside an operation everything is torn; before and after one it is, by
    seed, torn, all there, all gone, or there file by file."""
    entropy = SeededEntropy(f"cut {cut}")
    kind = entropy.below(4)
    seed = int.from_bytes(entropy.random_bytes(6), "little")
    if cut.phase in (INSIDE, BLOCK) or kind == 0:
        return medium.crash_torn(seed)
    if kind == 1:
        return medium.crash_mixed(seed)
    return medium.crash(keep_unsynced=kind == 2)


def tree(files: Files, folder: str = "") -> dict[str, bytes]:
    """Everything on a medium, by path; folders end with ``/``."""
    found: dict[str, bytes] = {}
    for name in files.list_folder(folder):
        path = f"{folder}/{name}" if folder else name
        try:
            file = files.open(path)
        except NotFound:
            found[path + "/"] = b""
            found |= tree(files, path)
            continue
        buffer = bytearray(file.size_bytes())
        file.read_at(0, buffer)
        file.close()
        found[path] = bytes(buffer)
    return found


def differing(first: dict[str, bytes], second: dict[str, bytes]) -> list[str]:
    """Paths that are not the same in both."""
    return sorted(path for path in first.keys() | second.keys() if first.get(path) != second.get(path))


@contextmanager
def _quiet_death() -> Generator[None]:
    """A dead medium fails again while SQLite tidies up after its first failure; nobody needs to read of that."""
    told = sys.unraisablehook

    def tell(unraisable: Any) -> None:
        if not isinstance(unraisable.exc_value, PowerCut):
            told(unraisable)

    sys.unraisablehook = tell
    try:
        yield
    finally:
        sys.unraisablehook = told
