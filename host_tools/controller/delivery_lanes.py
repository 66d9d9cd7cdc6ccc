"""Several recordings on their way to the destination at once, so that none waits for another's answers.

Law: knows recordings by their identity and nothing of custody. Started in the order given, each whole and by itself.
What concerns all ends the round: nothing more is started, what is on its way ends by itself, then it is raised. After
that one goes alone until it has arrived, as a line that breaks brings none of four that share it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

LANES_MAX = 4  # each holds some MiB; more gain nothing, as the disks at both ends are shared
ROUND_S_MAX = 60.0  # then what has arrived meanwhile waits for the next round, which looks after all else first


class Row(Protocol):
    """What is sent."""

    @property
    def recording(self) -> bytes:
        """Its identity."""
        ...


R = TypeVar("R", bound=Row)


class Lanes(Generic[R]):
    """``look``: what is to be sent now; ``send``: one of them, raising only what concerns all; ``news``: there may be
    more to send, also while some are on their way."""

    def __init__(
        self,
        look: Callable[[], Awaitable[list[R]]],
        send: Callable[[R], Awaitable[None]],
        news: asyncio.Event,
        lanes_max: int = LANES_MAX,
    ) -> None:
        self.open = lanes_max
        self._look = look
        self._send = send
        self._news = news
        self._lanes_max = lanes_max
        self._waiting: deque[R] = deque()
        self._flying: dict[bytes, asyncio.Task[None]] = {}

    def arrived(self) -> None:
        """One has: the line is good for one more."""
        self.open = min(self._lanes_max, self.open + 1)

    async def run(self, rows: list[R]) -> None:
        """Until these, and what comes meanwhile, have been tried. Raises what ``send`` raised first."""
        self._waiting = deque(rows)
        end_s, is_well, heard = asyncio.get_running_loop().time() + ROUND_S_MAX, False, False
        try:
            while self._waiting or self._flying:
                self._start()
                if await self._next(end_s):
                    heard = True
                    known = self._flying.keys() | {row.recording for row in self._waiting}
                    self._waiting += [row for row in await self._look() if row.recording not in known]
            is_well = True
        except asyncio.CancelledError:
            self._stop()
            raise
        finally:
            if not is_well:
                self.open = 1
            await self._land()
        if heard:
            self._news.set()  # what they say beside recordings is for the next round

    def _start(self) -> None:
        while self._waiting and len(self._flying) < self.open:
            row = self._waiting.popleft()
            self._flying[row.recording] = asyncio.ensure_future(self._send(row))

    async def _next(self, end_s: float) -> bool:
        """Until one has ended; or there are news, and a lane for them: True."""
        hears = asyncio.get_running_loop().time() < end_s and not self._waiting
        listening = [asyncio.ensure_future(self._news.wait())] if hears else []
        try:
            await asyncio.wait([*self._flying.values(), *listening], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in listening:
                each.cancel()
        for recording, task in [each for each in self._flying.items() if each[1].done()]:
            del self._flying[recording]
            task.result()
        if not hears or not self._news.is_set():
            return False
        self._news.clear()
        return True

    async def _land(self) -> None:
        """Nobody is left behind: what still flies ends by itself, or soon when it was stopped."""
        tasks = list(self._flying.values())
        self._flying.clear()
        self._waiting.clear()
        while not all(task.done() for task in tasks):
            try:
                await asyncio.wait(tasks)
            except asyncio.CancelledError:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                raise
        for task in tasks:
            if not task.cancelled():
                task.exception()  # the first one was raised, or is

    def _stop(self) -> None:
        for task in self._flying.values():
            task.cancel()
