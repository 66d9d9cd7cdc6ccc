"""The seam to work that blocks, as this room sees it: whoever puts the server together decides where it runs."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")
Buffer = bytes | bytearray | memoryview


class RunBlocking(Protocol):
    """Runs a function that may block and answers its result; its exceptions come through unchanged."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]: ...
