"""Messages out of the control stream of one direction, as somebody hears them who only listens.

Law: asks for nothing and answers nothing. What was sent twice is heard once; what was never heard is told as a gap,
and listening goes on behind it. Independent of ``firmware.link.control``, which is one of the two ends.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import construct as c

from firmware.link import schema
from firmware.link.control import WINDOW_SEGMENTS

_U16: Any = c.Int16ul
MESSAGE_HEADER = c.Struct("length" / _U16, "number" / _U16, "request" / _U16).compile()
HEADER_BYTES = 6
_HALF = 0x80000000  # of all segment numbers: what is further behind than that is ahead


class Heard(NamedTuple):
    """A whole message."""

    number: int
    request: int
    body: bytes


class Unheard(NamedTuple):
    """Something is missing here, or is no message. One line."""

    text: str


class ControlListener:
    """``segment`` gives what each segment completes."""

    def __init__(self) -> None:
        self._expected: int | None = None  # none heard yet
        self._early: dict[int, bytes] = {}
        self._held = b""

    def segment(self, number: int, data: bytes) -> list[Heard | Unheard]:
        """One segment has passed, in or out of order, for the first time or again."""
        if self._expected is None:
            self._expected = number
        ahead = (number - self._expected) % (2 * _HALF)
        if ahead >= _HALF:
            return []  # heard before
        self._early[number] = data
        found: list[Heard | Unheard] = []
        if len(self._early) > WINDOW_SEGMENTS:
            found.append(self._jump())
        while (part := self._early.pop(self._expected, None)) is not None:
            self._expected = (self._expected + 1) % (2 * _HALF)
            found += self._cut(part)
        return found

    def _jump(self) -> Unheard:
        """No sender has more in flight: what is missing passed before we listened, or beside us."""
        expected = self._expected or 0
        nearest = min((number - expected) % (2 * _HALF) for number in self._early)
        self._expected = (expected + nearest) % (2 * _HALF)
        self._held = b""
        return Unheard(f"{nearest} segments from number {expected} on were never heard")

    def _cut(self, part: bytes) -> list[Heard | Unheard]:
        self._held += part
        found: list[Heard | Unheard] = []
        while len(self._held) >= HEADER_BYTES:
            header = MESSAGE_HEADER.parse(self._held)
            if header.length < HEADER_BYTES - 2 or header.length + 2 > schema.MESSAGE_BYTES_MAX:
                self._held = b""
                found.append(Unheard(f"a message of {header.length} bytes: no message begins here"))
            elif len(self._held) < header.length + 2:
                break
            else:
                found.append(Heard(header.number, header.request, self._held[HEADER_BYTES : header.length + 2]))
                self._held = self._held[header.length + 2 :]
        return found


def lone_messages(data: bytes) -> list[Heard] | None:
    """Messages that follow each other without frames around them; None if the bytes are anything else."""
    listener = ControlListener()
    found = listener.segment(0, data)
    whole = sum(HEADER_BYTES + len(each.body) for each in found if isinstance(each, Heard))
    return [each for each in found if isinstance(each, Heard)] if found and whole == len(data) else None
