"""Picking up where the last run stopped, and what to do about files that are not as the index remembers.

Law: the index says what was committed, the files say what is still there; where they disagree the chunk is missing
again and is told of. Nothing here ends the program, and nothing is removed that a row does not say was let go.
"""

from collections.abc import Callable

from firmware.formats import manifest as manifests
from firmware.formats.errors import FormatError
from firmware.formats.manifest import Manifest
from firmware.ports.errors import PortFault
from firmware.secure import document
from host_tools.custody import details, states
from host_tools.custody.index import Index, Recording
from host_tools.custody.layout import Layout
from host_tools.custody.shelf import Shelf
from host_tools.custody.shelves import Shelves


class Recovery:
    """All methods block and may raise PortFault; one thread at a time."""

    def __init__(self, layout: Layout, index: Index, shelves: Shelves, wall_ms: Callable[[], int]) -> None:
        self._layout = layout
        self._index = index
        self._shelves = shelves
        self._wall_ms = wall_ms

    def recall_all(self) -> None:
        """Build the picture in memory from index and files."""
        stored = self._index.stored_recordings()
        self._layout.prepare(must_exist=bool(stored))
        for row in stored:
            try:
                self._recall(row)
            except PortFault as fault:
                self._shelves.note("fault", row.recording, f"its files cannot be read now ({fault}): check the disk")
        known = {row.recording for row in stored}
        for recording in self._layout.recordings():
            if recording not in known:
                self._settle_folder(recording)

    def shelve(self, row: Recording, manifest: Manifest) -> None:
        """Put a stored recording on its shelf; committed chunks that its file does not reach are missing again."""
        size_bytes = self._layout.chunks_size_bytes(row.recording)
        committed = self._index.committed_chunks(row.recording)
        gone = {chunk for chunk in committed if _end(manifest, chunk) > size_bytes}
        if gone or row.state in states.SOLE_COPY_STATES:
            row = self.lose(row, sorted(gone), f"its file is only {size_bytes} bytes long")
        shelf = Shelf(manifest, (chunk for chunk in committed if chunk not in gone), self._shelves.counters)
        if row.state == "offloading" and shelf.is_complete_with(()):
            self._index.advance(row.recording, "completed", self._wall_ms(), details.of_completion(manifest))
        self._shelves.put(shelf)

    def lose(self, row: Recording, chunks: list[int], reason: str) -> Recording:
        """Chunks that were committed are missing again. A recording that was held is not held any more."""
        self._shelves.note("damaged", row.recording, f"{len(chunks)} committed chunks are missing again: {reason}")
        with self._index.transaction():
            self._index.forget_chunks(row.recording, chunks)
            self._index.advance(row.recording, "damaged", self._wall_ms(), details.of_damage(chunks, reason))
            remedy = f"dock camera {row.camera_serial} to fetch it again"
            self._index.note_trouble(row.recording, f"a part of it was lost here ({reason}): {remedy}")
            return self._index.get(row.recording)

    def read_manifest(self, row: Recording) -> Manifest | None:
        """The manifest that was accepted; None if its file is gone or changed."""
        data = self._layout.read_manifest(row.recording)
        if manifests.digest(data) != row.manifest_sha256:
            return None
        try:
            return document.manifest_in(data)
        except FormatError:
            return None  # accepted by software that read another form: fetching it again says what is wrong with it

    def _recall(self, row: Recording) -> None:
        size_bytes = self._layout.chunks_size_bytes(row.recording)
        if row.state in states.WHOLE_STATES and size_bytes >= row.chunks_bytes:
            self._shelves.put_whole(row.recording, row.chunks_bytes)
            return
        if row.state in states.REMOVABLE_STATES:
            self._shelves.put_whole(row.recording, size_bytes)
            self._shelves.note("damaged", row.recording, "its file was cut after delivery; the destination has it")
            return
        manifest = self.read_manifest(row)
        if manifest is None:
            committed = self._index.committed_chunks(row.recording) if size_bytes == 0 else []
            self.lose(row, committed, "its manifest is gone; it is fetched again")
            return
        self.shelve(row, manifest)

    def _settle_folder(self, recording: bytes) -> None:
        """A folder without a stored row: a removal that was interrupted is finished; anything else is left alone."""
        row = self._index.find(recording)
        try:
            if row is not None and row.state in states.REMOVABLE_STATES:
                self._layout.remove(recording)
            else:
                self._shelves.note("orphan", recording, "files without an entry; used when its camera docks")
        except PortFault as fault:
            self._shelves.note("fault", recording, f"its files cannot be removed now ({fault}): check the disk")


def _end(manifest: Manifest, chunk: int) -> int:
    if chunk >= len(manifest.chunks):
        return manifest.chunks_bytes + 1  # a row that the manifest does not know is not kept
    entry = manifest.chunks[chunk]
    return entry.offset + entry.length
