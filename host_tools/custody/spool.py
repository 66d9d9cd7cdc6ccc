"""The spool: the controller's durable store of sealed chunks. "Never lose" begins here.

Law: bytes are on the medium first, their index row second, and only the row counts. Group commit: one fsync for each
file that was touched, then one transaction for all chunks of all cameras. What was not committed when anything stops
(power, process, disk) is simply missing and is asked for again; what was committed is never asked for again.

``write``, ``missing``, ``wants_commit``, ``storage`` are cheap and belong on the event loop; the constructor and
``accept``, ``commit``, ``pause``, ``remove``, ``close`` and reading content block and belong in ``run_blocking``. One
thread writes pieces; the blocking methods may run beside it.
"""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from firmware.formats import manifest as manifests
from firmware.formats.chunk import Opener
from firmware.formats.errors import FormatError
from firmware.formats.manifest import Manifest
from firmware.ports.errors import NoSpace, NotFound, PortFault, ReadOnly
from firmware.ports.files import File, Files
from host_tools.custody import states
from host_tools.custody.blocking import BlockingSource, Buffer, RunBlocking
from host_tools.custody.content import Plaintext, read_content
from host_tools.custody.errors import (
    ContentMismatch,
    CustodyError,
    CustodyFault,
    CustodyRefused,
    SpoolDamage,
    SpoolFull,
)
from host_tools.custody.index import Announcement, Index, Recording
from host_tools.custody.layout import Layout
from host_tools.custody.ledger import Details
from host_tools.custody.shelf import SEALED_BYTES_MAX, MissingChunk, Shelf

# Kept free for the index and its journal, so that a full spool can still commit, deliver and be emptied.
SPARE_BYTES = 64 << 20
# A commit costs a few fsyncs of some milliseconds each; at 16 MiB a disk of 500 MB/s spends most of its time on data.
COMMIT_BYTES = 16 << 20
ALMOST_FULL_PERCENT = 8  # CTRL-08: the status LED turns amber below this much free
EVENTS_MAX = 1_000  # events that nobody has taken; the oldest go first

EventKind = Literal["rejected", "damaged", "orphan", "fault"]


class SpoolEvent(NamedTuple):
    """Something a person may want to read in a log. ``recording`` is None where the whole spool is meant."""

    kind: EventKind
    recording: bytes | None
    text: str


class ChunkRef(NamedTuple):
    """One chunk of one recording."""

    recording: bytes
    chunk: int


@dataclass(frozen=True, slots=True)
class SpooledRecording:
    """What ``accept`` answers."""

    recording: bytes
    manifest: Manifest
    state: states.State


@dataclass(slots=True)
class CommitReport:
    """``committed`` are durable; ``rejected`` had a wrong digest and are missing again, as are all chunks that a fault
    of their file kept from being durable; ``held`` are whole now."""

    committed: list[ChunkRef] = field(default_factory=list[ChunkRef])
    rejected: list[ChunkRef] = field(default_factory=list[ChunkRef])
    held: list[bytes] = field(default_factory=list[bytes])
    faults: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Storage:
    """``used``: committed bytes; ``reserved``: promised to accepted recordings and not yet here; ``free``: what can
    still be accepted. ``almost_full``: below ALMOST_FULL_PERCENT of the medium; ``full``: nothing can be accepted."""

    total_bytes: int
    used_bytes: int
    reserved_bytes: int
    free_bytes: int
    almost_full: bool
    full: bool


@dataclass(slots=True)
class Counters:
    """Since this start."""

    commits: int = 0
    committed_chunks: int = 0
    rejected_chunks: int = 0
    duplicate_bytes: int = 0


class Spool:
    """One spool on one medium with one index. The constructor picks up where the last run stopped; it blocks."""

    def __init__(
        self, files: Files, index: Index, wall_ms: Callable[[], int], spare_bytes: int = SPARE_BYTES
    ) -> None:
        self.counters = Counters()
        self._layout = Layout(files)
        self._index = index
        self._wall_ms = wall_ms
        self._spare_bytes = spare_bytes
        self._shelves: dict[bytes, Shelf] = {}
        self._whole: dict[bytes, int] = {}  # recordings whose chunks are all here, and their bytes
        self._events: deque[SpoolEvent] = deque(maxlen=EVENTS_MAX)
        self._memory = threading.Lock()  # shelves as the loop sees them; never held over anything that blocks
        self._writer = threading.RLock()  # one blocking method at a time
        self._buffer = bytearray(SEALED_BYTES_MAX)
        with _told("spool"):
            self._recover()

    def close(self) -> None:
        """Give all files back; uncommitted chunks are missing at the next start."""
        with self._writer:
            for shelf in self._shelves.values():
                _close(shelf)

    # -- receiving

    def announce(self, announcement: Announcement) -> Recording:
        """Note a recording that a camera has, before there is room or time for it. Blocks."""
        return self._index.announce(announcement, self._wall_ms())

    def accept(
        self, manifest_bytes: bytes, camera_serial: str, expected_sha256: bytes, docked: Details | None = None
    ) -> SpooledRecording:
        """Promise to keep a recording: its whole space is reserved and its manifest is durable. Blocks.

        ``docked``: what the ledger is to tell of the docking. Repeating it is harmless. CustodyRefused if the manifest
        is not the announced one or not this camera's; SpoolFull if there is no room, then nothing was kept.
        """
        manifest = _checked_manifest(manifest_bytes, camera_serial, expected_sha256)
        with self._writer:
            row = self._index.find(manifest.recording)
            if row is not None and row.camera_serial != camera_serial:
                raise CustodyRefused(f"recording {row.recording.hex()} belongs to camera {row.camera_serial}")
            if row is None or row.state == "announced":
                row = self._accept_new(manifest, manifest_bytes, expected_sha256, docked or {})
            elif row.manifest_sha256 != expected_sha256:
                raise CustodyRefused(
                    f"recording {row.recording.hex()}: camera {camera_serial} offers another manifest than before; "
                    "the accepted one stays"
                )
            elif row.stored and row.recording not in self._shelves:
                self._restore(row, manifest, manifest_bytes)
            return SpooledRecording(row.recording, manifest, self._index.get(row.recording).state)

    def missing(self, recording: bytes) -> list[MissingChunk]:
        """What is still to be fetched, from committed chunks only, in order. Empty when the recording is whole."""
        with self._memory:
            shelf = self._shelves.get(recording)
            if shelf is not None:
                return shelf.missing()
            if recording in self._whole:
                return []
        row = self._index.get(recording)
        if not row.stored and row.state != "announced":
            return []
        raise CustodyRefused(f"recording {recording.hex()} is not ready to be received: accept its manifest first")

    def write(self, recording: bytes, offset_bytes: int, data: Buffer) -> None:
        """Take a piece of the chunks object, in any order, any number of times. Nothing counts before ``commit``.

        SpoolFull or CustodyFault if the disk did not take it: the chunks it belongs to are missing again.
        """
        shelf = self._shelves.get(recording)
        if shelf is None:
            self._take_late(recording, len(data))
            return
        try:
            made_whole = shelf.receive(self._open(shelf), offset_bytes, data)
        except PortFault as fault:
            with self._memory:
                shelf.drop_partials()
            raise _told_fault(f"recording {recording.hex()}", fault) from fault
        if made_whole:
            with self._memory:
                shelf.admit(made_whole)

    def pending_bytes(self) -> int:
        """Bytes of whole chunks that wait for a commit."""
        with self._memory:
            return sum(shelf.waiting_bytes for shelf in self._shelves.values())

    def wants_commit(self) -> bool:
        """Whether a commit pays now: enough is waiting, or a recording would be complete. Callers also commit when
        nothing has arrived for a while, and before they pause."""
        with self._memory:
            waiting = [shelf for shelf in self._shelves.values() if shelf.waiting]
            return sum(shelf.waiting_bytes for shelf in waiting) >= COMMIT_BYTES or any(
                shelf.everything_waits() for shelf in waiting
            )

    def commit(self) -> CommitReport:
        """Make all waiting chunks durable, then make them count. Blocks. CustodyFault if the index did not take them:
        they are missing again. The fault of one recording's file does not keep the others."""
        report = CommitReport()
        with self._writer:
            with self._memory:
                batches = [(shelf, shelf.take_waiting()) for shelf in self._shelves.values() if shelf.waiting]
                self._collect_rejected(report)
            secured: list[tuple[Shelf, list[int]]] = []
            for shelf, waiting in batches:
                wrong = [item.chunk for item in waiting if not item.verified and not self._is_right(shelf, item.chunk)]
                with self._memory:
                    shelf.drop(wrong)
                    shelf.rejected.extend(wrong)
                right = [item.chunk for item in waiting if item.chunk not in wrong]
                if right and self._secure(shelf, right, report):
                    secured.append((shelf, right))
            with self._memory:
                self._collect_rejected(report)
            if secured:
                self._enter(secured, report)
        return report

    def pause(self, recording: bytes) -> None:
        """The camera is gone: give the file back and forget unfinished pieces. Commit first. Blocks."""
        with self._writer:
            shelf = self._shelves.get(recording)
            if shelf is not None:
                with self._memory:
                    shelf.drop([item.chunk for item in shelf.take_waiting()])
                    shelf.drop_partials()
                _close(shelf)

    # -- reading back

    def open_content(self, recording: bytes, opener: Opener) -> Plaintext:
        """The playable file in pieces, each valid until the next is asked for; every digest is checked. Blocks.

        SpoolDamage: that chunk is missing again. ContentMismatch: fetching again cannot help; poison the recording.
        """
        with _told(f"recording {recording.hex()}"):
            row = self._index.get(recording)
            if not row.stored or row.state not in states.WHOLE_STATES:
                raise CustodyRefused(f"recording {recording.hex()} is {row.state}: its content is not all in the spool")
            manifest = self._read_manifest(row)
            if manifest is None:
                self._lose(row, [], "its manifest is lost")
                raise CustodyFault(f"recording {recording.hex()}: its manifest is lost: dock its camera again")
            try:
                file = self._layout.read_chunks(recording)
            except NotFound as fault:
                raise self._damaged(SpoolDamage(recording, 0, "its chunks file is gone")) from fault
        try:
            yield from read_content(file, manifest, opener)
        except SpoolDamage as damage:
            raise self._damaged(damage) from None

    def content_source(self, recording: bytes, opener: Opener, run_blocking: RunBlocking) -> BlockingSource:
        """The same for ``async for``; it can be started again from the first byte."""
        return BlockingSource(lambda: self.open_content(recording, opener), run_blocking)

    def manifest(self, recording: bytes) -> Manifest:
        """The accepted manifest. CustodyRefused if the recording is unknown or not in the spool. Blocks."""
        row = self._index.get(recording)
        with _told(f"recording {recording.hex()}"):
            found = self._read_manifest(row) if row.stored else None
        if found is None:
            raise CustodyRefused(f"recording {recording.hex()}: its manifest is not in the spool")
        return found

    # -- letting go

    def remove(self, recording: bytes) -> int:
        """Free the space of a recording that the destination has acknowledged; returns the bytes freed. Blocks.
        CustodyRefused before that. Repeating it is harmless."""
        with self._writer, _told(f"recording {recording.hex()}"):
            row = self._index.get(recording)
            if row.state not in states.REMOVABLE_STATES:
                raise CustodyRefused(f"recording {recording.hex()} is {row.state}: it stays until it is delivered")
            with self._index.transaction():
                self._index.note_removed(recording)
            freed_bytes = self._whole.pop(recording, 0)
            self._layout.remove(recording)
            return freed_bytes

    # -- what there is

    def storage(self) -> Storage:
        """How full the spool is. CustodyFault if the medium does not say."""
        with self._memory:
            used = sum(self._whole.values()) + sum(shelf.committed_bytes for shelf in self._shelves.values())
            promised = sum(shelf.manifest.chunks_bytes - shelf.committed_bytes for shelf in self._shelves.values())
        with _told("spool"):
            total = self._layout.files.total_bytes()
            free = max(0, self._layout.files.free_bytes() - self._spare_bytes)
        return Storage(total, used, promised, free, free * 100 < total * ALMOST_FULL_PERCENT, free == 0)

    def take_events(self) -> list[SpoolEvent]:
        """Events since the last call, oldest first."""
        taken: list[SpoolEvent] = []
        while self._events:
            taken.append(self._events.popleft())
        return taken
