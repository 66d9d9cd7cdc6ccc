"""The spool: the controller's durable store of sealed chunks. "Never lose" begins here.

Law: bytes are on the medium first, their index row second, and only the row counts. Group commit: one fsync for each
file that was touched, then one transaction for all chunks of all cameras. What was not committed when anything stops
(power, process, disk) is simply missing and is asked for again; what was committed is never asked for again.

``write``, ``missing``, ``wants_commit``, ``storage`` are cheap and belong on the event loop; the constructor and
``accept``, ``commit``, ``pause``, ``remove``, ``close`` and reading content block and belong in ``run_blocking``. One
thread writes pieces; the blocking methods may run beside it.
"""

import threading
from collections.abc import Callable, Collection, Mapping

from firmware.formats import manifest as manifests
from firmware.formats.chunk import CHUNK_BYTES_MAX, CHUNKS_MAX, Opener
from firmware.formats.manifest import Manifest
from firmware.formats.moment import UNIX_MS_MAX
from firmware.ports.errors import NotFound, PortFault
from firmware.ports.files import File, Files
from host_tools.custody import details, states
from host_tools.custody.belief import Belief, ClearBelief
from host_tools.custody.blocking import Buffer, RunBlocking, Tap, TappedSource, Together, one_by_one
from host_tools.custody.content import Batches, Plaintext, read_content, read_tapped
from host_tools.custody.errors import (
    CustodyError,
    CustodyFault,
    CustodyRefused,
    ManifestRefused,
    SpoolDamage,
    SpoolFull,
)
from host_tools.custody.faults import telling, told
from host_tools.custody.group_commit import GroupCommit
from host_tools.custody.index import Announcement, Index, Recording
from host_tools.custody.layout import Layout
from host_tools.custody.ledger import Details
from host_tools.custody.recovery import Recovery
from host_tools.custody.reports import CommitReport, Counters, SpooledRecording, SpoolEvent, Storage
from host_tools.custody.reservations import Promise, Reservations
from host_tools.custody.scrub import check_chunks, quarantine
from host_tools.custody.shelf import SEALED_BYTES_MAX, MissingChunk, Shelf
from host_tools.custody.shelves import Shelves

# Kept free for the index and its journal, so that a full spool can still commit, deliver and be emptied.
SPARE_BYTES = 64 << 20
# A commit costs a few fsyncs of some milliseconds each; at 16 MiB a disk of 500 MB/s spends most of its time on data.
COMMIT_BYTES = 16 << 20
SYNCS_AT_ONCE = 8  # threads for a commit's syncs: what is beyond waits for a free one, no file system gains by more
ALMOST_FULL_PERCENT = 8  # CTRL-08: the status LED turns amber below this much free
ANNOUNCED_BYTES_MAX = 2 * CHUNKS_MAX * CHUNK_BYTES_MAX  # the longest recording, sealed, is well below


class Spool:
    """One spool on one medium with one index. The constructor picks up where the last run stopped; it blocks."""

    def __init__(
        self,
        files: Files,
        index: Index,
        wall_ms: Callable[[], int],
        spare_bytes: int = SPARE_BYTES,
        belief: Belief | None = None,
        together: Together = one_by_one,
    ) -> None:
        self._files = files
        self._index = index
        self._wall_ms = wall_ms
        self._spare_bytes = spare_bytes
        self._belief = belief or ClearBelief()
        self._layout = Layout(files)
        self._shelves = Shelves()
        self._reservations = Reservations()
        self._group_commit = GroupCommit(self._layout, index, self._shelves, wall_ms, together)
        self._recovery = Recovery(self._layout, index, self._shelves, wall_ms)
        self._writer = threading.RLock()  # one blocking method that changes something at a time
        with telling("spool"):
            self._recovery.recall_all()

    def close(self) -> None:
        """Give all files back; uncommitted chunks are missing at the next start."""
        with self._writer:
            for shelf in self._shelves.all_open():
                shelf.close()

    # -- promising

    def reserve(self, camera_serial: str, wanted: Mapping[bytes, int]) -> Promise:
        """Promise a docked camera space for what it has: bytes by recording, the most important first. What is here
        already wants none. Repeating it renews the promise; a recording that did not fit may fit then. Blocks."""
        with self._writer:
            new = {each: size for each, size in wanted.items() if self._is_to_come(each)}
            return self._reservations.renew(camera_serial, new, self._free_on_medium_bytes())

    def release(self, camera_serial: str) -> None:
        """The camera is gone, and with it the promise. What was accepted keeps its space."""
        self._reservations.release(camera_serial)

    def note_absent(self, camera_serial: str, present: Collection[bytes]) -> list[Recording]:
        """A docked camera has exactly these recordings: those of it that are neither there nor whole here are lost to
        us; answers the ones not noted before, each with what to do. Blocks."""
        absent = [row for row in self._index.unfinished_of(camera_serial) if row.recording not in present]
        noted: list[Recording] = []
        for row in absent:
            reason = (
                f"camera {camera_serial} does not have recording {row.recording.hex()} any more, and it is not whole "
                "here: do not use the camera, recover its card"
            )
            if row.trouble != reason:
                with self._index.transaction():
                    self._index.note_trouble(row.recording, reason)
                    noted.append(self._index.get(row.recording))
        return noted

    # -- receiving

    def announce(self, announcement: Announcement) -> Recording:
        """Note a recording that a camera has, before there is room or time for it. CustodyRefused for sizes and times
        that no manifest could have. Blocks."""
        if announcement.chunks_bytes > ANNOUNCED_BYTES_MAX or announcement.started_unix_ms > UNIX_MS_MAX:
            raise CustodyRefused(
                f"recording {announcement.recording.hex()}: camera {announcement.camera_serial} announces what cannot "
                "be: examine the camera"
            )
        return self._index.announce(announcement, self._wall_ms())

    def accept(
        self,
        manifest_bytes: bytes,
        camera_serial: str,
        expected_sha256: bytes,
        docked: Details | None = None,
        recording: bytes | None = None,
    ) -> SpooledRecording:
        """Promise to keep a recording: its whole space is reserved and its manifest is durable. Blocks.

        ``docked``: what the ledger is to tell of the docking; ``recording``: what it was announced as. Repeating it is
        harmless. CustodyRefused if the manifest is not the announced one or not this camera's; ManifestRefused, and the
        announced recording is set aside, if nobody vouches for it; SpoolFull without room. Nothing was kept then.
        """
        try:
            manifest = self._checked_manifest(manifest_bytes, camera_serial, expected_sha256, recording)
        except ManifestRefused as refused:
            self._set_aside(recording, camera_serial, str(refused))
            raise
        with self._writer, telling(f"recording {manifest.recording.hex()}"):
            row = self._index.find(manifest.recording)
            if row is None or row.state == "announced":
                self._accept_new(manifest, manifest_bytes, expected_sha256, docked or {})
            else:
                _require_same(row, camera_serial, expected_sha256)
                self._restore(row, manifest, manifest_bytes)
            return SpooledRecording(manifest.recording, manifest, self._index.get(manifest.recording).state)

    def missing(self, recording: bytes) -> list[MissingChunk]:
        """What is still to be fetched, by committed chunks only, in order. Empty when it is whole or gone."""
        missing = self._shelves.missing(recording)
        if missing is not None:
            return missing
        row = self._index.get(recording)
        if row.state in states.REMOVABLE_STATES:
            return []
        raise CustodyRefused(f"recording {recording.hex()} cannot be received yet: accept its manifest first")

    def write(self, recording: bytes, offset_bytes: int, data: Buffer) -> None:
        """Take a piece of the chunks object, in any order, any number of times. Nothing counts before ``commit``.

        SpoolFull or CustodyFault if the disk did not take it: the chunks it belongs to are missing again.
        """
        shelf = self._shelves.find(recording)
        if shelf is None:
            self._take_late(recording, len(data))
            return
        try:
            made_whole = shelf.receive(self._layout, offset_bytes, data)
        except PortFault as fault:
            self._shelves.drop_pieces(shelf)
            raise told(f"recording {recording.hex()}", fault) from fault
        if made_whole:
            self._shelves.admit(shelf, made_whole)

    def pending_bytes(self) -> int:
        """Bytes of whole chunks that wait for a commit."""
        return self._shelves.pending_bytes()

    def wants_commit(self) -> bool:
        """Whether a commit pays now: enough is waiting, or a recording would be complete. Callers also commit when
        nothing has arrived for a while, and before they pause."""
        return self._shelves.pending_bytes() >= COMMIT_BYTES or self._shelves.would_complete()

    def commit(self) -> CommitReport:
        """Make all waiting chunks durable, then make them count. Blocks. CustodyFault if the index did not take them:
        they are missing again. A fault of one recording's file does not keep the others."""
        with self._writer:
            return self._group_commit.run()

    def pause(self, recording: bytes) -> None:
        """The camera is gone: give the file back and forget what is not committed. Commit first. Blocks."""
        with self._writer:
            shelf = self._shelves.find(recording)
            if shelf is not None:
                self._shelves.drop_uncommitted(shelf)
                shelf.close()

    # -- reading back

    def open_content(self, recording: bytes, opener: Opener) -> Plaintext:
        """The playable file in pieces, each valid until the next is asked for; every digest is checked. Blocks.

        SpoolDamage: that chunk is missing again. ContentMismatch: fetching again cannot help; poison the recording.
        """
        with telling(f"recording {recording.hex()}"):
            manifest = self._whole(recording)
            try:
                yield from read_content(self._open_chunks(recording), manifest, opener)
            except SpoolDamage as damage:
                self._withdraw(manifest, damage)
                raise

    def open_tapped(self, recording: bytes, opener: Opener, tap: Tap) -> Batches:
        """The same, digested by ``tap`` alone: what is wrong shows at the end, and is then looked for with every
        digest. CustodyFault if it is not found: then what was read was not what is there. Blocks."""
        with telling(f"recording {recording.hex()}"):
            manifest = self._whole(recording)
            try:
                yield from read_tapped(self._open_chunks(recording), manifest, opener, tap)
            except SpoolDamage as damage:
                self._withdraw(manifest, damage)
                raise
        if tap.sha256() not in (None, manifest.content_sha256.hex()):
            for _ in self.open_content(recording, opener):
                continue
            raise CustodyFault(f"recording {recording.hex()}: reads otherwise each time: check the memory and the disk")

    def content_source(
        self, recording: bytes, opener: Opener, run_blocking: RunBlocking, sha256: str = ""
    ) -> TappedSource:
        """Both for ``async for``; it can be started again from the first byte. ``sha256``: as its manifest has it, for
        whoever gets the content and proves it himself."""
        return TappedSource(
            lambda: self.open_content(recording, opener),
            lambda tap: self.open_tapped(recording, opener, tap),
            run_blocking,
            sha256,
        )

    def scrub(self, recording: bytes, first_chunk: int, budget_bytes: int) -> int | None:
        """Read back some of a held recording's chunks, as long as nobody else has it; returns the next chunk to check,
        None at the end. SpoolDamage: that chunk is in quarantine and missing again. Blocks."""
        with telling(f"recording {recording.hex()}"):
            if self._index.get(recording).state not in states.SOLE_COPY_STATES:
                return None
            manifest = self.manifest(recording)
            try:
                return check_chunks(self._layout, manifest, first_chunk, budget_bytes)
            except SpoolDamage as damage:
                if self._withdraw(manifest, damage):
                    raise
                return None  # it was delivered and removed while it was being read

    def manifest(self, recording: bytes) -> Manifest:
        """The accepted manifest. CustodyRefused if the recording is not in the spool, CustodyFault if the file is
        damaged: then it is put back when the camera docks. Blocks."""
        with telling(f"recording {recording.hex()}"):
            row = self._index.get(recording)
            if not row.stored:
                raise CustodyRefused(f"recording {recording.hex()}: it is not in the spool")
            manifest = self._recovery.read_manifest(row)
        if manifest is None:
            raise CustodyFault(f"recording {recording.hex()}: its manifest was damaged: dock its camera again")
        return manifest

    def manifest_document(self, recording: bytes) -> bytes:
        """The same as its camera gave it, with its signature. Raises as ``manifest`` does. Blocks."""
        self.manifest(recording)
        with telling(f"recording {recording.hex()}"):
            return self._layout.read_manifest(recording)

    # -- letting go

    def remove(self, recording: bytes) -> int:
        """Free the space of a recording that the destination has acknowledged; returns the bytes freed. Blocks.
        CustodyRefused before that. Repeating it is harmless."""
        with self._writer, telling(f"recording {recording.hex()}"):
            row = self._index.get(recording)
            if row.state not in states.REMOVABLE_STATES:
                raise CustodyRefused(f"recording {recording.hex()} is {row.state}: it stays until it is delivered")
            with self._index.transaction():
                self._index.note_removed(recording)
            freed_bytes = self._shelves.forget(recording)
            self._layout.remove(recording)
            return freed_bytes

    # -- what there is

    def storage(self) -> Storage:
        """How full the spool is. CustodyFault if the medium does not say."""
        used, reserved = self._shelves.used_and_reserved_bytes()
        promised, refused = self._reservations.promised_bytes(), self._reservations.refused_bytes()
        with telling("spool"):
            total = self._files.total_bytes()
        free = max(0, self._free_on_medium_bytes() - promised)
        almost_full = free * 100 < total * ALMOST_FULL_PERCENT
        return Storage(total, used, reserved + promised, free, almost_full, free == 0 or refused > 0, refused)

    def counters(self) -> Counters:
        """What was counted since this start."""
        return self._shelves.counters

    def take_events(self) -> list[SpoolEvent]:
        """Events since the last call, oldest first."""
        return self._shelves.take_events()

    # -- helpers

    def _checked_manifest(self, data: bytes, camera_serial: str, digest: bytes, recording: bytes | None) -> Manifest:
        if manifests.digest(data) != digest:
            raise CustodyRefused(
                f"camera {camera_serial}: a manifest's digest is not the announced one; fetch it again"
            )
        manifest = self._belief.judge(data, camera_serial, recording, self._wall_ms())
        if any(entry.length > SEALED_BYTES_MAX for entry in manifest.chunks):
            raise CustodyRefused(
                f"recording {manifest.recording.hex()}: a chunk is longer than {SEALED_BYTES_MAX} bytes: "
                "update this side"
            )
        return manifest

    def _set_aside(self, recording: bytes | None, camera_serial: str, reason: str) -> None:
        """What nobody vouches for waits for a person; a recording that was accepted before stays as it is."""
        with self._writer, self._index.transaction():
            row = self._index.find(recording) if recording is not None else None
            if row is not None and row.state == "announced" and row.camera_serial == camera_serial:
                self._index.note_poison(row.recording, reason)

    def _is_to_come(self, recording: bytes) -> bool:
        row = self._index.find(recording)
        return row is None or row.state == "announced"

    def _free_on_medium_bytes(self) -> int:
        with telling("spool"):
            return max(0, self._files.free_bytes() - self._spare_bytes)

    def _accept_new(self, manifest: Manifest, manifest_bytes: bytes, digest: bytes, docked: Details) -> None:
        recording = manifest.recording
        needed = manifest.chunks_bytes + len(manifest_bytes)
        free = max(0, self._free_on_medium_bytes() - self._reservations.promised_bytes(but_for=recording))
        if needed > free:
            raise SpoolFull(
                f"recording {recording.hex()} needs {needed} bytes, the spool has {free} left: "
                "deliver recordings or free space; it stays on its camera"
            )
        file = self._layout.create(recording, manifest_bytes, manifest.chunks_bytes)
        try:
            self._enter_accepted(manifest, len(manifest_bytes), digest, docked)
        except CustodyError:
            file.close()
            self._layout.undo(recording)
            raise
        self._shelves.put(Shelf(manifest, (), self._shelves.counters, file))
        self._reservations.settle(recording)

    def _enter_accepted(self, manifest: Manifest, manifest_length: int, digest: bytes, docked: Details) -> None:
        recording, now = manifest.recording, self._wall_ms()
        known = self._index.find(recording)
        announcement = Announcement(
            recording,
            manifest.camera_serial,
            digest,
            manifest_length,
            manifest.chunks_bytes,
            manifest.started.unix_ms,
            manifest.duration_ms,
            manifest.interrupted,
            known.priority if known else 0,
        )
        with self._index.transaction():
            self._index.announce(announcement, now)
            self._index.note_manifest(recording, len(manifest.chunks), manifest.wearer_id, manifest.wearer_name)
            self._index.advance(recording, "accepted", now, details.of_acceptance(manifest, digest, docked))
            if not manifest.chunks:
                self._index.advance(recording, "completed", now, details.of_completion(manifest))

    def _restore(self, row: Recording, manifest: Manifest, manifest_bytes: bytes) -> None:
        """Put back what was found lost."""
        if not row.stored or row.state in states.REMOVABLE_STATES:
            return
        if self._recovery.read_manifest(row) is None:
            self._layout.restore_manifest(row.recording, manifest_bytes)
        shelf = self._shelves.find(row.recording)
        if shelf is not None and self._layout.chunks_size_bytes(row.recording) < shelf.committed_end_bytes():
            self._shelves.forget(row.recording)
            shelf.close()
        if not self._shelves.is_here(row.recording):
            self._recovery.shelve(row, manifest)

    def _whole(self, recording: bytes) -> Manifest:
        manifest = self.manifest(recording)
        if not self._shelves.is_whole(recording):
            raise CustodyRefused(f"recording {recording.hex()}: not all of it is in the spool")
        return manifest

    def _open_chunks(self, recording: bytes) -> File:
        try:
            return self._layout.read_chunks(recording)
        except NotFound as fault:
            raise SpoolDamage(recording, 0, "the chunks file is gone") from fault

    def _withdraw(self, manifest: Manifest, damage: SpoolDamage) -> bool:
        """A recording that was whole has a bad chunk: it is missing again, unless the destination has it."""
        with self._writer:
            row = self._index.get(manifest.recording)
            if row.state not in states.SOLE_COPY_STATES:
                return False
            quarantine(self._layout, manifest, damage.chunk)
            row = self._recovery.lose(row, [damage.chunk], damage.reason)  # may fail: then it is found again
            self._shelves.forget(row.recording)
            self._recovery.shelve(row, manifest)
            return True

    def _take_late(self, recording: bytes, length_bytes: int) -> None:
        if not self._shelves.is_whole(recording):
            raise CustodyRefused(f"recording {recording.hex()} is not being received: accept its manifest first")
        self._shelves.counters.duplicate_bytes += length_bytes


def _require_owner(row: Recording, camera_serial: str) -> None:
    if row.camera_serial != camera_serial:
        raise CustodyRefused(
            f"recording {row.recording.hex()} belongs to camera {row.camera_serial}, not to {camera_serial}: "
            "examine both cameras"
        )


def _require_same(row: Recording, camera_serial: str, digest: bytes) -> None:
    _require_owner(row, camera_serial)
    if row.manifest_sha256 != digest:
        raise CustodyRefused(
            f"recording {row.recording.hex()}: camera {camera_serial} offers another manifest than before; "
            "the accepted one stays: examine the camera"
        )
