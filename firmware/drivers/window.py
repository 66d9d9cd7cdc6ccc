"""Readings averaged over a stretch of time, with their scatter: one figure and what it is worth.

Law: pure. Whole numbers only, so that a small board's short floats lose nothing. The deviation is that of one reading;
the mean of ``count`` independent ones has it divided by the root of ``count``.
"""

from math import sqrt


class Window:
    """Readings from ``began_ms`` on, for ``length_ms``."""

    def __init__(self, began_ms: int, length_ms: int) -> None:
        self.began_ms = began_ms
        self.count = 0
        self._ends_ms = began_ms + length_ms
        self._first = 0
        self._sum = 0  # of differences from the first: small numbers, however large the readings
        self._squares = 0

    def take(self, value: int) -> None:
        """One more reading."""
        if self.count == 0:
            self._first = value
        difference = value - self._first
        self._sum += difference
        self._squares += difference * difference
        self.count += 1

    def is_over(self, now_ms: int) -> bool:
        """Whether its time has passed and something was read."""
        return self.count > 0 and now_ms >= self._ends_ms

    def mean(self) -> int:
        """Rounded. ValueError before the first reading."""
        if self.count == 0:
            raise ValueError("a window without readings has no mean")
        return self._first + (2 * self._sum + self.count) // (2 * self.count)

    def deviation(self) -> int:
        """Standard deviation of one reading; 0 for a single one."""
        if self.count < 2:
            return 0
        above = self._squares * self.count - self._sum * self._sum
        return int(sqrt(above // (self.count * (self.count - 1))))
