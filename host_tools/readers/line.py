"""A reader's byte pipe as a task sees it: bytes that have come are waited for, with a limit."""

from __future__ import annotations

import asyncio

from host_tools.readers.errors import ReaderLost
from host_tools.transports.errors import LinkLost
from host_tools.transports.pipe import Pipe

ROOM_BYTES = 4_096  # read at once; no frame of any reader is longer than a hundred
HELD_BYTES_MAX = 65_536  # not taken yet; what is beyond it is dropped: a reader that floods says nothing new


class ReaderLine:
    """Receiver of a pipe that it owns. ``has_heard``: whether anything has come since it was opened."""

    def __init__(self, pipe: Pipe) -> None:
        self.url = pipe.url
        self.has_heard = False
        self._pipe = pipe
        self._room = bytearray(ROOM_BYTES)
        self._held = bytearray()
        self._came = asyncio.Event()
        self._loss: LinkLost | None = None
        pipe.start(self)

    async def wait(self, limit_s: float) -> bytes:
        """All that has come, waiting for it at most so long; empty if nothing did. ReaderLost when the pipe is gone."""
        if not self._held and self._loss is None:
            self._came.clear()
            try:
                async with asyncio.timeout(limit_s):
                    await self._came.wait()
            except TimeoutError:
                return b""
        if self._held:
            data = bytes(self._held)
            self._held.clear()
            return data
        raise ReaderLost(str(self._loss)) from self._loss

    def send(self, data: bytes) -> None:
        """Commands are a few bytes, and one is answered before the next: a pipe takes them at once, or it is gone."""
        if self._loss is not None:
            raise ReaderLost(str(self._loss)) from self._loss
        if self._pipe.write([data]) != len(data) and self._loss is None:
            raise ReaderLost(f"{self.url}: the reader takes no bytes; unplug it and plug it in again")

    def drop(self) -> None:
        """Forget what has come."""
        self._held.clear()

    def close(self) -> None:
        """Give the pipe back."""
        self._pipe.close()

    # -- Receiver

    def space(self) -> memoryview:
        return memoryview(self._room)

    def filled(self, count_bytes: int) -> None:
        self.has_heard = True
        if len(self._held) + count_bytes <= HELD_BYTES_MAX:
            self._held += self._room[:count_bytes]
        self._came.set()

    def turn_over(self) -> None:
        return

    def lost(self, error: LinkLost) -> None:
        self._loss = error
        self._came.set()
