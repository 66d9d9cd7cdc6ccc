"""The two-load measurement against models whose truth it cannot know: ``bwc dock sweep`` does 200 of them."""

from __future__ import annotations

import pytest

from host_tools.controller.contact_procedure import FULL
from host_tools.controller.contact_readings import resistance_row
from host_tools.controller.contact_resistance import Resistance
from host_tools.simulation.contact_sweep import Case, Pair, drawn_cases, histogram, sweep

SEEDS = 24


@pytest.mark.req("DOCK-02")
def test_estimates_lie_within_their_stated_uncertainty():
    found = list(sweep(drawn_cases(1_000, SEEDS)))
    print(histogram(one.in_units for one in found))
    for one in found:
        assert isinstance(one.found, Resistance), f"seed {one.case.draw}: {one.found}"
        assert abs(one.in_units) <= 1.3, f"seed {one.case.draw}: {one}"
        assert one.found.uncertainty_uohm < 30_000
    outside = [one.case.draw for one in found if abs(one.in_units) > 1]
    assert len(outside) <= 1, f"95 % are claimed, seeds {outside} are outside"


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize(("extra_ohm", "verdict"), [(0.0, "pass"), (0.045, "marginal"), (0.2, "fail"), (0.4, "fail")])
def test_worn_contacts_get_the_verdict_that_is_theirs(extra_ohm: float, verdict: str):
    for seed in range(2):
        found = Pair(Case(seed, extra_ohm=extra_ohm)).measure(FULL)
        assert resistance_row(found.found)["verdict"] == verdict, f"seed {seed}: {found}"


@pytest.mark.req("DOCK-02")
def test_a_full_battery_is_no_load_to_measure_with():
    found = Pair(Case(3, percent=100.0)).measure()
    assert isinstance(found.found, str)
    assert "while it charges" in found.found


def test_the_histogram_counts_everything():
    text = histogram([0.1, 0.2, -0.9, 0.6])
    assert [int(line.split()[3]) for line in text.splitlines()] == [1, 0, 0, 0, 2, 0, 1]
