"""Carries what changes in the controller to the ring that browsers follow.

Law: it looks a few times a second and only while somebody follows; between two looks any number of happenings costs one
row. A happening is in the ring whether somebody follows or not: the only page there is may be connecting again. The
controller tells and goes on: nothing here can hold it up.
"""

from __future__ import annotations

import asyncio

from host_tools.controller.happenings import Happening, Happenings
from host_tools.controller.live import LiveView
from host_tools.web_kit.stream import Ring

PAUSE_S = 0.2  # between two looks while things happen: people do not read faster
SWEEP_S = 2.0  # between two looks at everything: what no happening tells (currents, link figures)
TOLD_APART = frozenset({"progress"})  # whose rows are enough


class Pump:
    """``run`` until cancelled."""

    def __init__(self, view: LiveView, happenings: Happenings, ring: Ring) -> None:
        self._view = view
        self._ring = ring
        self._news = asyncio.Event()
        happenings.listen(self._take)

    async def run(self) -> None:
        """Publish ``change`` for each row that differs."""
        loop = asyncio.get_running_loop()
        swept_s = loop.time()
        while True:
            await self._wait()
            if not self._ring.streams:
                continue
            whole = loop.time() - swept_s >= SWEEP_S
            swept_s = loop.time() if whole else swept_s
            for change in self._view.changes(whole):
                self._ring.publish("change", change.plain())
            await asyncio.sleep(PAUSE_S)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(SWEEP_S):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    def _take(self, happening: Happening) -> None:
        if happening["what"] not in TOLD_APART:
            self._ring.publish("happening", happening)
        self._news.set()
