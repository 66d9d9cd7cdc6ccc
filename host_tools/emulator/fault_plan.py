"""A plan of faults: a TOML file that says what befalls which board when, played on a bench's own time.

Law: data, and a player that knows no fault in particular. The same plan with the same seed is the same run: times are
of the bench's clock, and what jitter a plan asks for is drawn from its seed.

    seed = 7
    [[fault]]
    at_s = 2.0
    board = "camera-1"
    component = "link"
    type = "bitflip"
    for_s = 10.0      # then healed; left out: until the bench ends
    jitter_s = 0.5    # at_s later by up to so much
    every_s = 30.0    # again and again; left out: once
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field, ValidationError

from host_tools.emulator.bench_file import PATTERNS, BenchFileError, BoardName, Part
from host_tools.emulator.faults import DONE, OK, TABLE, TYPES, Active, Faults
from host_tools.hardware.errors import nearest
from host_tools.hardware.toml_files import FileFault, fault_in, line_at, read_text, values_of
from host_tools.hardware.toml_lines import key_lines

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
        text = read_text(path, "plan")
    except FileFault as fault:
        raise BenchFileError(fault.at(path)) from fault
    return parse_plan(text, str(path))


def parse_plan(text: str, name: str = "plan") -> Plan:
    """The same from text. Components and types are checked here, boards when the plan is played."""
    try:
        plan = _plan_of(text)
        for number, fault in enumerate(plan.fault):
            _check_words(fault, text, number)
    except FileFault as fault:
        raise BenchFileError(fault.at(name)) from fault
    return plan


def _plan_of(text: str) -> Plan:
    values = values_of(text)
    try:
        plan = Plan.model_validate(values)
    except ValidationError as error:
        raise fault_in(text, error, Plan, PATTERNS) from error
    if not plan.fault:
        raise FileFault("names no fault; add [[fault]]")
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
        outcome = faults.try_inject(*words)
        told(Played(now_s(), Active(*words), outcome))
        if planned.for_s is not None and planned.type != OK and outcome == DONE:
            faults.later(planned.for_s, end)
        if planned.every_s is not None:
            _appoint(planned, planned.every_s, chance, faults, now_s, told)

    def end() -> None:
        healed = Active(planned.board, planned.component, OK, planned.instance)
        told(Played(now_s(), healed, faults.try_clear(*words)))

    faults.later(wait_s + chance.uniform(0, planned.jitter_s), begin)


def _check_words(fault: PlannedFault, text: str, number: int) -> None:
    components = tuple(dict.fromkeys(row.component for row in TABLE))
    key = "type"
    if fault.component not in components:
        told = f"no component {fault.component}; {nearest(fault.component, components, 'components')}"
        key = "component"
    elif fault.type not in TYPES:
        told = f"no fault type {fault.type}; {nearest(fault.type, TYPES, 'types')}"
    elif fault.type != OK and all((row.component, row.type) != (fault.component, fault.type) for row in TABLE):
        there = ", ".join(row.type for row in TABLE if row.component == fault.component)
        told = f"unsupported: {fault.component} cannot be {fault.type}; it can be {there}, ok"
    else:
        return
    raise FileFault(f"fault {number + 1}: {told}", line_at(key_lines(text), ("fault", number, key)))
