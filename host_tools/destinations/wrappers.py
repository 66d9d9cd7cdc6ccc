"""Destinations around a destination: repeat, slow down, watch, fail. All have the interface of what they wrap.

Law: clock, sleep and chance are arguments; nothing here knows which destination is inside.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, TypeVar

from host_tools.custody.blocking import Buffer
from host_tools.destinations.interface import (
    ContainerMissing,
    Description,
    Destination,
    DestinationError,
    DestinationUnavailable,
    Metadata,
    Receipt,
    Source,
)
from host_tools.destinations.receiving import reading

T = TypeVar("T")
SleepMs = Callable[[int], Awaitable[None]]
NowMs = Callable[[], int]
Operation = Literal["open", "check", "ensure_container", "update_container", "put_object", "complete"]


class Wrapper:
    """Passes everything on; the others change what they are about by overriding ``_around``."""

    def __init__(self, inner: Destination) -> None:
        self._inner = inner

    async def open(self) -> None:
        """See Destination."""
        await self._around("open", "", "", self._inner.open)

    async def close(self) -> None:
        """See Destination."""
        await self._inner.close()

    async def check(self) -> None:
        """See Destination."""
        await self._around("check", "", "", self._inner.check)

    def describe(self) -> Description:
        """See Destination."""
        return self._inner.describe()

    async def ensure_container(self, name: str, metadata: Metadata) -> None:
        """See Destination."""
        await self._around("ensure_container", name, "", lambda: self._inner.ensure_container(name, metadata))

    async def update_container(self, name: str, metadata: Metadata) -> None:
        """See Destination."""
        await self._around("update_container", name, "", lambda: self._inner.update_container(name, metadata))

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        """See Destination."""
        return await self._around(
            "put_object",
            container,
            name,
            lambda: self._inner.put_object(container, name, source, length_bytes, metadata),
        )

    async def complete(self, container: str, metadata: Metadata | None = None) -> None:
        """See Destination."""
        await self._around("complete", container, "", lambda: self._inner.complete(container, metadata))

    async def _around(self, operation: Operation, container: str, name: str, call: Callable[[], Awaitable[T]]) -> T:
        return await call()


class RetryPlan(NamedTuple):
    """Waits double from ``first_ms`` to ``wait_ms_max``; each is taken between half and all of it by chance, so that
    many controllers do not come back at once. ``attempts_max`` counts the first one."""

    first_ms: int = 500
    wait_ms_max: int = 60_000
    attempts_max: int = 6

    def wait_ms(self, failures: int, chance: float) -> int:
        """How long to wait after that many failures in a row; ``chance`` from 0 to 1."""
        longest = min(self.wait_ms_max, self.first_ms << min(failures - 1, 32))
        return round(longest * (0.5 + 0.5 * chance))


class Retry(Wrapper):
    """Repeats what was unavailable. Not what was refused, not a missing container (the caller begins again), and not a
    source that can be read only once. ``told`` hears each failure and the wait that follows."""

    def __init__(
        self,
        inner: Destination,
        sleep_ms: SleepMs,
        chance: Callable[[], float],
        plan: RetryPlan | None = None,
        told: Callable[[DestinationUnavailable, int], None] | None = None,
    ) -> None:
        super().__init__(inner)
        self._sleep_ms = sleep_ms
        self._chance = chance
        self._plan = plan or RetryPlan()
        self._told = told

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        """See Destination."""
        if isinstance(source, AsyncIterator):
            return await self._inner.put_object(container, name, source, length_bytes, metadata)
        return await super().put_object(container, name, source, length_bytes, metadata)

    async def _around(self, operation: Operation, container: str, name: str, call: Callable[[], Awaitable[T]]) -> T:
        failures = 0
        while True:
            try:
                return await call()
            except DestinationUnavailable as error:
                failures += 1
                if isinstance(error, ContainerMissing) or failures >= self._plan.attempts_max:
                    raise
                wait_ms = self._plan.wait_ms(failures, self._chance())
                if self._told is not None:
                    self._told(error, wait_ms)
            await self._sleep_ms(wait_ms)


class Throttle(Wrapper):
    """Sends objects at no more than ``bytes_per_second`` on average, each from its own start."""

    def __init__(self, inner: Destination, bytes_per_second: int, now_ms: NowMs, sleep_ms: SleepMs) -> None:
        super().__init__(inner)
        self._bytes_per_second = bytes_per_second
        self._now_ms = now_ms
        self._sleep_ms = sleep_ms

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        """See Destination."""
        return await self._inner.put_object(container, name, _Woven(source, self._pace), length_bytes, metadata)

    async def _pace(self, source: Source) -> AsyncIterator[Buffer]:
        started_ms, sent_bytes = self._now_ms(), 0
        async with reading(source) as pieces:
            async for piece in pieces:
                yield piece
                sent_bytes += len(piece)
                due_ms = started_ms + sent_bytes * 1000 // self._bytes_per_second
                if due_ms > self._now_ms():
                    await self._sleep_ms(due_ms - self._now_ms())


class Call(NamedTuple):
    """One call that a Spy saw. ``fault``: the class of what it raised, empty if it succeeded."""

    operation: Operation
    container: str
    name: str
    fault: str


class Spy(Wrapper):
    """Writes down every call in ``calls``, in the order in which they ended."""

    def __init__(self, inner: Destination) -> None:
        super().__init__(inner)
        self.calls: list[Call] = []

    async def _around(self, operation: Operation, container: str, name: str, call: Callable[[], Awaitable[T]]) -> T:
        try:
            result = await call()
        except DestinationError as error:
            self.calls.append(Call(operation, container, name, type(error).__name__))
            raise
        self.calls.append(Call(operation, container, name, ""))
        return result


@dataclass(frozen=True, slots=True)
class Failure:
    """The ``call``-th call (from 1) of ``operation`` fails with ``error``: ``before`` it reaches the destination,
    ``after`` it was carried out there (the answer is lost), or ``during``, when ``after_bytes`` have been sent."""

    operation: Operation
    call: int
    error: DestinationError
    when: Literal["before", "during", "after"] = "before"
    after_bytes: int = 0


class Failing(Wrapper):
    """Fails by plan."""

    def __init__(self, inner: Destination, plan: Iterable[Failure]) -> None:
        super().__init__(inner)
        self._plan = {(failure.operation, failure.call): failure for failure in plan}
        self._counts: dict[Operation, int] = {}

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        """See Destination."""
        failure = self._plan.get(("put_object", self._counts.get("put_object", 0) + 1))
        if failure is not None and failure.when == "during":
            source = _Woven(source, partial(_cut, failure))
        return await super().put_object(container, name, source, length_bytes, metadata)

    async def _around(self, operation: Operation, container: str, name: str, call: Callable[[], Awaitable[T]]) -> T:
        number = self._counts[operation] = self._counts.get(operation, 0) + 1
        failure = self._plan.get((operation, number))
        if failure is not None and failure.when == "before":
            raise failure.error
        result = await call()
        if failure is not None and failure.when == "after":
            raise failure.error
        return result


class _Woven:
    """A source whose pieces pass through a generator; starts again whenever it is asked."""

    def __init__(self, source: Source, through: Callable[[Source], AsyncIterator[Buffer]]) -> None:
        self._source = source
        self._through = through

    def __aiter__(self) -> AsyncIterator[Buffer]:
        return self._through(self._source)


async def _cut(failure: Failure, source: Source) -> AsyncIterator[Buffer]:
    sent_bytes = 0
    async with reading(source) as pieces:
        async for piece in pieces:
            sent_bytes += len(piece)
            if sent_bytes > failure.after_bytes:
                raise failure.error
            yield piece
