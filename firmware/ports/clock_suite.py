"""What every clock must pass. ``CASES`` take ``new_clock()``: a clock that has not been given a wall time."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.clock import WALL_CONTROLLER, WALL_GNSS, WALL_NONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.ports.clock import Clock

    NewClock = Callable[[], Clock]

UNIX_MS = 1750000000000
PATIENCE_MS = 60000  # more than two calls take on any board


def monotonic_time_never_goes_back(new_clock: "NewClock") -> None:
    """From call to call, and it starts at no less than 0."""
    clock = new_clock()
    last = clock.now_ms()
    assert last >= 0
    for _ in range(1000):
        now = clock.now_ms()
        assert now >= last
        last = now


def wall_time_is_unknown_at_first(new_clock: "NewClock") -> None:
    """And says so."""
    wall = new_clock().wall()
    assert wall.source == WALL_NONE
    assert wall.unix_ms == 0


def wall_time_is_as_set(new_clock: "NewClock") -> None:
    """With its source and uncertainty; the last setting counts, backwards too."""
    clock = new_clock()
    for unix_ms, source, uncertainty_ms in ((UNIX_MS, WALL_CONTROLLER, 40), (UNIX_MS - 5000000, WALL_GNSS, 1)):
        clock.set_wall(unix_ms, source, uncertainty_ms)
        wall = clock.wall()
        assert unix_ms <= wall.unix_ms < unix_ms + PATIENCE_MS
        assert wall.source == source
        assert wall.uncertainty_ms >= uncertainty_ms


def setting_wall_time_leaves_monotonic_time(new_clock: "NewClock") -> None:
    """However far the wall time jumps."""
    clock = new_clock()
    before = clock.now_ms()
    clock.set_wall(UNIX_MS, WALL_CONTROLLER, 0)
    assert before <= clock.now_ms() < before + PATIENCE_MS


CASES = (
    monotonic_time_never_goes_back,
    wall_time_is_unknown_at_first,
    wall_time_is_as_set,
    setting_wall_time_leaves_monotonic_time,
)
