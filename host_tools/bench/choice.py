"""Which bench a run of pytest uses: an emulated one or real boards, its seed, its speed, and what it offers.

Law: reads the bench file when somebody asks, and starts nothing. ``--bench`` decides; without it the emulated bench of
``hil_tests`` is meant.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from host_tools.bench.bench_file import BenchFile, is_bench_of_boards, read_bench_file, roster_beside
from host_tools.bench.board_hands import BoardHands
from host_tools.bench.errors import BenchTrouble
from host_tools.bench.features import BENCH_FEATURES
from host_tools.bench.hands import Person
from host_tools.bench.requirements import Lane
from host_tools.bench.selection import Offer, Unit, board_features
from host_tools.emulator.bench_file import Bench, BenchFileError, CameraPart, DockPart, read_bench
from host_tools.hardware import find_board
from host_tools.system.roster import load_roster

if TYPE_CHECKING:
    from host_tools.bench.houses import House

CHOICE: Final = pytest.StashKey["Choice"]()
HOME: Final = Path(__file__).resolve().parents[2]  # of hil_tests, in a checkout and installed
EMULATED_FILE: Final = Path("hil_tests", "bench.toml")
SPEED_MIN: Final = 0.1
TERMINAL: Final = Path("/dev/tty")


class Choice:
    """What the options say. Everything else is found out when it is asked for. BenchTrouble."""

    def __init__(self, config: pytest.Config) -> None:
        named: str | None = config.getoption("bench")
        self.file = Path(named) if named else HOME / EMULATED_FILE
        self._root = HOME
        self._seed: int | None = config.getoption("bench_seed")
        self._every = bool(config.getoption("bench_all"))
        self.speed = float(str(config.getoption("bench_speed")))
        if not SPEED_MIN <= self.speed <= 1:
            raise pytest.UsageError(
                f"--bench-speed {self.speed:g}: boards behind ports run by the wall clock, so {SPEED_MIN:g} to 1 "
                "(deadlines stretched); for more than real time there is `bwc sim`"
            )

    @cached_property
    def boards(self) -> BenchFile | None:
        """The bench of real boards; None if it is an emulated one."""
        return read_bench_file(self.file) if is_bench_of_boards(self.file) else None

    @cached_property
    def plan(self) -> Bench:
        """The emulated bench."""
        try:
            return read_bench(self.file)
        except BenchFileError as error:
            raise BenchTrouble(str(error)) from error

    def read(self) -> None:
        """The file, now: what is wrong with it is told before anything is run."""
        if self.boards is None:
            _ = self.plan

    @property
    def is_emulated(self) -> bool:
        """Whether its boards are emulated and ours to start."""
        return self.boards is None

    @property
    def lane(self) -> Lane:
        """Where its results count."""
        return "emulated" if self.boards is None else self.boards.lane

    @property
    def seed(self) -> int:
        """What was asked for, else the file's own; a bench of boards has 1."""
        if self._seed is not None:
            return self._seed
        return self.plan.seed if self.boards is None else 1

    @property
    def every(self) -> bool:
        """Whether a scenario runs on every board that matches: real boards differ, emulated ones of a sort do not."""
        return self._every or not self.is_emulated

    @cached_property
    def person(self) -> Person | None:
        """Whoever sits at the terminal. It is asked there, whatever pytest does with standard input and output."""
        if self.boards is None or not self.boards.hands.person:
            return None
        try:
            heard, told = TERMINAL.open(encoding="utf-8"), TERMINAL.open("w", encoding="utf-8")
        except OSError:
            return None
        return Person(heard, told)

    def close(self) -> None:
        """Give the terminal back."""
        if (person := self.__dict__.get("person")) is not None:
            person.close()

    @property
    def asks_a_person(self) -> bool:
        """Whether somebody will be asked to do something."""
        hands = self.boards.hands if self.boards else None
        return self.person is not None and hands is not None and not (hands.dock and hands.press)

    @cached_property
    def offer(self) -> Offer:
        """What it has."""
        if self.boards is not None:
            return offer_of_boards(self.boards, self.person)
        worn = load_roster(roster_beside(self.file, self._root)).assignments.keys()
        parts = [*self.plan.dock, *self.plan.camera]
        units = tuple(emulated_unit(part, part.serial in worn) for part in parts)
        return Offer("emulated", True, frozenset(BENCH_FEATURES), units)

    def house(self) -> House:
        """To live in; not started."""
        from host_tools.bench.houses import BenchHouse, BoardHouse  # the programs' half: only where scenarios run

        if self.boards is not None:
            return BoardHouse(self.boards, self.seed, self.person)
        return BenchHouse(self._root, self.file, self.seed)

    def header(self) -> str:
        """For the first lines of a run."""
        offer = self.offer
        kind = "emulated" if self.is_emulated else "real boards"
        counts = [(kind, len(offer.of_kind(kind))) for kind in ("dock", "camera")]
        units = ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in counts)
        return f"bench: {self.file} ({kind}, {units}), seed {self.seed}"


def offer_of_boards(bench: BenchFile, person: Person | None) -> Offer:
    """What a bench of real boards has."""
    worn = load_roster(bench.roster).assignments.keys() if bench.roster else set[str]()
    units = tuple(
        Unit(
            part.name,
            part.serial,
            part.model,
            part.board.kind,
            board_features(part.board, part.serial in worn, part.features),
            part.board.bays,
            part.bay,
        )
        for part in bench.board
    )
    return Offer(bench.name, False, BoardHands(bench, person).features, units)


def emulated_unit(part: CameraPart | DockPart, worn: bool) -> Unit:
    """A board of an emulated bench."""
    board = find_board(part.model)
    return Unit(part.name, part.serial, part.model, board.kind, board_features(board, worn), board.bays)
