"""One recording while it is being received: which chunks are missing, which pieces of them are here.

Law: accounts for bytes and writes one file; the index is not known here. Pieces arrive in any order and more than once.
A byte that has been taken is never overwritten by a later piece, because its digest may already have been read.
``receive`` runs on the loop and does no more than write: digests are read back from the file by the commit, in its own
thread, so that what is judged is what the file holds. All else runs under the spool's locks.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from firmware.formats.chunk import CHUNK_BYTES_MAX
from firmware.formats.manifest import ChunkEntry, Manifest
from firmware.ports.errors import IoFault
from firmware.ports.files import File
from host_tools.custody.blocking import Buffer
from host_tools.custody.coverage import Coverage
from host_tools.custody.errors import CustodyRefused
from host_tools.custody.layout import Layout
from host_tools.custody.reports import Counters

# Header, tag and whatever a later suite adds to a chunk's plaintext; bounds every buffer a manifest can make us take.
SEALED_BYTES_MAX = CHUNK_BYTES_MAX + 4096

_MISSING, _WHOLE, _COMMITTED = 0, 1, 2


class MissingChunk(NamedTuple):
    """A range of the chunks object that is still to be fetched."""

    chunk: int
    offset_bytes: int
    length_bytes: int


class Shelf:
    """``waiting``: chunks whose bytes are all written; ``rejected``: chunks whose digest was wrong. The first write
    opens the file, and makes it if none is there."""

    def __init__(
        self, manifest: Manifest, committed: Iterable[int], counters: Counters, file: File | None = None
    ) -> None:
        self.recording = manifest.recording
        self.manifest = manifest
        self.waiting: list[int] = []
        self.waiting_bytes = 0
        self.rejected: list[int] = []
        self.committed_bytes = 0
        self._file = file
        self._given_up = False
        self._new_name = False
        self._counters = counters
        self._offsets = [entry.offset for entry in manifest.chunks]
        self._states = bytearray(len(manifest.chunks))
        self._partials: dict[int, Coverage] = {}
        self._left = len(manifest.chunks)
        self.settle(committed)

    def sync(self, layout: Layout) -> None:
        """Make what was written durable, and the file's name if it is new. IoFault if the file was given up."""
        file = self._file
        if file is None or self._given_up:
            raise IoFault("the chunks file is not open")
        file.sync()
        if self._new_name:
            layout.sync_names(self.recording)
            self._new_name = False

    def give_up_file(self) -> None:
        """The open file is not to be trusted; the next write opens it again. Not closed here, because the loop may be
        writing to it at this moment."""
        self._given_up = True

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def missing(self) -> list[MissingChunk]:
        """What is not committed, in order."""
        return [
            MissingChunk(number, entry.offset, entry.length)
            for number, entry in enumerate(self.manifest.chunks)
            if self._states[number] != _COMMITTED
        ]

    def is_complete_with(self, chunks: Iterable[int]) -> bool:
        """Whether committing these chunks leaves nothing missing."""
        return self._left == sum(self._states[chunk] != _COMMITTED for chunk in set(chunks))

    def committed_end_bytes(self) -> int:
        """How long the chunks file must be to hold what is committed."""
        last = self._states.rfind(_COMMITTED)
        return self.manifest.chunks[last].offset + self.manifest.chunks[last].length if last >= 0 else 0

    def everything_waits(self) -> bool:
        """Whether a commit now would complete the recording."""
        return self._left == len(self.waiting)

    def receive(self, layout: Layout, offset_bytes: int, data: Buffer) -> list[int]:
        """Write a piece, which may span chunks; returns the chunks it made whole. CustodyRefused outside the object."""
        if offset_bytes < 0 or offset_bytes + len(data) > self.manifest.chunks_bytes:
            raise CustodyRefused(
                f"recording {self.recording.hex()}: bytes {offset_bytes} to {offset_bytes + len(data)} are outside its "
                f"{self.manifest.chunks_bytes}: reset the camera, its firmware counts wrong"
            )
        view = memoryview(data)
        made_whole: list[int] = []
        number = bisect_right(self._offsets, offset_bytes) - 1
        while len(view):
            entry = self.manifest.chunks[number]
            start = offset_bytes - entry.offset
            piece = view[: entry.length - start]
            if self._receive_piece(layout, number, entry, start, piece):
                made_whole.append(number)
            view = view[len(piece) :]
            offset_bytes += len(piece)
            number += 1
        return made_whole

    def admit(self, made_whole: Iterable[int]) -> None:
        """Queue whole chunks for the next commit, unless their pieces were dropped meanwhile."""
        for chunk in made_whole:
            if self._partials.pop(chunk, None) is not None:
                self._states[chunk] = _WHOLE
                self.waiting.append(chunk)
                self.waiting_bytes += self.manifest.chunks[chunk].length

    def take_waiting(self) -> list[int]:
        """Everything that waits for a commit; the caller settles or drops each."""
        taken, self.waiting, self.waiting_bytes = self.waiting, [], 0
        return taken

    def settle(self, chunks: Iterable[int]) -> None:
        """These chunks' rows are committed."""
        for chunk in chunks:
            if self._states[chunk] != _COMMITTED:
                self._states[chunk] = _COMMITTED
                self._left -= 1
                self.committed_bytes += self.manifest.chunks[chunk].length

    def drop(self, chunks: Iterable[int]) -> None:
        """These chunks are missing again."""
        for chunk in chunks:
            if self._states[chunk] == _COMMITTED:
                self._left += 1
                self.committed_bytes -= self.manifest.chunks[chunk].length
            self._states[chunk] = _MISSING

    def drop_partials(self) -> None:
        """Forget all pieces of chunks that are not whole (a write or a sync failed: they may not be on the file)."""
        self._partials = {}

    def open_to_check(self, layout: Layout) -> File:
        """The chunks file as its name leads to it, for reading back what was written; the caller closes it."""
        return layout.read_chunks(self.recording)

    def _open_file(self, layout: Layout) -> File:
        if self._given_up:
            self.close()
            self._given_up = False
        if self._file is None:
            may_make = self.committed_end_bytes() == 0  # else a file that is gone took committed chunks with it
            self._file, made = layout.open_chunks(self.recording, self.manifest.chunks_bytes if may_make else None)
            self._new_name = self._new_name or made
        return self._file

    def _receive_piece(self, layout: Layout, number: int, entry: ChunkEntry, start: int, piece: memoryview) -> bool:
        """Write what is new of a piece of one chunk; whether the chunk is whole now."""
        if self._states[number] != _MISSING:
            self._counters.duplicate_bytes += len(piece)
            return False
        coverage = self._partials.get(number)
        if coverage is None:
            coverage = self._partials[number] = Coverage(entry.length)
        taken = 0
        for fresh_start, fresh_stop in coverage.add(start, start + len(piece)):
            fresh = piece[fresh_start - start : fresh_stop - start]
            self._open_file(layout).write_at(entry.offset + fresh_start, fresh)
            taken += len(fresh)
        self._counters.duplicate_bytes += len(piece) - taken
        if coverage.is_scattered():
            del self._partials[number]
            return False
        return coverage.is_whole()


def read_sealed(file: File, entry: ChunkEntry, buffer: bytearray) -> memoryview | None:
    """A sealed chunk in the front of ``buffer``; None if the file is too short for it or its digest is wrong."""
    view = memoryview(buffer)[: entry.length]
    if file.read_at(entry.offset, view) != entry.length:
        return None
    return view if hashlib.sha256(view).digest() == entry.sealed_sha256 else None
