"""The journal of a recording in progress: one checked line per event, in order, numbered from 0.

A line is written only after the chunks it names are durable, so everything a journal says is true. Reading ends at the
first line that does not hold: if no whole line follows it is the torn tail of a power cut, be it garbage with line ends
in it; otherwise the journal is damaged. Either way nothing from that line on is believed.
"""

from dataclasses import dataclass
from enum import Enum

from firmware.formats import canonical, moment, track
from firmware.formats.errors import FormatError
from firmware.formats.manifest import (
    FRAGMENT_CHUNKS_MAX,
    SHA256_BYTES,
    ChunkEntry,
    FragmentEntry,
    chunk_row,
    chunk_rows,
    fragment_of_row,
    fragment_row,
)
from firmware.formats.marks import Marks, add_mark, take_mark
from firmware.formats.moment import Moment

LINE_BYTES_MAX = 16384  # FRAGMENT_CHUNKS_MAX chunks of at most 112 characters and a block of places; bounds a buffer
TORN_BYTES_MAX = LINE_BYTES_MAX + 16  # one line with its check: all that a power cut can leave unfinished

_FRAGMENT_KEYS = frozenset({"line", "event", "fragment", "chunks", "total_sha256"})
_PLACES_KEY = "places"  # there if and only if any were noted
_STOP_KEYS = frozenset({"line", "event", "cause", "stopped", "interrupted"})


@dataclass(frozen=True, slots=True)
class FragmentWritten:
    """A fragment whose chunks are durable. ``total_sha256``: of the plaintext of all fragments up to and with this one,
    so that a recording can be closed after a power cut without its key; ``places``: the fragment's block of the track,
    sealed where the chunks are, nothing where none was noted."""

    entry: FragmentEntry
    chunks: "tuple[ChunkEntry, ...]"
    total_sha256: bytes
    places: bytes = b""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The recording ended; only the manifest is missing."""

    cause: str
    stopped: Moment
    interrupted: bool


Event = FragmentWritten | Stopped


class Ending(Enum):
    """How a journal ends: with a whole line; with the rest of one that was being written; or with what no power cut
    explains: a line that does not hold and others behind it, or a whole line that is not the one that belongs there.
    """

    WHOLE = "whole"
    TORN = "torn"
    DAMAGED = "damaged"


def encode(line: int, event: Event, marks: "Marks | None" = None) -> bytes:
    """Line number ``line`` of a journal, newline included, marked after the line before it. FormatError beyond a
    limit."""
    fields = _to_fields(line, event)
    _from_fields(fields, line)
    return canonical.encode_line(add_mark(marks, fields))


def decode(data: "bytes | bytearray | memoryview", line: int, marks: "Marks | None" = None) -> Event:
    """The event of line number ``line``. FormatError if anything in it is not as written, or not marked so."""
    what = f"journal line {line}"
    return _from_fields(take_mark(marks, canonical.decode_line(data, what, LINE_BYTES_MAX), what), line)


class JournalReader:
    """Reads a journal piece by piece. ``good_bytes``: length of what holds; ``lines``: how many lines that is;
    ``marks``: of a camera that marks its lines, the header's checked before."""

    def __init__(self, marks: "Marks | None" = None) -> None:
        self._marks = marks
        self.good_bytes = 0
        self.lines = 0
        self._rest = bytearray()  # from the first byte that does not hold
        self._bad = False

    def feed(self, data: "bytes | bytearray | memoryview") -> "list[Event]":
        """The events that the next bytes of the file complete; none after the first bad line."""
        if len(self._rest) <= TORN_BYTES_MAX or not self._bad:
            self._rest += data
        return [] if self._bad else self._take_lines()

    def finish(self) -> Ending:
        """How the journal ends, once every byte has been fed. A line is synced before the next is begun: so a power cut
        leaves at most one line that does not hold, whatever bytes are in it, and no line behind it."""
        if not self._rest:
            return Ending.WHOLE
        if len(self._rest) > TORN_BYTES_MAX or any(map(_is_checked, bytes(self._rest).splitlines(keepends=True))):
            return Ending.DAMAGED
        return Ending.TORN

    def _take_lines(self) -> "list[Event]":
        events: list[Event] = []
        start = 0
        while not self._bad and (end := self._rest.find(b"\n", start) + 1):
            try:
                events.append(decode(self._rest[start:end], self.lines, self._marks))
            except FormatError:
                self._bad = True
            else:
                self.lines += 1
                self.good_bytes += end - start
                start = end
        del self._rest[:start]
        self._bad = self._bad or len(self._rest) > TORN_BYTES_MAX
        return events


def _is_checked(line: bytes) -> bool:
    """Whether somebody wrote this line, whatever it says: its own check holds."""
    try:
        canonical.decode_line(line, "journal line", LINE_BYTES_MAX)
    except FormatError:
        return False
    return True


def _to_fields(line: int, event: Event) -> canonical.Document:
    if isinstance(event, Stopped):
        return {
            "line": line,
            "event": "stopped",
            "cause": event.cause,
            "stopped": moment.to_fields(event.stopped),
            "interrupted": event.interrupted,
        }
    return {
        "line": line,
        "event": "fragment",
        "fragment": fragment_row(event.entry),
        "chunks": [chunk_row(entry) for entry in event.chunks],
        "total_sha256": event.total_sha256.hex(),
        **({_PLACES_KEY: event.places.hex()} if event.places else {}),
    }


def _from_fields(fields: canonical.Document, line: int) -> Event:
    what = f"journal line {line}"
    if canonical.integer(fields.get("line"), f"{what}: line") != line:
        raise FormatError(f"{what}: numbered otherwise")
    if fields.get("event") == "stopped":
        canonical.require_keys(fields, _STOP_KEYS, what)
        return Stopped(
            cause=canonical.word(fields["cause"], f"{what}: cause"),
            stopped=moment.from_fields(fields["stopped"], f"{what}: stopped"),
            interrupted=canonical.boolean(fields["interrupted"], f"{what}: interrupted"),
        )
    if fields.get("event") != "fragment":
        raise FormatError(f"{what}: unknown event")
    canonical.require_keys(fields, _FRAGMENT_KEYS | ({_PLACES_KEY} & fields.keys()), what)
    row = canonical.rows(fields["fragment"], f"{what}: fragment", 8)
    written = FragmentWritten(
        entry=fragment_of_row(row, f"{what}: fragment"),
        chunks=chunk_rows(fields["chunks"], f"{what}: chunks", FRAGMENT_CHUNKS_MAX),
        total_sha256=canonical.binary(fields["total_sha256"], f"{what}: total_sha256", SHA256_BYTES),
        places=track.block(fields[_PLACES_KEY], f"{what}: places") if _PLACES_KEY in fields else b"",
    )
    if len(written.chunks) != written.entry.chunk_count:
        raise FormatError(f"{what}: {len(written.chunks)} chunks instead of {written.entry.chunk_count}")
    return written
