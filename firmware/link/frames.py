"""Frames: bytes with a header that can be found again after noise, and a payload that is whole or not delivered.

Law: pure. A corrupt frame is a counted value, never an exception. The reader owns one buffer; a frame's payload is a
view into it, valid until more bytes are taken in.

A header is ``sync, version, kind, sequence, length, channel, check``; ``check`` is the CRC-32 of the twelve bytes
before it, started from the session's salt, so that what an earlier session left in a cable, or what content happens
to look like, does not parse. Kinds up to KIND_UNSALTED_MAX open sessions and use salt 0. The CRC-32 of a payload
follows it; an empty payload has none.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import struct
from binascii import crc32
from collections import namedtuple

from firmware.link import schema
from firmware.link.errors import LocalError

if TYPE_CHECKING:
    from typing import NamedTuple

    Buffer = bytes | bytearray | memoryview

    class Frame(NamedTuple):
        """``payload`` is a view into the reader's buffer."""

        kind: int
        sequence: int
        payload: memoryview
else:
    Frame = namedtuple("Frame", ("kind", "sequence", "payload"))

HEADER = "<HBBIII"  # the last but one word is length | channel << 24
CHECKED_BYTES = 12
SYNC_BYTES = struct.pack("<H", schema.SYNC)
OVERHEAD_BYTES = schema.HEADER_BYTES + schema.TRAILER_BYTES
SALT_NONE = 0

# A frame that stops in the middle and gets no byte for this long is given up and searched for another frame's start:
# without it a truncated frame would hold the line for ever. Longer than a busy scheduler keeps a sender waiting.
STALL_MS = 60


def header(kind: int, sequence: int, length: int, salt: int, version: int) -> bytes:
    """The 16 bytes in front of a payload of ``length`` bytes."""
    if length > schema.PAYLOAD_BYTES_MAX:
        raise LocalError("a payload of %d bytes is more than %d" % (length, schema.PAYLOAD_BYTES_MAX))
    front = struct.pack("<HBBII", schema.SYNC, version, kind, sequence & 0xFFFFFFFF, length)
    return front + struct.pack("<I", crc32(front, salt if kind > schema.KIND_UNSALTED_MAX else SALT_NONE))


def frame(kind: int, sequence: int, payload: "Buffer", salt: int, version: int) -> bytes:
    """A whole frame in one piece; for small frames. Bulk data goes out in pieces without a copy."""
    front = header(kind, sequence, len(payload), salt, version)
    if len(payload) == 0:
        return front
    return front + bytes(payload) + struct.pack("<I", crc32(payload))


class FrameReader:
    """Finds frames in bytes. ``payload_max`` bounds both a frame and the buffer."""

    def __init__(self, payload_max: int, slack_bytes: int) -> None:
        self.salt = SALT_NONE
        self.version = schema.PROTOCOL_VERSION
        self.payload_max = payload_max
        self._buffer = bytearray(payload_max + OVERHEAD_BYTES + slack_bytes)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._last_input_ms = 0
        self._partial = False  # a whole header is here whose payload is not
        self.partial_kind = -1  # of that frame
        self._guard = 0  # up to here is content of a damaged frame: nothing that needs no salt is believed in it
        self.bad_headers = 0
        self.bad_payloads = 0
        self.skipped_bytes = 0
        self.abandoned = 0

    def space(self) -> memoryview:
        """Room to read bytes into; empty when the events of what is here must be taken first."""
        if self._start == self._end:
            self._start = self._end = self._guard = 0
        elif len(self._buffer) - self._end < len(self._buffer) // 4:
            held = self._end - self._start
            self._view[0:held] = self._view[self._start : self._end]
            self._guard = max(self._guard - self._start, 0)
            self._start, self._end = 0, held
        return self._view[self._end :]

    def filled(self, count: int, now_ms: int) -> None:
        """``count`` bytes have been put at the front of ``space``."""
        self._end += count
        self._last_input_ms = now_ms

    def take(self, data: "Buffer", now_ms: int) -> int:
        """Copy in as much of ``data`` as there is room for; returns how much that was."""
        room = self.space()
        count = min(len(room), len(data))
        room[:count] = memoryview(data)[:count]
        self.filled(count, now_ms)
        return count

    def deadline_ms(self) -> "int | None":
        """When a partial frame is to be given up, if one is waiting."""
        return self._last_input_ms + STALL_MS if self._partial else None

    def tick(self, now_ms: int) -> None:
        """Give up a frame that has stood still for STALL_MS; the search goes on just behind its first byte."""
        if self._partial and now_ms - self._last_input_ms >= STALL_MS:
            self._partial = False
            self.partial_kind = -1
            self.abandoned += 1
            self._skip(1)

    def next_frame(self) -> "Frame | None":
        """The next whole, undamaged frame, or None when more bytes are needed."""
        while True:
            self._partial = False
            self.partial_kind = -1
            if self._end - self._start < schema.HEADER_BYTES:
                self._drop_to_sync()
                if self._end - self._start < schema.HEADER_BYTES:
                    # A lone piece of a header may be noise: it is given up like a partial payload.
                    self._partial = self._end != self._start
                    return None
            start = self._start
            sync, version, kind, sequence, length, check = struct.unpack_from(HEADER, self._buffer, start)
            length &= 0xFFFFFF
            if sync != schema.SYNC:
                self._drop_to_sync()
                continue
            if not self._header_holds(start, version, kind, length, check):
                self.bad_headers += 1
                self._skip(1)
                continue
            body = start + schema.HEADER_BYTES
            total = schema.HEADER_BYTES + (length + schema.TRAILER_BYTES if length else 0)
            if self._end - start < total:
                self._partial = True
                self.partial_kind = kind
                return None
            payload = self._view[body : body + length]
            if length and crc32(payload) != struct.unpack_from("<I", self._buffer, body + length)[0]:
                self.bad_payloads += 1
                if kind > schema.KIND_UNSALTED_MAX:
                    self._guard = max(self._guard, start + total)
                self._skip(1)
                continue
            self._start = start + total
            return Frame(kind, sequence, payload)

    def _header_holds(self, start: int, version: int, kind: int, length: int, check: int) -> bool:
        salted = kind > schema.KIND_UNSALTED_MAX
        if length > self.payload_max or (salted and version != self.version) or (not salted and start < self._guard):
            return False
        return crc32(self._view[start : start + CHECKED_BYTES], self.salt if salted else SALT_NONE) == check

    def _skip(self, count: int) -> None:
        self._start += count
        self.skipped_bytes += count

    def _drop_to_sync(self) -> None:
        found = self._buffer.find(SYNC_BYTES, self._start, self._end)
        if found < 0:
            found = self._end
            if found > self._start and self._buffer[found - 1] == SYNC_BYTES[0]:
                found -= 1
        self._skip(found - self._start)
