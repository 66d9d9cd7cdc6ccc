"""The clock port on Linux."""

import time

from firmware.ports.clock import WALL_NONE, Clock, WallTime

NS_PER_MS = 1_000_000


class LinuxClock(Clock):
    """Monotonic time is that of the kernel's boot, time asleep included.

    The system's own wall time is believed only with ``system_source`` (a WALL_* number) and then within
    ``system_uncertainty_ms``: a Pi without a clock chip starts at the time of its last shutdown.
    """

    def __init__(self, system_source: int = WALL_NONE, system_uncertainty_ms: int = 0) -> None:
        self._source = system_source
        self._uncertainty_ms = system_uncertainty_ms
        self._offset_ms = time.time_ns() // NS_PER_MS - self.now_ms()

    def now_ms(self) -> int:
        """See Clock."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // NS_PER_MS

    def wall(self) -> WallTime:
        """See Clock."""
        if self._source == WALL_NONE:
            return WallTime(0, WALL_NONE, 0)
        return WallTime(self.now_ms() + self._offset_ms, self._source, self._uncertainty_ms)

    def set_wall(self, unix_ms: int, source: int, uncertainty_ms: int) -> None:
        """See Clock. Kept by this object; the system's clock stays as it is."""
        self._offset_ms = unix_ms - self.now_ms()
        self._source = source
        self._uncertainty_ms = uncertainty_ms
