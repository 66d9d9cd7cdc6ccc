"""The spool's picture in memory: which recordings are being received, which are whole, what happened.

Law: a mirror of committed rows plus the pieces in flight; it is built from index and files at every start and never
trusted beyond them. Every method is short and takes one lock, so the event loop and a worker thread may both call it.
"""

import threading
from collections import deque
from collections.abc import Iterable

from host_tools.custody.reports import ChunkRef, Counters, EventKind, SpoolEvent
from host_tools.custody.shelf import MissingChunk, Shelf

EVENTS_MAX = 1_000  # events that nobody has taken; the oldest go first


class Shelves:
    """All recordings of one spool."""

    def __init__(self) -> None:
        self.counters = Counters()
        self._lock = threading.Lock()
        self._open: dict[bytes, Shelf] = {}
        self._whole: dict[bytes, int] = {}  # bytes of recordings that miss nothing
        self._events: deque[SpoolEvent] = deque(maxlen=EVENTS_MAX)

    def find(self, recording: bytes) -> Shelf | None:
        """The shelf of a recording that misses something."""
        return self._open.get(recording)

    def all_open(self) -> list[Shelf]:
        """Shelves of all recordings that miss something."""
        with self._lock:
            return list(self._open.values())

    def is_whole(self, recording: bytes) -> bool:
        """Whether a recording is here and misses nothing."""
        return recording in self._whole

    def is_here(self, recording: bytes) -> bool:
        """Whether a recording is here, whole or not."""
        with self._lock:
            return recording in self._open or recording in self._whole

    def put(self, shelf: Shelf) -> None:
        """Keep a shelf where it belongs now: among those that miss something, or done with and its file closed."""
        done = shelf.is_complete_with(())
        with self._lock:
            self._forget(shelf.recording)
            if done:
                self._whole[shelf.recording] = shelf.manifest.chunks_bytes
            else:
                self._open[shelf.recording] = shelf
        if done:
            shelf.close()

    def put_whole(self, recording: bytes, chunks_bytes: int) -> None:
        """A recording that misses nothing, without its manifest being read."""
        with self._lock:
            self._whole[recording] = chunks_bytes

    def forget(self, recording: bytes) -> int:
        """Nothing of it is here any more; returns the bytes of a whole recording."""
        with self._lock:
            return self._forget(recording)

    def missing(self, recording: bytes) -> list[MissingChunk] | None:
        """What is not committed; None of a recording that is not here."""
        with self._lock:
            shelf = self._open.get(recording)
            if shelf is not None:
                return shelf.missing()
            return [] if recording in self._whole else None

    def admit(self, shelf: Shelf, made_whole: Iterable[int]) -> None:
        """Queue chunks for the next commit."""
        with self._lock:
            shelf.admit(made_whole)

    def take_batches(self) -> list[tuple[Shelf, list[int]]]:
        """Everything that waits for a commit, by recording."""
        with self._lock:
            return [(shelf, shelf.take_waiting()) for shelf in self._open.values() if shelf.waiting]

    def take_rejected(self) -> list[ChunkRef]:
        """Chunks that turned out wrong since the last call; each is counted and told of."""
        with self._lock:
            taken = [ChunkRef(shelf.recording, chunk) for shelf in self._open.values() for chunk in shelf.rejected]
            for shelf in self._open.values():
                shelf.rejected.clear()
        for recording, chunk in taken:
            self.counters.rejected_chunks += 1
            self.note("rejected", recording, f"chunk {chunk} arrived with another digest; it is fetched again")
        return taken

    def settle(self, shelf: Shelf, chunks: Iterable[int]) -> None:
        """These chunks' rows are committed."""
        with self._lock:
            shelf.settle(chunks)

    def drop(self, shelf: Shelf, chunks: Iterable[int]) -> None:
        """These chunks are missing again."""
        with self._lock:
            shelf.drop(chunks)

    def reject(self, shelf: Shelf, chunk: int) -> None:
        """A chunk that reads back wrong before it was committed is missing again."""
        with self._lock:
            shelf.drop((chunk,))
            shelf.rejected.append(chunk)

    def drop_pieces(self, shelf: Shelf) -> None:
        """Pieces of chunks that are not whole are not to be trusted any more."""
        with self._lock:
            shelf.drop_partials()

    def drop_uncommitted(self, shelf: Shelf) -> None:
        """Nothing uncommitted of this recording is to be trusted any more."""
        with self._lock:
            shelf.drop(shelf.take_waiting())
            shelf.drop_partials()

    def pending_bytes(self) -> int:
        """Bytes of whole chunks that wait for a commit."""
        with self._lock:
            return sum(shelf.waiting_bytes for shelf in self._open.values())

    def would_complete(self) -> bool:
        """Whether a commit now would complete a recording."""
        with self._lock:
            return any(shelf.waiting and shelf.everything_waits() for shelf in self._open.values())

    def used_and_reserved_bytes(self) -> tuple[int, int]:
        """Committed bytes, and bytes promised to recordings that miss something."""
        with self._lock:
            used = sum(self._whole.values()) + sum(shelf.committed_bytes for shelf in self._open.values())
            return used, sum(shelf.manifest.chunks_bytes - shelf.committed_bytes for shelf in self._open.values())

    def note(self, kind: EventKind, recording: bytes | None, text: str) -> None:
        """Something a person may want to read."""
        named = f"recording {recording.hex()}: {text}" if recording is not None else text
        self._events.append(SpoolEvent(kind, recording, named))

    def take_events(self) -> list[SpoolEvent]:
        """Events since the last call, oldest first."""
        taken: list[SpoolEvent] = []
        while self._events:
            taken.append(self._events.popleft())
        return taken

    def _forget(self, recording: bytes) -> int:
        self._open.pop(recording, None)
        return self._whole.pop(recording, 0)
