"""Temperatures from a thermistor, against its own formula."""

import math

import pytest

from firmware.drivers import thermistor

REFERENCE_UV = 3_300_000


def pin_uv(celsius: float, beta: float = 3950.0, ratio: float = 1.0) -> int:
    """What the divider gives."""
    resistance = ratio * math.exp(beta * (1 / (celsius + 273.15) - 1 / 298.15))
    return round(REFERENCE_UV * resistance / (1 + resistance))


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize("celsius", [value / 2 for value in range(161)])
def test_the_table_follows_the_formula(celsius: float):
    found = thermistor.millicelsius(pin_uv(celsius), REFERENCE_UV)
    assert found is not None
    assert abs(found - 1000 * celsius) < 150


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize("celsius", [0.0, 25.0, 45.0, 60.0, 80.0])
@pytest.mark.parametrize("beta", [3950 * 0.99, 3950 * 1.01])
@pytest.mark.parametrize("ratio", [0.98, 1.02])
@pytest.mark.parametrize("steps", [-8, 8])
def test_parts_at_their_worst_stay_within_the_stated_uncertainty(celsius: float, beta: float, ratio: float, steps: int):
    read_uv = pin_uv(celsius, beta, ratio) + steps * 806
    found = thermistor.millicelsius(read_uv, REFERENCE_UV)
    assert found is not None
    assert abs(found - 1000 * celsius) <= thermistor.UNCERTAINTY_MC


@pytest.mark.parametrize("uv", [3_250_000, 3_300_000])
def test_one_that_is_not_there_is_no_temperature(uv: int):
    assert thermistor.millicelsius(uv, REFERENCE_UV) is None


def test_beyond_the_table_is_its_end():
    assert thermistor.millicelsius(3_200_000, REFERENCE_UV) == -30_000
    assert thermistor.millicelsius(150_000, REFERENCE_UV) == 100_000
    assert thermistor.millicelsius(0, REFERENCE_UV) == 100_000, "shorted: as hot as can be"
