"""Status: one plain value for people and programs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import get_args

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.status import RECORDINGS_SHOWN_MAX, place_of
from host_tools.custody.belief import ClearBelief
from host_tools.custody.states import State
from tests.unit.controller.rig import ControllerRig, running, write_recording
from tests.unit.custody.recordings import sample


@pytest.mark.req("CTRL-03")
def test_it_is_plain_and_tells_of_everything(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        recording = write_recording(camera, 1)
        async with running(rig):
            camera.dock()
            await rig.wait_for("erased")
            await rig.wait_for("camera_idle")
            status = await rig.status()
            assert json.loads(json.dumps(status)) == status
            (row,) = status["recordings"]
            assert (row["recording"], row["state"], row["place"]) == (recording.hex, "erased", "destination")
            assert (row["wearer"], row["chunks"], row["chunks_committed"]) == ("Ada Lovelace", 3, 3)
            (seen,) = status["cameras"]
            assert (seen["serial"], seen["online"], seen["battery_percent"]) == (camera.serial, True, 70)
            assert seen["link"]["bytes_in"] > 0
            assert status["destination"]["name"] == "memory of this process"
            assert status["destination"]["trouble"] == status["destination"]["fault"] == ""
            assert status["spool"]["used_bytes"] == 0

    asyncio.run(scenario())


@pytest.mark.req("CTRL-08")
def test_space_is_reserved_from_the_first_byte_on(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path, spool_files=MemoryFiles(capacity_bytes=100_000), belief=ClearBelief())
        big = sample(1, chunk_bytes=5_000)
        rig.spool.accept(big.manifest_bytes, big.manifest.camera_serial, big.digest)
        spool = (await rig.status())["spool"]
        assert spool["reserved_bytes"] == len(big.chunks)
        assert spool["free_bytes"] <= 100_000 - len(big.chunks)
        rig.spool.close()
        rig.index.close()

    asyncio.run(scenario())


def test_it_shows_a_page_of_recordings_and_counts_all(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path, spool_files=MemoryFiles(capacity_bytes=1 << 24), belief=ClearBelief())
        count = RECORDINGS_SHOWN_MAX + 2
        for seed in range(count):
            each = sample(seed, fragments=2, chunk_bytes=100, started_unix_ms=1_000 * seed)
            rig.spool.accept(each.manifest_bytes, each.manifest.camera_serial, each.digest)
        status = await rig.status()
        assert len(status["recordings"]) == RECORDINGS_SHOWN_MAX
        assert status["recordings"][0]["started_unix_ms"] == 1_000 * (count - 1)
        assert status["counts"] == {"offloading": count}
        rig.spool.close()
        rig.index.close()

    asyncio.run(scenario())


def test_every_state_has_a_place(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path, belief=ClearBelief())
        each = sample(1)
        rig.spool.accept(each.manifest_bytes, each.manifest.camera_serial, each.digest)
        row = rig.index.get(each.recording)
        for state in get_args(State):
            object.__setattr__(row, "state", state)
            assert place_of(row)
        rig.spool.close()
        rig.index.close()

    asyncio.run(scenario())
