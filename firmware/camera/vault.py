"""The vault: recordings on the card, from the first fragment to the erasure.

Law: what ``append`` or ``close`` has returned from survives a power cut at any instant; nothing is erased that no
authorisation allows; nothing of a recording but its manifest is ever whole in memory. No clock: moments are arguments.
"""

from collections import OrderedDict
from dataclasses import dataclass

from firmware.camera import card, recovery
from firmware.camera.documents import Documents, MarksOf, no_marks
from firmware.camera.open_recording import CLOSE_RESERVE_BYTES, OpenRecording
from firmware.camera.recovery import Recovered
from firmware.camera.vault_errors import VaultError, storage_faults
from firmware.formats import authorisation, erasures, header, manifest, recording_id
from firmware.formats.authorisation import UNSIGNED_VERIFIER, EraseAuthorisation, Verifier
from firmware.formats.chunk import ClearSuite, Sealer, Suite
from firmware.formats.erasures import Erased, Erasures
from firmware.formats.errors import FormatError
from firmware.formats.header import Header, RecordingInfo
from firmware.formats.manifest import Manifest
from firmware.link.schema import PART_CHUNKS, PART_MANIFEST
from firmware.ports.entropy import Entropy
from firmware.ports.errors import NotFound
from firmware.ports.files import File, Files
from firmware.secure import document_private

__all__ = ("Erased", "OpenRecording", "Recovered", "Storage", "StoredRecording", "Vault", "VaultError")

PIECE_BYTES_MAX = 1 << 20  # the largest frame payload; more is never asked for at once
READ_HANDLES_MAX = 8  # recordings being offloaded at once, and their manifests; a camera has one cable
BEGIN_FREE_BYTES_MIN = 4 * CLOSE_RESERVE_BYTES  # a recording that could not hold a few seconds is not begun
LOW_FREE_PERCENT = 10  # the wearer is warned: about an hour of 1080p on a 32 GB card

_PART_FILES = {PART_CHUNKS: card.CHUNKS, PART_MANIFEST: card.MANIFEST}


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """A closed recording on the card, ready to be offloaded."""

    recording: bytes
    chunks_bytes: int
    manifest_bytes: int
    manifest_sha256: bytes
    started_unix_ms: int
    started_monotonic_ms: int
    duration_ms: int
    interrupted: bool


@dataclass(frozen=True, slots=True)
class Storage:
    """How full the card is. ``level``: ``ok``, ``low`` (below LOW_FREE_PERCENT), ``full`` (none can begin)."""

    total_bytes: int
    free_bytes: int
    free_percent: int
    level: str


class Vault:
    """Call ``open`` before anything else. ``suite`` seals; ``verifier`` says whose authorisations count; ``documents``
    writes and reads manifests, signed or not; ``marks_of`` begins the marks of a recording, where the board has a
    secret to mark with."""

    def __init__(
        self,
        files: Files,
        entropy: Entropy,
        suite: "Suite | None" = None,
        verifier: Verifier = UNSIGNED_VERIFIER,
        documents: Documents = manifest,
        marks_of: MarksOf = no_marks,
    ) -> None:
        self._files = files
        self._entropy = entropy
        self._suite = suite or ClearSuite()
        self._verifier = verifier
        self._documents = documents
        self._marks_of = marks_of
        self._stored: dict[bytes, StoredRecording] = {}
        self._open: set[bytes] = set()
        self._erasures: Erasures | None = Erasures()
        self._handles: OrderedDict[tuple[bytes, int], File] = OrderedDict()

    def open(self) -> "list[Recovered]":
        """Recover what a power cut left and learn what is there; returns what had to be done, nothing as a rule.

        May be called again at any time to retry what was ``left``. VaultError ``storage``: the card cannot be used.
        """
        self.close()
        with storage_faults("opening the card"):
            card.make_folder_durably(self._files, "", card.RECORDINGS)
            self._erasures = self._read_erasures()
            names = self._files.list_folder(card.RECORDINGS)
        self._stored.clear()
        notes: list[Recovered] = []
        in_progress = {recording.hex() for recording in self._open}
        for name in names:
            if name in in_progress:
                continue
            found, note = recovery.recover_folder(self._files, name, self._documents, self._marks_of)
            if found is not None:
                self._keep(found.manifest, found.data)
            if note is not None:
                notes.append(note)
        return notes

    def close(self) -> None:
        """Give the read handles back. The vault can still be used."""
        for file in self._handles.values():
            file.close()
        self._handles.clear()

    def begin(self, info: RecordingInfo) -> OpenRecording:
        """Begin a recording; its header, with the wrapped keys, is durable when this returns.

        VaultError: ``full`` without room for a few seconds, ``storage``, ``refused`` for an info beyond the limits.
        """
        with storage_faults("beginning a recording"):
            if self._files.free_bytes() < BEGIN_FREE_BYTES_MIN:
                raise VaultError("full", "the card is full: dock the camera to offload it")
            recording = recording_id.new_id(self._entropy)
            begun = self._suite.begin(recording, self._entropy)
            private = begun.sealer.conceal(document_private.encode(document_private.part_of(info)))
            shown = document_private.without(info) if private else info
            head = Header(recording, self._suite.name, begun.wrapped_keys, shown, private)
            started = self._write_header(head, begun.sealer)
        self._open.add(recording)
        return started

    def recordings(self) -> "list[StoredRecording]":
        """All closed recordings, oldest first as far as wall time tells; without one, as this boot's clock does."""
        return sorted(self._stored.values(), key=_age)

    def read_piece(self, recording: bytes, part: int, offset: int, length: int) -> memoryview:
        """``length`` bytes of an object of a closed recording; the caller may keep them.

        VaultError: ``not_found``; ``out_of_range`` beyond the object's end or PIECE_BYTES_MAX; ``storage``.
        """
        stored = self._stored.get(recording)
        if stored is None or part not in _PART_FILES:
            raise VaultError("not_found", f"no recording {recording.hex()} or no part {part} of it")
        size = stored.chunks_bytes if part == PART_CHUNKS else stored.manifest_bytes
        if not 0 <= offset <= size or not 0 <= length <= min(size - offset, PIECE_BYTES_MAX):
            raise VaultError("out_of_range", f"{length} bytes at {offset} of {size} of recording {recording.hex()}")
        buffer = memoryview(bytearray(length))
        with storage_faults(f"reading recording {recording.hex()}"):
            count = self._handle(recording, part).read_at(offset, buffer)
        if count != length:
            raise VaultError("storage", f"recording {recording.hex()} is shorter on the card than its manifest says")
        return buffer

    def erase(self, document: bytes, camera_serial: str) -> Erased:
        """Erase one recording as an encoded authorisation says; repeating it after a power cut finishes it.

        VaultError: ``refused`` names what does not hold; ``not_found``; ``storage``.
        """
        try:
            given = authorisation.decode(document, self._verifier)
        except FormatError as error:
            raise VaultError("refused", str(error)) from error
        self._check_authorisation(given, camera_serial)
        with storage_faults(f"erasing recording {given.recording.hex()}"):
            self._accept(given)
            self._remove(given.recording)
        return Erased(given.counter, given.recording, given.manifest_sha256)

    def erase_counter(self) -> int:
        """The highest counter of any authorisation accepted so far; the next must be above."""
        return self._erasures.counter if self._erasures else 0

    def free_bytes(self) -> int:
        """What can still be written."""
        with storage_faults("measuring the card"):
            return self._files.free_bytes()

    def total_bytes(self) -> int:
        """Size of the card."""
        with storage_faults("measuring the card"):
            return self._files.total_bytes()

    def storage(self) -> Storage:
        """How full the card is."""
        free, total = self.free_bytes(), self.total_bytes()
        percent = 100 * free // total if total else 0
        level = "full" if free < BEGIN_FREE_BYTES_MIN else "low" if percent < LOW_FREE_PERCENT else "ok"
        return Storage(total, free, percent, level)

    # -- recording

    def _write_header(self, head: Header, sealer: Sealer) -> OpenRecording:
        name = recording_id.text(head.recording)
        folder = card.folder_of(name)
        marks = self._marks_of(head.recording)
        data = header.encode(head, marks)
        self._files.make_folder(folder)
        card.write_new(self._files, f"{folder}/{card.HEADER}", data)
        started = OpenRecording(self._files, head, sealer, self._documents, marks, self._on_end)
        self._files.sync_folder(folder)
        self._files.sync_folder(card.RECORDINGS)
        return started

    def _on_end(self, recording: bytes, closed: "Manifest | None", data: bytes) -> None:
        self._open.discard(recording)
        if closed is not None:
            self._keep(closed, data)

    def _keep(self, closed: Manifest, data: bytes) -> None:
        self._stored[closed.recording] = StoredRecording(
            recording=closed.recording,
            chunks_bytes=closed.chunks_bytes,
            manifest_bytes=len(data),
            manifest_sha256=manifest.digest(data),
            started_unix_ms=closed.started.unix_ms,
            started_monotonic_ms=closed.started.monotonic_ms,
            duration_ms=closed.duration_ms,
            interrupted=closed.interrupted,
        )

    # -- reading

    def _handle(self, recording: bytes, part: int) -> File:
        """An open file, kept for the next piece; the one unused for longest makes room."""
        key = (recording, part)
        if key not in self._handles:
            if len(self._handles) >= READ_HANDLES_MAX:
                self._handles.popitem(last=False)[1].close()
            self._handles[key] = self._files.open(f"{card.folder_of(recording.hex())}/{_PART_FILES[part]}")
        self._handles.move_to_end(key)
        return self._handles[key]

    # -- erasing

    def _check_authorisation(self, given: EraseAuthorisation, camera_serial: str) -> None:
        name = given.recording.hex()
        if given.camera_serial != camera_serial:
            raise VaultError("refused", f"erase: for camera {given.camera_serial}, this is {camera_serial}")
        if self._erasures is None:
            raise VaultError("refused", "erase: the erase counter of this card is damaged; offload and format the card")
        if given.recording in self._open:
            raise VaultError("refused", f"erase: recording {name} is being recorded")
        stored = self._stored.get(given.recording)
        if stored is None and not self._erasures.remembers(given.recording, given.manifest_sha256):
            raise VaultError("not_found", f"erase: no recording {name} on this camera")
        if stored is not None and stored.manifest_sha256 != given.manifest_sha256:
            raise VaultError("refused", f"erase: recording {name} has another manifest than the one authorised")
        if given.counter <= self._erasures.counter and not self._erasures.accepted(given):
            raise VaultError(
                "refused", f"erase: counter {given.counter} is not above {self._erasures.counter}; ask for a fresh one"
            )

    def _accept(self, given: EraseAuthorisation) -> None:
        """Remember the authorisation, durably, before anything is done about it."""
        if self._erasures is None or self._erasures.accepted(given):
            return
        after = self._erasures.after(given)
        card.replace(self._files, "", card.ERASURES, erasures.encode(after))
        self._erasures = after

    def _remove(self, recording: bytes) -> None:
        if recording not in self._stored:
            return
        for part in _PART_FILES:
            file = self._handles.pop((recording, part), None)
            if file is not None:
                file.close()
        erasing = card.begin_removal(self._files, recording.hex())
        del self._stored[recording]
        card.finish_removal(self._files, erasing)

    def _read_erasures(self) -> "Erasures | None":
        """None: there is a file, but it does not hold, so no counter can be trusted and nothing may be erased."""
        try:
            return erasures.decode(card.read_whole(self._files, card.ERASURES, erasures.ERASURES_BYTES_MAX))
        except NotFound:
            return Erasures()
        except FormatError:
            return None


def _age(stored: StoredRecording) -> "tuple[int, int, bytes]":
    return stored.started_unix_ms, stored.started_monotonic_ms, stored.recording
