"""``bwc crash``: the power is cut at every write of every scenario, and a table says what that broke."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Generator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from host_tools.simulation.cuts import sweep
from host_tools.simulation.cuts.sweep import Share, Tally

PROCESSES_MAX = 2  # more would only disturb whoever else works on a machine of two cores
FAILURES_SHOWN = 20

console = Console()


def crash(
    seeds: Annotated[int, typer.Option(min=1, help="How often each cut is tried, each time torn otherwise.")] = 3,
    first_seed: Annotated[int, typer.Option(min=0, help="To go on where another run was stopped.")] = 1,
    recoveries: Annotated[
        int, typer.Option(min=0, help="Of each side: earlier cuts whose recovery is cut in its turn.")
    ] = sweep.RECOVERIES,
    side: Annotated[str, typer.Option(help="Only camera or controller.")] = "",
    scenario: Annotated[str, typer.Option(help="Only this scenario.")] = "",
    processes: Annotated[int, typer.Option(min=1)] = min(PROCESSES_MAX, os.cpu_count() or 1),
    cut: Annotated[str, typer.Option(help="One cut, as a failure prints it: SIDE SCENARIO OPERATION PHASE SEED.")] = "",
) -> None:
    """Cut the power before, inside and after every write, sync, rename and commit, restart, and check."""
    if cut:
        _repeat(cut)
        return
    tallies: list[Tally] = []
    for seed in range(first_seed, first_seed + seeds):
        shares = sweep.shares_of(recoveries, seed, side, scenario)
        found = _run(shares, processes, f"seed {seed}")
        if seed != first_seed:  # each seed rehearses the same operations
            found = [replace(tally, operations=0) for tally in found]
        tallies += found
        merged = sweep.merged(tallies)
        failed = sum(len(tally.failures) for tally in merged)
        console.print(f"seed {seed}: {sum(tally.cuts for tally in merged)} cuts so far, {failed} failures")
    show(sweep.merged(tallies))
    if any(tally.failures for tally in tallies):
        raise typer.Exit(1)


def show(tallies: list[Tally]) -> None:
    """What was tried and what broke, by side and scenario."""
    table = Table("Side", "Scenario", *(f"{word}" for word in ("Operations", "Cuts", "Commits cut", "Failures")))
    for tally in tallies:
        figures = (tally.operations, tally.cuts, tally.kinds["commit"], len(tally.failures))
        table.add_row(tally.side, tally.scenario, *(f"{figure}" for figure in figures))
    table.add_section()
    cuts, failures = sum(each.cuts for each in tallies), [fail for each in tallies for fail in each.failures]
    table.add_row("", "all", f"{sum(each.operations for each in tallies)}", f"{cuts}", "", f"{len(failures)}")
    console.print(table)
    for failure in failures[:FAILURES_SHOWN]:
        first, *more = failure.text.strip().splitlines()
        text = f"{first} … {more[-1].strip()}" if more else first  # the whole of a traceback is for whoever repeats it
        console.print(f"{text}\n  {sweep.how_to_repeat(failure.cut)}", highlight=False, soft_wrap=True, markup=False)
    if len(failures) > FAILURES_SHOWN:
        console.print(f"… and {len(failures) - FAILURES_SHOWN} more")


def _run(shares: list[Share], processes: int, name: str) -> list[Tally]:
    found: list[Tally] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    context = multiprocessing.get_context("spawn")
    with (
        Progress(*columns, console=console, transient=True) as progress,
        ProcessPoolExecutor(processes, mp_context=context) as pool,
        _ended_with(pool),
    ):
        task = progress.add_task(name, total=len(shares))
        with _interrupted_later():
            parts = [pool.submit(sweep.sweep_share, share) for share in shares]
        for done in as_completed(parts):
            found.append(done.result())
            progress.advance(task)
            if not console.is_terminal and len(found) * 10 // len(shares) > (len(found) - 1) * 10 // len(shares):
                console.print(f"{name}: {len(found)} of {len(shares)} parts")  # a log has no bar
    return found


@contextmanager
def _interrupted_later() -> Generator[None]:
    """A process that is just beginning is not left half begun; and it keeps SIGINT blocked, for a terminal sends Ctrl-C
    to all of them, and this one ends them."""
    waiting: list[int] = []
    handler = signal.signal(signal.SIGTERM, lambda number, _frame: waiting.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if waiting:
            signal.raise_signal(signal.SIGTERM)


@contextmanager
def _ended_with(pool: Executor) -> Generator[None]:
    """Whoever is interrupted waits for no share that has begun."""
    try:
        yield
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            child.terminate()
        raise


def _repeat(text: str) -> None:
    wanted = sweep.parse_cut(text)
    scenario = sweep.find(wanted.side, wanted.scenario)
    operations = scenario.rehearse()
    if wanted.operation >= len(operations) or wanted.phase not in scenario.phases:
        raise sweep.NoSuchCut(
            f"cut {text!r}: {wanted.side} {wanted.scenario} has operations 0 to {len(operations) - 1} and phases "
            f"{', '.join(scenario.phases)}"
        )
    operation = operations[wanted.operation]
    console.print(f"{wanted.phase} {operation.kind} {operation.path}", highlight=False)
    broken = sweep.try_one(scenario, wanted)
    console.print(broken or "every promise holds", highlight=False)
    if broken:
        raise typer.Exit(1)
