"""A watchdog in memory: instead of resetting anything it tells whether it would have."""

from firmware.ports.clock import Clock
from firmware.ports.watchdog import Watchdog


class MemoryWatchdog(Watchdog):
    """Runs from its making on, on ``clock``."""

    def __init__(self, clock: Clock, timeout_ms: int) -> None:
        self.feeds = 0
        self._clock = clock
        self._timeout_ms = timeout_ms
        self._fed_ms = clock.now_ms()
        self._bitten = False

    def feed(self) -> None:
        """See Watchdog. After the reset it is too late."""
        if not self.has_reset():
            self.feeds += 1
            self._fed_ms = self._clock.now_ms()

    def has_reset(self) -> bool:
        """Whether a full time-out has passed between two feeds, or since the last."""
        if self._clock.now_ms() - self._fed_ms >= self._timeout_ms:
            self._bitten = True
        return self._bitten
