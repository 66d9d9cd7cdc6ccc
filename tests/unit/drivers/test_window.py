"""Averages over a stretch of time."""

import math
import random
import statistics

import pytest

from firmware.drivers.window import Window


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize("seed", range(20))
def test_mean_and_scatter_are_those_of_the_textbook(seed: int):
    print(f"seed {seed}")
    chance = random.Random(seed)
    values = [round(chance.gauss(5_000_000, 3_000)) for _ in range(chance.randrange(2, 200))]
    window = Window(1000, 200)
    for value in values:
        window.take(value)
    assert abs(window.mean() - statistics.fmean(values)) <= 0.5
    assert math.isclose(window.deviation(), statistics.stdev(values), rel_tol=0.01, abs_tol=1)


def test_it_is_over_when_its_time_is_and_something_was_read():
    window = Window(1000, 200)
    assert not window.is_over(1200)
    window.take(7)
    assert not window.is_over(1199)
    assert window.is_over(1200)
    assert (window.mean(), window.deviation()) == (7, 0)


def test_nothing_read_has_no_mean():
    with pytest.raises(ValueError, match="no mean"):
        Window(0, 1).mean()
