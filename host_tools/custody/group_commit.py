"""Group commit: many chunks of many cameras become durable with one fsync a file and one transaction.

Law: read back what came out of order, sync every touched file, then enter all rows in one transaction, then believe it.
A fault of one file costs that recording's uncommitted chunks and nobody else's.
"""

from collections.abc import Callable, Iterable

from firmware.ports.errors import PortFault
from host_tools.custody import details
from host_tools.custody.errors import CustodyError
from host_tools.custody.index import Index
from host_tools.custody.layout import Layout
from host_tools.custody.reports import ChunkRef, CommitReport
from host_tools.custody.shelf import SEALED_BYTES_MAX, Shelf, Waiting
from host_tools.custody.shelves import Shelves

Batch = tuple[Shelf, list[int]]


class GroupCommit:
    """``run`` blocks and is called by one thread at a time."""

    def __init__(self, layout: Layout, index: Index, shelves: Shelves, wall_ms: Callable[[], int]) -> None:
        self._layout = layout
        self._index = index
        self._shelves = shelves
        self._wall_ms = wall_ms
        self._buffer = bytearray(SEALED_BYTES_MAX)

    def run(self) -> CommitReport:
        """Commit everything that waits. CustodyFault if the index did not take it: it is all missing again."""
        report = CommitReport()
        secured: list[Batch] = []
        for shelf, waiting in self._shelves.take_batches():
            chunks = self._check_again(shelf, waiting)
            if chunks and self._secure(shelf, chunks, report):
                secured.append((shelf, chunks))
        report.rejected.extend(self._shelves.take_rejected())
        if secured:
            self._enter(secured, report)
        return report

    def _check_again(self, shelf: Shelf, waiting: Iterable[Waiting]) -> list[int]:
        """Chunks whose pieces came out of order are read back now; returns those that are right."""
        right: list[int] = []
        for item in waiting:
            if item.verified or self._reads_back(shelf, item.chunk):
                right.append(item.chunk)
            else:
                self._shelves.reject(shelf, item.chunk)
        return right

    def _reads_back(self, shelf: Shelf, chunk: int) -> bool:
        try:
            return shelf.reads_back(self._layout, chunk, self._buffer)
        except PortFault as fault:
            self._shelves.note("fault", shelf.recording, f"chunk {chunk} cannot be read back ({fault})")
            return False

    def _secure(self, shelf: Shelf, chunks: list[int], report: CommitReport) -> bool:
        """Sync one recording's file. After a failed sync nobody knows which pages were lost: all uncommitted are."""
        try:
            shelf.sync(self._layout)
            if not shelf.is_complete_with(chunks) or self._is_in_place(shelf):
                return True
            reason = "its chunks file was removed while it was being received; all of it is fetched again"
            with self._index.transaction():
                self._index.forget_chunks(shelf.recording, range(len(shelf.manifest.chunks)))
            self._shelves.drop(shelf, range(len(shelf.manifest.chunks)))
        except PortFault as fault:
            reason = f"its file could not be made durable ({fault}): check the spool's disk"
        shelf.give_up_file()
        self._shelves.drop(shelf, chunks)
        self._shelves.drop_uncommitted(shelf)
        report.faults.append(f"recording {shelf.recording.hex()}: {reason}")
        self._shelves.note("fault", shelf.recording, reason)
        return False

    def _is_in_place(self, shelf: Shelf) -> bool:
        """Whether the file that was written is still the one that its name leads to."""
        return self._layout.chunks_size_bytes(shelf.recording) >= shelf.manifest.chunks_bytes

    def _enter(self, secured: list[Batch], report: CommitReport) -> None:
        complete = [shelf for shelf, chunks in secured if shelf.is_complete_with(chunks)]
        try:
            with self._index.transaction():
                for shelf, chunks in secured:
                    self._index.commit_chunks(shelf.recording, chunks)
                for shelf in complete:
                    self._index.advance(
                        shelf.recording, "completed", self._wall_ms(), details.of_completion(shelf.manifest)
                    )
        except CustodyError:
            for shelf, chunks in secured:
                self._shelves.drop(shelf, chunks)
            raise
        for shelf, chunks in secured:
            self._shelves.settle(shelf, chunks)
            report.committed.extend(ChunkRef(shelf.recording, chunk) for chunk in chunks)
        for shelf in complete:
            self._shelves.put(shelf)
            report.held.append(shelf.recording)
        self._shelves.counters.commits += 1
        self._shelves.counters.committed_chunks += len(report.committed)
