"""125 kHz readers that only talk: ``ascii125k:///dev/ttyUSB0?baud=9600``. They can show nothing.

Some send a frame again and again while a badge is there, some only once; half a second of silence ends a presence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from host_tools.readers.frames_125k import Frames125k
from host_tools.readers.interface import ReaderIdentity
from host_tools.readers.line import ReaderLine
from host_tools.readers.presence import Event, Presence
from host_tools.readers.tags import Tag
from host_tools.transports.pipe import Pipe

GONE_MS = 500
WAIT_S = 3600.0  # nothing is due while no badge is there
DEAF_S = 0.3  # after opening: what reader and adapter have held until then is a badge of whenever
ONE_READ = 1  # a frame has a check of its own, and some readers send one only


class Ascii125kReader:
    """An open reader. ``now_ms``: any clock that only goes forward."""

    def __init__(self, pipe: Pipe, now_ms: Callable[[], int]) -> None:
        self._line = ReaderLine(pipe)
        self._now_ms = now_ms
        self._frames = Frames125k()
        self._presence = Presence(GONE_MS, ONE_READ)
        self._events: list[Event] = []

    @property
    def identity(self) -> ReaderIdentity:
        """See Reader."""
        return ReaderIdentity(self._line.url, "125 kHz, ASCII", "", "")

    @property
    def bad_frames(self) -> int:
        """How many frames were spoilt."""
        return self._frames.bad_frames

    async def next_event(self) -> Event:
        """See Reader."""
        while not self._events:
            deadline_ms = self._presence.deadline_ms()
            wait_s = WAIT_S if deadline_ms is None else max(deadline_ms - self._now_ms(), 0) / 1000
            tags: list[Tag | None] = [*self._frames.feed(await self._line.wait(wait_s))]
            for tag in tags or [None]:
                self._events += self._presence.feed(tag, self._now_ms())
        return self._events.pop(0)

    async def signal(self, word: str) -> None:
        """See Reader."""
        del word  # it has neither lamp nor voice that a host could use

    def close(self) -> None:
        """See Reader."""
        self._line.close()

    async def forget_the_past(self) -> None:
        """Pass over what was read while nobody listened: a camera must not flash for somebody who has long gone."""
        await asyncio.sleep(DEAF_S)
        self._line.drop()


async def open_ascii125k(pipe: Pipe, now_ms: Callable[[], int]) -> Ascii125kReader:
    """A reader that is ready."""
    reader = Ascii125kReader(pipe, now_ms)
    try:
        await reader.forget_the_past()
    except BaseException:
        reader.close()
        raise
    return reader
