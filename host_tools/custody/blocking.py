"""The seam between the event loop and work that blocks (fsync, transactions, reading evidence).

Law: nobody calls ``asyncio.to_thread`` or makes a thread elsewhere; every room takes a ``RunBlocking`` or ``Together``
as an argument, so that the simulation runs the same code inline on virtual time.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Protocol, TypeVar

T = TypeVar("T")
Buffer = bytes | bytearray | memoryview
TOGETHER_BYTES = 2 << 20


class RunBlocking(Protocol):
    """Runs a function that may block and answers its result; its exceptions come through unchanged."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]: ...


class Together(Protocol):
    """Does several blocking jobs, none of which raises, and returns when all are done."""

    def __call__(self, jobs: Sequence[Callable[[], None]], /) -> None: ...


def one_by_one(jobs: Sequence[Callable[[], None]], /) -> None:
    """In order, in the caller's thread: for the simulation and for tests."""
    for job in jobs:
        job()


class SideBySide:
    """In some threads of its own: for programs. Syncs of several files cost hardly more than one that way."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "side-by-side")

    def __call__(self, jobs: Sequence[Callable[[], None]], /) -> None:
        """See Together."""
        if len(jobs) < 2:
            one_by_one(jobs)
            return
        for done in [self._pool.submit(job) for job in jobs]:
            done.result()

    def close(self) -> None:
        """Give the threads back."""
        self._pool.shutdown()


async def run_in_thread(function: Callable[[], T], /) -> T:
    """In a worker thread: for programs. Who is cancelled meanwhile goes on only when the function has ended, so that
    blocking work is never left running behind its owner's back."""
    work = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        if not work.cancelled():
            work.exception()
        raise


async def run_inline(function: Callable[[], T], /) -> T:
    """At once, on the loop: for the simulation and for tests, where nothing may depend on threads."""
    return function()


class BlockingSource:
    """An iterable for ``async for`` over a blocking iterator; each start begins at the first item again. Short items
    come together, ``together_bytes`` or a little more at once, as each change of threads costs as much as reading.

    An item is valid until the next one is asked for.
    """

    def __init__(
        self,
        start: Callable[[], Generator[memoryview, None, None]],
        run_blocking: RunBlocking,
        together_bytes: int = TOGETHER_BYTES,
    ) -> None:
        self._start = start
        self._run_blocking = run_blocking
        self._together_bytes = together_bytes

    async def __aiter__(self) -> AsyncIterator[Buffer]:
        iterator = self._start()
        try:
            while (item := await self._run_blocking(lambda: _gather(iterator, self._together_bytes))) is not None:
                yield item
        finally:
            iterator.close()


class Tap(Protocol):
    """Through which everything passes that is read."""

    def feed(self, piece: Buffer, /) -> None:
        """The next piece. Blocks, and may raise."""
        ...

    def sha256(self) -> str | None:
        """Of all pieces, in hexadecimal; None if whoever gets them digests them, and refuses what is not right."""
        ...


class TappedSource(BlockingSource):
    """The same, and a second way through it for whoever digests what he takes: ``tapped``, where nothing is digested
    twice. ``start_tapped`` raises at its end unless the tap has seen what it ought to; ``sha256``: that, where the
    caller knows it.
    """

    def __init__(
        self,
        start: Callable[[], Generator[memoryview, None, None]],
        start_tapped: Callable[[Tap], Generator[Sequence[memoryview], None, None]],
        run_blocking: RunBlocking,
        sha256: str = "",
    ) -> None:
        super().__init__(start, run_blocking)
        self.sha256 = sha256
        self._start_tapped = start_tapped
        self._run_blocking = run_blocking

    async def tapped(self, tap: Tap) -> AsyncGenerator[Sequence[Buffer]]:
        """Some pieces at a time, each fed to ``tap`` in the worker that has read it; they stay valid while the next
        ones are read, no longer. What is wrong with them may show only at the end: until then nothing may count."""
        batches = self._start_tapped(tap)
        try:
            first = await self._run_blocking(lambda: list(islice(batches, 2)))  # a short one is at its end then
            for batch in first:
                yield batch
            while len(first) == 2 and (batch := await self._run_blocking(lambda: next(batches, None))) is not None:
                yield batch
        finally:
            batches.close()


def _gather(iterator: Generator[memoryview, None, None], together_bytes: int) -> Buffer | None:
    """Some items as one; None at the end."""
    first = next(iterator, None)
    if first is None or len(first) >= together_bytes:
        return first
    gathered = bytearray(first)
    while len(gathered) < together_bytes and (item := next(iterator, None)) is not None:
        gathered += item
    return gathered
