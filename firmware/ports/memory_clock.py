"""A clock that moves only when told to."""

from firmware.ports.clock import WALL_NONE, Clock, WallTime


class ManualClock(Clock):
    """Starts at ``now_ms`` without a wall time."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms
        self._wall_offset_ms = 0
        self._wall_source = WALL_NONE
        self._wall_uncertainty_ms = 0

    def advance(self, elapsed_ms: int) -> None:
        """Let time pass; wall time passes with it. It never goes back."""
        if elapsed_ms < 0:
            raise ValueError("time cannot go back by %d ms" % -elapsed_ms)
        self._now_ms += elapsed_ms

    def now_ms(self) -> int:
        """See Clock."""
        return self._now_ms

    def wall(self) -> WallTime:
        """See Clock."""
        if self._wall_source == WALL_NONE:
            return WallTime(0, WALL_NONE, 0)
        return WallTime(self._now_ms + self._wall_offset_ms, self._wall_source, self._wall_uncertainty_ms)

    def set_wall(self, unix_ms: int, source: int, uncertainty_ms: int) -> None:
        """See Clock."""
        self._wall_offset_ms = unix_ms - self._now_ms
        self._wall_source = source
        self._wall_uncertainty_ms = uncertainty_ms
