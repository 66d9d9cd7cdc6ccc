"""What is known of a recording beside its manifest, until it is delivered: category, note, further bookmarks, and where
it was made.

Law: one small document a recording, replaced as a whole, in the controller's folder; no network. What comes after a
recording was delivered is refused, because a destination takes nothing after completion.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from firmware.ports.errors import AlreadyExists, NotFound
from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from host_tools.destinations.extras import Bookmark, Fix

FOLDER = "notes"
PARTIAL = ".partial"
BOOKMARKS_MAX = 1_000  # of one recording; whoever marks every second for a quarter of an hour
FIXES_MAX = 100_000  # a fix a second for a day
DOCUMENT_BYTES_MAX = 16 << 20  # as many fixes


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


class NoteBook:
    """Notes by recording. All calls block; PortFault. A document that is damaged counts as empty."""

    def __init__(self, files: Files | None = None) -> None:
        self._files = files or MemoryFiles()

    def of(self, recording: bytes) -> Notes:
        """What is known of it."""
        try:
            return _notes(json.loads(self._read(_path(recording))))
        except (NotFound, ValueError, TypeError, KeyError):
            return Notes()

    def describe(self, recording: bytes, category: tuple[str, str], text: str) -> None:
        """Category and note in place of those that were."""
        self._write(recording, replace(self.of(recording), category=category, text=text))

    def mark(self, recording: bytes, bookmark: Bookmark) -> None:
        """One more bookmark, or in place of one of its ID; the oldest go when there are too many."""
        known = self.of(recording)
        others = tuple(each for each in known.bookmarks if each.id != bookmark.id)
        self._write(recording, replace(known, bookmarks=(*others, bookmark)[-BOOKMARKS_MAX:]))

    def locate(self, recording: bytes, fixes: list[Fix]) -> None:
        """Where it was made, in place of what was known."""
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
