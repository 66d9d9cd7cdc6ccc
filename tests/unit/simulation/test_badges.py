"""A fleet whose cameras are picked up by badge: everything arrives in the right name, and a seed is a seed."""

from __future__ import annotations

import pytest

from host_tools.simulation.outcome import Outcome
from host_tools.simulation.plan import make_plan
from host_tools.simulation.world import Simulation


def lived(seed: int, faults: str = "none", hours: float = 1.5) -> Outcome:
    print(f"seed {seed}, {faults}")
    return Simulation(make_plan(seed, 2, hours, faults, badges=True)).run()  # type: ignore[arg-type]


@pytest.mark.req("RFID-02", "CTRL-06")
def test_people_take_what_flashes_and_their_recordings_are_theirs():
    outcome = lived(3)
    assert outcome.violation is None, str(outcome.violation)
    assert outcome.counts["take"] >= 2
    assert outcome.recordings > 0
    assert outcome.checks["d"] >= outcome.recordings


@pytest.mark.req("RFID-02")
def test_the_same_with_everything_going_wrong():
    outcome = lived(8, "heavy")
    assert outcome.violation is None, str(outcome.violation)
    assert sum(outcome.mishaps.values()) > 0


def test_the_same_seed_is_the_same_day():
    assert lived(5, "light", 0.5).digest == lived(5, "light", 0.5).digest
