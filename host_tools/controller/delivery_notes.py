"""What is known of a recording beside its manifest, until it is delivered: category, note, further bookmarks, and where
it was made.

Law: one small document a recording, replaced as a whole, in the controller's folder; no network. What comes after a
recording was delivered is refused, because a destination takes nothing after completion.
"""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from firmware.ports.errors import AlreadyExists, NotFound
from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from host_tools.destinations.extras import Bookmark, Fix
from host_tools.system.errors import StaleWrite

FOLDER = "notes"
PARTIAL = ".partial"
BOOKMARKS_MAX = 1_000  # of one recording; whoever marks every second for a quarter of an hour
FIXES_MAX = 100_000  # a fix a second for a day
DOCUMENT_BYTES_MAX = 16 << 20  # as many fixes
VERSION_BITS = 48  # of a digest; few enough for every reader of JSON, and two texts do not meet in it by accident


@dataclass(frozen=True, slots=True)
class Notes:
    """``category``: ID and name; ``fixes``: oldest first."""

    category: tuple[str, str] = ("", "")
    text: str = ""
    bookmarks: tuple[Bookmark, ...] = ()
    fixes: tuple[Fix, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return self == Notes()

    @property
    def version(self) -> int:
        """Of category and text, as somebody has seen them; 0 where nothing is said."""
        if self.category == ("", "") and not self.text:
            return 0
        digest = hashlib.sha256(json.dumps([*self.category, self.text]).encode()).digest()
        return int.from_bytes(digest[: VERSION_BITS // 8]) or 1


class NoteBook:
    """Notes by recording. All calls block; PortFault. A document that is damaged counts as empty. Of two changes at one
    moment, in two threads, neither is lost."""

    def __init__(self, files: Files | None = None) -> None:
        self._files = files or MemoryFiles()
        self._lock = threading.Lock()

    def of(self, recording: bytes) -> Notes:
        """What is known of it."""
        try:
            return _notes(json.loads(self._read(_path(recording))))
        except (NotFound, ValueError, TypeError, KeyError):
            return Notes()

    def describe(self, recording: bytes, category: tuple[str, str], text: str, seen: int | None = None) -> None:
        """Category and note in place of those that were. ``seen``: their version, None whatever they are. StaleWrite if
        somebody else has said otherwise meanwhile."""
        with self._lock:
            known = self.of(recording)
            if seen is not None and seen != known.version:
                fault = f"recording {recording.hex()}: its category or note was changed meanwhile: look at it again"
                raise StaleWrite(fault, "", 0)
            self._write(recording, replace(known, category=category, text=text))

    def mark(self, recording: bytes, bookmark: Bookmark) -> None:
        """One more bookmark, or in place of one of its ID; the oldest go when there are too many."""
        with self._lock:
            known = self.of(recording)
            others = tuple(each for each in known.bookmarks if each.id != bookmark.id)
            self._write(recording, replace(known, bookmarks=(*others, bookmark)[-BOOKMARKS_MAX:]))

    def locate(self, recording: bytes, fixes: list[Fix]) -> None:
        """Where it was made, in place of what was known."""
        with self._lock:
            self._write(recording, replace(self.of(recording), fixes=tuple(sorted(fixes)[:FIXES_MAX])))

    def forget(self, recording: bytes) -> None:
        """It has been delivered and let go."""
        with suppress(NotFound):
            self._files.remove(_path(recording))

    def _read(self, path: str) -> bytes:
        file = self._files.open(path)
        try:
            buffer = bytearray(min(file.size_bytes(), DOCUMENT_BYTES_MAX))
            return bytes(memoryview(buffer)[: file.read_at(0, buffer)])
        finally:
            file.close()

    def _write(self, recording: bytes, notes: Notes) -> None:
        path = _path(recording)
        with suppress(AlreadyExists):
            self._files.make_folder(FOLDER)
            self._files.sync_folder("")
        with suppress(NotFound):
            self._files.remove(path + PARTIAL)
        file = self._files.create(path + PARTIAL)
        try:
            file.write_at(0, json.dumps(asdict(notes), ensure_ascii=False).encode())
            file.sync()
        finally:
            file.close()
        self._files.rename(path + PARTIAL, path)
        self._files.sync_folder(FOLDER)


def _path(recording: bytes) -> str:
    return f"{FOLDER}/{recording.hex()}.json"


def _notes(document: Any) -> Notes:
    fields = cast("dict[str, Any]", document)
    return Notes(
        category=(str(fields["category"][0]), str(fields["category"][1])),
        text=str(fields["text"]),
        bookmarks=tuple(Bookmark(**row) for row in fields["bookmarks"]),
        fixes=tuple(Fix(*row) for row in fields["fixes"]),
    )
