"""Whose turn it is to be offloaded: everybody's alike, until a prioritised camera is there.

Links of their own make cameras equal by themselves: the loop reads each in turn. While a prioritised one is being
offloaded the others keep one pull in flight each instead of several: they go on, slowly, and none is starved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


class Turns:
    """One for the whole controller."""

    def __init__(self) -> None:
        self._prioritised = 0
        self._open = asyncio.Event()
        self._open.set()

    @contextmanager
    def taking_part(self, prioritised: bool) -> Generator[None]:
        """Around one recording's offload."""
        if not prioritised:
            yield
            return
        self._prioritised += 1
        self._open.clear()
        try:
            yield
        finally:
            self._prioritised -= 1
            if not self._prioritised:
                self._open.set()

    async def turn(self, worker: int, prioritised: bool) -> None:
        """Before each pull of one of a camera's workers, counted from 0: returns when it may be sent."""
        if worker and not prioritised:
            await self._open.wait()
