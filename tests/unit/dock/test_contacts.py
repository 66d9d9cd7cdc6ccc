"""Limits and verdicts of the contact check."""

import pytest

from firmware.dock import contacts
from firmware.link.schema import MEASUREMENTS_MAX, QUANTITIES


@pytest.mark.req("DOCK-02")
def test_every_quantity_of_the_wire_has_limits_and_the_marginal_band_holds_the_passing_one():
    assert set(contacts.LIMITS) == {quantity for _, quantity, _ in QUANTITIES}
    assert len(QUANTITIES) <= MEASUREMENTS_MAX
    for passing, marginal in contacts.LIMITS.values():
        assert marginal[0] <= passing[0] < passing[1] <= marginal[1]


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize("quantity", contacts.LIMITS)
def test_verdicts_at_the_edges(quantity: str):
    passing, marginal = contacts.LIMITS[quantity]
    assert contacts.verdict_of(quantity, passing[0]) == contacts.PASS
    assert contacts.verdict_of(quantity, passing[1]) == contacts.PASS
    assert contacts.verdict_of(quantity, marginal[1] + 1) == contacts.FAIL
    assert contacts.verdict_of(quantity, marginal[0] - 1) == contacts.FAIL
    if passing[1] < marginal[1]:
        assert contacts.verdict_of(quantity, passing[1] + 1) == contacts.MARGINAL


def test_what_was_not_measured_says_so():
    check = contacts.ContactCheck()
    check.take(contacts.PRESENCE, 1_650_000)
    verdicts = [row["verdict"] for row in check.measurements()]
    assert verdicts == [contacts.PASS] + [contacts.NOT_MEASURED] * (len(QUANTITIES) - 1)
    assert not check.passes(contacts.PIN_COUPLING)


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize(
    ("driven", "driven_pin_uv", "expected"),
    [
        ((0, 1_650_000), 3_000_000, 0),
        ((30_000, 1_650_000), 3_000_000, 10_000),
        ((0, 1_800_000), 3_000_000, 50_000),
        ((0, 1_650_000), 100_000, contacts.FULL_SCALE_PPM),
    ],
)
def test_coupling_is_the_worst_neighbours_share_of_the_driven_voltage(
    driven: tuple[int, int], driven_pin_uv: int, expected: int
):
    assert contacts.coupling_ppm((0, 1_650_000), driven, driven_pin_uv) == expected
