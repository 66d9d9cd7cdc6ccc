"""Whether the destination's clock agrees with ours: evidence with two times is no evidence.

Law: pure. The destination's time is the ``Date`` of its answers, to a second, taken somewhere between asking and
answering. Its time zone is known only where it tells it (``X-Time-Zone``, this software's own).
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from host_tools.destinations.interface import DestinationUnavailable

CLOCK_TOLERANCE_MS = 60_000  # clocks kept by NTP agree to a second; a minute is a clock that nobody keeps
DATE_RESOLUTION_MS = 1_000
TIME_ZONE_HEADER = "X-Time-Zone"
HALF_A_YEAR = timedelta(days=182)  # two zones that agree now may differ in the other season


class ClocksDisagree(DestinationUnavailable):
    """Nothing is sent until one of the clocks has been set."""


class ClockReading(NamedTuple):
    """``ahead_ms``: the least by which the destination's clock is before (negative: behind) ours."""

    ahead_ms: int
    time_zone: str = ""


def read_date(date: str, asked_ms: int, answered_ms: int) -> ClockReading | None:
    """From an answer's Date and our times of asking and answering; None if it has none that can be read."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return None
    earliest_ms = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * 1000
    latest_ms = earliest_ms + DATE_RESOLUTION_MS
    if earliest_ms > answered_ms:
        return ClockReading(earliest_ms - answered_ms)
    return ClockReading(min(0, latest_ms - asked_ms))


def check_clock(
    location: str, reading: ClockReading | None, tolerance_ms: int, time_zone: str, now_unix_ms: int
) -> None:
    """ClocksDisagree if a recording's times would not mean the same there. What is not known does not disagree."""
    if reading is None:
        return
    if abs(reading.ahead_ms) > tolerance_ms:
        word = "ahead of" if reading.ahead_ms > 0 else "behind"
        raise ClocksDisagree(
            f"destination {location}: its clock is {abs(reading.ahead_ms) / 1000:.0f} s {word} ours, "
            f"at most {tolerance_ms / 1000:.0f} s are allowed: set the clocks by the same server"
        )
    if not same_zone(time_zone, reading.time_zone, now_unix_ms):
        raise ClocksDisagree(
            f"destination {location}: its time zone is {reading.time_zone:.64}, ours {time_zone}: set both alike"
        )


def same_zone(one: str, other: str, now_unix_ms: int) -> bool:
    """Whether two IANA zones show the same time, now and half a year on (``UTC`` is ``Etc/UTC``). An empty one is not
    known, and one that is in no database is compared by its name."""
    if not one or not other or one == other:
        return True
    now = datetime.fromtimestamp(now_unix_ms // 1000, UTC)
    try:
        zones = ZoneInfo(one), ZoneInfo(other)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    first, second = ([each.astimezone(zone).utcoffset() for each in (now, now + HALF_A_YEAR)] for zone in zones)
    return first == second
