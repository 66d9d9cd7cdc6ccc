"""What every watchdog that can tell must pass. ``CASES`` take ``new_watchdog(timeout_ms)``, which returns the watchdog,
a function that lets milliseconds pass and one that tells whether the board has been reset."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.ports.watchdog import Watchdog

    NewWatchdog = Callable[[int], tuple[Watchdog, Callable[[int], None], Callable[[], bool]]]


def a_fed_watchdog_stays_quiet(new_watchdog: "NewWatchdog") -> None:
    """As long as it is fed in time."""
    watchdog, pass_ms, has_reset = new_watchdog(1000)
    for _ in range(20):
        pass_ms(900)
        watchdog.feed()
        assert not has_reset()


def a_hungry_watchdog_resets(new_watchdog: "NewWatchdog") -> None:
    """From its start on, and no later food undoes it."""
    watchdog, pass_ms, has_reset = new_watchdog(1000)
    pass_ms(999)
    assert not has_reset()
    pass_ms(1)
    assert has_reset()
    watchdog.feed()
    assert has_reset()


CASES = (a_fed_watchdog_stays_quiet, a_hungry_watchdog_resets)
