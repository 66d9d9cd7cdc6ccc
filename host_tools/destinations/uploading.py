"""An object on its way out: read and digested in a worker while the network has what was read before.

Law: knows sources and pieces, and nothing of HTTP. Two batches of pieces exist at any time, however long the object is.
The last piece is given out only when the source has ended well: one that breaks at its end, or is not what it ought to
be, must not leave a whole object behind.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Self

from host_tools.custody.blocking import Buffer, RunBlocking, TappedSource
from host_tools.destinations.interface import DestinationUnavailable, Receipt, Source
from host_tools.destinations.receiving import Count, Intake, reading

SHORT_BYTES = 64 << 10  # to copy or digest so much costs less than a piece of its own, or a change of threads

Batch = Sequence[Buffer]


class Upload:
    """``proves``: whether the destination compares what comes with ``sha256``, so that it is not digested here; asked
    at each start."""

    def __init__(
        self,
        source: Source,
        name: str,
        length_bytes: int,
        run_blocking: RunBlocking,
        proves: Callable[[], bool] = lambda: False,
    ) -> None:
        self._source = source
        self._name = name
        self._length_bytes = length_bytes
        self._run_blocking = run_blocking
        self._proves = proves
        self._intake = Intake(name, length_bytes)
        self._is_begun = False

    async def pieces(self) -> AsyncGenerator[Buffer]:
        """From the first byte on, whenever it is asked; a piece is valid until the next is asked for. SourceMismatch,
        and what the source raises."""
        if self._is_begun and isinstance(self._source, AsyncIterator):
            raise DestinationUnavailable(f"object {self._name}: the token ran out on the way: it is sent again")
        self._is_begun = True
        intake = self._intake = self._new_intake()
        given_bytes = 0
        async with aclosing(self._batches(intake)) as batches, _Ahead(batches) as ahead:
            while (batch := await ahead.next()) is not None:
                for piece in _joined(batch):
                    given_bytes += len(piece)
                    if given_bytes == self._length_bytes:
                        while await ahead.next() is not None:
                            continue
                        intake.receipt()
                    yield piece
        intake.receipt()

    async def require_empty(self) -> None:
        """A request without a body is whole with its head, so what is wrong must show before. SourceMismatch."""
        async for _ in self.pieces():
            continue

    @property
    def sha256(self) -> str:
        """What its digest must be; empty where the source does not tell."""
        return self._source.sha256 if isinstance(self._source, TappedSource) else ""

    def receipt(self) -> Receipt:
        """What was given out last. SourceMismatch."""
        return self._intake.receipt()

    async def examine(self) -> None:
        """The destination says that it got other bytes: raises what the source itself has to say to that."""
        async with reading(self._source) as pieces:
            async for _ in pieces:
                continue

    def _new_intake(self) -> Intake:
        if self.sha256 and self._proves():
            return Count(self._name, self._length_bytes, self.sha256)
        return Intake(self._name, self._length_bytes)

    def _batches(self, intake: Intake) -> AsyncGenerator[Batch]:
        if isinstance(self._source, TappedSource):
            return self._source.tapped(intake)
        return self._digested(intake)

    async def _digested(self, intake: Intake) -> AsyncGenerator[Batch]:
        """Of any source: copied, as no piece of it is valid for longer than until the next."""
        async with reading(self._source) as pieces:
            async for piece in pieces:
                kept = bytes(piece)
                if len(kept) < SHORT_BYTES:
                    intake.feed(kept)
                else:
                    await self._run_blocking(partial(intake.feed, kept))
                yield (kept,)


class _Ahead:
    """Asks for the next batch while the one before is on its way."""

    def __init__(self, batches: AsyncGenerator[Batch]) -> None:
        self._batches = batches
        self._asking: asyncio.Future[Batch | None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """The source is left alone before it is closed."""
        asking = self._asking
        if asking is not None:
            asking.cancel()
            again: asyncio.CancelledError | None = None
            while not asking.done():
                try:
                    await asyncio.wait([asking])
                except asyncio.CancelledError as cancelled:
                    again = cancelled
            if not asking.cancelled():
                asking.exception()
            if again is not None:
                raise again

    async def next(self) -> Batch | None:
        """None at the end."""
        asking = self._asking or asyncio.ensure_future(self._ask())
        self._asking = asking
        batch = await asking
        self._asking = asyncio.ensure_future(self._ask()) if batch is not None else None
        return batch

    async def _ask(self) -> Batch | None:
        return await anext(self._batches, None)


def _joined(batch: Batch) -> Batch:
    """Many short pieces as one."""
    if len(batch) < 2 or sum(map(len, batch)) >= len(batch) * SHORT_BYTES:
        return batch
    return (b"".join(batch),)
