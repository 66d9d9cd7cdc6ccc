"""A recording in progress: fragments in, durable chunks and journal lines out, in that order.

Write order: chunks of the fragment, sync, journal line, sync. Only then is the fragment recorded. Nothing is written
twice at one place: after any failure no further fragment is taken, and what is whole is closed.
"""

from collections.abc import Callable
from hashlib import sha256

from firmware.camera import card
from firmware.camera.assembly import Assembly, track_row_bytes
from firmware.camera.documents import Documents
from firmware.camera.vault_errors import VaultError, storage_faults
from firmware.formats import journal
from firmware.formats.chunk import CHUNK_BYTES_MAX, CHUNKS_MAX, Sealer, sealed_bytes
from firmware.formats.header import Header
from firmware.formats.journal import FragmentWritten, Stopped
from firmware.formats.manifest import FRAGMENT_CHUNKS_MAX, ChunkEntry, FragmentEntry, Manifest
from firmware.formats.marks import Marks
from firmware.formats.moment import Moment
from firmware.ports.files import Files
from firmware.ports.sensor import FRAGMENT_INIT, Fragment

CLOSE_RESERVE_BYTES = 1 << 20  # kept free for the last journal line, the manifest, and a later erasure's own file
CLOSE_RESERVE_ENTRY_BYTES = 128  # what a fragment or a chunk takes of the manifest, at most

OnEnd = Callable[[bytes, "Manifest | None", bytes], None]


class OpenRecording:
    """Made by Vault.begin. ``append`` until it fails or nothing more comes, then ``close`` or ``discard``, once.

    ``on_end`` gets the recording, and its manifest with the encoded form, or None and nothing where there is none.
    """

    def __init__(
        self,
        files: Files,
        header: Header,
        sealer: Sealer,
        documents: Documents,
        marks: "Marks | None",
        on_end: OnEnd,
    ) -> None:
        self.recording = header.recording
        self._name = header.recording.hex()
        self._folder = card.folder_of(self._name)
        self._files = files
        self._sealer = sealer
        self._documents = documents
        self._marks = marks
        self._on_end = on_end
        self._assembly = Assembly(header)
        self._content = sha256()
        self._journal_bytes = 0
        self._lines = 0
        self._failed = False
        self._ended = False
        self._chunk_file = files.create(f"{self._folder}/{card.CHUNKS}")
        self._journal_file = files.create(f"{self._folder}/{card.JOURNAL}")

    def has_media(self) -> bool:
        """Whether any picture or sound is durable."""
        return self._assembly.has_media()

    def content_bytes(self) -> int:
        """What is durable of the file that will play, in bytes."""
        return self._assembly.content_bytes

    def append(self, fragment: Fragment, places: bytes = b"") -> None:
        """Record one fragment, and the block of places (formats.track) that were noted meanwhile; when this returns
        both survive a power cut.

        VaultError: it is not recorded and nothing can follow it (``full``, ``storage``, or ``out_of_range`` when the
        recording is as long as one may be); ``close`` keeps what is whole.
        """
        if self._ended or self._failed:
            raise VaultError("refused", f"recording {self._name} takes no more fragments")
        self._failed = True  # whatever goes wrong from here to the end is the end of the recording
        with storage_faults(f"recording {self._name}"):
            pieces = self._split(fragment)
            self._require_space(pieces, places)
            written = self._write_chunks(fragment, pieces, places)
            self._write_line(written)
        self._assembly.add(written)
        self._failed = False

    def close(self, stopped: Moment, cause: str, interrupted: bool = False) -> Manifest:
        """End the recording and write its manifest. VaultError: the card failed, and the next recovery closes it."""
        self._end()
        closed = self._assembly.manifest(stopped, cause, interrupted)
        try:
            with storage_faults(f"closing recording {self._name}"):
                data = self._write_end(closed)
        except VaultError:
            self._let_go(None, b"")
            raise
        self._let_go(closed, data)
        return closed

    def discard(self) -> None:
        """Remove a recording that has nothing in it. VaultError ``refused`` if it has."""
        if self.has_media():
            raise VaultError("refused", f"recording {self._name} has content and is not discarded")
        self._end()
        self._let_go(None, b"")
        with storage_faults(f"discarding recording {self._name}"):
            card.finish_removal(self._files, card.begin_removal(self._files, self._name))

    def _split(self, fragment: Fragment) -> "list[memoryview]":
        """The plaintext of the fragment's chunks; an empty fragment has one."""
        if (fragment.kind == FRAGMENT_INIT) != (not self._assembly.events):
            raise VaultError("refused", f"recording {self._name}: exactly the first fragment is the initialisation")
        data = memoryview(fragment.data)
        pieces = [data[at : at + CHUNK_BYTES_MAX] for at in range(0, max(len(data), 1), CHUNK_BYTES_MAX)]
        if len(pieces) > FRAGMENT_CHUNKS_MAX:
            raise VaultError("out_of_range", f"recording {self._name}: a fragment of {len(data)} bytes")
        if self._assembly.chunk_count + len(pieces) > CHUNKS_MAX:
            raise VaultError("out_of_range", f"recording {self._name} is as long as one may be: {CHUNKS_MAX} chunks")
        return pieces

    def _require_space(self, pieces: "list[memoryview]", places: bytes) -> None:
        """What is kept free pays for closing, so that a full card costs no more than what did not fit."""
        suite = self._assembly.header.suite
        entries = self._assembly.chunk_count + len(self._assembly.events) + len(pieces) + 1
        wanted = sum(sealed_bytes(suite, len(piece)) for piece in pieces) + journal.LINE_BYTES_MAX
        track_bytes = self._assembly.track_bytes + track_row_bytes(len(places))
        reserve = CLOSE_RESERVE_BYTES + entries * CLOSE_RESERVE_ENTRY_BYTES + track_bytes
        free = self._files.free_bytes()
        if free < wanted + reserve:
            raise VaultError("full", f"recording {self._name}: the card is full, {free} bytes are left")

    def _write_chunks(self, fragment: Fragment, pieces: "list[memoryview]", places: bytes) -> FragmentWritten:
        first = self._assembly.chunk_count
        offset = self._assembly.chunks_bytes
        chunks: list[ChunkEntry] = []
        for number, piece in enumerate(pieces):
            sealed = self._sealer.seal(first + number, piece, number + 1 == len(pieces))
            self._chunk_file.write_at(offset, sealed)
            chunks.append(ChunkEntry(offset, len(sealed), sha256(sealed).digest()))
            offset += len(sealed)
        self._chunk_file.sync()
        self._content.update(fragment.data)
        entry = FragmentEntry(
            kind=fragment.kind,
            first_chunk=first,
            chunk_count=len(pieces),
            start_ms=fragment.start_ms,
            duration_ms=fragment.duration_ms,
            frames=fragment.frames,
            content_bytes=len(fragment.data),
            content_sha256=sha256(fragment.data).digest(),
        )
        number = len(self._assembly.events)
        sealed_places = self._sealer.conceal_places(number, places) if places else b""
        return FragmentWritten(entry, tuple(chunks), self._content.digest(), sealed_places)

    def _write_line(self, event: journal.Event) -> None:
        line = journal.encode(self._lines, event, self._marks)
        self._journal_file.write_at(self._journal_bytes, line)
        self._journal_file.sync()
        self._journal_bytes += len(line)
        self._lines += 1

    def _write_end(self, closed: Manifest) -> bytes:
        """Last line and manifest; what a failed append may have left is taken away first."""
        if self._failed:
            self._chunk_file.truncate(self._assembly.chunks_bytes)
            self._journal_file.truncate(self._journal_bytes)
        self._write_line(Stopped(closed.cause_stop, closed.stopped, closed.interrupted))
        data = self._documents.encode(closed)  # a key that does not sign now signs at the next recovery
        card.replace(self._files, self._folder, card.MANIFEST, data)
        return data

    def _end(self) -> None:
        if self._ended:
            raise VaultError("refused", f"recording {self._name} has been closed already")
        self._ended = True

    def _let_go(self, closed: "Manifest | None", data: bytes) -> None:
        self._sealer.forget()
        self._chunk_file.close()
        self._journal_file.close()
        self._on_end(self.recording, closed, data)
