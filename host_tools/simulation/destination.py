"""The destination's far end: real checks and receipts in memory, behind a network that fails as networks do.

Law: faults are a wrapper; what was stored stays. A completed container is told to whoever watches, once each time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal, TypeVar

from host_tools.custody.blocking import Buffer
from host_tools.destinations.interface import (
    DestinationRefused,
    DestinationUnavailable,
    Metadata,
    Receipt,
    Source,
)
from host_tools.destinations.memory import MemoryDestination, StoredContainer
from host_tools.destinations.receiving import reading
from host_tools.destinations.wrappers import Operation, Wrapper

T = TypeVar("T")
Weather = Literal["well", "away", "forgets_answers", "breaks_off", "refuses"]

OnComplete = Callable[[str, StoredContainer], None]
SLOW_S_MAX = 1.5  # an answer takes up to so long: a busy store behind a long line
NOT_WANTED = "the destination does not want it"
BREAK_AFTER_BYTES = 20_000  # of an object, when the connection breaks off


class WatchedDestination(MemoryDestination):
    """Keeps receipts; tells of every completion."""

    def __init__(self, on_complete: OnComplete) -> None:
        super().__init__(keeps_contents=False)
        self._on_complete = on_complete

    async def complete(self, container: str, metadata: Metadata | None = None) -> None:
        """See Destination."""
        await super().complete(container, metadata)
        box = await self.read_container(container)
        if box is not None:
            self._on_complete(container, box)


class Network(Wrapper):
    """``weather`` says what calls meet. ``reachable`` is asked before each: a dead controller reaches nobody."""

    def __init__(self, inner: MemoryDestination, reachable: Callable[[], bool], seed: int) -> None:
        super().__init__(inner)
        self.weather: Weather = "well"
        self._random = random.Random(f"network {seed}")
        self._reachable = reachable

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        """See Destination."""
        if self.weather == "breaks_off":
            source = _Broken(source)
        return await super().put_object(container, name, source, length_bytes, metadata)

    async def _around(self, operation: Operation, container: str, name: str, call: Callable[[], Awaitable[T]]) -> T:
        if self.weather == "away" or not self._reachable():
            raise DestinationUnavailable(f"{operation}: the destination does not answer")
        if self.weather == "refuses" and operation not in ("open", "check"):
            raise DestinationRefused(f"{operation}: {NOT_WANTED}")
        result = await call()
        await asyncio.sleep(self._random.random() ** 4 * SLOW_S_MAX)  # mostly fast, sometimes not
        if self.weather == "forgets_answers" and operation not in ("open", "check"):
            raise DestinationUnavailable(f"{operation}: the answer was lost")
        return result


class _Broken:
    """A source whose connection breaks in the middle."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def __aiter__(self) -> AsyncIterator[Buffer]:
        sent_bytes = 0
        async with reading(self._source) as pieces:
            async for piece in pieces:
                sent_bytes += len(piece)
                if sent_bytes > BREAK_AFTER_BYTES:
                    raise DestinationUnavailable("put_object: the connection broke off")
                yield piece
