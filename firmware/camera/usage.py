"""What the camera was used for: powered, docked, recording, empty. Kept for 30 days, read at every docking.

Law: one canonical document, replaced whole, never while a recording is being written. It names wearers, so it is sealed
where the board has a secret of its own. A card that does not take it loses a line of a report, never a recording. What
was noted keeps its number for ever; a log that was lost begins another, with another name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from firmware.camera import card
from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.link.schema import PERCENT_UNKNOWN, USAGE_EVENTS, USAGE_PAGE_MAX, number_of
from firmware.ports.clock import WALL_NONE, Clock
from firmware.ports.entropy import Entropy
from firmware.ports.errors import NotFound, PortFault
from firmware.ports.files import Files
from firmware.secure.sealing_file import FileSealer

FILE = "usage"
ENTRIES_MAX = 512  # some twenty a day for a month; the controller has read the older ones
DAYS_MS = 30 * 86_400_000
DOCUMENT_BYTES_MAX = 128 << 10  # as many entries with the longest of ids
FILE_BYTES_MAX = 2 * DOCUMENT_BYTES_MAX  # the same, sealed
LOG_BYTES = 8
CAUSE_CHARACTERS_MAX = 32
_KEYS = frozenset({"format", "schema", "log", "next", "entries"})
_COLUMNS = 6

Fields = dict[str, Any]


class Entry(NamedTuple):
    """``unix_ms``: 0 where the camera had no time; ``event``, ``value``: see schema.USAGE_EVENTS."""

    sequence: int
    unix_ms: int
    event: int
    value: int
    cause: str
    wearer: str


class UsageLog:
    """``percent``: the charge of the battery, None where it is unknown."""

    def __init__(
        self,
        files: Files,
        sealer: FileSealer | None,
        clock: Clock,
        entropy: Entropy,
        percent: Callable[[], int | None],
    ) -> None:
        self._files = files
        self._sealer = sealer
        self._clock = clock
        self._entropy = entropy
        self._percent = percent
        self._log = b""
        self._next = 1
        self._entries: list[Entry] = []
        self._unwritten = False
        self._loaded = False

    def load(self) -> None:
        """Read what was kept, once; what was noted since the start follows it. PortFault."""
        if self._loaded:
            return
        fresh, self._entries = self._entries, []
        try:
            kept = card.read_whole(self._files, FILE, FILE_BYTES_MAX)
            self._log, self._next, self._entries = _decode(self._sealer.open(FILE, kept) if self._sealer else kept)
        except (NotFound, FormatError):
            self._log, self._next, self._entries = b"", 1, []
        except PortFault:
            self._entries = fresh
            raise
        self._loaded = True
        for entry in fresh:
            self._add(entry)

    def note(self, event: str, wearer: str = "", cause: str = "", value: int | None = None) -> None:
        """Something has happened: a word of schema.USAGE_EVENTS; without a ``value``, with the battery's."""
        if value is None:
            percent = self._percent()
            value = PERCENT_UNKNOWN if percent is None else percent
        wall = self._clock.wall()
        unix_ms = 0 if wall.source == WALL_NONE else wall.unix_ms
        self._add(Entry(0, unix_ms, number_of(USAGE_EVENTS, event), value, cause[:CAUSE_CHARACTERS_MAX], wearer))

    def write(self) -> bool:
        """Keep what is new; False if the card did not take it, and it is to be tried again."""
        if not self._unwritten:
            return True
        if not self._log:
            self._log = self._entropy.random_bytes(LOG_BYTES)
        document = canonical.encode(
            {
                "format": "openbwc-usage",
                "schema": canonical.SCHEMA,
                "log": self._log.hex(),
                "next": self._next,
                "entries": [list(entry) for entry in self._entries],
            }
        )
        try:
            card.replace(self._files, "", FILE, self._sealer.seal(FILE, document) if self._sealer else document)
        except PortFault:
            return False
        self._unwritten = False
        return True

    def forget(self) -> None:
        """The camera is nobody's any more. PortFault."""
        self._log, self._next, self._entries, self._unwritten = b"", 1, [], False
        if self._files.exists(FILE):
            self._files.remove(FILE)
            self._files.sync_folder("")

    def handlers(self) -> dict[str, Callable[[Fields], tuple[str, Fields]]]:
        """Message name -> function, for the cable."""
        return {"get_usage": self._get_usage}

    def _get_usage(self, fields: Fields) -> tuple[str, Fields]:
        after = fields["after"] if fields["log"] == self._log else 0
        later = [entry for entry in self._entries if entry.sequence > after]
        page = later[:USAGE_PAGE_MAX]
        return "usage", {
            "log": self._log or bytes(LOG_BYTES),
            "more": len(later) > len(page),
            "entries": [entry._asdict() for entry in page],
        }

    def _add(self, entry: Entry) -> None:
        self._entries.append(entry._replace(sequence=self._next))
        self._next += 1
        oldest_ms = entry.unix_ms - DAYS_MS
        kept = [each for each in self._entries if not entry.unix_ms or not each.unix_ms or each.unix_ms >= oldest_ms]
        self._entries = kept[-ENTRIES_MAX:]
        self._unwritten = True


def _decode(data: bytes) -> tuple[bytes, int, list[Entry]]:
    fields = canonical.decode(data, FILE, DOCUMENT_BYTES_MAX)
    canonical.require_kind(fields, FILE)
    canonical.require_keys(fields, _KEYS, FILE)
    rows = canonical.rows(fields["entries"], "usage.entries", ENTRIES_MAX, _COLUMNS)
    return (
        canonical.binary(fields["log"], "usage.log", LOG_BYTES),
        canonical.integer(fields["next"], "usage.next", (1 << 32) - 1),
        [_entry(row) for row in rows],
    )


def _entry(row: list[Any]) -> Entry:
    sequence, unix_ms, event, value = (canonical.integer(number, "usage.entries") for number in row[:4])
    cause, wearer = (canonical.text(word, "usage.entries") for word in row[4:])
    return Entry(sequence, unix_ms, event, value, cause, wearer)
