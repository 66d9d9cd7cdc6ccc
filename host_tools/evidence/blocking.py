"""The seam to work that blocks, as this room sees it: whoever puts the server together decides where it runs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")
Buffer = bytes | bytearray | memoryview


class RunBlocking(Protocol):
    """Runs a function that may block and answers its result; its exceptions come through unchanged."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]: ...


async def all_ended(running: Sequence[Awaitable[None]]) -> None:
    """Each has ended, whatever became of the others; then the first fault. Whoever is cancelled meanwhile waits all the
    same, as far as ``RunBlocking`` does: what a thread works on may not be closed under it."""
    for ended in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
