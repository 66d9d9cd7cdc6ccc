"""Group commit: many chunks of many cameras become durable with one fsync a file and one transaction.

Law: read back and judge every chunk, sync every touched file (all at once: a file system makes one journal commit of
them), then enter all rows in one transaction, then believe it. A fault of one file costs that recording's uncommitted
chunks and nobody else's.
"""

from collections.abc import Callable, Iterable
from functools import partial

from firmware.ports.errors import NotFound, PortFault
from firmware.ports.files import File
from host_tools.custody import details
from host_tools.custody.blocking import Together
from host_tools.custody.errors import CustodyError
from host_tools.custody.index import Index
from host_tools.custody.layout import Layout
from host_tools.custody.reports import ChunkRef, CommitReport
from host_tools.custody.shelf import SEALED_BYTES_MAX, Shelf, read_sealed
from host_tools.custody.shelves import Shelves

Batch = tuple[Shelf, list[int]]


class GroupCommit:
    """``run`` blocks and is called by one thread at a time."""

    def __init__(
        self, layout: Layout, index: Index, shelves: Shelves, wall_ms: Callable[[], int], together: Together
    ) -> None:
        self._layout = layout
        self._together = together
        self._index = index
        self._shelves = shelves
        self._wall_ms = wall_ms
        self._buffer = bytearray(SEALED_BYTES_MAX)

    def run(self) -> CommitReport:
        """Commit everything that waits. CustodyFault if the index did not take it: it is all missing again."""
        report = CommitReport()
        right: list[Batch] = []
        for shelf, waiting in self._shelves.take_batches():
            try:
                chunks = self._judge(shelf, waiting)
            except NotFound:
                self._give_up(shelf, waiting, self._forget_all(shelf), report)
                continue
            if chunks:
                right.append((shelf, chunks))
        faults = self._sync([shelf for shelf, _ in right])
        secured = [batch for batch in right if self._is_secured(*batch, faults.get(batch[0].recording), report)]
        report.rejected.extend(self._shelves.take_rejected())
        if secured:
            self._enter(secured, report)
        return report

    def _judge(self, shelf: Shelf, waiting: Iterable[int]) -> list[int]:
        """Read chunks back and check their digests; returns those that are right. NotFound: the file is gone."""
        right: list[int] = []
        file: File | None = None
        try:
            for chunk in waiting:
                try:
                    file = file or shelf.open_to_check(self._layout)
                    is_right = read_sealed(file, shelf.manifest.chunks[chunk], self._buffer) is not None
                except NotFound:
                    raise
                except PortFault as fault:
                    self._shelves.note("fault", shelf.recording, f"chunk {chunk} cannot be read back ({fault})")
                    is_right = False
                if is_right:
                    right.append(chunk)
                else:
                    self._shelves.reject(shelf, chunk)
        finally:
            if file is not None:
                file.close()
        return right

    def _sync(self, shelves: list[Shelf]) -> dict[bytes, PortFault]:
        """Make what was written durable, side by side; returns the faults by recording."""
        faults: dict[bytes, PortFault] = {}

        def sync(shelf: Shelf) -> None:
            try:
                shelf.sync(self._layout)
            except PortFault as fault:
                faults[shelf.recording] = fault

        self._together([partial(sync, shelf) for shelf in shelves])
        return faults

    def _is_secured(self, shelf: Shelf, chunks: list[int], fault: PortFault | None, report: CommitReport) -> bool:
        """Whether these chunks may count. After a failed sync nobody knows which pages were lost: all uncommitted."""
        try:
            if fault is not None:
                raise fault
            if not shelf.is_complete_with(chunks) or self._is_in_place(shelf):
                return True
            reason = self._forget_all(shelf)
        except PortFault as found:
            reason = f"its file could not be made durable ({found}): check the spool's disk"
        self._give_up(shelf, chunks, reason, report)
        return False

    def _forget_all(self, shelf: Shelf) -> str:
        """The file took what was committed with it; says so."""
        chunks = range(len(shelf.manifest.chunks))
        with self._index.transaction():
            self._index.forget_chunks(shelf.recording, chunks)
        self._shelves.drop(shelf, chunks)
        return "its chunks file was removed while it was being received; all of it is fetched again"

    def _give_up(self, shelf: Shelf, chunks: list[int], reason: str, report: CommitReport) -> None:
        shelf.give_up_file()
        self._shelves.drop(shelf, chunks)
        self._shelves.drop_uncommitted(shelf)
        report.faults.append(f"recording {shelf.recording.hex()}: {reason}")
        self._shelves.note("fault", shelf.recording, reason)

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
