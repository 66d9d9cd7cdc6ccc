"""``bwc sim``: a simulated fleet from a seed, or seed after seed for some time; a failure is shrunk and told so that it
can be replayed."""

from __future__ import annotations

import itertools
import logging
import secrets
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from firmware.version import VERSION
from host_tools.simulation.checkers import LETTERS
from host_tools.simulation.fleet import Totals, run_fleet
from host_tools.simulation.outcome import Outcome
from host_tools.simulation.plan import LEVELS, Level, Plan, make_plan
from host_tools.simulation.shrink import shrink
from host_tools.simulation.world import Simulation

SEEDS = 1_000_000  # a random seed is one that people can type
CAMERAS_MAX = 400
MISHAPS_SHOWN_MAX = 20

console = Console()


def sim(
    hours: Annotated[float, typer.Option(min=0.05, help="Simulated hours of each run.")] = 24.0,
    cameras: Annotated[int, typer.Option(min=1, max=CAMERAS_MAX, help="How many cameras the fleet has.")] = 4,
    faults: Annotated[str, typer.Option(help="none, light or heavy.")] = "light",
    seed: Annotated[int | None, typer.Option(help="Of the (first) run; drawn and printed if not given.")] = None,
    seconds: Annotated[float, typer.Option(help="Run seed after seed for so long; 0: this one run.")] = 0.0,
    until: Annotated[int, typer.Option(help="Stop after this step and show the last ones.")] = 0,
    badges: Annotated[bool, typer.Option("--badges", help="Cameras are picked up by badge.")] = False,
    verbose: Annotated[bool, typer.Option("-v", help="Print every step.")] = False,
    shrinks: Annotated[bool, typer.Option("--shrink/--no-shrink", help="Find the mishaps a failure needs.")] = True,
) -> None:
    """Simulate a fleet: real firmware, link, controller and custody on virtual time, with mishaps from a seed."""
    if faults not in LEVELS:
        raise typer.BadParameter(f"{faults} is no level; choose none, light or heavy", param_hint="--faults")
    level: Level = faults
    first = secrets.randbelow(SEEDS) if seed is None else seed
    with _only_steps_speak():
        started_s = time.monotonic()
        if seconds:
            plans = (make_plan(number, cameras, hours, level, badges=badges) for number in itertools.count(first))
            totals = _run_for(seconds, plans)
        else:
            outcome = _run_one(make_plan(first, cameras, hours, level, badges=badges), until, verbose)
            totals = Totals()
            totals.add(outcome)
            console.print(f"seed {first}, {outcome.step} steps, trace {outcome.digest}", soft_wrap=True)
        _print_totals(totals, time.monotonic() - started_s)
        for failed in totals.failures:
            _print_failure(failed, hours, faults, shrinks)
        if totals.failures:
            raise typer.Exit(1)


def _run_one(plan: Plan, until: int, verbose: bool) -> Outcome:
    sink: Callable[[str], None] | None = print if verbose else None
    if verbose:
        return Simulation(plan, until, sink).run()
    with _progress() as progress:
        bar = progress.add_task(f"seed {plan.seed}", total=1.0)
        outcome = Simulation(plan, until).run(lambda part: progress.update(bar, completed=part))
    if until:
        console.print("\n".join(outcome.tail), highlight=False, markup=False)
    return outcome


def _run_for(seconds: float, plans: Generator[Plan]) -> Totals:
    end_s = time.monotonic() + seconds
    with _progress() as progress:
        bar = progress.add_task("seeds", total=seconds)

        def show(totals: Totals) -> None:
            done = seconds - max(0.0, end_s - time.monotonic())
            text = f"{totals.runs} seeds, {totals.camera_hours:.0f} camera-hours"
            progress.update(bar, completed=done, description=text)

        return run_fleet(plans, lambda: time.monotonic() < end_s, show)


@contextmanager
def _only_steps_speak() -> Generator[None]:
    """What the log would say, the steps say, on the right clock."""
    logger = logging.getLogger("openbwc")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _progress() -> Generator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield progress


def _print_totals(totals: Totals, took_s: float) -> None:
    table = Table("What", "How much")
    table.add_row("runs", str(totals.runs))
    a_minute = totals.camera_hours / took_s * 60
    table.add_row("simulated camera-hours", f"{totals.camera_hours:.0f} ({a_minute:.0f} a minute)")
    table.add_row("steps", str(totals.steps))
    table.add_row("recordings, arrived", f"{totals.recordings}, {totals.offloaded}")
    table.add_row("fragments", f"{totals.fragments} ({totals.fragments / took_s:.0f} a second)")
    table.add_row("megabytes recorded", f"{totals.bytes_recorded / 1e6:.1f}")
    table.add_row("longest way home after healing", f"{totals.heal_s_max:.0f} s")
    harmless = sum(totals.harmless.values())
    table.add_row("mishaps", f"{sum(totals.mishaps.values())} (and {harmless} that found nothing to harm)")
    for kind, count in totals.mishaps.most_common():
        table.add_row(f"  {kind.replace('_', ' ')}", str(count))
    for letter, text in LETTERS.items():
        table.add_row(f"({letter}) {text}", f"{totals.checks[letter]} checks" if letter != "g" else "watched")
    console.print(table)


def _print_failure(failed: Outcome, hours: float, faults: str, shrinks: bool) -> None:
    plan = failed.plan
    console.print("\n".join(failed.tail), highlight=False, markup=False)
    console.print(f"[red]seed {plan.seed} fails at step {failed.step}, commit {_commit()}[/]")
    console.print(str(failed.violation), highlight=False, markup=False)
    badges = " --badges" if plan.badges else ""
    command = f"bwc sim --seed {plan.seed} --hours {hours:g} --cameras {plan.cameras} --faults {faults}{badges}"
    console.print(f"replay: {command} --until {failed.step} -v", highlight=False, soft_wrap=True)
    if not shrinks or not plan.mishaps or failed.violation is None:
        return
    letter = failed.violation.letter
    with _progress() as progress:
        bar = progress.add_task("shrinking", total=None)
        small = shrink(
            plan,
            lambda candidate: _fails_with(candidate, letter),
            lambda runs, left: progress.update(bar, description=f"shrinking: {runs} runs, {left} mishaps left"),
        )
    console.print(f"needed of {len(plan.mishaps)} mishaps: {len(small.mishaps)}")
    for mishap in small.mishaps[:MISHAPS_SHOWN_MAX]:
        console.print(f"  {mishap}", highlight=False, markup=False)


def _fails_with(plan: Plan, letter: str) -> bool:
    violation = Simulation(plan).run().violation
    return violation is not None and violation.letter == letter


def _commit() -> str:
    """What is checked out, where that can be told."""
    try:
        answer = subprocess.run(
            ("git", "describe", "--always", "--dirty"),  # noqa: S607 - whichever git the developer has
            cwd=Path(__file__).parent, capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return f"of release {VERSION}"
    return answer.stdout.strip()
