"""A pipe over a library that blocks: bounded both ways, ended once, and no thread left, whatever the library does."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import Callable

import pytest

from host_tools.transports import threaded
from host_tools.transports.threaded import ARRIVED_BYTES_MAX, POLL_S, WAITING_BYTES_MAX, ThreadedPipe
from tests.unit.transports.parts import DEADLINE_S, Collector, until

BLOCK = bytes(range(256)) * 256  # 64 KiB


class Library:
    """A port whose other end is a queue and a buffer. ``broken`` is raised by the next call; writes wait for
    ``may_write``."""

    def __init__(self) -> None:
        self.incoming: queue.Queue[bytes | Exception] = queue.Queue()
        self.written = bytearray()
        self.room_bytes = 1 << 40
        self.broken: Exception | None = None
        self.may_write = threading.Event()
        self.may_write.set()
        self.reads = 0
        self.closes = 0
        self.closed = threading.Event()
        self.wakes = 0
        self.lasts: list[bool] = []

    def read(self) -> bytes:
        self.reads += 1
        if self.broken is not None:
            raise self.broken
        try:
            found = self.incoming.get(timeout=POLL_S)
        except queue.Empty:
            return b""
        if isinstance(found, Exception):
            raise found
        return found

    def write(self, data: bytes, last: bool) -> int:
        self.may_write.wait()
        if self.broken is not None:
            raise self.broken
        count = min(len(data), self.room_bytes)
        self.written += data[:count]
        self.lasts.append(last)
        return count

    def wake(self) -> None:
        self.wakes += 1
        self.may_write.set()

    def close(self) -> None:
        assert threading.current_thread() is not threading.main_thread()
        self.closes += 1
        self.closed.set()

    def must_be_closed_once(self) -> None:
        assert self.closed.wait(DEADLINE_S)
        assert self.closes == 1


def run(act: Callable[[Library, ThreadedPipe, Collector], object], limit: int = 1 << 30) -> Library:
    """Run a scenario; afterwards the threads have ended and the port was closed once."""
    library = Library()

    async def scenario() -> None:
        pipe = ThreadedPipe("lib://1", library, "other")
        collector = Collector(limit)
        pipe.start(collector)
        try:
            await act(library, pipe, collector)  # type: ignore[misc]
        finally:
            pipe.close()

    asyncio.run(scenario())
    library.must_be_closed_once()
    return library


def test_bytes_pass_both_ways_in_order():
    async def act(library: Library, pipe: ThreadedPipe, collector: Collector) -> None:
        for number in range(100):
            library.incoming.put(BLOCK[number : 2 * number])
        wanted = b"".join(BLOCK[number : 2 * number] for number in range(100))
        await collector.until(lambda seen: len(seen.data) == len(wanted))
        assert bytes(collector.data) == wanted
        assert pipe.write([b"one ", bytearray(b"two "), memoryview(b"three")]) == 13

    library = run(act)
    assert bytes(library.written) == b"one two three"
    assert library.lasts[-1]


def test_a_slow_receiver_holds_the_library_up():
    async def act(library: Library, pipe: ThreadedPipe, collector: Collector) -> None:
        for _ in range(64):
            library.incoming.put(BLOCK)
        await collector.until(lambda seen: len(seen.data) == 1000)
        await until(lambda: pipe._arrived_bytes >= ARRIVED_BYTES_MAX)
        assert library.incoming.qsize() >= 64 - ARRIVED_BYTES_MAX // len(BLOCK) - 2
        collector.limit = 1 << 30
        pipe.resume()
        await collector.until(lambda seen: len(seen.data) == 64 * len(BLOCK))
        assert bytes(collector.data) == 64 * BLOCK

    run(act, limit=1000)


def test_a_slow_library_holds_the_writer_up_and_it_is_told_when_there_is_room():
    async def act(library: Library, pipe: ThreadedPipe, collector: Collector) -> None:
        library.may_write.clear()
        sent = 0
        while taken := pipe.write([BLOCK, BLOCK]):
            sent += taken
        assert sent == WAITING_BYTES_MAX
        library.room_bytes = 1000  # at a time
        library.may_write.set()
        await collector.until(lambda seen: seen.turns > 0)
        assert pipe.write([b"end"]) == 3
        await until(lambda: len(library.written) == WAITING_BYTES_MAX + 3)
        assert bytes(library.written) == BLOCK * (WAITING_BYTES_MAX // len(BLOCK)) + b"end"

    run(act)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(5, "Input/output error"), "Input/output error"),
        (TypeError("'NoneType' object cannot be interpreted as an integer"), "NoneType"),
        (AttributeError("'NoneType' object has no attribute 'sendall'"), "sendall"),
        (RuntimeError("several\nlines\n"), "several lines"),
        (KeyError(), "KeyError"),
    ],
)
@pytest.mark.parametrize("where", ["reading", "writing"])
def test_whatever_the_library_raises_is_one_lost_link(error, reason, where):
    async def act(library: Library, pipe: ThreadedPipe, collector: Collector) -> None:
        library.incoming.put(b"the last words")
        await collector.until(lambda seen: len(seen.data) > 0)
        library.broken = error
        if where == "writing":
            pipe.write([b"x"])
        await collector.until(lambda seen: bool(seen.losses))
        assert pipe.write([b"y"]) == 0
        await until(lambda: library.closes)  # both threads have met it, and left
        assert len(collector.losses) == 1
        said = str(collector.losses[0])
        assert "lib://1 is gone" in said
        assert reason in said
        assert "\n" not in said

    run(act)


def test_what_came_before_the_loss_is_delivered_before_it():
    async def act(library: Library, pipe: ThreadedPipe, collector: Collector) -> None:
        for _ in range(10):
            library.incoming.put(b"word ")
        library.incoming.put(OSError("gone"))
        library.must_be_closed_once()  # before the loop has seen any of it
        await collector.until(lambda seen: bool(seen.losses))
        assert bytes(collector.data) == b"word " * 10

    run(act)


def test_a_goodbye_written_just_before_the_close_is_still_sent():
    async def act(library: Library, pipe: ThreadedPipe, collector: Collector) -> None:
        library.may_write.clear()
        pipe.write([b"goodbye"])
        pipe.close()
        pipe.close()
        assert pipe.write([b"too late"]) == 0
        library.may_write.set()

    assert bytes(run(act).written) == b"goodbye"


def test_a_write_that_does_not_come_back_is_woken_after_the_time_to_drain(monkeypatch):
    monkeypatch.setattr(threaded, "DRAIN_S", 0.05)

    async def act(library: Library, pipe: ThreadedPipe, collector: Collector) -> None:
        library.may_write.clear()
        pipe.write([BLOCK])
        await until(lambda: library.reads > 1)

    assert run(act).wakes > 0


def test_nothing_is_called_after_the_close():
    async def act(library: Library, pipe: ThreadedPipe, collector: Collector) -> None:
        library.incoming.put(b"a")
        await collector.until(lambda seen: len(seen.data) == 1)
        turns = collector.turns
        library.incoming.put(b"b")
        library.broken = OSError("gone")
        pipe.close()
        await until(lambda: library.closes)
        assert (bytes(collector.data), collector.turns, collector.losses) == (b"a", turns, [])

    run(act)


def test_a_pipe_that_was_never_started_gives_its_port_back():
    library = Library()

    async def scenario() -> None:
        ThreadedPipe("lib://1", library, "other").close()

    asyncio.run(scenario())
    library.must_be_closed_once()


@pytest.mark.parametrize("late_words", [[], [b"nobody hears this"]])
def test_threads_end_when_their_loop_has_ended_and_nobody_closed_the_pipe(late_words):
    library = Library()

    async def scenario() -> None:
        ThreadedPipe("lib://1", library, "other").start(Collector())

    asyncio.run(scenario())
    for words in late_words:
        library.incoming.put(words)
    library.must_be_closed_once()


def test_the_loop_goes_on_while_the_library_blocks():
    async def act(library: Library, pipe: ThreadedPipe, collector: Collector) -> None:
        library.may_write.clear()
        for _ in range(50):
            pipe.write([os.urandom(2000)])
            await asyncio.sleep(0)
        assert library.written == b"", "the library has been blocked all the time"
        library.may_write.set()

    run(act)
