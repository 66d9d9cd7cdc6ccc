"""Pieces arrive on the event loop while commits run in a worker thread, on a real disk."""

import asyncio
from pathlib import Path

import pytest

from firmware.platform.linux.files import LinuxFiles
from host_tools.custody.blocking import run_in_thread
from host_tools.custody.index import open_index
from host_tools.custody.ledger import Ledger
from host_tools.custody.spool import Spool
from tests.unit.custody.conftest import wall_ms
from tests.unit.custody.recordings import Sample, sample

PIECE_BYTES = 4096


@pytest.mark.req("LINK-05", "LINK-06")
def test_commits_run_beside_writes_and_a_restart_finds_everything(tmp_path: Path) -> None:
    many = [sample(seed, fragments=8, chunks_each=2, chunk_bytes=20_000) for seed in range(6)]
    index = open_index(str(tmp_path / "custody.db"))
    spool = Spool(LinuxFiles(tmp_path), index, wall_ms, spare_bytes=0)
    asyncio.run(offload(spool, many))
    assert index.count_by_state() == {"held": 6}
    assert spool.counters().commits > 1
    assert Ledger(index).verify().holds
    spool.close()
    index.close()

    index = open_index(str(tmp_path / "custody.db"))
    again = Spool(LinuxFiles(tmp_path), index, wall_ms, spare_bytes=0)
    assert again.take_events() == []
    for given in many:
        assert b"".join(bytes(piece) for piece in again.open_content(given.recording, given.opener)) == given.content
    again.close()
    index.close()


async def offload(spool: Spool, many: list[Sample]) -> None:
    for given in many:
        await run_in_thread(
            lambda given=given: spool.accept(given.manifest_bytes, given.manifest.camera_serial, given.digest)
        )
    done, committed = asyncio.Event(), asyncio.Event()

    async def commit_all_the_time() -> None:
        while not done.is_set():
            if (await run_in_thread(spool.commit)).committed:
                committed.set()
        await run_in_thread(spool.commit)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(commit_all_the_time())
        for start in range(0, len(many[0].chunks), PIECE_BYTES):
            for given in many:
                spool.write(given.recording, start, given.chunks[start : start + PIECE_BYTES])
            await asyncio.sleep(0)
            if start >= len(many[0].chunks) // 2:
                await committed.wait()  # so that some of it is committed while the rest comes
        done.set()
