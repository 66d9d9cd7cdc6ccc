"""Group commit: chunks wait a little for each other, and not at all when a recording would be complete."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.controller import committer as module
from host_tools.controller.committer import Committer
from host_tools.controller.happenings import Happenings
from host_tools.custody.blocking import run_in_thread
from host_tools.custody.errors import CustodyFault
from host_tools.custody.index import open_index
from host_tools.custody.spool import Spool
from tests.patience import LIMIT_S
from tests.unit.custody.recordings import Sample, sample


class Rig:
    """A spool that receives two recordings, and its committer."""

    def __init__(self) -> None:
        self.index = open_index(":memory:")
        self.spool = Spool(MemoryFiles(), self.index, lambda: 0, spare_bytes=4_096)
        self.told: list[dict[str, Any]] = []
        happenings = Happenings(lambda: 0)
        happenings.listen(self._take)
        self.committer = Committer(self.spool, run_in_thread, happenings)
        self.samples = [sample(seed) for seed in (1, 2)]
        self._changed = asyncio.Event()
        for each in self.samples:
            self.spool.accept(each.manifest_bytes, each.manifest.camera_serial, each.digest)

    def receive(self, each: Sample, chunks: range) -> None:
        """Chunks arrive."""
        for chunk in chunks:
            self.spool.write(each.recording, each.manifest.chunks[chunk].offset, each.sealed(chunk))
        self.committer.written()

    async def until_told(self, what: str) -> dict[str, Any]:
        """Wait for a happening."""
        async with asyncio.timeout(LIMIT_S):
            while not any(each["what"] == what for each in self.told):
                self._changed.clear()
                await self._changed.wait()
        return next(each for each in self.told if each["what"] == what)

    def _take(self, happening: dict[str, Any]) -> None:
        self.told.append(happening)
        self._changed.set()


def test_a_recording_that_is_complete_does_not_wait(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LINGER_S", 3_600.0)

    async def scenario() -> None:
        rig = Rig()
        first = rig.samples[0]
        running = asyncio.create_task(rig.committer.run())
        rig.receive(first, range(len(first.manifest.chunks)))
        held = await rig.until_told("held")
        assert held["recording"] == first.recording.hex()
        running.cancel()
        await asyncio.wait({running})
        rig.index.close()

    asyncio.run(scenario())


@pytest.mark.req("LINK-05")
def test_chunks_of_several_cameras_are_made_durable_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LINGER_S", 0.05)

    async def scenario() -> None:
        rig = Rig()
        running = asyncio.create_task(rig.committer.run())
        for each in rig.samples:
            rig.receive(each, range(2))
        assert rig.spool.pending_bytes() > 0
        async with asyncio.timeout(LIMIT_S):
            while not rig.spool.counters().commits:  # noqa: ASYNC110  an ordinary commit tells nobody
                await asyncio.sleep(0.01)
        assert (rig.spool.pending_bytes(), rig.spool.counters().commits) == (0, 1)
        assert [rig.index.committed_chunks(each.recording) for each in rig.samples] == [[0, 1], [0, 1]]
        running.cancel()
        await asyncio.wait({running})
        rig.index.close()

    asyncio.run(scenario())


@pytest.mark.req("LINK-06")
def test_a_wrong_chunk_is_named():
    async def scenario() -> None:
        rig = Rig()
        first = rig.samples[0]
        wrong = bytearray(first.sealed(1))
        wrong[-1] ^= 1
        rig.spool.write(first.recording, first.manifest.chunks[1].offset, wrong)
        await rig.committer.flush()
        (told,) = rig.told
        assert (told["what"], told["recording"], told["chunk"]) == ("chunk_rejected", first.recording.hex(), 1)
        rig.index.close()

    asyncio.run(scenario())


def test_an_index_that_fails_is_told_and_the_committer_goes_on():
    async def scenario() -> None:
        rig = Rig()
        first = rig.samples[0]
        running = asyncio.create_task(rig.committer.run())
        rig.index.close()
        rig.receive(first, range(len(first.manifest.chunks)))
        await rig.until_told("custody_fault")
        assert len(rig.spool.missing(first.recording)) == len(first.manifest.chunks)
        rig.receive(first, range(1))
        with pytest.raises(CustodyFault):
            await rig.committer.flush()
        assert not running.done()
        running.cancel()
        await asyncio.wait({running})

    asyncio.run(scenario())
