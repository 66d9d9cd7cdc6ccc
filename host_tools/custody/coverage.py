"""Which bytes of one chunk have arrived: disjoint ranges, merged as they grow.

Law: pure arithmetic on half-open ranges of byte positions; knows nothing of files, digests or recordings.
"""

from bisect import bisect_left, bisect_right

# A chunk of 1 MiB arrives in pieces of at least 256 bytes and nearly in order; a peer that scatters single bytes is
# cut off here instead of growing this list.
RANGES_MAX = 4096


class Coverage:
    """Grows from nothing to ``length`` bytes. Each byte is reported as new exactly once."""

    __slots__ = ("_length", "_starts", "_stops")

    def __init__(self, length: int) -> None:
        self._length = length
        self._starts: list[int] = []
        self._stops: list[int] = []

    def add(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Cover ``start`` to ``stop``; returns the parts that were not covered before, in order."""
        if self._starts and self._stops[-1] == start <= stop <= self._length:
            self._stops[-1] = stop  # the next piece in order: by far the usual case
            return [(start, stop)] if stop > start else []
        if not 0 <= start <= stop <= self._length:
            raise ValueError(f"range {start}..{stop} is outside 0..{self._length}")
        if start == stop:
            return []
        first = bisect_left(self._stops, start)  # the first range that touches or follows
        last = bisect_right(self._starts, stop)  # one past the last range that touches
        fresh = _gaps(start, stop, self._starts[first:last], self._stops[first:last])
        if first < last:
            start, stop = min(start, self._starts[first]), max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]
        return fresh

    def is_whole(self) -> bool:
        """Whether every byte has arrived."""
        return self._starts == [0] and self._stops == [self._length]

    def is_scattered(self) -> bool:
        """Whether the pieces are too many to keep account of."""
        return len(self._starts) > RANGES_MAX


def _gaps(start: int, stop: int, starts: list[int], stops: list[int]) -> list[tuple[int, int]]:
    gaps: list[tuple[int, int]] = []
    position = start
    for known_start, known_stop in zip(starts, stops, strict=True):
        if known_start > position:
            gaps.append((position, min(known_start, stop)))
        position = max(position, known_stop)
    if position < stop:
        gaps.append((position, stop))
    return gaps
