"""Messages out of the control stream of one direction, as somebody hears them who only listens.

Law: asks for nothing and answers nothing. What was sent twice is heard once; what was never heard is told as a gap,
and listening goes on behind it. Independent of ``firmware.link.control``, which is one of the two ends. Where the ends
speak securely there are TLS records in place of messages: their kind and length is all that a listener gets. No
message of the table begins like a record: the lengths that would look so fit no message of those numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import construct as c

from firmware.link import schema
from firmware.link.control import WINDOW_SEGMENTS
from host_tools.protocol.decode_words import RECORD_KINDS

_U16: Any = c.Int16ul
_BYTE: Any = c.Int8ub
_BIG_U16: Any = c.Int16ub
MESSAGE_HEADER = c.Struct("length" / _U16, "number" / _U16, "request" / _U16).compile()
HEADER_BYTES = 6
RECORD_HEADER = c.Struct("kind" / _BYTE, "version" / _BIG_U16, "length" / _BIG_U16).compile()  # RFC 8446, 5.1
RECORD_HEADER_BYTES = 5
RECORD_BYTES_MAX = (1 << 14) + 256
RECORD_VERSIONS = (0x0301, 0x0303)
_RECORD_NAMES = dict(RECORD_KINDS)
_RECORD_STARTS = tuple(bytes([kind, 3, 3]) for kind, _ in RECORD_KINDS)  # all but the first record of an end
_HALF = 0x80000000  # of all segment numbers: what is further behind than that is ahead


class Heard(NamedTuple):
    """A whole message."""

    number: int
    request: int
    body: bytes


class Sealed(NamedTuple):
    """A record of the secure channel: ``kind`` is a word of ``decode_words.RECORD_KINDS``, ``length`` the bytes sealed
    in it."""

    kind: str
    length: int


class Unheard(NamedTuple):
    """Something is missing here, or is no message. One line."""

    text: str


class ControlListener:
    """``segment`` gives what each segment completes."""

    def __init__(self) -> None:
        self._expected: int | None = None  # none heard yet
        self._early: dict[int, bytes] = {}
        self._held = b""
        self._sealed = False  # a record has been heard: nothing else follows

    def segment(self, number: int, data: bytes) -> list[Heard | Sealed | Unheard]:
        """One segment has passed, in or out of order, for the first time or again."""
        if self._expected is None:
            self._expected = number
        ahead = (number - self._expected) % (2 * _HALF)
        if ahead >= _HALF:
            return []  # heard before
        self._early[number] = data
        found: list[Heard | Sealed | Unheard] = []
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

    def _cut(self, part: bytes) -> list[Heard | Sealed | Unheard]:
        self._held += part
        found: list[Heard | Sealed | Unheard] = []
        while len(self._held) >= HEADER_BYTES:
            if self._sealed or _is_record(self._held):
                record = self._cut_record()
                if record is None:
                    break
                found.append(record)
                continue
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

    def _cut_record(self) -> Sealed | Unheard | None:
        """What stands at the front of a secure channel's bytes; None until it is whole."""
        if not _is_record(self._held):
            lost = _next_record(self._held)
            self._held = self._held[lost:]
            return Unheard(f"{lost} bytes of a record whose beginning was never heard")
        self._sealed = True
        header = RECORD_HEADER.parse(self._held)
        end = RECORD_HEADER_BYTES + header.length
        if len(self._held) < end:
            return None
        self._held = self._held[end:]
        return Sealed(_RECORD_NAMES[header.kind], header.length)


def _is_record(data: bytes) -> bool:
    header = RECORD_HEADER.parse(data)
    return header.kind in _RECORD_NAMES and header.version in RECORD_VERSIONS and header.length <= RECORD_BYTES_MAX


def _next_record(data: bytes) -> int:
    """Where the next record may begin; the end if nowhere."""
    places = [place for start in _RECORD_STARTS if (place := data.find(start, 1)) > 0]
    return min(places, default=len(data))


def lone_messages(data: bytes) -> list[Heard] | None:
    """Messages that follow each other without frames around them; None if the bytes are anything else."""
    listener = ControlListener()
    found = listener.segment(0, data)
    whole = sum(HEADER_BYTES + len(each.body) for each in found if isinstance(each, Heard))
    return [each for each in found if isinstance(each, Heard)] if found and whole == len(data) else None
