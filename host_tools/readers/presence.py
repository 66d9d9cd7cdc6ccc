"""From "this is in the field now" to "a badge was held to the reader", once for each time it was.

Law: pure; time is an argument. A badge that flickers at the edge of the field is one tap. The same badge counts again
after it was away for a while, another one at once. Shown again too soon it counts when the while is over, if it is
still there; if not, the wait does not begin anew: somebody who is a little too quick each time would never be heard.
Away for a moment and then held for as long as that while it was no flicker: it counts again.
Two badges in one wallet are read in turn, and each of them is one tap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from host_tools.readers.tags import LOW_FREQUENCY, Tag

AGAIN_MS = 2_000  # from when a tap ended until the same badge counts again: as the makers' own software has it
FLICKER_MS = 1_000  # a badge that was out of sight for less was held there all the time
KNOWN_MAX = 16  # badges that are remembered at once; what reads more in two seconds is noise
LOW_FREQUENCY_READS = 2  # the same number twice: EM4100 has parity bits alone to tell noise from a badge


class Seen(NamedTuple):
    """A badge was held to the reader."""

    tag: Tag


class Gone(NamedTuple):
    """It has left the field."""

    tag: Tag


class Restarted(NamedTuple):
    """The reader lost power or was reset, and is set up anew."""


Event = Seen | Gone | Restarted


@dataclass
class _Sight:
    """One badge. ``is_tap``: whether its being here now has made a tap; ``tap_ms``: when it was last seen while that
    was so; ``back_ms``: since when it has been here again after it was away for a moment, if it was."""

    seen_ms: int
    tap_ms: int
    is_tap: bool = True
    back_ms: int | None = None


class Presence:
    """``gone_ms``: after which a badge that is not seen any more has left; ``reads``: equal readings of low-frequency
    tags that make one."""

    def __init__(self, gone_ms: int, reads: int = LOW_FREQUENCY_READS) -> None:
        self._gone_ms = gone_ms
        self._reads = reads
        self._here: Tag | None = None
        self._last_ms = 0
        self._known: dict[Tag, _Sight] = {}  # those of the last two seconds
        self._candidate: Tag | None = None
        self._count = 0

    def feed(self, tag: Tag | None, now_ms: int) -> list[Event]:
        """What the reader sees now; None for nothing."""
        events: list[Event] = []
        if tag is not None and self._is_sure(tag):
            if self._here is not None and self._here != tag:
                events.append(Gone(self._here))
            if self._is_tap(tag, now_ms):
                events.append(Seen(tag))
            self._here, self._last_ms = tag, now_ms
        elif tag is None and self._here is not None and now_ms - self._last_ms >= self._gone_ms:
            events.append(Gone(self._here))
            self._here = None
        return events

    def deadline_ms(self) -> int | None:
        """When ``feed(None)`` finds that a badge has left."""
        return self._last_ms + self._gone_ms if self._here is not None else None

    def _is_tap(self, tag: Tag, now_ms: int) -> bool:
        """Whether this sight of a badge makes a tap."""
        self._forget(now_ms)
        known = self._known.get(tag)
        if known is None:
            self._known[tag] = _Sight(now_ms, now_ms)
            return True
        away_ms = 0 if tag == self._here else now_ms - known.seen_ms
        known.seen_ms = now_ms
        if away_ms > self._gone_ms:
            known.back_ms = now_ms
        if away_ms >= FLICKER_MS:
            known.is_tap = False
        is_held = known.back_ms is not None and now_ms - known.back_ms >= AGAIN_MS
        counts = is_held or (not known.is_tap and now_ms - known.tap_ms >= AGAIN_MS)
        if counts:
            known.is_tap, known.back_ms = True, None
        if known.is_tap:
            known.tap_ms = now_ms
        return counts

    def _forget(self, now_ms: int) -> None:
        """What was away for so long counts at once when it comes back."""
        kept = {tag: each for tag, each in self._known.items() if tag == self._here or now_ms - each.seen_ms < AGAIN_MS}
        self._known = dict(list(kept.items())[1 - KNOWN_MAX :])

    def _is_sure(self, tag: Tag) -> bool:
        if tag == self._here or tag.technology not in LOW_FREQUENCY:
            return True
        self._count = self._count + 1 if tag == self._candidate else 1
        self._candidate = tag
        return self._count >= self._reads
