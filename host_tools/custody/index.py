"""The recordings index: every statement that custody sends to its local SQLite, and nothing else.

Law: rows in, rows out. A chunk's row exists only after its bytes are on the medium; that row, and nothing else, means
"received". The ledger is appended in the very transaction that changes what it tells of. Wall time is an argument.
All methods may block on the disk; call those that write inside ``transaction()`` to make them one.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple

from firmware.formats.authorisation import EraseAuthorisation
from host_tools.custody import ledger, states, transfers
from host_tools.custody.database import Database, open_database
from host_tools.custody.errors import CustodyRefused
from host_tools.custody.states import Happening, State, Word

SCHEMA_VERSION = 3
NAME_DIGITS = 32  # of a recording, in hexadecimal
LEDGER_PAGE_ROWS = 512  # rows of the ledger in memory at once while it is walked

# The spool holds few recordings; the table remembers all there ever were.
_STORED_INDEX = "CREATE INDEX recordings_stored ON recordings (stored) WHERE stored = 1;"
# What pages look at again and again is found without reading through years of recordings.
_SHOWN_INDEXES = """
CREATE INDEX recordings_by_start ON recordings (started_unix_ms, recording);
CREATE INDEX recordings_troubled ON recordings (started_unix_ms) WHERE poison <> '' OR trouble <> '';
"""

_SCHEMA = f"""
CREATE TABLE recordings (
    recording        BLOB PRIMARY KEY CHECK (length(recording) = 16),
    camera_serial    TEXT NOT NULL,
    manifest_sha256  BLOB NOT NULL CHECK (length(manifest_sha256) = 32),
    manifest_bytes   INTEGER NOT NULL,
    chunks_bytes     INTEGER NOT NULL,
    chunk_count      INTEGER NOT NULL DEFAULT 0,
    state            TEXT NOT NULL CHECK (state IN ({", ".join(f"'{state}'" for state in states.STATES)})),
    stored           INTEGER NOT NULL DEFAULT 0,
    wearer_id        TEXT NOT NULL DEFAULT '',
    wearer_name      TEXT NOT NULL DEFAULT '',
    started_unix_ms  INTEGER NOT NULL,
    duration_ms      INTEGER NOT NULL,
    interrupted      INTEGER NOT NULL,
    priority         INTEGER NOT NULL,
    container        TEXT UNIQUE,
    poison           TEXT NOT NULL DEFAULT '',
    trouble          TEXT NOT NULL DEFAULT '',
    announced_unix_ms INTEGER NOT NULL,
    changed_unix_ms  INTEGER NOT NULL
) STRICT;
CREATE INDEX recordings_by_state ON recordings (state, started_unix_ms);
CREATE INDEX recordings_by_camera ON recordings (camera_serial, started_unix_ms);
CREATE TABLE chunks (
    recording  BLOB NOT NULL REFERENCES recordings ON DELETE CASCADE,
    chunk      INTEGER NOT NULL,
    PRIMARY KEY (recording, chunk)
) STRICT, WITHOUT ROWID;
CREATE TABLE erase_counters (
    camera_serial  TEXT PRIMARY KEY,
    counter        INTEGER NOT NULL
) STRICT;
CREATE TABLE authorisations (
    camera_serial   TEXT NOT NULL,
    counter         INTEGER NOT NULL,
    recording       BLOB NOT NULL REFERENCES recordings,
    policy          TEXT NOT NULL,
    issued_unix_ms  INTEGER NOT NULL,
    erased_unix_ms  INTEGER,
    PRIMARY KEY (camera_serial, counter)
) STRICT;
CREATE INDEX authorisations_by_recording ON authorisations (recording);
CREATE TABLE ledger (
    sequence   INTEGER PRIMARY KEY,
    recording  BLOB,
    line       TEXT NOT NULL,
    hash       BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX ledger_by_recording ON ledger (recording, sequence);
CREATE TRIGGER ledger_keeps_lines BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_keeps_length BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
{transfers.SCHEMA}
{_STORED_INDEX}
{_SHOWN_INDEXES}
"""

# From each older schema version to the next.
_UPGRADES = {1: transfers.SCHEMA + _STORED_INDEX, 2: _SHOWN_INDEXES}


class Announcement(NamedTuple):
    """What a camera says of a recording before its manifest has been read."""

    recording: bytes
    camera_serial: str
    manifest_sha256: bytes
    manifest_bytes: int
    chunks_bytes: int
    started_unix_ms: int
    duration_ms: int
    interrupted: bool
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Recording:
    """One row, as it was committed. ``stored``: the spool holds files of it. ``container``: its name at the
    destination, empty before delivery. ``poison``: why it cannot go on. ``trouble``: why the last attempt failed; it
    is tried again.
    """

    recording: bytes
    camera_serial: str
    manifest_sha256: bytes
    manifest_bytes: int
    chunks_bytes: int
    chunk_count: int
    state: State
    stored: bool
    wearer_id: str
    wearer_name: str
    started_unix_ms: int
    duration_ms: int
    interrupted: bool
    priority: int
    container: str
    poison: str
    trouble: str
    announced_unix_ms: int
    changed_unix_ms: int


_COLUMNS = ", ".join(Recording.__slots__)


class Index:
    """Made by ``open_index``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.path = database.path
        self.transfers = transfers.Transfers(database)

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing; durable when it ends."""
        return self._database.transaction()

    def close(self) -> None:
        """Give the file back; a second call does nothing."""
        self._database.close()

    # -- recordings

    def find(self, recording: bytes) -> Recording | None:
        """The row of a recording, or None."""
        row = self._database.row(f"SELECT {_COLUMNS} FROM recordings WHERE recording = ?", (recording,))
        return _recording(row) if row else None

    def get(self, recording: bytes) -> Recording:
        """The row of a recording; CustodyRefused if there is none."""
        found = self.find(recording)
        if found is None:
            raise CustodyRefused(f"recording {recording.hex()} is unknown here: accept its manifest first")
        return found

    def recordings(self, state: State | None = None) -> list[Recording]:
        """All rows (of one state), oldest recording first."""
        where, values = ("WHERE state = ?", (state,)) if state else ("", ())
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM recordings {where} ORDER BY started_unix_ms, recording", values
        )
        return [_recording(row) for row in rows]

    def newest(
        self,
        rows_max: int,
        camera_serial: str = "",
        before: tuple[int, bytes] | None = None,
        digits: str = "",
    ) -> list[Recording]:
        """Rows (of one camera), newest first; those that come after ``before``, which is the start and the name of the
        last one that was seen. ``digits``: the first hexadecimal ones of their names."""
        where = "camera_serial = ?1" if camera_serial else "?1 = ''"
        start, name = before or (1 << 62, b"")
        values: list[object] = [camera_serial, start, name, rows_max]
        if digits:
            where += " AND recording BETWEEN ?5 AND ?6"
            values += [bytes.fromhex(digits.ljust(NAME_DIGITS, filler)) for filler in "0f"]
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM recordings WHERE {where} AND (started_unix_ms, recording) < (?2, ?3) "
            "ORDER BY started_unix_ms DESC, recording DESC LIMIT ?4",
            tuple(values),
        )
        return [_recording(row) for row in rows]

    def stored_recordings(self) -> list[Recording]:
        """Rows of the recordings that the spool holds files of, oldest first."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM recordings WHERE stored = 1 ORDER BY started_unix_ms, recording"
        )
        return [_recording(row) for row in rows]

    def unfinished_of(self, camera_serial: str) -> list[Recording]:
        """Rows of a camera's recordings that are not whole here, oldest first."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM recordings WHERE camera_serial = ? AND state IN ('announced', 'offloading') "
            "ORDER BY started_unix_ms, recording",
            (camera_serial,),
        )
        return [_recording(row) for row in rows]

    def lingering(self) -> list[Recording]:
        """Rows of the recordings that the destination has and the spool still holds files of."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM recordings WHERE stored = 1 "
            "AND state IN ('delivered', 'erase_authorised', 'erased') ORDER BY started_unix_ms, recording"
        )
        return [_recording(row) for row in rows]

    def troubled(self, rows_max: int) -> list[Recording]:
        """Rows of the recordings that do not go on, or whose last attempt failed; newest first."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM recordings WHERE poison <> '' OR trouble <> '' "
            "ORDER BY started_unix_ms DESC, recording LIMIT ?",
            (rows_max,),
        )
        return [_recording(row) for row in rows]

    def count_by_state(self) -> dict[State, int]:
        """How many recordings are in each state that has any."""
        return {row[0]: row[1] for row in self._database.rows("SELECT state, count(*) FROM recordings GROUP BY state")}

    def announce(self, announcement: Announcement, at_unix_ms: int) -> Recording:
        """Take down what a camera says it has; of a recording that is past ``announced`` nothing is changed.

        Before that it belongs to nobody: a camera that only claims it must not keep the right one from bringing it.
        """
        with self.transaction():
            found = self.find(announcement.recording)
            other = found is not None and found.camera_serial != announcement.camera_serial
            if other and found is not None and found.state == "announced":
                self._change(announcement.recording, "camera_serial = ?, poison = '', trouble = ''",
                             (announcement.camera_serial,))  # fmt: skip
            elif other and found is not None:
                raise CustodyRefused(
                    f"recording {announcement.recording.hex()} belongs to camera {found.camera_serial}, "
                    f"not to {announcement.camera_serial}: examine both cameras"
                )
            if found is None or found.state == "announced":
                self._database.run(
                    "INSERT INTO recordings (recording, camera_serial, manifest_sha256, manifest_bytes, chunks_bytes, "
                    "started_unix_ms, duration_ms, interrupted, priority, state, announced_unix_ms, changed_unix_ms) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'announced', ?, ?) ON CONFLICT (recording) DO UPDATE SET "
                    "manifest_sha256 = excluded.manifest_sha256, manifest_bytes = excluded.manifest_bytes, "
                    "chunks_bytes = excluded.chunks_bytes, started_unix_ms = excluded.started_unix_ms, "
                    "duration_ms = excluded.duration_ms, interrupted = excluded.interrupted, "
                    "priority = excluded.priority",
                    (*announcement, at_unix_ms, at_unix_ms),
                )
            return self.get(announcement.recording)

    def note_manifest(self, recording: bytes, chunk_count: int, wearer_id: str, wearer_name: str) -> None:
        """What the manifest adds to the announcement; from now on the spool holds files of this recording."""
        self._change(recording, "chunk_count = ?, wearer_id = ?, wearer_name = ?, stored = 1",
                     (chunk_count, wearer_id, wearer_name))  # fmt: skip

    def note_wearer(self, recording: bytes, wearer_id: str, wearer_name: str) -> None:
        """Who wore the camera, where only opening the recording told."""
        self._change(recording, "wearer_id = ?, wearer_name = ?", (wearer_id, wearer_name))

    def note_removed(self, recording: bytes) -> None:
        """The spool is about to remove its files of this recording."""
        self._change(recording, "stored = 0", ())
        self._database.run("DELETE FROM chunks WHERE recording = ?", (recording,))

    def has_container(self, container: str) -> bool:
        """Whether any recording has that name at the destination."""
        return self._database.row("SELECT 1 FROM recordings WHERE container = ?", (container,)) is not None

    def note_container(self, recording: bytes, container: str) -> None:
        """The recording's name at the destination. CustodyRefused if another recording has it."""
        other = self._database.row(
            "SELECT recording FROM recordings WHERE container = ? AND recording <> ?", (container, recording)
        )
        if other:
            raise CustodyRefused(f"container {container} is already used by recording {other[0].hex()}: choose another")
        self._change(recording, "container = ?", (container,))

    def note_poison(self, recording: bytes, reason: str) -> None:
        """Why this recording cannot go on; the empty text lets it go on."""
        self._change(recording, "poison = ?", (reason,))

    def note_trouble(self, recording: bytes, reason: str) -> None:
        """Why the last attempt failed; the empty text when one has succeeded."""
        self._change(recording, "trouble = ?", (reason,))

    def advance(
        self,
        recording: bytes,
        happening: Happening,
        at_unix_ms: int,
        details: Mapping[Word, ledger.Details] | None = None,
    ) -> Recording:
        """Move a recording on and tell the ledger, in one transaction. CustodyRefused if the step is out of order."""
        with self.transaction():
            now = self.get(recording)
            following = states.next_state(recording, now.state, happening)
            if following != now.state:
                self._change(recording, "state = ?, changed_unix_ms = ?, trouble = ''", (following, at_unix_ms))
            if following != now.state or happening in states.TOLD_AGAIN:
                for word in states.WORDS_OF[happening]:
                    self.append(word, recording, at_unix_ms, (details or {}).get(word, {}))
            return self.get(recording)

    # -- chunks

    def committed_chunks(self, recording: bytes) -> list[int]:
        """Indexes of the chunks that have arrived, in order."""
        return [
            row[0]
            for row in self._database.rows("SELECT chunk FROM chunks WHERE recording = ? ORDER BY chunk", (recording,))
        ]

    def commit_chunks(self, recording: bytes, chunks: Iterable[int]) -> None:
        """These chunks' bytes are on the medium."""
        self._database.run_many(
            "INSERT INTO chunks (recording, chunk) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(recording, chunk) for chunk in chunks],
        )

    def forget_chunks(self, recording: bytes, chunks: Iterable[int]) -> None:
        """These chunks are missing again."""
        self._database.run_many(
            "DELETE FROM chunks WHERE recording = ? AND chunk = ?", [(recording, chunk) for chunk in chunks]
        )

    # -- erase authorisations

    def authorise(self, recording: bytes, policy: str, at_unix_ms: int, counter_floor: int = 0) -> EraseAuthorisation:
        """Count one authorisation for the recording's camera: above every earlier one and above ``counter_floor``
        (what the camera itself has seen, should this index be older than its camera)."""
        with self.transaction():
            row = self.get(recording)
            counted = self._database.row(
                "INSERT INTO erase_counters (camera_serial, counter) VALUES (?, ? + 1) ON CONFLICT (camera_serial) "
                "DO UPDATE SET counter = max(counter + 1, excluded.counter) RETURNING counter",
                (row.camera_serial, counter_floor),
            )
            counter = int(counted[0]) if counted else 0
            self._database.run(
                "INSERT INTO authorisations (camera_serial, counter, recording, policy, issued_unix_ms) "
                "VALUES (?, ?, ?, ?, ?)",
                (row.camera_serial, counter, recording, policy, at_unix_ms),
            )
            return EraseAuthorisation(row.camera_serial, recording, row.manifest_sha256, policy, counter, at_unix_ms)

    def standing_authorisation(self, recording: bytes, counter_floor: int) -> EraseAuthorisation | None:
        """The last one given for a recording, if its camera, which has seen ``counter_floor``, can still take it: it
        was not used, nor was anything that was given to that camera since. None otherwise."""
        row = self.get(recording)
        last = self._database.row(
            "SELECT counter, policy, issued_unix_ms FROM authorisations WHERE recording = ? "
            "ORDER BY counter DESC LIMIT 1",
            (recording,),
        )
        if last is None or last[0] < counter_floor:
            return None
        used = self._database.row(
            "SELECT 1 FROM authorisations WHERE camera_serial = ? AND counter >= ? AND erased_unix_ms IS NOT NULL "
            "LIMIT 1",
            (row.camera_serial, last[0]),
        )
        if used is not None:
            return None
        return EraseAuthorisation(row.camera_serial, recording, row.manifest_sha256, last[1], last[0], last[2])

    def note_erased(self, recording: bytes, counter: int, at_unix_ms: int) -> None:
        """The camera reports the erase. CustodyRefused if that counter was never given for this recording."""
        changed = self._database.run(
            "UPDATE authorisations SET erased_unix_ms = ? WHERE recording = ? AND counter = ?",
            (at_unix_ms, recording, counter),
        )
        if not changed:
            raise CustodyRefused(f"recording {recording.hex()}: no erase was authorised under counter {counter}")

    def erase_counter(self, camera_serial: str) -> int:
        """The last counter given for that camera; 0 if none was."""
        row = self._database.row("SELECT counter FROM erase_counters WHERE camera_serial = ?", (camera_serial,))
        return int(row[0]) if row else 0

    # -- ledger

    def append(self, word: Word, recording: bytes | None, at_unix_ms: int, details: ledger.Details) -> ledger.Head:
        """Add one entry to the chain; returns the new head."""
        with self.transaction():
            link = ledger.make_link(self.ledger_head(), word, recording, at_unix_ms, details)
            self._database.run(
                "INSERT INTO ledger (sequence, recording, line, hash) VALUES (?, ?, ?, ?)",
                (link.sequence, link.recording, link.line, link.hash),
            )
            return ledger.Head(link.sequence, link.hash)

    def ledger_head(self) -> ledger.Head:
        """Where the chain ends."""
        row = self._database.row("SELECT sequence, hash FROM ledger ORDER BY sequence DESC LIMIT 1")
        return ledger.Head(*row) if row else ledger.Head(0, ledger.GENESIS)

    def ledger_links(self, recording: bytes | None = None) -> Iterator[ledger.Link]:
        """Links in order, a page at a time; of one recording only, if asked."""
        where = "" if recording is None else "AND recording = ?"
        values = () if recording is None else (recording,)
        last: int | None = None  # sequences start at 1, but a tampered chain is walked from its very first row
        while True:
            rows = self._database.rows(
                "SELECT sequence, recording, line, hash FROM ledger WHERE (?1 IS NULL OR sequence > ?1) "
                f"{where} ORDER BY sequence LIMIT {LEDGER_PAGE_ROWS}",
                (last, *values),
            )
            yield from (ledger.Link(*row) for row in rows)
            if len(rows) < LEDGER_PAGE_ROWS:
                return
            last = rows[-1][0]

    def hash_at(self, sequence: int) -> bytes:
        """The hash of the entry of that number; that of the beginning for 0."""
        row = self._database.row("SELECT hash FROM ledger WHERE sequence = ?", (sequence,))
        return bytes(row[0]) if row else ledger.GENESIS

    def last_link(self, recording: bytes | None, words: Iterable[Word]) -> ledger.Link | None:
        """The last entry about a recording (None: about none) whose word is among these."""
        listed = list(words)
        marks = ", ".join("?" * len(listed))
        row = self._database.row(
            "SELECT sequence, recording, line, hash FROM ledger WHERE recording IS ? "
            f"AND json_extract(line, '$.event') IN ({marks}) ORDER BY sequence DESC LIMIT 1",
            (recording, *listed),
        )
        return ledger.Link(*row) if row else None

    def stranger_link(self) -> ledger.Link | None:
        """The first entry about a recording that has no row here."""
        row = self._database.row(
            "SELECT sequence, recording, line, hash FROM ledger WHERE recording IS NOT NULL "
            "AND recording NOT IN (SELECT recording FROM recordings) ORDER BY sequence LIMIT 1"
        )
        return ledger.Link(*row) if row else None

    def snapshot(self) -> AbstractContextManager[None]:
        """Whatever is read inside was committed at one moment, also beside a running controller."""
        return self._database.snapshot()

    def _change(self, recording: bytes, assignments: str, values: tuple[object, ...]) -> None:
        if not self._database.run(f"UPDATE recordings SET {assignments} WHERE recording = ?", (*values, recording)):
            self.get(recording)


def open_index(path: str, *, read_only: bool = False, exclusive: bool = False, vfs: str | None = None) -> Index:
    """Open or (unless ``read_only``) make an index. ``CustodyFault`` names the file and the remedy. Blocks.

    ``exclusive`` and ``vfs``: see ``database``; ``read_only`` works on a copy and beside a running controller.
    """
    return Index(
        open_database(
            path, _SCHEMA, SCHEMA_VERSION, read_only=read_only, exclusive=exclusive, vfs=vfs, upgrades=_UPGRADES
        )
    )


def _recording(row: tuple[Any, ...]) -> Recording:
    values = dict(zip(Recording.__slots__, row, strict=True))
    values["stored"] = bool(values["stored"])
    values["interrupted"] = bool(values["interrupted"])
    values["container"] = values["container"] or ""
    return Recording(**values)
