"""The hands of a bench, and what its boards make of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from firmware.camera.card import CHUNKS, MANIFEST, size_or_none
from firmware.camera.recorder import Wearer
from firmware.ports.memory_files import MemoryFiles
from host_tools.emulator.bench import BenchError, EmulatedBench
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import read_usb_tree
from tests.unit.emulator.rig import bench_at_work, member_card, until


def lit(bench: EmulatedBench, camera: str) -> list[str]:
    """Which lamps of a camera are lit."""
    return [name for name, on in bench.state()["cameras"][camera]["lamps"].items() if on]


def serials(folder: Path) -> set[str]:
    """What a host sees on the bus, hubs left out."""
    return {device.serial for device in read_usb_tree(folder / "usb") if device.serial}


@pytest.mark.req("EMU-02", "EMU-06")
def test_a_docked_camera_enumerates_and_an_undocked_one_is_gone(tmp_path: Path):
    async def scenario() -> None:
        async with bench_at_work(tmp_path) as bench:
            await until(lambda: serials(tmp_path) == {"DOCK-0001", "CAM-0001"}, "dock and camera on the bus")
            bench.put_in("camera-2", "dock-1", 8)
            await until(lambda: "CAM-0002" in serials(tmp_path), "the second camera on the bus")
            assert bench.state()["cameras"]["camera-2"]["port"] == str(tmp_path / "ports" / "camera-2")
            bench.take_out("camera-2")
            assert serials(tmp_path) == {"DOCK-0001", "CAM-0001"}
            assert bench.state()["cameras"]["camera-2"]["port"] == ""
        assert serials(tmp_path) == set()

    asyncio.run(scenario())


@pytest.mark.req("EMU-04")
def test_a_dock_without_power_takes_its_cameras_off_the_bus(tmp_path: Path):
    async def scenario() -> None:
        async with bench_at_work(tmp_path) as bench:
            await until(lambda: serials(tmp_path) == {"DOCK-0001", "CAM-0001"}, "dock and camera on the bus")
            bench.set_power("dock-1", False)
            await until(lambda: serials(tmp_path) == set(), "both to be gone")
            assert bench.state()["docks"]["dock-1"]["bays"]["1"]["lamps"] == {}
            bench.set_power("dock-1", True)
            await until(lambda: serials(tmp_path) == {"DOCK-0001", "CAM-0001"}, "both to be back")

    asyncio.run(scenario())


@pytest.mark.req("CAM-28", "EMU-06")
def test_lamps_show_what_the_firmware_thinks(tmp_path: Path):
    async def scenario() -> None:
        async with bench_at_work(tmp_path) as bench:
            for camera in ("camera-1", "camera-2"):
                await until(lambda: sorted(lit(bench, camera)) == ["green", "red"], "amber: not added yet")  # noqa: B023
                await until(lambda: lit(bench, camera) == [], "flashing")  # noqa: B023
            bench.set_power("camera-2", False)
            assert bench.state()["cameras"]["camera-2"]["lamps"] == {}

    asyncio.run(scenario())


def test_hands_that_cannot_do_it_say_why(tmp_path: Path):
    async def scenario() -> None:
        async with bench_at_work(tmp_path) as bench:
            for words, act in (
                ("camera-1 is in bay 1 of dock-1; take it out first", lambda: bench.put_in("camera-1", "dock-1", 2)),
                ("dock-1 has no bay 9; it has bays 1, 2", lambda: bench.put_in("camera-2", "dock-1", 9)),
                ("there is a camera in this bay", lambda: bench.put_in("camera-2", "dock-1", 1)),
                ("camera-2 is in no bay", lambda: bench.take_out("camera-2")),
                ("no camera camera-3 on this bench; it has camera-1, camera-2", lambda: bench.take_out("camera-3")),
                ("no dock dock-2 on this bench; it has dock-1", lambda: bench.put_in("camera-2", "dock-2", 1)),
                ("camera-1 has no button horn; it has record, power", lambda: bench.press("camera-1", "horn")),
                ("give at least", lambda: bench.limit_link("camera-1", 3)),
            ):
                with pytest.raises(BenchError, match=words):
                    act()

    asyncio.run(scenario())


@pytest.mark.req("EMU-02", "EMU-04", "CAM-19")
def test_the_bench_knows_what_a_camera_recorded_before_its_power_was_cut(tmp_path: Path):
    async def scenario() -> None:
        workshop = Workshop()
        card = member_card(workshop, "camera-2", "CAM-0002", Wearer("W-1", "Ada Lovelace"))
        async with bench_at_work(tmp_path, {"camera-2": card}, workshop) as bench:
            await until(lambda: lit(bench, "camera-2") == ["green"], "green: ready")
            bench.press("camera-2", "record")
            await until(lambda: lit(bench, "camera-2") == ["red"], "red: recording")
            (name,) = card.list_folder("recordings")
            await until(lambda: size_of(card, f"recordings/{name}/{CHUNKS}") > 2_000, "a second to be on the card")
            assert bench.truth.lines() == []
            bench.set_power("camera-2", False)
            (truth,) = bench.truth.lines()
            assert (truth["camera"], truth["ended"]) == ("CAM-0002", False)
            assert len(truth["prefixes"]) >= 2
            assert truth["sha256"] == truth["prefixes"][-1]
            assert truth["frames"] >= 10
            bench.set_power("camera-2", True)
            await until(lambda: card.exists(f"recordings/{name}/{MANIFEST}"), "the recording to be closed")

    asyncio.run(scenario())


def size_of(files: MemoryFiles, path: str) -> int:
    """Length of a file, 0 if there is none."""
    return size_or_none(files, path) or 0
