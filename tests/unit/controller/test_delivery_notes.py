"""What people say of recordings before they are delivered: nobody's word is lost, and nobody's overwritten unseen."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from firmware.ports.files import File
from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.delivery_notes import NoteBook
from host_tools.destinations.extras import Bookmark, Fix
from host_tools.system.errors import StaleWrite

RECORDING = bytes(range(16))


class Meeting(MemoryFiles):
    """Whoever writes waits a moment for another one: without a lock both have read by then, and one is overwritten."""

    def __init__(self) -> None:
        super().__init__()
        self.barrier = threading.Barrier(2, timeout=0.1)

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        with suppress(threading.BrokenBarrierError):
            self.barrier.wait()
        return super().create(path, reserve_bytes)


def test_of_two_who_say_something_at_one_moment_nobody_is_lost():
    files = Meeting()
    book = NoteBook(files)
    book.describe(RECORDING, ("5", "Traffic"), "Blue van")
    files.barrier.reset()
    with ThreadPoolExecutor(2) as pool:
        marked = pool.submit(book.mark, RECORDING, Bookmark("b", 1, None, "", "", ""))
        located = pool.submit(book.locate, RECORDING, [Fix(1, 59.0, 18.0, 3.0)])
        marked.result()
        located.result()
    found = book.of(RECORDING)
    assert (len(found.bookmarks), found.text, len(found.fixes)) == (1, "Blue van", 1)


def test_a_note_is_replaced_by_whoever_has_seen_it():
    book = NoteBook()
    assert book.of(RECORDING).version == 0
    book.describe(RECORDING, ("", ""), "first", 0)
    seen = book.of(RECORDING).version
    book.mark(RECORDING, Bookmark("b", 1, None, "", "", ""))
    assert book.of(RECORDING).version == seen, "a bookmark is no other note"
    with pytest.raises(StaleWrite, match="was changed meanwhile"):
        book.describe(RECORDING, ("", ""), "second", 0)
    book.describe(RECORDING, ("", ""), "second", seen)
    book.describe(RECORDING, ("", ""), "third")
    assert book.of(RECORDING).text == "third"
