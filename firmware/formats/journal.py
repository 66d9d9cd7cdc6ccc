"""The journal of a recording in progress: one checked line per event, in order, numbered from 0.

A line is written only after the chunks it names are durable, so everything a journal says is true. Reading ends at the
first line that does not hold: at the end of the file that is the torn tail of a power cut; with more bytes behind it
the journal is damaged. Either way nothing from that line on is believed.
"""

from dataclasses import dataclass
from enum import Enum

from firmware.formats import canonical, moment
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
from firmware.formats.moment import Moment

LINE_BYTES_MAX = 16384  # FRAGMENT_CHUNKS_MAX chunks of at most 112 characters fit twice; bounds a reader's buffer

_FRAGMENT_KEYS = frozenset({"line", "event", "fragment", "chunks", "total_sha256"})
_STOP_KEYS = frozenset({"line", "event", "cause", "stopped", "interrupted"})


@dataclass(frozen=True, slots=True)
class FragmentWritten:
    """A fragment whose chunks are durable. ``total_sha256``: of the plaintext of all fragments up to and with this one,
    so that a recording can be closed after a power cut without its key."""

    entry: FragmentEntry
    chunks: "tuple[ChunkEntry, ...]"
    total_sha256: bytes


@dataclass(frozen=True, slots=True)
class Stopped:
    """The recording ended; only the manifest is missing."""

    cause: str
    stopped: Moment
    interrupted: bool


Event = FragmentWritten | Stopped


class Ending(Enum):
    """How a journal ends: with a whole line, in the middle of one, or with a line that does not hold before others."""

    WHOLE = "whole"
    TORN = "torn"
    DAMAGED = "damaged"


def encode(line: int, event: Event) -> bytes:
    """Line number ``line`` of a journal, newline included. FormatError beyond a limit."""
    fields = _to_fields(line, event)
    _from_fields(fields, line)
    return canonical.encode_line(fields)


def decode(data: "bytes | bytearray | memoryview", line: int) -> Event:
    """The event of line number ``line``. FormatError if anything in it is not as written."""
    return _from_fields(canonical.decode_line(data, f"journal line {line}", LINE_BYTES_MAX), line)


class JournalReader:
    """Reads a journal piece by piece. ``good_bytes``: length of what holds; ``lines``: how many lines that is."""

    def __init__(self) -> None:
        self.good_bytes = 0
        self.lines = 0
        self._rest = bytearray()
        self._bad = False
        self._damaged = False

    def feed(self, data: "bytes | bytearray | memoryview") -> "list[Event]":
        """The events that the next bytes of the file complete; none after the first bad line."""
        if self._bad:
            self._damaged = self._damaged or len(data) > 0
            return []
        self._rest += data
        return self._take_lines()

    def finish(self) -> Ending:
        """How the journal ends, once every byte has been fed."""
        if self._damaged:
            return Ending.DAMAGED
        return Ending.TORN if self._bad or self._rest else Ending.WHOLE

    def _take_lines(self) -> "list[Event]":
        events: list[Event] = []
        start = 0
        while not self._bad and (end := self._rest.find(b"\n", start) + 1):
            try:
                events.append(decode(self._rest[start:end], self.lines))
            except FormatError:
                self._refuse(len(self._rest) - end)
            else:
                self.lines += 1
                self.good_bytes += end - start
                start = end
        del self._rest[:start]
        if len(self._rest) > 2 * LINE_BYTES_MAX:
            self._refuse(0)
        return events

    def _refuse(self, bytes_behind: int) -> None:
        """The line at hand does not hold. Anything behind it makes the journal a damaged one."""
        self._bad = True
        self._damaged = bytes_behind > 0


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
    canonical.require_keys(fields, _FRAGMENT_KEYS, what)
    row = canonical.rows(fields["fragment"], f"{what}: fragment", 8)
    written = FragmentWritten(
        entry=fragment_of_row(row, f"{what}: fragment"),
        chunks=chunk_rows(fields["chunks"], f"{what}: chunks", FRAGMENT_CHUNKS_MAX),
        total_sha256=canonical.binary(fields["total_sha256"], f"{what}: total_sha256", SHA256_BYTES),
    )
    if len(written.chunks) != written.entry.chunk_count:
        raise FormatError(f"{what}: {len(written.chunks)} chunks instead of {written.entry.chunk_count}")
    return written
