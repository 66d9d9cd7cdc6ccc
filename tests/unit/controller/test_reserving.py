"""Docked cameras and the space they are promised; recordings that a camera does not have any more; damage healed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar, cast

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.committer import Committer
from host_tools.controller.delivery import AWAY_PLAN
from host_tools.controller.offload import Offload
from host_tools.controller.turns import Turns
from host_tools.destinations.interface import DestinationUnavailable
from host_tools.destinations.memory import MemoryDestination
from host_tools.destinations.wrappers import Failing, Failure
from host_tools.protocol.connection import Connection
from tests.patience import LIMIT_S
from tests.unit.controller.rig import SMALL, ControllerRig, running, write_recording

T = TypeVar("T")
AWAY = DestinationUnavailable("destination: the network is down: mend it")


@pytest.mark.req("CTRL-08")
def test_a_docked_camera_reserves_and_gives_back_when_it_leaves(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path, spool_files=MemoryFiles(capacity_bytes=60_000))
        camera = rig.camera(1)
        big = write_recording(camera, 1, (700, 100_000))
        async with running(rig):
            camera.dock()
            full = await rig.wait_for("spool_full", camera=camera.serial)
            assert full["recordings"] == 1
            assert "stay on it: the spool has no room" in full["text"]
            status = await rig.status()
            assert status["spool"]["level"] == "full"
            assert status["spool"]["refused_bytes"] > 100_000
            assert "storage full" in status["problems"]["storage"]
            camera.undock()
            await rig.wait_for("undocked", camera=camera.serial)
            spool = (await rig.status())["spool"]
            assert (spool["level"], spool["reserved_bytes"]) == ("ok", 0)
            assert camera.files.exists(f"recordings/{big.hex}")

    asyncio.run(scenario())


@pytest.mark.req("CTRL-08")
def test_a_camera_that_leaves_while_room_is_set_aside_leaves_no_promise_behind(tmp_path: Path):
    rig = ControllerRig(tmp_path, spool_files=MemoryFiles(capacity_bytes=60_000))
    began, go_on = threading.Event(), threading.Event()

    def held_up(function: Callable[[], T]) -> Awaitable[T]:
        def later() -> T:
            began.set()
            go_on.wait(LIMIT_S)
            return function()

        return asyncio.to_thread(later)

    async def scenario() -> None:
        connection = cast(Connection, None)  # nothing is asked of the camera here
        committer = Committer(rig.spool, held_up, rig.controller.happenings)
        offload = Offload(connection, "CAM-1", rig.spool, committer, held_up, rig.controller.happenings, Turns())
        entry = {"recording": b"r" * 16, "chunks_bytes": 100_000, "manifest_bytes": 100}
        preparing = asyncio.create_task(offload.prepare([entry], complete=False))
        await asyncio.to_thread(began.wait, LIMIT_S)
        preparing.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.wait({preparing})
        offload.leave()

    asyncio.run(scenario())
    assert rig.spool.storage().refused_bytes == 0


@pytest.mark.req("CTRL-08", "CTRL-24")
def test_a_recording_that_disappeared_from_its_camera_is_an_alarm(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        gone = write_recording(camera, 1, SMALL)
        async with running(rig):
            camera.dock()
            await rig.wait_for("erased", recording=gone.hex)
            rig.index._database.run(
                "UPDATE recordings SET state = 'offloading' WHERE recording = ?", (gone.recording,)
            )  # as if it had been cut off half-way and the card was exchanged then
            camera.undock()
            await rig.wait_for("undocked", camera=camera.serial)
            camera.dock()
            lost = await rig.wait_for("lost", camera=camera.serial)
            assert lost["recording"] == gone.hex
            assert "recover its card" in lost["text"]
            problems = (await rig.status())["problems"]
            assert gone.hex in problems[f"recording {gone.hex}"]

    asyncio.run(scenario())


@pytest.mark.req("CTRL-08", "LINK-05")
def test_a_flipped_bit_is_fetched_again_from_the_camera_that_is_still_docked(tmp_path: Path):
    async def scenario() -> None:
        store = MemoryDestination()
        rig = ControllerRig(tmp_path, destination=Failing(store, [Failure("open", call, AWAY) for call in range(1, 4)]))
        rig.store = store
        camera = rig.camera(1)
        recording = write_recording(camera, 1, SMALL)
        async with running(rig):
            camera.dock()
            await rig.wait_for("held", recording=recording.hex)
            file = rig.spool_files.open(f"recordings/{recording.hex}/chunks", writable=True)
            file.write_at(2_000, b"damaged")
            file.close()
            await rig.wait_for("damaged", recording=recording.hex)
            await rig.wait_for("delivered", recording=recording.hex)
            assert await rig.delivered_content(recording) == recording.content
            words = rig.words("held", "damaged", "delivered")
            assert words == ["held", "damaged", "held", "delivered"]

    asyncio.run(scenario())


def test_the_wait_for_a_destination_that_is_away_is_bounded():
    assert AWAY_PLAN.wait_ms(50, 1.0) == AWAY_PLAN.wait_ms_max == 30_000
