"""Counting and digesting an object on its way in; the same for every destination that keeps bytes itself."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

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
        self._digest(piece)

    def sha256(self) -> str | None:
        """Of what came, in hexadecimal."""
        return self._sha256.hexdigest()

    def receipt(self) -> Receipt:
        """What came. SourceMismatch if it was too little."""
        if self.received_bytes != self._length_bytes:
            raise SourceMismatch(
                f"object {self._name}: {self.received_bytes} bytes came, {self._length_bytes} were promised"
            )
        return Receipt(self._md5.hexdigest(), self._sha256.hexdigest(), self.received_bytes)

    def _digest(self, piece: Buffer) -> None:
        self._md5.update(piece)
        self._sha256.update(piece)


class Count(Intake):
    """Of an object that whoever receives it digests and compares with ``sha256``; here its bytes are only counted."""

    def __init__(self, name: str, length_bytes: int, sha256: str) -> None:
        super().__init__(name, length_bytes)
        self._wanted = sha256

    def sha256(self) -> None:
        """Nobody has looked yet."""

    def receipt(self) -> Receipt:
        """What was counted, with the digest that it must have, and no Etag. SourceMismatch if it was too little."""
        return replace(super().receipt(), etag="", sha256=self._wanted)

    def _digest(self, piece: Buffer) -> None:
        return
