"""Many seeds, one after another, and what they came to together.

Law: knows no clock; whoever calls says when to stop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from host_tools.simulation.outcome import Outcome
from host_tools.simulation.plan import Plan
from host_tools.simulation.world import Simulation


@dataclass
class Totals:
    """Sums over runs; ``failures`` are kept whole."""

    runs: int = 0
    camera_hours: float = 0.0
    recordings: int = 0
    offloaded: int = 0
    fragments: int = 0
    bytes_recorded: int = 0
    steps: int = 0
    mishaps: Counter[str] = field(default_factory=Counter[str])
    harmless: Counter[str] = field(default_factory=Counter[str])
    checks: Counter[str] = field(default_factory=Counter[str])
    heal_s_max: float = 0.0
    failures: list[Outcome] = field(default_factory=list[Outcome])

    def add(self, outcome: Outcome) -> None:
        """Another run."""
        self.runs += 1
        self.camera_hours += outcome.camera_hours
        self.recordings += outcome.recordings
        self.offloaded += outcome.offloaded
        self.fragments += outcome.fragments
        self.bytes_recorded += outcome.bytes_recorded
        self.steps += outcome.step
        self.mishaps.update(outcome.mishaps)
        self.harmless.update(outcome.harmless)
        self.checks.update(outcome.checks)
        self.heal_s_max = max(self.heal_s_max, outcome.heal_s)
        if outcome.violation is not None:
            self.failures.append(outcome)


def run_fleet(
    plans: Iterable[Plan], may_go_on: Callable[[], bool], told: Callable[[Totals], None] | None = None
) -> Totals:
    """Run plans until they end, one fails, or ``may_go_on`` is false (asked before each)."""
    totals = Totals()
    for plan in plans:
        if not may_go_on():
            break
        totals.add(Simulation(plan).run())
        if told is not None:
            told(totals)
        if totals.failures:
            break
    return totals
