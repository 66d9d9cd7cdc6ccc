"""The size of data frames follows what the line loses."""

from __future__ import annotations

import math
import random

import pytest

from firmware.link.bulk import FIRST_PIECE_BYTES, FRAME_OVERHEAD_BYTES, PIECE_BYTES_MIN, PieceSizer

LIMIT = 65_524


def run(sizer: PieceSizer, bit_error_rate: float, total_bytes: int, seed: int) -> tuple[float, list[int]]:
    """Send over a line of that error rate; the share that is content, and the sizes in the second half."""
    source = random.Random(seed)
    sent = arrived = 0
    sizes: list[int] = []
    while arrived < total_bytes:
        size = sizer.size
        sent += size + FRAME_OVERHEAD_BYTES
        if source.random() < 1 - math.exp(-8 * (size + FRAME_OVERHEAD_BYTES) * bit_error_rate):
            sizer.lost()
        else:
            arrived += size
            sizer.arrived(size)
        if arrived > total_bytes / 2:
            sizes.append(size)
    return arrived / sent, sizes


def test_a_clean_line_grows_to_the_limit_by_doubling():
    sizer = PieceSizer(LIMIT)
    assert sizer.size == FIRST_PIECE_BYTES
    efficiency, sizes = run(sizer, 0.0, 16 << 20, 1)
    assert set(sizes) == {LIMIT}
    assert efficiency > 0.998


@pytest.mark.parametrize(("bit_error_rate", "least"), [(1e-6, 0.95), (1e-5, 0.87), (1e-4, 0.6)])
def test_a_bad_line_is_used_nearly_as_well_as_it_can_be(bit_error_rate, least):
    for seed in range(5):
        efficiency, sizes = run(PieceSizer(LIMIT), bit_error_rate, 16 << 20, seed)
        best = math.sqrt(FRAME_OVERHEAD_BYTES / (8 * bit_error_rate))
        middle = sorted(sizes)[len(sizes) // 2]
        assert efficiency > least, f"seed {seed}: {efficiency}"
        assert best / 2 < middle < best * 2, f"seed {seed}: {middle} beside {best}"


def test_it_never_leaves_its_bounds_and_recovers():
    sizer = PieceSizer(512)
    for _ in range(1000):
        sizer.lost()
    assert sizer.size == PIECE_BYTES_MIN
    for _ in range(100_000):
        sizer.arrived(sizer.size)
    assert sizer.size == 512
