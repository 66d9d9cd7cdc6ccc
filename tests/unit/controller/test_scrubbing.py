"""A disk that forgets is found out while somebody can still help."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.happenings import Happenings
from host_tools.controller.scrubbing import AGAIN_S, LOOK_S, Scrubbing
from host_tools.custody.blocking import run_inline
from host_tools.custody.index import open_index
from host_tools.custody.journey import Journey
from host_tools.custody.spool import Spool
from tests.unit.controller.virtual import run_virtually
from tests.unit.custody.recordings import Sample, sample


class Keeping:
    """A spool that holds a recording, and its scrubbing on virtual time."""

    def __init__(self) -> None:
        self.index = open_index(":memory:")
        self.files = MemoryFiles()
        self.spool = Spool(self.files, self.index, lambda: 5_000, spare_bytes=4_096)
        happenings = Happenings(lambda: 5_000)
        self.told: list[dict[str, Any]] = []
        happenings.listen(self.told.append)
        self.scrubbing = Scrubbing(self.index, self.spool, run_inline, happenings)
        self.given = sample(1)
        self.fill(self.given)

    def fill(self, given: Sample) -> None:
        self.spool.accept(given.manifest_bytes, "CAM-0001", given.digest)
        self.spool.write(given.recording, 0, given.chunks)
        self.spool.commit()

    def flip_a_bit(self, chunk: int) -> bytes:
        """As a disk does; returns the chunk as it reads now."""
        entry = self.given.manifest.chunks[chunk]
        file = self.files.open(f"recordings/{self.given.recording.hex()}/chunks", writable=True)
        data = bytearray(entry.length)
        file.read_at(entry.offset, data)
        data[5] ^= 0x10
        file.write_at(entry.offset, data)
        file.close()
        return bytes(data)


def keeping(scenario: Callable[[Keeping], Awaitable[None]]) -> None:
    async def whole() -> None:
        world = Keeping()
        task = asyncio.create_task(world.scrubbing.run())
        try:
            await scenario(world)
        finally:
            task.cancel()
            await asyncio.wait({task})
            world.spool.close()
            world.index.close()
        if not task.cancelled():
            await task

    run_virtually(whole())


@pytest.mark.req("CTRL-08", "CTRL-24")
def test_a_flipped_bit_is_found_within_a_day_quarantined_and_fetched_again() -> None:
    async def scenario(world: Keeping) -> None:
        await asyncio.sleep(60)
        assert world.told == []
        bad = world.flip_a_bit(3)
        await asyncio.sleep(AGAIN_S - 2 * LOOK_S)
        assert world.told == [], "a disk is not worn by reading it all day"
        await asyncio.sleep(4 * LOOK_S)
        (event,) = world.told
        assert event["what"] == "damaged"
        assert event["recording"] == world.given.recording.hex()
        row = world.index.get(world.given.recording)
        assert row.state == "offloading"
        assert "(chunk 3 reads back with another digest): dock camera CAM-0001 to fetch it again" in row.trouble
        name = f"quarantine/{world.given.recording.hex()}-3"
        file = world.files.open(name)
        kept = bytearray(file.size_bytes())
        file.read_at(0, kept)
        assert kept == bad
        (missing,) = world.spool.missing(world.given.recording)
        assert missing.chunk == 3

        world.spool.write(world.given.recording, missing.offset_bytes, world.given.sealed(3))
        assert world.spool.commit().held == [world.given.recording]
        assert world.index.get(world.given.recording).trouble == ""
        await asyncio.sleep(2 * AGAIN_S)
        assert len(world.told) == 1

    keeping(scenario)


def test_what_the_destination_has_is_not_read_any_more() -> None:
    async def scenario(world: Keeping) -> None:
        journey = Journey(world.index, lambda: 5_000)
        journey.start_delivery(world.given.recording, "box")
        journey.delivered(world.given.recording, "memory", [])
        world.flip_a_bit(0)
        await asyncio.sleep(2 * AGAIN_S)
        assert world.told == []
        assert world.spool.scrub(world.given.recording, 0, 1) is None

    keeping(scenario)


def test_a_file_that_vanished_is_found_too() -> None:
    async def scenario(world: Keeping) -> None:
        world.files.remove(f"recordings/{world.given.recording.hex()}/chunks")
        await asyncio.sleep(LOOK_S)
        assert [each["what"] for each in world.told] == ["damaged"]
        assert len(world.spool.missing(world.given.recording)) == len(world.given.manifest.chunks)

    keeping(scenario)


def test_a_step_reads_no_more_than_it_may() -> None:
    async def scenario(world: Keeping) -> None:
        steps = [0]
        while (following := world.spool.scrub(world.given.recording, steps[-1], 1_000)) is not None:
            steps.append(following)
        assert steps == [0, 2, 4]

    keeping(scenario)


def test_quarantine_does_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: Keeping) -> None:
        monkeypatch.setattr("host_tools.custody.layout.QUARANTINE_CHUNKS_MAX", 2)
        for chunk in range(4):
            world.flip_a_bit(chunk)
            await asyncio.sleep(AGAIN_S + 2 * LOOK_S)
            for missing in world.spool.missing(world.given.recording):
                world.spool.write(world.given.recording, missing.offset_bytes, world.given.sealed(missing.chunk))
            world.spool.commit()
        assert len(world.told) == 4
        assert len(world.files.list_folder("quarantine")) == 2

    keeping(scenario)
