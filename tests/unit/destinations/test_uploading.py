"""An object on its way out: read ahead, and no further; whole, or not to its end."""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import aclosing

import pytest

from host_tools.custody.blocking import RunBlocking, Tap, TappedSource, run_in_thread, run_inline
from host_tools.destinations.interface import Receipt, SourceMismatch
from host_tools.destinations.uploading import SHORT_BYTES, Upload
from tests.patience import LIMIT_S

BATCHES = 8
PIECE = SHORT_BYTES
LENGTH = BATCHES * 2 * PIECE


class Broken(Exception):
    """What a source raises."""


class Reading:
    """A source of BATCHES batches of two pieces, in two buffers that take turns; ``fails_at``: a batch, BATCHES for the
    end."""

    def __init__(self, run_blocking: RunBlocking, fails_at: int = -1, sha256: str = "") -> None:
        self.begun = self.open = 0
        self.threads: set[int] = set()
        self.source = TappedSource(self._plain, self._tapped, run_blocking, sha256)
        self._fails_at = fails_at

    @staticmethod
    def content() -> bytes:
        return b"".join(bytes([number]) * 2 * PIECE for number in range(BATCHES))

    def _plain(self) -> Generator[memoryview, None, None]:
        yield memoryview(self.content())

    def _tapped(self, tap: Tap) -> Generator[Sequence[memoryview], None, None]:
        buffers = [bytearray(2 * PIECE), bytearray(2 * PIECE)]
        self.open += 1
        try:
            for number in range(BATCHES):
                self._fail(number)
                self.begun += 1
                self.threads.add(threading.get_ident())
                buffers[number % 2][:] = bytes([number]) * 2 * PIECE
                view = memoryview(buffers[number % 2])
                tap.feed(view)
                yield view[:PIECE], view[PIECE:]
            self._fail(BATCHES)
        finally:
            self.open -= 1

    def _fail(self, number: int) -> None:
        if number == self._fails_at:
            raise Broken


async def taken(upload: Upload) -> bytes:
    found = bytearray()
    async with aclosing(upload.pieces()) as pieces:
        async for piece in pieces:
            found += piece
            await asyncio.sleep(0)  # the worker goes on meanwhile; were its buffer this one, it would show
    return bytes(found)


@pytest.mark.parametrize("run_blocking", [run_inline, run_in_thread])
@pytest.mark.parametrize("proves", [False, True])
def test_every_piece_arrives_as_it_was_read_and_is_digested_where_nobody_else_does(
    run_blocking: RunBlocking, proves: bool
) -> None:
    content = Reading.content()
    sha256 = hashlib.sha256(content).hexdigest()
    reading = Reading(run_blocking, sha256=sha256)
    upload = Upload(reading.source, "clip", LENGTH, run_blocking, lambda: proves)
    assert asyncio.run(taken(upload)) == content
    etag = "" if proves else hashlib.md5(content).hexdigest()
    assert upload.receipt() == Receipt(etag, sha256, LENGTH)
    assert reading.open == 0
    assert (threading.get_ident() in reading.threads) == (run_blocking is run_inline)


@pytest.mark.parametrize("fails_at", [0, 3, BATCHES])
def test_what_fails_in_the_reader_comes_through_and_the_last_piece_stays_here(fails_at: int) -> None:
    reading = Reading(run_in_thread, fails_at)
    upload = Upload(reading.source, "clip", LENGTH, run_in_thread)
    given: list[int] = []

    async def run() -> None:
        async with aclosing(upload.pieces()) as pieces:
            async for piece in pieces:
                given.append(len(piece))

    with pytest.raises(Broken):
        asyncio.run(run())
    assert sum(given) <= LENGTH - PIECE
    assert sum(given) == min(fails_at * 2 * PIECE, LENGTH - PIECE)
    assert reading.open == 0
    with pytest.raises(SourceMismatch) if fails_at < BATCHES else pytest.raises(Broken):
        upload.receipt()
        raise Broken


@pytest.mark.parametrize(("promised", "most"), [(LENGTH - 1, LENGTH), (LENGTH + 1, LENGTH)])
def test_another_length_is_noticed_before_the_end(promised: int, most: int) -> None:
    upload = Upload(Reading(run_inline).source, "clip", promised, run_inline)
    found = bytearray()

    async def run() -> None:
        async for piece in upload.pieces():
            found.extend(piece)

    with pytest.raises(SourceMismatch):
        asyncio.run(run())
    assert len(found) < promised
    assert len(found) <= most


def test_it_reads_ahead_by_one_batch_and_no_further() -> None:
    async def run() -> None:
        reading = Reading(run_inline)
        upload = Upload(reading.source, "clip", LENGTH, run_inline)
        async with aclosing(upload.pieces()) as pieces:
            for number in range(2 * BATCHES - 1):
                await anext(pieces)
                for _ in range(50):  # all that is begun ends within these, as nothing waits for anything
                    await asyncio.sleep(0)
                assert reading.begun == min(number // 2 + 2, BATCHES)
        assert reading.open == 0

    asyncio.run(run())


@pytest.mark.parametrize("is_sending", [False, True])
def test_who_is_cancelled_in_the_middle_leaves_no_reader_behind(is_sending: bool) -> None:
    is_in, may_go = threading.Event(), threading.Event()

    class Slow(Reading):
        def _fail(self, number: int) -> None:
            if number == 2:
                is_in.set()
                assert may_go.wait(LIMIT_S)

    async def stuck(upload: Upload) -> bytes:
        async with aclosing(upload.pieces()) as pieces:
            for _ in range(3):
                await anext(pieces)
            await asyncio.Event().wait()
        return b""

    async def run() -> None:
        reading = Slow(run_in_thread)
        upload = Upload(reading.source, "clip", LENGTH, run_in_thread)
        task = asyncio.create_task(stuck(upload) if is_sending else taken(upload))
        assert await asyncio.to_thread(is_in.wait, LIMIT_S)
        for _ in range(3):  # who is stopped may be stopped again
            task.cancel()
            for _ in range(20):
                await asyncio.sleep(0)
        assert not task.done(), "its worker has the file still"
        may_go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (reading.open, reading.begun) == (0, 3)

    asyncio.run(run())


def test_many_short_pieces_go_as_one() -> None:
    def start(tap: Tap) -> Generator[Sequence[memoryview], None, None]:
        batch = [memoryview(bytes([number])) for number in range(100)]
        for piece in batch:
            tap.feed(piece)
        yield batch

    def never() -> Generator[memoryview, None, None]:
        raise AssertionError
        yield

    async def run(source: TappedSource) -> list[bytes]:
        return [bytes(piece) async for piece in Upload(source, "clip", 100, run_inline).pieces()]

    assert asyncio.run(run(TappedSource(never, start, run_inline))) == [bytes(range(100))]


def test_a_destination_that_got_other_bytes_makes_the_source_speak() -> None:
    def bad() -> Generator[memoryview, None, None]:
        yield memoryview(b"x")
        raise Broken

    def none(_: Tap) -> Generator[Sequence[memoryview], None, None]:
        yield from ()

    async def examine(start: Callable[[], Generator[memoryview, None, None]]) -> None:
        await Upload(TappedSource(start, none, run_inline, "0" * 64), "clip", 1, run_inline).examine()

    with pytest.raises(Broken):
        asyncio.run(examine(bad))
    asyncio.run(examine(Reading(run_inline)._plain))
