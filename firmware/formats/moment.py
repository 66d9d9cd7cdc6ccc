"""A moment as a camera knows it: its own monotonic clock, and the wall time with where that came from."""

from dataclasses import dataclass

from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.ports.clock import WALL_CONTROLLER, WALL_GNSS, WALL_NONE, WALL_RTC, WallTime

# The words that documents use for the numbers of the clock port.
SOURCE_WORDS = {WALL_NONE: "none", WALL_RTC: "rtc", WALL_CONTROLLER: "controller", WALL_GNSS: "gnss"}
SOURCES = frozenset(SOURCE_WORDS.values())
_KEYS = frozenset({"monotonic_ms", "unix_ms", "source", "uncertainty_ms"})


# The first millisecond of the year 9999: a recording that begins before has an end, and a name, that calendars know.
UNIX_MS_MAX = 253_370_764_800_000


@dataclass(frozen=True, slots=True)
class Moment:
    """``monotonic_ms`` counts from the boot that the document names; ``unix_ms`` is wall time, 0 where ``source`` is
    ``none``; ``source``: one of SOURCES; ``uncertainty_ms``: half-width of what the wall time may be off."""

    monotonic_ms: int
    unix_ms: int
    source: str
    uncertainty_ms: int

    def later(self, elapsed_ms: int) -> "Moment":
        """This moment plus ``elapsed_ms``; an unknown wall time stays unknown."""
        unix_ms = self.unix_ms if self.source == "none" else self.unix_ms + elapsed_ms
        return Moment(self.monotonic_ms + elapsed_ms, unix_ms, self.source, self.uncertainty_ms)


def moment_of(now_ms: int, wall: WallTime) -> Moment:
    """What the clock port says, as a moment."""
    return Moment(now_ms, wall.unix_ms, SOURCE_WORDS[wall.source], wall.uncertainty_ms)


def to_fields(moment: Moment) -> canonical.Document:
    """The moment as a part of a document."""
    return {
        "monotonic_ms": moment.monotonic_ms,
        "unix_ms": moment.unix_ms,
        "source": moment.source,
        "uncertainty_ms": moment.uncertainty_ms,
    }


def from_fields(value: object, what: str) -> Moment:
    """The moment that a part of a document holds."""
    fields = canonical.members(value, what)
    canonical.require_keys(fields, _KEYS, what)
    source = canonical.text(fields["source"], f"{what}.source")
    if source not in SOURCES:
        raise FormatError(f"{what}.source: {source[:20]!r} is none of {', '.join(sorted(SOURCES))}")
    unix_ms = canonical.integer(fields["unix_ms"], f"{what}.unix_ms", UNIX_MS_MAX)
    if source == "none" and unix_ms:
        raise FormatError(f"{what}.unix_ms: a wall time of no source")
    return Moment(
        monotonic_ms=canonical.integer(fields["monotonic_ms"], f"{what}.monotonic_ms"),
        unix_ms=unix_ms,
        source=source,
        uncertainty_ms=canonical.integer(fields["uncertainty_ms"], f"{what}.uncertainty_ms"),
    )
