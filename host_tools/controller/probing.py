"""The delivery test of a camera's data pair: PRBS bytes out and back over its link.

Over USB this shows that bytes arrive, in order and whole, and how fast; the bus's own check and retry hide the bit
error rate of the wire. It is named accordingly.
"""

from __future__ import annotations

import asyncio
from typing import Any

from firmware.drivers import prbs
from firmware.link import events
from host_tools.protocol.connection import Connection

PROBE_FRAMES = 64
PROBE_BYTES = 1024  # a frame; 64 KiB in all: long enough to meet a bad contact, short enough not to be noticed
PROBE_LIMIT_S = 5.0

_TABLE = bytes(prbs.make_table(prbs.PRBS15))


async def probe_delivery(connection: Connection, run: int) -> dict[str, Any]:
    """A measurement in the form of a dock's: bytes lost or wrong, of all sent; limit 0."""
    back: dict[int, int] = {}
    all_back = asyncio.Event()

    def take(event: events.Probe) -> None:
        if event.run == run:
            back[event.phase] = prbs.count_bit_errors(_TABLE, event.phase, event.data)
            if len(back) == PROBE_FRAMES:
                all_back.set()

    connection.on_probe = take
    pattern = bytearray(PROBE_BYTES)
    for frame in range(PROBE_FRAMES):
        prbs.fill(_TABLE, frame * PROBE_BYTES, pattern)
        connection.probe(run, frame * PROBE_BYTES, bytes(pattern))
    try:
        async with asyncio.timeout(PROBE_LIMIT_S):
            await all_back.wait()
    except TimeoutError:
        pass  # what is not back by now was lost; it is counted below
    finally:
        connection.on_probe = None
    lost = (PROBE_FRAMES - len(back)) * PROBE_BYTES
    wrong = sum(1 for errors in back.values() if errors) * PROBE_BYTES
    return {
        "quantity": "delivery",
        "value": lost + wrong,
        "unit": f"bytes lost or wrong of {PROBE_FRAMES * PROBE_BYTES}",
        "low": 0,
        "high": 0,
        "verdict": "pass" if lost + wrong == 0 else "fail",
    }
