"""From the camera's card to the destination: real firmware, real spool, real link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.camera.assignment import Assignment
from firmware.camera.card import CHUNKS
from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from firmware.secure.sealing_file import FileSealer
from host_tools.emulator.platform import SystemEntropy
from host_tools.protocol.tap import LinkTap
from host_tools.system.roster import Roster
from tests.unit.controller.rig import SMALL, ControllerRig, running, write_recording

LONG = (700, *[100_000] * 12)  # bytes of the fragments of twelve seconds
SLOW_BYTES_PER_S = 2_000_000


@pytest.mark.req("LINK-06", "CAM-21", "CTRL-09")
def test_what_a_docked_camera_has_is_offloaded_delivered_and_erased(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        recordings = [write_recording(camera, seed) for seed in (1, 2)]
        async with running(rig):
            camera.dock()
            for recording in recordings:
                await rig.wait_for("erased", recording=recording.hex)
                assert await rig.delivered_content(recording) == recording.content
            told = rig.words("docked", "camera_ready", "offload_started", "held", "delivered", "erased")
            assert told[:3] == ["docked", "camera_ready", "offload_started"]
            assert camera.files.list_folder("recordings") == []
            assert rig.spool.storage().used_bytes == 0
            status = await rig.status()
            assert status["counts"] == {"erased": 2}
            assert {row["place"] for row in status["recordings"]} == {"destination"}

    asyncio.run(scenario())


@pytest.mark.req("LINK-05")
def test_after_an_undocking_only_what_is_missing_is_fetched(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        recording = write_recording(camera, 1, LONG)
        camera.plug.tap = tap = LinkTap()
        camera.plug.limit(SLOW_BYTES_PER_S)
        async with running(rig):
            camera.dock()
            await rig.until(
                lambda: any(each["what"] == "progress" and each["bytes_here"] > 500_000 for each in rig.told), "half"
            )
            camera.undock()
            await rig.wait_for("undocked")
            missing = [(each.offset_bytes, each.length_bytes) for each in rig.spool.missing(recording.recording)]
            assert 0 < len(missing) < len(LONG)
            tap.served.clear()
            camera.dock()
            await rig.wait_for("erased")
            sent = [each for each in tap.served if each.part == 0]
            fetched = set[int]().union(*(range(each.start, each.end) for each in sent))  # a busy machine asks twice
            assert fetched == set[int]().union(*(range(start, start + length) for start, length in missing))
            assert await rig.delivered_content(recording) == recording.content

    asyncio.run(scenario())


@pytest.mark.req("LINK-06")
def test_a_damaged_recording_is_named_and_does_not_keep_the_others(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        camera = rig.camera(1)
        damaged = write_recording(camera, 1)
        good = write_recording(camera, 2)
        file = camera.files.open(f"recordings/{damaged.hex}/{CHUNKS}", writable=True)
        file.write_at(3_000, b"\x00\x01\x02")
        file.close()
        async with running(rig):
            camera.dock()
            await rig.wait_for("erased", recording=good.hex)
            trouble = await rig.wait_for("trouble", recording=damaged.hex)
            assert "damaged" in trouble["text"]
            assert camera.serial in trouble["text"]
            rejected = await rig.wait_for("chunk_rejected", recording=damaged.hex)
            assert rejected["chunk"] == 1
            assert rig.index.get(damaged.recording).state == "offloading"
            assert camera.files.exists(f"recordings/{damaged.hex}")
            assert (await rig.status())["cameras"][0]["trouble"] == trouble["text"]

    asyncio.run(scenario())


@pytest.mark.req("CTRL-08")
def test_a_full_spool_takes_nothing_and_loses_nothing(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path, spool_files=MemoryFiles(capacity_bytes=60_000))
        camera = rig.camera(1)
        big = write_recording(camera, 1, (700, 100_000))
        small = write_recording(camera, 2, SMALL)
        async with running(rig):
            camera.dock()
            trouble = await rig.wait_for("trouble", recording=big.hex)
            assert "free space" in trouble["text"]
            assert "stays on its camera" in trouble["text"]
            await rig.wait_for("erased", recording=small.hex)
            assert rig.index.get(big.recording).state == "announced"
            assert camera.files.exists(f"recordings/{big.hex}")

    asyncio.run(scenario())


@pytest.mark.req("CAM-02")
def test_a_camera_that_is_no_longer_assigned_loses_its_wearer(tmp_path: Path):
    async def scenario() -> None:
        assigned = ControllerRig(tmp_path / "1")
        camera = assigned.camera(1)
        async with running(assigned):
            camera.dock()
            await assigned.wait_for("camera_ready", wearer="Ada Lovelace")
        nobody = ControllerRig(tmp_path / "2", roster=Roster(), after=assigned)
        again = nobody.camera(1, files=camera.files)
        async with running(nobody):
            again.dock()
            await nobody.wait_for("camera_ready", wearer="")
            await nobody.wait_for("camera_idle")
        kept = Assignment(camera.files, FileSealer(camera.keys.board_secret, SystemEntropy()))
        kept.load()
        assert kept.wearer is None
        assert b"Ada" not in whole(camera.files, "assignment"), "nor does the card tell who had it"

    asyncio.run(scenario())


class UndockingCard(MemoryFiles):
    """A card whose camera is undocked in the very moment in which it erases for the first time."""

    undock: Callable[[], None] | None = None

    def rename(self, old_path: str, new_path: str) -> None:
        super().rename(old_path, new_path)
        if self.undock is not None and new_path.startswith("recordings/erasing-"):
            undock, self.undock = self.undock, None
            undock()


@pytest.mark.req("CAM-21", "CTRL-24")
def test_an_erase_whose_answer_was_lost_is_asked_for_again(tmp_path: Path):
    async def scenario() -> None:
        rig = ControllerRig(tmp_path)
        card = UndockingCard()
        camera = rig.camera(1, card)
        recording = write_recording(camera, 1)
        card.undock = camera.undock
        async with running(rig):
            camera.dock()
            await rig.wait_for("undocked")
            assert rig.index.get(recording.recording).state == "erase_authorised"
            assert card.list_folder("recordings") == []
            camera.dock()
            erased = await rig.wait_for("erased")
            assert erased["recording"] == recording.hex
            assert rig.index.get(recording.recording).state == "erased"

    asyncio.run(scenario())


def whole(files: Files, path: str) -> bytes:
    """A file's bytes."""
    file = files.open(path)
    buffer = bytearray(file.size_bytes())
    file.read_at(0, buffer)
    file.close()
    return bytes(buffer)
