"""Charge from a resting voltage: monotonic, bounded, right at the points of the curve."""

from firmware.drivers.battery import CURVE, percent_from_uv


def test_the_points_of_the_curve_are_met():
    assert [percent_from_uv(cell_uv) for cell_uv, _ in CURVE] == [percent for _, percent in CURVE]


def test_more_voltage_is_never_less_charge():
    percents = [percent_from_uv(cell_uv) for cell_uv in range(2_500_000, 4_500_000, 1000)]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (0, 100)


def test_between_points_lines_are_straight():
    assert percent_from_uv(3_845_000) == 55
