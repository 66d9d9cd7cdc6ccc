"""Which scenarios a bench can run, and on which of its boards: what is needed held against what is there.

Law: pure. A need is a word of ``features``, ``cameras`` or ``docks``, with a count behind a colon where one is not
enough: ``needs("cameras:3", "slow-link")``. An answer is a reason that a person can do something about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from host_tools.bench.features import BENCH_FEATURES, OWN_PREFIX, problem_with
from host_tools.hardware.model import Board

Kind = Literal["camera", "dock"]
COUNTED: dict[str, Kind] = {"cameras": "camera", "docks": "dock"}
BAYS_MANY = 8
OF_DOCKS = {"bays-8"}  # all other features of boards are of cameras


class NeedError(ValueError):
    """That is no need. One line."""


class Unit(NamedTuple):
    """A board of a bench, as a scenario may ask for it. ``bay``: in which it stays for good, 0 for none."""

    name: str
    serial: str
    model: str
    kind: Kind
    features: frozenset[str]
    bays: tuple[int, ...] = ()
    bay: int = 0

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Offer:
    """What a bench has. ``name``: for messages; ``is_emulated``: whether its boards are."""

    name: str
    is_emulated: bool
    features: frozenset[str]
    units: tuple[Unit, ...]

    def of_kind(self, kind: Kind) -> list[Unit]:
        """Its cameras, or its docks."""
        return [unit for unit in self.units if unit.kind == kind]

    def matching(self, kind: Kind, needs: Iterable[str], every: bool) -> list[Unit]:
        """The boards on which a scenario is to run: those that have what it needs of such a board. ``every``: all of
        them; else one of each sort, for emulated boards of one sort are alike to the bit."""
        of_bench = {*COUNTED, *BENCH_FEATURES, *self.features}
        words = {word for word, _ in map(parsed, needs) if word not in of_bench}
        of_kind = (words & OF_DOCKS) if kind == "dock" else (words - OF_DOCKS)
        found = [unit for unit in self.of_kind(kind) if of_kind <= unit.features]
        if every:
            return found
        return list({(unit.model, unit.features): unit for unit in reversed(found)}.values())[::-1]


def parsed(need: str) -> tuple[str, int]:
    """The word and how many. NeedError."""
    word, colon, count = need.partition(":")
    if colon and (not count.isdecimal() or int(count) < 1):
        raise NeedError(f"needs({need!r}): {count!r} is no count; write for example cameras:3")
    if word not in COUNTED and (problem := problem_with(word)):
        raise NeedError(f"needs({need!r}): {problem}")
    return word, int(count or 1)


def unmet(needs: Iterable[str], offer: Offer) -> list[str]:
    """Why a scenario cannot run there; empty if it can. NeedError."""
    reasons: list[str] = []
    for need in needs:
        word, count = parsed(need)
        has = _count(word, offer)
        if has >= count:
            continue
        if word in BENCH_FEATURES:
            reasons.append(f"bench {offer.name} has no {word} ({BENCH_FEATURES[word]})")
        elif word.startswith(OWN_PREFIX):
            reasons.append(f"bench {offer.name} has no {word}")
        else:
            what = word if word in COUNTED else f"boards with {word}"
            reasons.append(f"bench {offer.name} has {has or 'no'} {what}, {count} needed")
    return reasons


def board_features(board: Board, worn: bool, own: Sequence[str] = ()) -> frozenset[str]:
    """Of one board, from its description, the roster and its own line in the bench file."""
    has = {
        "worn": worn,
        "unworn": board.kind == "camera" and not worn,
        "battery": board.battery is not None,
        "storage": any(medium.evidence for medium in board.storages),
        "bays-8": len(board.bays) >= BAYS_MANY,
    }
    return frozenset({name for name, there in has.items() if there} | set(own))


def _count(word: str, offer: Offer) -> int:
    """How many of them there are; of what a bench has as a whole, one."""
    if word in COUNTED:
        return len(offer.of_kind(COUNTED[word]))
    if word in offer.features:
        return max(1, sum(word in unit.features for unit in offer.units))
    return sum(word in unit.features for unit in offer.units)
