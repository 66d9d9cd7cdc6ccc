"""Bulk ranges: the host pulls bytes of recordings, the board answers and remembers nothing.

Law: pure. Both halves rest on one fact: the cable is a first-in-first-out pipe and a board answers pulls in the order
in which they came. So when bytes of a later pull (or later bytes of the same one) arrive, the earlier ones that are
still missing were lost, and the host asks for just those again, without a timer. A timer guards only the silence at
the end. Offsets are absolute and writing them twice is harmless.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import struct
from collections import namedtuple

from firmware.link import schema
from firmware.link.errors import LocalError, PeerError

if TYPE_CHECKING:
    from typing import Any, NamedTuple

    class Piece(NamedTuple):
        """What the board must read next: ``length`` bytes at ``offset`` of one part of a recording."""

        recording: bytes
        part: int
        offset: int
        length: int

    class Ask(NamedTuple):
        """A pull frame to send. ``piece_max``: the most bytes of it that the host wants in one data frame."""

        request: int
        recording: bytes
        part: int
        offset: int
        length: int
        piece_max: int
else:
    Piece = namedtuple("Piece", ("recording", "part", "offset", "length"))
    Ask = namedtuple("Ask", ("request", "recording", "part", "offset", "length", "piece_max"))

DATA_PREFIX = "<IQ"  # request, offset: what stands before the bytes in a data frame
DATA_PREFIX_BYTES = 12
BUSY = schema.number_of(tuple((row[0], row[1]) for row in schema.ERROR_CODES), "busy")
WAITING = "<I16sBQII"  # the fields of an Ask
WAITING_BYTES = 37
WAITING_MAX = schema.PULLS_MAX - 1
OFFSET_BYTES_MAX = 1 << 63  # an end beyond it fits no integer of a file system, and soon none of the wire
ASKS_IN_FLIGHT_MAX = 48  # below PULLS_MAX, so that asking again for holes never finds a board full
ASK_BYTES_MAX = 128 * 1024  # in one pull frame: what is under way in the old piece size when a line turns bad
WINDOW_BYTES = 1024 * 1024  # under way at once: a fast pipe never runs dry, a cut line loses no more than this
SILENCE_MS_MIN = 250  # before all that is outstanding is asked for again; doubled while the silence lasts
SILENCE_MS_MAX = 4_000
FRAME_OVERHEAD_BYTES = 32  # header, request, offset, check
FIRST_PIECE_BYTES = 16 * 1024
PIECE_BYTES_MIN = 240  # a line that wants less carries nothing
DECAY_BYTES = 1024 * 1024
HOLES_MIN = 0.25  # fewer than this left of the memory of losses: the line counts as clean


def ask_values(ask: Ask) -> "dict[str, Any]":
    """The fields of a pull frame. The MAC is all zero until a session token is agreed on."""
    return {
        "request": ask.request,
        "recording": ask.recording,
        "part": ask.part,
        "offset": ask.offset,
        "length": ask.length,
        "piece_max": ask.piece_max,
        "mac": bytes(16),
    }


class PieceSizer:
    """How many bytes of a recording go into one data frame, by what the line has lost lately.

    With an overhead of ``o`` bytes a frame and ``h`` losses a byte, the share of the line that is wasted is about
    ``o / n + h n`` for frames of ``n`` bytes, least at ``n = sqrt(o / h)``. Losses are holes, not frames. Old news
    fades: both counts are halved at every DECAY_BYTES.
    """

    def __init__(self, limit: int) -> None:
        self.size = min(limit, FIRST_PIECE_BYTES)
        self._limit = limit
        self._holes = 0.0
        self._bytes = 0.0

    def arrived(self, count: int) -> None:
        """Bytes have come in order."""
        self._bytes += count
        if self._bytes >= DECAY_BYTES:
            self._bytes /= 2
            self._holes /= 2
            self._choose()

    def lost(self) -> None:
        """A hole was seen."""
        self._holes += 1
        self._choose()

    def _choose(self) -> None:
        if self._holes < HOLES_MIN:
            self.size = min(self.size * 2, self._limit)
            return
        best = (FRAME_OVERHEAD_BYTES * max(self._bytes, self.size) / self._holes) ** 0.5
        # A line that has turned better shows so only slowly; growing by no more than double keeps the estimate honest.
        self.size = max(PIECE_BYTES_MIN, min(int(best), self.size * 2, self._limit))


class _Pull:
    """A range that the user of the session asked for; done when no byte is missing."""

    def __init__(self, request: int, recording: bytes, part: int, length: int) -> None:
        self.request = request
        self.recording = recording
        self.part = part
        self.missing = length


class _Flight:
    """One pull frame under way: bytes from ``position`` to ``end`` are still expected, in that order."""

    def __init__(self, request: int, pull: _Pull, position: int, end: int) -> None:
        self.request = request
        self.pull = pull
        self.position = position
        self.end = end


class PullWindow:
    """The host's half."""

    def __init__(self, piece_limit: int) -> None:
        self.pieces = PieceSizer(piece_limit)
        self._next_request = 1
        self._flights = []  # type: list[_Flight]
        self._waiting = []  # type: list[_Flight]
        self._urgent = 0  # so many at the front of those are asked for again
        self._last_ms = 0
        self._silence_ms = SILENCE_MS_MIN
        self._flying_bytes = 0
        self.outstanding_bytes = 0
        self.bytes_in = 0
        self.bytes_twice = 0
        self.bytes_unasked = 0
        self.bytes_asked_again = 0
        self._busy_ms = 0
        self._busy_since_ms = -1

    def busy_ms(self, now_ms: int) -> int:
        """How long something has been under way in all: what ``bytes_in`` took."""
        return self._busy_ms + (now_ms - self._busy_since_ms if self._busy_since_ms >= 0 else 0)

    def ask(self, recording: bytes, part: int, offset: int, length: int) -> int:
        """Ask for a range; returns the number by which its events are known."""
        if length < 1 or length > schema.PULL_BYTES_MAX:
            raise LocalError("a pull of %d bytes; 1 to %d can be asked for" % (length, schema.PULL_BYTES_MAX))
        request = self._number()
        self._waiting.append(_Flight(request, _Pull(request, recording, part, length), offset, offset + length))
        self.outstanding_bytes += length
        return request

    def next_ask(self, now_ms: int) -> "Ask | None":
        """The pull frame to send now, if any."""
        if not self._waiting or len(self._flights) >= ASKS_IN_FLIGHT_MAX or self._flying_bytes >= WINDOW_BYTES:
            return None
        flight = self._waiting[0]
        pull = flight.pull
        most = max(ASK_BYTES_MAX // self.pieces.size, 1) * self.pieces.size  # whole pieces: no crumb at each ask's end
        if flight.end - flight.position > most:
            end = flight.position + most
            self._waiting[0] = _Flight(self._number(), pull, end, flight.end)
            flight.end = end
        else:
            self._waiting.pop(0)
            self._urgent = max(self._urgent - 1, 0)
        if not self._flights:
            self._last_ms = now_ms
        if self._busy_since_ms < 0:
            self._busy_since_ms = now_ms
        self._flights.append(flight)
        length = flight.end - flight.position
        self._flying_bytes += length
        return Ask(flight.request, pull.recording, pull.part, flight.position, length, self.pieces.size)

    def on_data(self, request: int, offset: int, length: int, now_ms: int) -> "tuple[int, bool] | None":
        """Bytes have come. The user's request number and whether its range is now complete; None if not wanted."""
        index = self._find(request)
        if index < 0:
            self.bytes_unasked += length
            return None
        flight = self._flights[index]
        if offset < flight.position or offset + length > flight.end:
            if offset + length <= flight.position:
                self.bytes_twice += length
                return None
            raise PeerError("bytes %d to %d come outside the range that was asked for" % (offset, offset + length))
        self._alive(now_ms)
        for earlier in self._flights[:index]:
            self._lose(earlier, earlier.end)
        del self._flights[:index]
        if offset > flight.position:
            self._lose(flight, offset)
        flight.position = offset + length
        self._flying_bytes -= length
        self.pieces.arrived(length)
        pull = flight.pull
        pull.missing -= length
        self.bytes_in += length
        self._settle(length, now_ms)
        if flight.position == flight.end:
            self._flights.remove(flight)
        return pull.request, pull.missing == 0

    def on_fail(self, request: int, code: int, now_ms: int) -> "int | None":
        """The board cannot answer: the whole range of the user is given up. Its number, or None if unknown.

        A board that is only busy has too many pulls waiting: this one is found missing later, like a lost one.
        """
        index = self._find(request)
        if index < 0 or code == BUSY:
            return None
        self._alive(now_ms)
        pull = self._flights[index].pull
        self._settle(pull.missing, now_ms)
        for flight in self._flights:
            if flight.pull is pull:
                self._flying_bytes -= flight.end - flight.position
        self._flights = [flight for flight in self._flights if flight.pull is not pull]
        self._urgent = len([flight for flight in self._waiting[: self._urgent] if flight.pull is not pull])
        self._waiting = [flight for flight in self._waiting if flight.pull is not pull]
        return pull.request

    def on_progress(self, now_ms: int) -> None:
        """Part of a data frame has come: a slow line needs long for a large one. Other traffic is no sign of life here:
        answered pings would put off for ever what guards the last pull."""
        self._last_ms = now_ms

    def deadline_ms(self) -> "int | None":
        """When silence has lasted too long, if anything is outstanding."""
        return self._last_ms + self._silence_ms if self._flights else None

    def tick(self, now_ms: int) -> None:
        """After too long a silence, ask again for everything outstanding."""
        deadline = self.deadline_ms()
        if deadline is None or now_ms < deadline:
            return
        self._silence_ms = min(self._silence_ms * 2, SILENCE_MS_MAX)
        self._last_ms = now_ms
        for flight in self._flights:
            self._lose(flight, flight.end)
        self._flights = []

    def _settle(self, length: int, now_ms: int) -> None:
        """So much less is outstanding; when nothing is, the line is idle."""
        self.outstanding_bytes -= length
        if self.outstanding_bytes == 0 and self._busy_since_ms >= 0:
            self._busy_ms += now_ms - self._busy_since_ms
            self._busy_since_ms = -1

    def _alive(self, now_ms: int) -> None:
        self._last_ms = now_ms
        self._silence_ms = SILENCE_MS_MIN

    def _lose(self, flight: _Flight, end: int) -> None:
        """What is expected of a flight before ``end`` will not come: ask again, before anything new."""
        if end <= flight.position:
            return
        self._waiting.insert(self._urgent, _Flight(self._number(), flight.pull, flight.position, end))
        self._urgent += 1
        self._flying_bytes -= end - flight.position
        self.bytes_asked_again += end - flight.position
        self.pieces.lost()
        flight.position = end

    def _find(self, request: int) -> int:
        for index, flight in enumerate(self._flights):
            if flight.request == request:
                return index
        return -1

    def _number(self) -> int:
        number = self._next_request
        self._next_request = number % 0xFFFFFFFF + 1
        return number


class PullQueue:
    """The board's half: pulls wait here until their bytes have been handed over.

    All but the first are kept packed in a ring: as objects they would take half of what a small board can spare.
    """

    def __init__(self) -> None:
        self._first = None  # type: Ask | None
        self._position = 0
        self._ring = None  # type: bytearray | None
        self._ring_start = 0
        self._waiting = 0

    def add(self, ask: Ask) -> bool:
        """A pull frame has come; False if too many wait. PeerError for a range that no object can have."""
        if ask.length < 1 or ask.length > schema.PULL_BYTES_MAX or ask.offset + ask.length > OFFSET_BYTES_MAX:
            raise PeerError("a pull of %d bytes at %d" % (ask.length, ask.offset))
        if ask.part not in schema.PARTS or ask.piece_max < 1:
            raise PeerError("a pull of part %d in pieces of %d bytes" % (ask.part, ask.piece_max))
        if self._first is None:
            self._begin(ask)
            return True
        if self._waiting == WAITING_MAX:
            return False
        if self._ring is None:
            self._ring = bytearray(WAITING_MAX * WAITING_BYTES)
        place = (self._ring_start + self._waiting) % WAITING_MAX
        struct.pack_into(WAITING, self._ring, place * WAITING_BYTES, *ask)
        self._waiting += 1
        return True

    def next_piece(self) -> "Piece | None":
        """What to read next."""
        ask = self._first
        if ask is None:
            return None
        length = min(ask.offset + ask.length - self._position, ask.piece_max)
        return Piece(ask.recording, ask.part, self._position, length)

    def supplied(self, length: int) -> "tuple[int, int]":
        """``length`` bytes of the next piece go out now: request and offset to write before them."""
        ask = self._asked()
        offset = self._position
        self._position += length
        if self._position >= ask.offset + ask.length:
            self._advance()
        return ask.request, offset

    def fail(self) -> int:
        """The next piece cannot be read: its pull is dropped; returns the request."""
        ask = self._asked()
        self._advance()
        return ask.request

    def clear(self) -> None:
        """The session is over."""
        self._first = None
        self._waiting = 0

    def _asked(self) -> Ask:
        if self._first is None:
            raise LocalError("nothing was asked for: take next_piece first")
        return self._first

    def _begin(self, ask: Ask) -> None:
        self._first = ask
        self._position = ask.offset

    def _advance(self) -> None:
        self._first = None
        if self._ring is not None and self._waiting:
            self._begin(Ask(*struct.unpack_from(WAITING, self._ring, self._ring_start * WAITING_BYTES)))
            self._ring_start = (self._ring_start + 1) % WAITING_MAX
            self._waiting -= 1
