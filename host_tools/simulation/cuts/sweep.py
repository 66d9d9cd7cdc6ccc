"""Through all cuts of all scenarios, or a sample of them that leaves nothing out; and what came of it.

Law: a cut is judged by itself and repeats by itself. No clock, no process, no terminal: whoever runs it has them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice

from host_tools.simulation.cuts import camera_side, controller_side, whole
from host_tools.simulation.cuts.model import BLOCK, BLOCK_KINDS, SIDES, Cut, Operation, Scenario, Violation

EXAMPLE = str(Cut("record", "camera", 12, BLOCK, 1))
SHARES = 8  # parts of one scenario, so that two processes end at about the same time
RECOVERIES = 40  # earlier cuts whose recovery is cut in its turn, on each side, in a full sweep


class NoSuchCut(Exception):
    """What was asked for does not exist; one line that says what does."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A cut and the promise that it broke."""

    cut: Cut
    text: str


@dataclass(slots=True)
class Tally:
    """What was tried of one scenario, its variants taken together."""

    scenario: str
    side: str
    operations: int = 0
    cuts: int = 0
    kinds: Counter[str] = field(default_factory=Counter[str])
    phases: Counter[str] = field(default_factory=Counter[str])
    failures: list[Failure] = field(default_factory=list[Failure])

    def add(self, other: Tally) -> None:
        """Take another's figures in."""
        self.operations += other.operations
        self.cuts += other.cuts
        self.kinds += other.kinds
        self.phases += other.phases
        self.failures += other.failures


@cache
def all_scenarios(recoveries: int) -> tuple[Scenario, ...]:
    """Every scenario of both sides; the whole world's, which take longest, last."""
    return (*camera_side.scenarios(recoveries), *controller_side.scenarios(recoveries), *whole.scenarios())


def find(side: str, name: str) -> Scenario:
    """NoSuchCut names what there is."""
    number = name.partition("/")[2]
    wanted = int(number) + 1 if number.isdigit() else 0
    for scenario in all_scenarios(max(RECOVERIES, wanted)):
        if (scenario.side, scenario.name) == (side, name):
            return scenario
    known = sorted({f"{each.side} {base_name(each)}" for each in all_scenarios(1)})
    raise NoSuchCut(f"no scenario {side} {name}: there are {', '.join(known)}")


def base_name(scenario: Scenario) -> str:
    """Without the variant."""
    return scenario.name.partition("/")[0]


def cuts_of(scenario: Scenario, operations: list[Operation], seeds: Iterable[int]) -> Iterator[Cut]:
    """All of them: every operation, every phase, every seed."""
    for seed in seeds:
        for number, operation in enumerate(operations):
            for phase in scenario.phases:
                if phase != BLOCK or operation.kind in BLOCK_KINDS:
                    yield Cut(scenario.name, scenario.side, number, phase, seed)


def sample_of(scenario: Scenario, operations: list[Operation], seed: int) -> list[Cut]:
    """One cut for every kind of operation and every phase; of a costly scenario, one for every phase."""
    chance = random.Random(f"sample {seed} {scenario.side} {scenario.name}")
    groups: dict[tuple[str, str], list[Cut]] = {}
    for cut in cuts_of(scenario, operations, (seed,)):
        kind = "" if scenario.is_costly else operations[cut.operation].kind
        groups.setdefault((kind, cut.phase), []).append(cut)
    return sorted(chance.choice(group) for group in groups.values())


def try_cuts(scenario: Scenario, operations: list[Operation], cuts: Iterable[Cut]) -> Tally:
    """Try these, and count. Whatever breaks is a failure of its cut and keeps no other from being tried."""
    tally = Tally(base_name(scenario), scenario.side)
    for cut in cuts:
        tally.cuts += 1
        tally.kinds[operations[cut.operation].kind] += 1
        tally.phases[cut.phase] += 1
        text = try_one(scenario, cut)
        if text:
            tally.failures.append(Failure(cut, text))
    return tally


def try_one(scenario: Scenario, cut: Cut) -> str:
    """What a cut breaks; empty when every promise holds."""
    try:
        scenario.try_cut(cut)
    except Violation as violation:
        return str(violation)
    except Exception as error:  # noqa: BLE001  a program that falls over after a power cut is a finding, not the end
        return f"the restarted program fell over: {type(error).__name__}: {error}"
    return ""


def merged(tallies: Iterable[Tally]) -> list[Tally]:
    """One for each scenario and side, in the order of the sides."""
    found: dict[tuple[str, str], Tally] = {}
    for tally in tallies:
        key = (tally.side, tally.scenario)
        found.setdefault(key, Tally(tally.scenario, tally.side)).add(tally)
    return sorted(found.values(), key=lambda tally: SIDES.index(tally.side))


def how_to_repeat(cut: Cut) -> str:
    """The command that tries exactly this cut again."""
    return f'bwc crash --cut "{cut}"'


def parse_cut(text: str) -> Cut:
    """``SIDE SCENARIO OPERATION PHASE SEED``, as a cut prints itself; a scenario's name may have blanks."""
    words = text.split()
    if len(words) < 5 or not (words[-3].isdigit() and words[-1].isdigit()):
        raise NoSuchCut(f"cut {text!r} is none: write SIDE SCENARIO OPERATION PHASE SEED, as in {EXAMPLE!r}")
    return Cut(" ".join(words[1:-3]), words[0], int(words[-3]), words[-2], int(words[-1]))


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a sweep that one process takes: every ``shares``-th cut of a scenario with this seed."""

    side: str
    scenario: str
    recoveries: int
    seed: int
    share: int
    shares: int


def shares_of(recoveries: int, seed: int, side: str = "", scenario: str = "") -> list[Share]:
    """A whole sweep with one seed, in parts; of one side or one scenario only, if asked. NoSuchCut if nothing is it."""
    made = [
        Share(each.side, each.name, recoveries, seed, share, SHARES)
        for each in all_scenarios(recoveries)
        if side in ("", each.side) and scenario in ("", base_name(each), each.name)
        for share in range(SHARES if "/" not in each.name else 1)
    ]
    if not made:
        find(side, scenario)
    return [share if "/" not in share.scenario else replace(share, shares=1) for share in made]


def sweep_share(share: Share) -> Tally:
    """Do one part."""
    scenario = next(
        each for each in all_scenarios(share.recoveries) if (each.side, each.name) == (share.side, share.scenario)
    )
    try:
        operations = scenario.rehearse()
    except Violation as violation:
        uncut = Failure(Cut(share.scenario, share.side, 0, "uncut", 0), str(violation))
        return Tally(base_name(scenario), share.side, failures=[uncut])
    cuts = islice(cuts_of(scenario, operations, (share.seed,)), share.share, None, share.shares)
    tally = try_cuts(scenario, operations, cuts)
    tally.operations = len(operations) if share.share == 0 else 0
    return tally
