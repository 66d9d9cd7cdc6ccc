"""PRBS tables against the vectors of the polynomials, error counting against flipped bits, bounds against Poisson."""

import random
from math import exp, factorial

import pytest

from firmware.drivers import prbs

# First bytes: Fibonacci register, all ones, most significant bit first, not inverted.
VECTORS = {
    prbs.PRBS9: "07be2e64129da3cf9b15238dab898880",
    prbs.PRBS15: "0002000c002800f002200cc02a80ff02",
}
TABLES = {order: bytes(prbs.make_table(order)) for order in VECTORS}


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize(("order", "vector"), VECTORS.items())
def test_the_stream_is_the_polynomials(order: int, vector: str):
    assert TABLES[order][:16].hex() == vector


@pytest.mark.parametrize("order", VECTORS)
def test_the_bit_stream_has_the_full_period_and_one_one_more_than_zeros(order: int):
    period = (1 << order) - 1
    assert len(TABLES[order]) == period
    bits = "".join(f"{value:08b}" for value in TABLES[order])
    assert bits[:period] == bits[period : 2 * period]
    assert bits[:period].count("1") == (period + 1) // 2
    assert "1" * order in bits
    assert "1" * (order + 1) not in bits


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize("order", VECTORS)
@pytest.mark.parametrize("phase", [0, 1, 500, 510, 511, 40_000])
def test_every_flipped_bit_is_counted_once(order: int, phase: int):
    seed = order * 100_000 + phase
    received = bytearray(1500)
    prbs.fill(TABLES[order], phase, received)
    assert prbs.count_bit_errors(TABLES[order], phase, received) == 0
    flips = random.Random(seed).sample(range(1500 * 8), 37)
    for bit in flips:
        received[bit // 8] ^= 1 << bit % 8
    assert prbs.count_bit_errors(TABLES[order], phase, received) == 37, f"seed {seed}"


def test_a_slipped_byte_looks_like_half_the_bits():
    table = TABLES[prbs.PRBS9]
    received = bytearray(511)
    prbs.fill(table, 1, received)
    assert 0.4 < prbs.count_bit_errors(table, 0, received) / (511 * 8) < 0.6


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize("errors", [0, 1, 3, 5, 6, 10, 40])
def test_the_bound_is_the_one_that_so_few_errors_exceed_5_percent_of_the_time(errors: int):
    expected = prbs.error_rate_bound(errors, 1_000_000) * 1_000_000
    at_most_so_many = sum(exp(-expected) * expected**count / factorial(count) for count in range(errors + 1))
    assert at_most_so_many == pytest.approx(1 - prbs.CONFIDENCE_PERCENT / 100, abs=0.0005)


def test_nothing_measured_bounds_nothing():
    assert prbs.error_rate_bound(0, 0) == 1.0
