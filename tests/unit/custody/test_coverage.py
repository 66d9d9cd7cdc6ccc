"""Coverage against the plain set of byte positions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.custody.coverage import RANGES_MAX, Coverage

LENGTH = 40
RANGES = st.lists(st.tuples(st.integers(0, LENGTH), st.integers(0, LENGTH)).map(sorted), max_size=30)


@given(RANGES)
def test_every_byte_is_new_exactly_once(ranges: list[list[int]]) -> None:
    coverage, covered = Coverage(LENGTH), set[int]()
    for start, stop in ranges:
        fresh = {place for low, high in coverage.add(start, stop) for place in range(low, high)}
        assert fresh == set(range(start, stop)) - covered
        covered |= fresh
        assert coverage.is_whole() == (len(covered) == LENGTH)


def test_ranges_outside_are_refused() -> None:
    for start, stop in ((-1, 3), (3, 2), (0, 11)):
        with pytest.raises(ValueError, match="outside"):
            Coverage(10).add(start, stop)


def test_scattered_bytes_are_noticed() -> None:
    coverage = Coverage(10 * RANGES_MAX)
    for place in range(0, 2 * RANGES_MAX + 2, 2):
        coverage.add(place, place + 1)
    assert coverage.is_scattered()
    coverage.add(0, 10 * RANGES_MAX)
    assert not coverage.is_scattered()
    assert coverage.is_whole()
