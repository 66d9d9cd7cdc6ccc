"""The delivery test of a camera's data pair: PRBS bytes out and back over its link.

Over USB this shows that bytes arrive, in order and whole, and how fast; the bus's own check and retry hide the bit
error rate of the wire. It is named accordingly: ``delivery_integrity`` is a loss rate of bytes at the ends of the link,
and its bound (Poisson, 95 %) is one of delivery.

A frame that does not come back was damaged, or stood still in the middle for so long that its reader gave it up, as
happens where a program has to wait for its processor. The second shows: for that long nothing comes at all, and one
frame is lost each way, where a line that carries nothing for that long loses all of them. So what a silence explains is
asked for again; what comes then was late, and is counted apart.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from firmware.drivers import prbs
from firmware.link import events
from firmware.link.frames import STALL_MS
from host_tools.protocol.connection import Connection

PROBE_FRAMES = 64
FULL_FRAMES = 1024
PROBE_BYTES = 1024  # a frame; 64 KiB in all: long enough to meet a bad contact, short enough not to be noticed
IN_FLIGHT = 16  # frames; a quarter of what makes either end stop reading until it has written
QUIET_S = 1.0  # without a frame: those under way are not waited for any more; they count if they come all the same
LATE_PER_SILENCE = 2  # frames: one each way
AGAIN_MAX = 2  # times that what stood still is asked for; whoever is late thrice is lost
LOST_MARGINAL = 1  # frames

_TABLE = bytes(prbs.make_table(prbs.PRBS15))


async def probe_delivery(
    connection: Connection, run: int, frames: int = PROBE_FRAMES, frame_bytes: int = PROBE_BYTES
) -> dict[str, Any]:
    """A measurement in the form of a dock's: bytes lost or wrong, of all sent; limit 0. LinkLost."""
    probe = _Probe(connection, run, frame_bytes)
    connection.on_probe = probe.take
    try:
        for first in range(0, frames, IN_FLIGHT):
            if not await probe.ask(range(first, min(first + IN_FLIGHT, frames))):
                break  # nothing comes any more: the rest would only take time
        for _ in range(AGAIN_MAX):
            if not await probe.ask_again():
                break
    finally:
        connection.on_probe = None
    return _row(probe, frame_bytes)


class _Probe:
    """``back``: wrong bits of each frame that came; ``still``: frames that have not come, which a silence explains;
    ``asked``: how many different ones were sent; ``sent``: with those that were sent again; ``moving_s``: from sending
    to the last that came."""

    def __init__(self, connection: Connection, run: int, frame_bytes: int) -> None:
        self.back: dict[int, int] = {}
        self.still: set[int] = set()
        self.late = 0
        self.asked = 0
        self.sent = 0
        self.moving_s = 0.0
        self._connection = connection
        self._run = run
        self._frame_bytes = frame_bytes
        self._loop = asyncio.get_running_loop()
        self._came_s: dict[int, float] = {}  # of those that were sent together last
        self._gaps_s: list[float] = []  # between two frames that came one after the other
        self._news = asyncio.Event()

    def take(self, event: events.Probe) -> None:
        """An echo."""
        if event.run == self._run:
            number = event.phase // self._frame_bytes
            self.back[number] = prbs.count_bit_errors(_TABLE, event.phase, event.data)
            self._came_s[number] = self._loop.time()
            self._news.set()

    async def ask(self, numbers: range) -> bool:
        """Send these and wait for them; whether any came. LinkLost."""
        self.asked += len(numbers)
        silences = await self._exchange(numbers)
        missing = [number for number in numbers if number not in self.back]
        self.still |= set(missing[: LATE_PER_SILENCE * silences])
        return bool(self._came_s)

    async def ask_again(self) -> bool:
        """Once more for those that stood still; whether there is reason to try that another time. LinkLost."""
        ordered = sorted(self.still)
        for first in range(0, len(ordered), IN_FLIGHT):
            await self._exchange(ordered[first : first + IN_FLIGHT])
            if not self._came_s:
                return False
        self.late += len(self.still & self.back.keys())
        self.still -= self.back.keys()
        return bool(self.still)

    async def _exchange(self, numbers: Sequence[int]) -> int:
        """Send these together and wait until no more will come; how often nothing came for long meanwhile."""
        self._came_s = {}
        sent_s = self._loop.time()
        pattern = bytearray(self._frame_bytes)
        for number in numbers:
            prbs.fill(_TABLE, number * self._frame_bytes, pattern)
            self._connection.probe(self._run, number * self._frame_bytes, bytes(pattern))
        self.sent += len(numbers)
        ended = await self._until_back(numbers[-1])
        self.moving_s += max(self._came_s.values(), default=sent_s) - sent_s
        gaps_s = [after - before for before, after in pairwise([sent_s, *self._came_s.values()])]
        self._gaps_s += gaps_s[1:]
        usual_s = statistics.median(self._gaps_s) if self._gaps_s else 0.0
        return sum(gap_s - usual_s >= STALL_MS / 1000 for gap_s in gaps_s) + (not ended)

    async def _until_back(self, number: int) -> bool:
        """Whether it came. A link keeps the order, so nothing comes behind the last one."""
        while number not in self._came_s:
            self._news.clear()
            try:
                async with asyncio.timeout(QUIET_S):
                    await self._news.wait()
            except TimeoutError:
                return False
        return True


def _row(probe: _Probe, frame_bytes: int) -> dict[str, Any]:
    sent = probe.sent * frame_bytes
    damaged = sum(1 for errors in probe.back.values() if errors)
    bad = (probe.asked - len(probe.back) + damaged) * frame_bytes
    bound = prbs.error_rate_bound(bad, sent)
    rate = len(probe.back) * frame_bytes / max(probe.moving_s, 1e-6) / 1e6
    note = f"of {sent} bytes out and back: a loss rate of at most {bound:.1e} with {prbs.CONFIDENCE_PERCENT} %"
    note += f"; {rate:.2f} MB/s each way; USB repeats what was damaged, so this is no bit error rate of the wire"
    if probe.late:
        note += f"; {probe.late} frames stood still and came when asked again"
        note += ": a program had to wait, the contact did not lose them" if not bad else ""
    return {
        "quantity": "delivery_integrity",
        "value": bad,
        "unit": "bytes",
        "low": 0,
        "high": 0,
        "verdict": "pass" if bad == 0 else "marginal" if bad <= LOST_MARGINAL * frame_bytes else "fail",
        "uncertainty": 0,
        "confidence": float(prbs.CONFIDENCE_PERCENT),
        "note": note,
        "bytes_per_s": round(rate * 1e6),
    }
