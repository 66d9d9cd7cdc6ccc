"""Pairing a badge: the same number, read again after it was taken away, and nothing about it that names nobody.

Law: pure; events in, what to tell the person out. One reading is not enough: phones and some cards draw another number
each time, low-frequency badges are misread, and somebody else's badge lies on the desk.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from host_tools.readers.errors import TagRefused
from host_tools.readers.presence import Event, Seen
from host_tools.readers.tags import Tag, check_for_pairing

TAPS = 2  # of the same badge, one after the other
OTHERS_MAX = 3  # different numbers in a row, after which this badge is given up


class Progress(NamedTuple):
    """``tag``: the badge that is to be paired, None until it is sure; ``text``: what the person is told."""

    tag: Tag | None
    text: str


class RepeatedTaps:
    """``known``: badge numbers that are paired already, with whom."""

    def __init__(self, known: Iterable[tuple[str, str]] = (), taps: int = TAPS) -> None:
        self._known = dict(known)
        self._taps = taps
        self._last: Tag | None = None
        self._count = 0
        self._numbers: list[str] = []

    def feed(self, event: Event) -> Progress | None:
        """What a reader saw; None for what is no matter. TagRefused: this badge cannot be paired, and why."""
        if not isinstance(event, Seen):
            return None
        tag = event.tag
        check_for_pairing(tag, self._known)
        if tag.text in self._known:
            raise TagRefused(f"badge {tag.text} belongs to {self._known[tag.text]}: unpair it there first")
        if self._last is not None and tag != self._last:
            self._numbers.append(tag.text)
            if len(self._numbers) >= OTHERS_MAX:
                raise TagRefused(f"another number each time, {self._last.text} and {tag.text}: use another badge")
        self._count = self._count + 1 if tag == self._last else 1
        self._last = tag
        if self._count >= self._taps:
            return Progress(tag, f"badge {tag.text} ({tag.technology}, {tag.bit_count} bits)")
        left = self._taps - self._count
        return Progress(None, f"read {tag.text}; take it away for two seconds, then hold it again ({left} more)")
