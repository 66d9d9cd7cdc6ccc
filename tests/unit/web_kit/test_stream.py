"""The ring of events: nobody waits for a slow reader, and nobody misses anything without being told."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

from host_tools.web_kit.stream import BATCH_MAX, EVENT_BYTES_MAX, Ring
from tests.patience import LIMIT_S


def parsed(pieces: bytes) -> list[tuple[str, str, str]]:
    """Id, event, data."""
    found: list[tuple[str, str, str]] = []
    for block in pieces.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append((fields.get("id", ""), fields["event"], fields["data"]))
    return found


async def read(ring: Ring, events: int, last_id: str = "") -> list[tuple[str, str, str]]:
    """As many events as that, and then go away."""
    found: list[tuple[str, str, str]] = []
    stream = ring.follow(last_id)
    async with asyncio.timeout(LIMIT_S):
        async for piece in stream:
            found += parsed(piece)
            if len(found) >= events:
                break
    await stream.aclose()
    return found


def test_events_come_in_order_with_ids():
    async def main() -> None:
        ring = Ring("run1")
        reader = asyncio.create_task(read(ring, 3))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for number in range(3):
            ring.publish("change", {"n": number, "text": "ä\nb"})
        assert [(name, event, json.loads(data)["n"]) for name, event, data in await reader] == [
            ("run1-1", "change", 0),
            ("run1-2", "change", 1),
            ("run1-3", "change", 2),
        ]
        assert ring.streams == 0

    asyncio.run(main())


def test_a_reader_that_comes_back_goes_on_where_it_was():
    async def main() -> None:
        ring = Ring("run1")
        for number in range(10):
            ring.publish("change", number)
        assert [data for _, _, data in await read(ring, 4, "run1-6")] == ["6", "7", "8", "9"]

    asyncio.run(main())


@pytest.mark.req("CTRL-12")
def test_a_browser_has_a_place_before_anything_has_happened():
    """An EventSource that was told no id comes back without one, and would not learn what it missed."""

    async def main() -> None:
        ring = Ring("run1")
        ring.publish("change", "before")
        stream = ring.follow()
        fields = dict(line.split(": ", 1) for line in (await anext(stream)).decode().splitlines() if line)
        await stream.aclose()  # the connection is lost, and something changes meanwhile
        ring.publish("change", "missed")
        assert [data for _, _, data in await read(ring, 1, fields["id"])] == ['"missed"']
        again = ring.follow("run1-1")
        assert b"id: run1-1\n" in await anext(again), "a place that was said is the one that is kept"
        await again.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("last_id", ["run0-3", "run1-11", "run1-1", "run1-", "run1-x", "-", "run1-" + "9" * 40, "…-1"])
def test_a_place_that_is_not_there_any_more_is_a_reset(last_id: str):
    async def main() -> None:
        ring = Ring("run1", kept_max=5)
        for number in range(10):
            ring.publish("change", number)
        found = await read(ring, 1, last_id)
        assert (found[0][0], found[0][1]) == ("run1-10", "reset")

    asyncio.run(main())


def test_a_reader_that_sleeps_costs_nothing_and_is_told_what_it_missed():
    async def main() -> None:
        ring = Ring("run1", kept_max=50)
        stream = ring.follow()
        await anext(stream)  # how long to wait before a new connection
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        ring.publish("change", "seen")
        assert parsed(await first)[0][2] == '"seen"'
        for number in range(1_000):  # nobody waits
            ring.publish("change", number)
        found = parsed(await anext(stream))
        assert [event for _, event, _ in found] == ["reset"]
        ring.publish("change", "after")
        assert parsed(await anext(stream))[0][2] == '"after"'
        await stream.aclose()

    asyncio.run(main())


def test_any_pace_sees_every_event_once_or_a_reset():
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)

    async def main() -> None:
        ring = Ring("r", kept_max=40)
        told = 0
        stream = ring.follow()
        await anext(stream)
        expected = 1
        for _ in range(300):
            for _ in range(chance.choice((0, 1, 3, 30, BATCH_MAX))):
                told += 1
                ring.publish("change", told)
            if expected > told:
                continue
            for name, event, data in parsed(await anext(stream)):
                if event == "reset":
                    assert told - expected >= 40
                    expected = int(name.rpartition("-")[2]) + 1
                else:
                    assert int(data) == expected
                    expected += 1
        await stream.aclose()

    asyncio.run(main())


def test_an_event_that_is_too_large_makes_everybody_read_anew():
    async def main() -> None:
        ring = Ring("r")
        ring.publish("change", "x" * EVENT_BYTES_MAX)
        assert [event for _, event, _ in await read(ring, 1, "r-0")] == ["reset"]

    asyncio.run(main())


def test_a_quiet_stream_beats_and_a_closed_ring_ends_it():
    async def main() -> None:
        ring = Ring("r")
        stream = ring.follow(beat_s=0.01)
        await anext(stream)
        assert b"event: beat" in await anext(stream)
        ring.close()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    asyncio.run(main())
