"""The clock port: MicroPython's millisecond ticks, which wrap, added up to a count that does not."""

import time

from firmware.ports.clock import WALL_NONE, Clock, WallTime


class TickClock(Clock):
    """Starts at 0 with the process. Must be read once in a while: ticks wrap after days on a small board."""

    def __init__(self) -> None:
        self._ticks = time.ticks_ms()
        self._now_ms = 0
        self._wall_offset_ms = 0
        self._wall_source = WALL_NONE
        self._wall_uncertainty_ms = 0

    def now_ms(self) -> int:
        """See Clock."""
        ticks = time.ticks_ms()
        self._now_ms += max(time.ticks_diff(ticks, self._ticks), 0)
        self._ticks = ticks
        return self._now_ms

    def wall(self) -> WallTime:
        """See Clock."""
        if self._wall_source == WALL_NONE:
            return WallTime(0, WALL_NONE, 0)
        return WallTime(self.now_ms() + self._wall_offset_ms, self._wall_source, self._wall_uncertainty_ms)

    def set_wall(self, unix_ms: int, source: int, uncertainty_ms: int) -> None:
        """See Clock. Kept by this object; the system's clock stays as it is."""
        self._wall_offset_ms = unix_ms - self.now_ms()
        self._wall_source = source
        self._wall_uncertainty_ms = uncertainty_ms
