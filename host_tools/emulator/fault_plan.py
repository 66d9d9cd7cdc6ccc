"""A plan of faults: a TOML file that says what befalls which board when, played on a bench's own time.

Law: data, and a player that knows no fault in particular. The same plan with the same seed is the same run: times are
of the bench's clock, and what jitter a plan asks for is drawn from its seed.

    seed = 7
    [[fault]]
    at_s = 2.0
    board = "camera-1"
    component = "link"
    type = "bitflip"
    for_s = 10.0      # then ok; left out: until the bench ends
    jitter_s = 0.5    # at_s later by up to so much
    every_s = 30.0    # again and again; left out: once
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field, ValidationError

from host_tools.emulator.bench_file import BenchFileError, BoardName, Part
from host_tools.emulator.faults import OK, TABLE, TYPES, Active, Faults
from host_tools.hardware.errors import nearest

Seconds = Annotated[float, Field(ge=0, le=1e9)]


class PlannedFault(Part):
    """One line of a plan."""

    at_s: Seconds
    board: BoardName
    component: str
    type: str
    instance: Annotated[int, Field(ge=0, le=255)] = 0
    for_s: Annotated[float, Field(gt=0, le=1e9)] | None = None
    jitter_s: Seconds = 0.0
    every_s: Annotated[float, Field(ge=0.1, le=1e9)] | None = None


class Plan(Part):
    """All of it. ``seed``: of the jitter."""

    seed: Annotated[int, Field(repr=False)] = 1
    fault: tuple[PlannedFault, ...] = ()


class Played(NamedTuple):
    """What a plan has done. ``outcome``: ``done``, or why not."""

    at_s: float
    fault: Active
    outcome: str


def read_plan(path: Path) -> Plan:
    """A plan from a TOML file. BenchFileError, in one line."""
    try:
        return parse_plan(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise BenchFileError(f"{path}: cannot be read ({error.strerror}); name an existing plan") from error
    except UnicodeDecodeError as error:
        raise BenchFileError(f"{path}: not valid TOML ({error}); mend that line") from error


def parse_plan(text: str, name: str = "plan") -> Plan:
    """The same from text. Components and types are checked here, boards when the plan is played."""
    try:
        plan = Plan.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BenchFileError(f"{name}: not valid TOML ({error}); mend that line") from error
    except ValidationError as error:
        worst = min(error.errors(), key=lambda fault: fault["type"] == "missing")
        *table, key = worst["loc"] or ("plan",)
        where = f"fault {int(table[1]) + 1}: " if len(table) > 1 else ""
        if worst["type"] == "extra_forbidden":
            known = PlannedFault.model_fields if table else Plan.model_fields
            raise BenchFileError(f"{name}: {where}unknown key {key}; {nearest(str(key), known, 'keys')}") from error
        raise BenchFileError(f"{name}: {where}{key}: {worst['msg'][:1].lower()}{worst['msg'][1:]}; mend it") from error
    for number, fault in enumerate(plan.fault, 1):
        _check_words(fault, f"{name}: fault {number}")
    return plan


def play(plan: Plan, faults: Faults, now_s: Callable[[], float], told: Callable[[Played], None]) -> None:
    """Make the appointments. What a board cannot have is told as such, and the rest goes on."""
    chance = random.Random(f"plan {plan.seed}")
    for fault in plan.fault:
        _appoint(fault, fault.at_s, chance, faults, now_s, told)


def _appoint(
    planned: PlannedFault,
    wait_s: float,
    chance: random.Random,
    faults: Faults,
    now_s: Callable[[], float],
    told: Callable[[Played], None],
) -> None:
    words = (planned.board, planned.component, planned.type, planned.instance)

    def begin() -> None:
        told(Played(now_s(), Active(*words), faults.try_inject(*words)))
        if planned.for_s is not None and planned.type != OK:
            faults.later(planned.for_s, end)
        if planned.every_s is not None:
            _appoint(planned, planned.every_s, chance, faults, now_s, told)

    def end() -> None:
        healed = (planned.board, planned.component, OK, planned.instance)
        told(Played(now_s(), Active(*healed), faults.try_inject(*healed)))

    faults.later(wait_s + chance.uniform(0, planned.jitter_s), begin)


def _check_words(fault: PlannedFault, where: str) -> None:
    components = tuple(dict.fromkeys(row.component for row in TABLE))
    if fault.component not in components:
        text = nearest(fault.component, components, "components")
        raise BenchFileError(f"{where}: no component {fault.component}; {text}")
    if fault.type not in TYPES:
        raise BenchFileError(f"{where}: no fault type {fault.type}; {nearest(fault.type, TYPES, 'types')}")
    if fault.type != OK and all((row.component, row.type) != (fault.component, fault.type) for row in TABLE):
        there = ", ".join(row.type for row in TABLE if row.component == fault.component)
        raise BenchFileError(f"{where}: unsupported: {fault.component} cannot be {fault.type}; it can be {there}, ok")
