"""Time as a board knows it."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from collections import namedtuple

from firmware.ports.errors import Unprovided

# Where a wall time came from, best last. A manifest records the source beside each time.
WALL_NONE = 0
WALL_RTC = 1
WALL_CONTROLLER = 2
WALL_GNSS = 3

if TYPE_CHECKING:
    from typing import NamedTuple

    class WallTime(NamedTuple):
        """``unix_ms``: milliseconds since 1970-01-01T00:00Z; ``source``: WALL_*; ``uncertainty_ms``: half-width."""

        unix_ms: int
        source: int
        uncertainty_ms: int
else:
    WallTime = namedtuple("WallTime", ("unix_ms", "source", "uncertainty_ms"))


class Clock:
    """A board's monotonic clock and its idea of wall time."""

    def now_ms(self) -> int:
        """Milliseconds since this boot. Never goes back, never wraps."""
        raise Unprovided(self, "now_ms")

    def wall(self) -> WallTime:
        """The wall time now; ``source`` is WALL_NONE (and ``unix_ms`` 0) where the board does not know it."""
        raise Unprovided(self, "wall")

    def set_wall(self, unix_ms: int, source: int, uncertainty_ms: int) -> None:
        """Take a wall time. ``now_ms`` is not touched."""
        raise Unprovided(self, "set_wall")
