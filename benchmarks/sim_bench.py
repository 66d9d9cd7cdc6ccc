"""How fast the simulation lives: ``python -m benchmarks.sim_bench``.

A fixed workload: each camera makes six recordings of three minutes a day, one fragment of 4 KiB a second, is docked
nightly, and meets light mishaps. Counted are fragments (recorded, offloaded, kept durably, delivered, erased, judged) a
second, and camera-hours a minute; the target is 1 500 fragments a second. Seconds are the process's own CPU time, which
on a quiet machine is the wall's and on a busy one leaves out what others took; the wall's are told beside them. With
``--profile`` the busiest functions follow. Prints, writes ``build/sim_bench.json`` and its part of
``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import logging
import pstats
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.link_bench import machine
from benchmarks.marked_docs import write_between
from host_tools.simulation.plan import BENCHMARK_DAYS, Plan, make_plan
from host_tools.simulation.world import Simulation

CAMERAS = 8
HOURS = 72
SEEDS = (1, 2, 3)
TARGET_FRAGMENTS_PER_S = 1_500
PROFILE_LINES = 25


@dataclass(frozen=True)
class Run:
    """One seed."""

    seed: int
    fragments: int
    camera_hours: float
    cpu_s: float
    wall_s: float
    mishaps: int
    steps: int

    @property
    def fragments_per_s(self) -> float:
        """By CPU time."""
        return self.fragments / self.cpu_s

    @property
    def camera_hours_per_min(self) -> float:
        """By CPU time."""
        return self.camera_hours / self.cpu_s * 60


def main() -> None:
    """Run, print, write down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--profile", action="store_true", help="show where the time goes")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/benchmarks.md alone")
    arguments = parser.parse_args()
    logging.getLogger("openbwc").setLevel(logging.CRITICAL)
    runs = [measure(seed) for seed in SEEDS]
    text = report(runs)
    print(text)
    Path("build").mkdir(exist_ok=True)
    document = {"machine": machine(), "runs": [asdict(run) for run in runs]}
    Path("build/sim_bench.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if not arguments.no_docs:
        write_between(Path("docs/benchmarks.md"), "simulation benchmark", "Simulation", text)
    if arguments.profile:
        print(profile(make_plan(SEEDS[0], CAMERAS, 24, "light", BENCHMARK_DAYS)))


def measure(seed: int) -> Run:
    """One seed's days. SystemExit if a checker found something: then nothing was measured."""
    plan = make_plan(seed, CAMERAS, HOURS, "light", BENCHMARK_DAYS)
    cpu_s, wall_s = time.process_time(), time.monotonic()
    outcome = Simulation(plan).run()
    cpu_s, wall_s = time.process_time() - cpu_s, time.monotonic() - wall_s
    if outcome.violation is not None:
        raise SystemExit(f"seed {seed}, step {outcome.step}: {outcome.violation}")
    mishaps = sum(outcome.mishaps.values())
    return Run(seed, outcome.fragments, outcome.camera_hours, cpu_s, wall_s, mishaps, outcome.step)


def report(runs: list[Run]) -> str:
    """A table and a verdict."""
    rate = statistics.median(run.fragments_per_s for run in runs)
    hours = statistics.median(run.camera_hours_per_min for run in runs)
    lines = [
        f"{CAMERAS} cameras, {HOURS} simulated hours, six recordings of three minutes per camera and day, one fragment",
        f"of 4 KiB a second, docked nightly, light mishaps. {machine()}. Seconds are the process's own.",
        "",
        "| seed | fragments | camera-hours | mishaps | steps | CPU s | wall s | fragments/s | camera-hours/min |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        lines.append(
            f"| {run.seed} | {run.fragments} | {run.camera_hours:.0f} | {run.mishaps} | {run.steps} "
            f"| {run.cpu_s:.1f} | {run.wall_s:.1f} | {run.fragments_per_s:.0f} | {run.camera_hours_per_min:.0f} |"
        )
    verdict = "reached" if rate >= TARGET_FRAGMENTS_PER_S else "MISSED"
    told = f"Median: {rate:.0f} fragments/s, {hours:.0f} camera-hours a minute"
    lines += ["", f"{told}; target {TARGET_FRAGMENTS_PER_S} fragments/s: {verdict}.", ""]
    return "\n".join(lines)


def profile(plan: Plan) -> str:
    """The busiest functions of one day."""
    profiler = cProfile.Profile()
    profiler.enable()
    Simulation(plan).run()
    profiler.disable()
    shown = io.StringIO()
    pstats.Stats(profiler, stream=shown).sort_stats("tottime").print_stats(PROFILE_LINES)
    return shown.getvalue()


if __name__ == "__main__":
    main()
