"""Frames in bytes that somebody else has recorded: where each begins, what is between them, whose session they are of.

Law: the second finder of frames. It reads headers with construct and shares with ``firmware.link.frames`` the table
and nothing else; tests hold the two equal. It never loses a byte: what is no frame is told as noise or damage.

A session's salt can be had from any frame of it: a CRC is run backwards from the check over the twelve bytes before
it. Whether the guess is right is told by the payload's own CRC. So a recording that begins in the middle is readable,
and frames of another session are recognised as such.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Iterator
from typing import Any, NamedTuple

from firmware.link import schema
from host_tools.protocol.constructs import FRAME_HEADER

SYNC_BYTES = schema.SYNC.to_bytes(2, "little")
CHECKED_BYTES = schema.HEADER_BYTES - 4
_CRC_POLYNOMIAL = 0xEDB88320  # CRC-32 of IEEE 802.3, reflected
_SALTED_KINDS = frozenset(row[0] for row in schema.FRAME_KINDS if row[0] > schema.KIND_UNSALTED_MAX)


class Found(NamedTuple):
    """A whole frame, undamaged. ``salt`` is the one its header is checked with (0 for kinds that open sessions)."""

    offset: int
    kind: int
    sequence: int
    payload: bytes
    version: int
    salt: int
    wire_bytes: int


class Foreign(NamedTuple):
    """A whole frame of another session than the one that is being read."""

    frame: Found


class Damaged(NamedTuple):
    """A header that holds, with a payload that does not. The search goes on behind its first byte."""

    offset: int
    kind: int
    sequence: int
    length: int


class Noise(NamedTuple):
    """Bytes that belong to no frame."""

    offset: int
    data: bytes


Item = Found | Foreign | Damaged | Noise


class FrameFinder:
    """One direction of one line. ``salt``: None if it is not known and to be found out.

    ``feed`` and its like are iterators, and ``salt`` may be set while one runs: it holds from the next frame on.
    """

    def __init__(
        self, salt: int | None, payload_max: int = schema.PAYLOAD_BYTES_MAX, tell_foreign: bool = False
    ) -> None:
        self.salt = salt
        self.version = schema.PROTOCOL_VERSION
        self._payload_max = payload_max
        self._tell_foreign = tell_foreign
        self._buffer = bytearray()
        self._start = 0  # of what has not been judged yet, in the buffer
        self._passed = 0  # bytes of the line that are in the buffer no more
        self._guard = 0  # offset up to which all is content of a damaged frame: a frame without a salt is not believed
        self._noise = bytearray()

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait for more."""
        return len(self._buffer) - self._start

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Item]:
        """More bytes of the line."""
        self._buffer += data
        yield from self._judge()

    def give_up(self) -> Iterator[Item]:
        """What waits has stood still for too long: its first byte is noise, and the search goes on behind it."""
        if self.waiting_bytes:
            self._skip(1)
            yield from self._judge()

    def finish(self) -> Iterator[Item]:
        """Nothing more will come."""
        while self.waiting_bytes:
            yield from self.give_up()
        yield from self._told_noise()

    def _judge(self) -> Iterator[Item]:
        while (item := self._next()) is not None:
            yield from self._told_noise()
            if isinstance(item, Damaged):
                self._skip(1)
            else:
                self._start += item.wire_bytes if isinstance(item, Found) else item.frame.wire_bytes
            yield item
        self._passed += self._start
        del self._buffer[: self._start]
        self._start = 0

    def _next(self) -> Found | Foreign | Damaged | None:
        while self._to_sync():
            header = FRAME_HEADER.parse(self._buffer[self._start : self._start + schema.HEADER_BYTES])
            front = bytes(self._buffer[self._start : self._start + CHECKED_BYTES])
            salt = self._salt_of(header, front)
            if salt is None:
                self._skip(1)
                continue
            total = schema.HEADER_BYTES + (header.length + schema.TRAILER_BYTES if header.length else 0)
            if self.waiting_bytes < total:
                return None
            offset = self._passed + self._start
            own = salt == self._expected_salt(header.kind)
            payload = self._payload(header.length)
            if payload is None:
                if own:
                    if header.kind > schema.KIND_UNSALTED_MAX:
                        self._guard = max(self._guard, offset + total)
                    return Damaged(offset, header.kind, header.sequence, header.length)
                self._skip(1)
                continue
            found = Found(offset, header.kind, header.sequence, payload, header.version, salt, total)
            if own:
                return found
            if self.salt is None:
                self.salt = salt
                return found
            return Foreign(found)
        return None

    def _to_sync(self) -> bool:
        """Skip what cannot be the start of a header; whether a whole one could be here."""
        found = self._buffer.find(SYNC_BYTES, self._start)
        if found < 0:
            ends_in_half = self.waiting_bytes > 0 and self._buffer[-1] == SYNC_BYTES[0]
            found = len(self._buffer) - ends_in_half
        self._skip(found - self._start)
        return self.waiting_bytes >= schema.HEADER_BYTES

    def _salt_of(self, header: Any, front: bytes) -> int | None:
        """The salt with which this header holds, if it may hold at all."""
        if header.length > self._payload_max:
            return None
        expected = self._expected_salt(header.kind)
        salted = header.kind > schema.KIND_UNSALTED_MAX
        readable = header.version == self.version if salted else self._passed + self._start >= self._guard
        if expected is not None and readable and crc32(front, expected) == header.check:
            return expected
        guess = self._tell_foreign or self.salt is None
        plausible = header.kind in _SALTED_KINDS and header.version == self.version and header.channel == 0
        return salt_behind(front, header.check) if guess and plausible and header.length else None

    def _expected_salt(self, kind: int) -> int | None:
        return self.salt if kind > schema.KIND_UNSALTED_MAX else 0

    def _payload(self, length: int) -> bytes | None:
        body = self._start + schema.HEADER_BYTES
        payload = bytes(self._buffer[body : body + length])
        trailer = self._buffer[body + length : body + length + schema.TRAILER_BYTES]
        return payload if not length or crc32(payload) == int.from_bytes(trailer, "little") else None

    def _skip(self, count: int) -> None:
        self._noise += self._buffer[self._start : self._start + count]
        self._start += count

    def _told_noise(self) -> Iterator[Noise]:
        if self._noise:
            yield Noise(self._passed + self._start - len(self._noise), bytes(self._noise))
            self._noise.clear()


def salt_behind(data: bytes, check: int) -> int:
    """The start value from which the CRC-32 of ``data`` becomes ``check``."""
    register = check ^ 0xFFFFFFFF
    for byte in reversed(data):
        index = _BY_TOP_BYTE[register >> 24]
        register = ((register ^ _TABLE[index]) << 8 | index ^ byte) & 0xFFFFFFFF
    return register ^ 0xFFFFFFFF


def _table_entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_CRC_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(_table_entry(byte) for byte in range(256))
_BY_TOP_BYTE = {entry >> 24: byte for byte, entry in enumerate(_TABLE)}
