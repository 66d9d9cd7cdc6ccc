"""The delivery test of a camera's data pair: PRBS bytes out and back over its link.

Over USB this shows that bytes arrive, in order and whole, and how fast; the bus's own check and retry hide the bit
error rate of the wire. It is named accordingly: ``delivery_integrity`` is a loss rate of bytes at the ends of the link,
and its bound (Poisson, 95 %) is one of delivery.
"""

from __future__ import annotations

import asyncio
from typing import Any

from firmware.drivers import prbs
from firmware.link import events
from host_tools.protocol.connection import Connection

PROBE_FRAMES = 64
FULL_FRAMES = 1024
PROBE_BYTES = 1024  # a frame; 64 KiB in all: long enough to meet a bad contact, short enough not to be noticed
IN_FLIGHT = 16  # frames; a quarter of what makes either end stop reading until it has written
PROBE_LIMIT_S = 3.0  # for each IN_FLIGHT frames; a frame that stood still for long is given up by the reader, and lost
LOST_MARGINAL = 1  # frames: one may stand still too long on a host that is busy with other things

_TABLE = bytes(prbs.make_table(prbs.PRBS15))


async def probe_delivery(
    connection: Connection, run: int, frames: int = PROBE_FRAMES, frame_bytes: int = PROBE_BYTES
) -> dict[str, Any]:
    """A measurement in the form of a dock's: bytes lost or wrong, of all sent; limit 0. LinkLost."""
    loop = asyncio.get_running_loop()
    back: dict[int, int] = {}
    news = asyncio.Event()

    def take(event: events.Probe) -> None:
        if event.run == run:
            back[event.phase] = prbs.count_bit_errors(_TABLE, event.phase, event.data)
            news.set()

    connection.on_probe = take
    began_s, sent = loop.time(), 0
    try:
        for first in range(0, frames, IN_FLIGHT):
            sent = min(first + IN_FLIGHT, frames)
            _send(connection, run, range(first, sent), frame_bytes)
            before = len(back)
            await _all_back(back, before + sent - first, news)  # what is not back by then was lost, and is counted
            if len(back) == before:
                break  # nothing comes any more: the rest would only take time
    finally:
        connection.on_probe = None
    return _row(sent, frame_bytes, back, loop.time() - began_s)


def _send(connection: Connection, run: int, numbers: range, frame_bytes: int) -> None:
    pattern = bytearray(frame_bytes)
    for number in numbers:
        prbs.fill(_TABLE, number * frame_bytes, pattern)
        connection.probe(run, number * frame_bytes, bytes(pattern))


async def _all_back(back: dict[int, int], count: int, news: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(PROBE_LIMIT_S):
            while len(back) < count:
                news.clear()
                await news.wait()
    except TimeoutError:
        return


def _row(frames: int, frame_bytes: int, back: dict[int, int], took_s: float) -> dict[str, Any]:
    sent = frames * frame_bytes
    bad = (frames - len(back)) * frame_bytes + sum(1 for errors in back.values() if errors) * frame_bytes
    bound = prbs.error_rate_bound(bad, sent)
    rate = len(back) * frame_bytes / max(took_s, 1e-6) / 1e6
    note = f"of {sent} bytes out and back: a loss rate of at most {bound:.1e} with {prbs.CONFIDENCE_PERCENT} %"
    note += f"; {rate:.2f} MB/s each way; USB repeats what was damaged, so this is no bit error rate of the wire"
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
