"""How a run ended, in figures. Law: plain values, nothing of the world that made them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from host_tools.simulation.checkers import Violation
from host_tools.simulation.plan import Plan


@dataclass
class Outcome:
    """How a run ended. ``violation`` is None where everything held; ``step`` counts semantic events."""

    plan: Plan
    step: int
    digest: str
    violation: Violation | None
    mishaps: Counter[str]
    harmless: Counter[str]
    counts: Counter[str]
    checks: Counter[str]
    simulated_s: float
    recordings: int
    offloaded: int
    fragments: int
    bytes_recorded: int
    heal_s: float
    tail: list[str] = field(default_factory=list[str])

    @property
    def camera_hours(self) -> float:
        """Simulated."""
        return self.simulated_s * self.plan.cameras / 3_600
