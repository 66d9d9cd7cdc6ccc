"""Counting and digesting an object on its way in; the same for every destination that keeps bytes itself."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from host_tools.custody.blocking import Buffer
from host_tools.destinations.interface import Receipt, Source, SourceMismatch


@asynccontextmanager
async def reading(source: Source) -> AsyncGenerator[AsyncIterator[Buffer]]:
    """Start a source; it is stopped (and gives its file back) when the block ends, even in the middle."""
    pieces = aiter(source)
    try:
        yield pieces
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


class Intake:
    """Fed piece by piece. ``name`` is for errors."""

    def __init__(self, name: str, length_bytes: int) -> None:
        self.received_bytes = 0
        self._name = name
        self._length_bytes = length_bytes
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def feed(self, piece: Buffer) -> None:
        """Count a piece. SourceMismatch as soon as there is too much."""
        if self.received_bytes + len(piece) > self._length_bytes:
            raise SourceMismatch(f"object {self._name}: more than the {self._length_bytes} bytes that were promised")
        self.received_bytes += len(piece)
        self._md5.update(piece)
        self._sha256.update(piece)

    def receipt(self) -> Receipt:
        """What came. SourceMismatch if it was too little."""
        if self.received_bytes != self._length_bytes:
            raise SourceMismatch(
                f"object {self._name}: {self.received_bytes} bytes came, {self._length_bytes} were promised"
            )
        return Receipt(self._md5.hexdigest(), self._sha256.hexdigest(), self.received_bytes)
