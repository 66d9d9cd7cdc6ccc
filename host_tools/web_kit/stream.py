"""Events for browsers (server-sent events): one bounded ring that all of them read at their own pace.

Law: whoever publishes never waits, and a slow browser costs nothing but its own place in the ring: there is no queue of
its own. What the ring has lost it is told as ``reset``, and then reads everything anew. An id names the run of this
program and a place in it, so that a browser that comes back goes on where it was, or learns that it cannot.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any

EVENTS_KEPT_MAX = 4_096  # some minutes of eight cameras offloading; a browser that was away for longer starts afresh
EVENT_BYTES_MAX = 64 << 10  # of one event's data; none of ours is near it
BEAT_S = 15.0  # without an event, so that both ends notice a dead connection
STREAMS_MAX = 100  # browsers at once: walls, desks and telephones of a large station
RETRY_MS = 2_000  # after which a browser connects again
BATCH_MAX = 64  # events in one write


class Ring:
    """``run``: a word that differs with each start of the program."""

    def __init__(self, run: str, kept_max: int = EVENTS_KEPT_MAX) -> None:
        self.streams = 0
        self._run = run
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=kept_max)
        self._number = 0
        self._news = asyncio.Event()
        self._closed = False

    @property
    def position(self) -> str:
        """Where the ring is now: what comes after it is news to whoever reads the state now."""
        return f"{self._run}-{self._number}"

    def publish(self, event: str, data: Any) -> None:
        """Tell all. Does not wait."""
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        if len(text) > EVENT_BYTES_MAX:
            event, text = "reset", "{}"  # too large to be an event: everybody reads anew
        self._number += 1
        self._kept.append((self._number, f"id: {self._run}-{self._number}\nevent: {event}\ndata: {text}\n\n".encode()))
        self._wake()

    def close(self) -> None:
        """End all streams: the program stops."""
        self._closed = True
        self._wake()

    async def follow(self, last_id: str = "", beat_s: float = BEAT_S) -> AsyncGenerator[bytes]:
        """What follows ``last_id``, for ever; from now on where it is empty. The first line has a place already: a
        browser that loses its connection before anything has happened says that place when it comes back."""
        place = self._place_of(last_id)
        self.streams += 1  # before the first line: whoever has read that misses nothing
        try:
            yield f"retry: {RETRY_MS}\nid: {self._run}-{self._number if place is None else place}\n\n".encode()
            if place is None:
                place = self._number
                yield f"id: {self._run}-{place}\nevent: reset\ndata: {{}}\n\n".encode()
            while not self._closed:
                batch, place = self._after(place)
                if batch:
                    yield batch
                elif not await self._wait(beat_s):
                    yield b"event: beat\ndata: {}\n\n"
        finally:
            self.streams -= 1

    def _place_of(self, last_id: str) -> int | None:
        if not last_id:
            return self._number
        run, _, number = last_id.rpartition("-")
        if run != self._run or not number.isdecimal() or len(number) > 18:
            return None
        place = int(number)
        return place if place <= self._number and place >= self._oldest() - 1 else None

    def _oldest(self) -> int:
        return self._kept[0][0] if self._kept else self._number + 1

    def _after(self, place: int) -> tuple[bytes, int]:
        """The next events in one piece, and where that ends."""
        if place >= self._number:
            return b"", place
        if place < self._oldest() - 1:
            return f"id: {self._run}-{self._number}\nevent: reset\ndata: {{}}\n\n".encode(), self._number
        start = len(self._kept) - (self._number - place)
        rows = [self._kept[at] for at in range(start, min(start + BATCH_MAX, len(self._kept)))]
        return b"".join(row for _, row in rows), rows[-1][0]

    async def _wait(self, limit_s: float) -> bool:
        try:
            async with asyncio.timeout(limit_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
