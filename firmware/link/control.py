"""The control stream: a small reliable byte stream over frames that may be lost.

Law: pure; knows segments and time, nothing of messages. Segments are numbered; the receiver acknowledges all before a
number and names later ones that it holds. A serial line is a first-in-first-out pipe: when a segment sent later has
arrived, an earlier one that has not is lost, so it is sent again at once; the timer is for the last one only.

Timer: RFC 6298 (smoothed round trip, variance, doubling back-off), in whole milliseconds.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import struct

from firmware.link.errors import LocalError, PeerError

if TYPE_CHECKING:
    from typing import Protocol

    Buffer = bytes | bytearray | memoryview

    class Readable(Protocol):
        """What gives bytes in order, none when all has been read."""

        def read(self) -> bytes: ...


WINDOW_SEGMENTS = 16  # in flight; also what a receiver holds out of order. 16 x 512 B is 8 KiB on a Pico
QUEUE_BYTES_MIN = 8192  # unacknowledged, sent or not: two of the largest messages; a window where frames are larger
TIMEOUT_MS_FIRST = 500  # before a round trip has been measured
TIMEOUT_MS_MIN = 100  # below the noise of a busy scheduler a timer only repeats what is under way
TIMEOUT_MS_MAX = 4_000
RESENDS_MAX = 8  # of one segment; then the peer is gone


class _Segment:
    def __init__(self, number: int, data: bytes) -> None:
        self.number = number
        self.data = data
        self.sent_ms = -1
        self.order = 0  # position in the pipe of its last sending
        self.resends = 0
        self.waiting = True  # to be sent (again)


class ControlStream:
    """One end of the stream. ``on_segment`` and ``on_ack`` take what arrives, ``next_segment`` gives what to send."""

    def __init__(self, segment_bytes_max: int) -> None:
        self._segment_bytes_max = segment_bytes_max
        self._queue_bytes_max = max(WINDOW_SEGMENTS * segment_bytes_max, QUEUE_BYTES_MIN)
        self._outgoing = []  # type: list[bytearray]  # as segments: no large block is ever needed, nor a small one a message
        self._flight = []  # type: list[_Segment]
        self._next_number = 0
        self._order = 0
        self._expected = 0
        self._early = {}  # type: dict[int, bytes]
        self._arrived = []  # type: list[bytes]
        self._round_trip_ms = -1
        self._variance_ms = 0
        self._timeout_ms = TIMEOUT_MS_FIRST
        self.ack_owed = False
        self.resent = 0
        self.duplicates = 0
        self.dead = False

    def write(self, data: bytes) -> None:
        """Queue bytes for the peer."""
        room = self.room_bytes()
        if len(data) > room:
            held = self._queue_bytes_max - room
            raise LocalError("%d bytes wait to be acknowledged already; the peer does not listen" % held)
        rest = memoryview(data)
        while len(rest):
            if not self._outgoing or len(self._outgoing[-1]) == self._segment_bytes_max:
                self._outgoing.append(bytearray())
            room = self._segment_bytes_max - len(self._outgoing[-1])
            self._outgoing[-1] += rest[:room]
            rest = rest[room:]

    def read(self) -> bytes:
        """The next bytes that have arrived in order, a segment's at a time; none when all has been read."""
        return self._arrived.pop(0) if self._arrived else b""

    def room_bytes(self) -> int:
        """How much ``write`` takes now."""
        held = sum(len(part) for part in self._outgoing) + sum(len(segment.data) for segment in self._flight)
        return max(self._queue_bytes_max - held, 0)

    def has_early(self) -> bool:
        """Whether segments are held that came before one that is missing."""
        return bool(self._early)

    def idle(self) -> bool:
        """Whether all that was written has been acknowledged."""
        return not self._flight and not self._outgoing

    def on_segment(self, number: int, data: "Buffer") -> None:
        """A segment has arrived, in or out of order, for the first time or again."""
        self.ack_owed = True
        ahead = (number - self._expected) & 0xFFFFFFFF
        if ahead >= WINDOW_SEGMENTS:
            if ahead < 0x80000000:
                raise PeerError("segment %d is beyond the window" % number)
            self.duplicates += 1
            return
        if ahead:
            if number in self._early:
                self.duplicates += 1
            self._early[number] = bytes(data)
            return
        self._arrived.append(bytes(data))
        self._expected = (self._expected + 1) & 0xFFFFFFFF
        while self._expected in self._early:
            self._arrived.append(self._early.pop(self._expected))
            self._expected = (self._expected + 1) & 0xFFFFFFFF

    def on_ack(self, ack: int, later: int, now_ms: int) -> None:
        """The peer holds all segments before ``ack``, and those of the bits of ``later``."""
        if ((self._next_number - ack) & 0xFFFFFFFF) > WINDOW_SEGMENTS:
            return  # old news, or nonsense: nothing outside the flight can be acknowledged
        newest_order = 0
        kept = []  # type: list[_Segment]
        for segment in self._flight:
            ahead = (segment.number - ack) & 0xFFFFFFFF
            held = ahead >= 0x80000000 or (0 < ahead <= 32 and (later >> (ahead - 1)) & 1)
            if held and segment.sent_ms >= 0:
                newest_order = max(newest_order, segment.order)
                if segment.resends == 0:
                    self._measure(now_ms - segment.sent_ms)
            else:
                kept.append(segment)
        self._flight = kept
        for segment in kept:
            if segment.order and segment.order < newest_order and not segment.waiting:
                self._send_again(segment)

    def next_segment(self, now_ms: int) -> "tuple[int, bytes] | None":
        """Number and bytes of the segment to send now, if any."""
        for segment in self._flight:
            if segment.waiting:
                return self._sent(segment, now_ms)
        if not self._outgoing or len(self._flight) >= WINDOW_SEGMENTS:
            return None
        segment = _Segment(self._next_number, bytes(self._outgoing.pop(0)))
        self._next_number = (self._next_number + 1) & 0xFFFFFFFF
        self._flight.append(segment)
        return self._sent(segment, now_ms)

    def ack(self) -> "tuple[int, int]":
        """The acknowledgement to send: all before the first number, and a bit for each later segment held."""
        self.ack_owed = False
        later = 0
        for number in self._early:
            later |= 1 << (((number - self._expected) & 0xFFFFFFFF) - 1)
        return self._expected, later

    def tick(self, now_ms: int) -> None:
        """Send the oldest segment again when its time is over; the peer is dead after RESENDS_MAX of them."""
        deadline = self.deadline_ms()
        if deadline is None or now_ms < deadline:
            return
        self._timeout_ms = min(self._timeout_ms * 2, TIMEOUT_MS_MAX)
        oldest = self._flight[0]
        if oldest.resends >= RESENDS_MAX:
            self.dead = True
        self._send_again(oldest)

    def deadline_ms(self) -> "int | None":
        """When ``tick`` has something to do."""
        if not self._flight or self._flight[0].waiting:
            return None
        return self._flight[0].sent_ms + self._timeout_ms

    def _sent(self, segment: _Segment, now_ms: int) -> "tuple[int, bytes]":
        self._order += 1
        segment.order = self._order
        segment.waiting = False
        segment.sent_ms = now_ms
        return segment.number, segment.data

    def _send_again(self, segment: _Segment) -> None:
        segment.waiting = True
        segment.resends += 1
        self.resent += 1

    def _measure(self, sample_ms: int) -> None:
        if self._round_trip_ms < 0:
            self._round_trip_ms = sample_ms
            self._variance_ms = sample_ms // 2
        else:
            self._variance_ms += (abs(self._round_trip_ms - sample_ms) - self._variance_ms) // 4
            self._round_trip_ms += (sample_ms - self._round_trip_ms) // 8
        timeout = self._round_trip_ms + max(4 * self._variance_ms, 10)
        self._timeout_ms = max(TIMEOUT_MS_MIN, min(timeout, TIMEOUT_MS_MAX))


class MessageReader:
    """Cuts the control stream's bytes into messages: ``(number, request, body)``."""

    def __init__(self, message_bytes_max: int) -> None:
        self._message_bytes_max = message_bytes_max
        self._held = b""

    def feed(self, data: bytes) -> None:
        """Bytes of the stream, in order."""
        self._held = self._held + data if self._held else data

    def read_from(self, stream: "Readable") -> "tuple[int, int, bytes] | None":
        """The next whole message of a stream, taking no more out of it than that needs."""
        message = self.next_message()
        while message is None:
            data = stream.read()
            if not data:
                return None
            self.feed(data)
            message = self.next_message()
        return message

    def next_message(self) -> "tuple[int, int, bytes] | None":
        """The next whole message, or None. PeerError for a length that no message can have."""
        if len(self._held) < 2:
            return None
        length = struct.unpack_from("<H", self._held, 0)[0]
        if length < 4 or length + 2 > self._message_bytes_max:
            raise PeerError("a message of %d bytes" % length)
        if len(self._held) < length + 2:
            return None
        number, request = struct.unpack_from("<HH", self._held, 2)
        body = self._held[6 : length + 2]
        self._held = self._held[length + 2 :]
        return number, request, body
