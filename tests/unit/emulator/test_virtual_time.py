"""The bench on virtual time: it repeats itself, it costs little while nothing happens, and it is the same bench."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from host_tools.simulation.emulated import VirtualBench
from tests.unit.emulator.fault_shows import record
from tests.unit.emulator.rig import SMALL
from tests.unit.emulator.virtual import Bench, virtual_bench

STEPS_A_SECOND_MAX = 3.0  # announcements, and what the charger is asked; a dock polls 200 times where it must poll


def trace(folder: Path) -> str:
    """Everything that passes on the dock's cable, what the camera recorded, and every step of every board."""
    with virtual_bench(folder) as bench:
        bench.run(2)
        tap = bench.do(lambda: bench.bench.tap("dock-1"))
        connection = bench.connect()
        bench.inject("dock-1", "link", "bitflip")
        bench.inject("camera-2", "button", "intermittent")
        record(bench, 10)
        for _ in range(50):
            bench.ask(connection)
        bench.do(lambda: bench.bench.put_in("camera-2", "dock-1", 3))
        bench.run(30)
        boards = [*bench.bench.docks.values(), *bench.bench.cameras.values()]
        parts = [
            str([world.emulated.steps for world in boards]),
            str((tap.bytes_to_board, tap.bytes_to_host, tap.sessions)),
            str(bench.bench.truth.lines()),
            str([camera.battery.percent() for camera in bench.bench.cameras.values()]),
            str(bench.app().last_outcome),
        ]
        bench.do(connection.close)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@pytest.mark.req("EMU-05")
def test_the_same_seed_gives_the_same_run_byte_for_byte(tmp_path: Path):
    assert trace(tmp_path / "one") == trace(tmp_path / "two")


@pytest.mark.req("EMU-05")
def test_a_bench_that_rests_is_hardly_stepped(tmp_path: Path):
    with virtual_bench(tmp_path) as bench:
        bench.run(600)
        before = steps(bench)
        bench.run(600)
        per_second = [(after - start) / 600 for start, after in zip(before, steps(bench), strict=True)]
        assert max(per_second[2:]) < 0.2, "a worn camera that waits for its button"
        assert max(per_second) < STEPS_A_SECOND_MAX + 2.5  # camera-1 is nobody's: its lamp flashes


def steps(bench: Bench) -> list[int]:
    """Of all boards."""
    return [world.emulated.steps for world in (*bench.bench.docks.values(), *bench.bench.cameras.values())]


@pytest.mark.req("EMU-02", "EMU-05")
def test_a_camera_in_a_drawer_runs_empty_and_starts_again_in_a_dock(tmp_path: Path):
    with virtual_bench(tmp_path) as bench:
        for other in ("dock-1", "camera-1"):
            bench.do(lambda name=other: bench.bench.set_power(name, False))
        hours = bench.wait(lambda: not bench.camera().emulated.is_on, 48 * 3_600, 60) / 3_600
        assert 18 < hours < 23  # 85 % of 3 Ah at 3.7 V and 0.45 W
        assert bench.camera().battery.percent() < 3
        bench.do(lambda: bench.bench.set_power("dock-1", True))
        bench.do(lambda: bench.bench.put_in("camera-2", "dock-1", 2))
        bench.wait(lambda: bench.camera().emulated.is_on, 30)
        bench.wait(lambda: bench.camera().battery.percent() > 10, 3_600, 60)
        bench.do(lambda: bench.bench.take_out("camera-2"))
        bench.run(5)
        assert bench.app().state == "ready"


def test_a_bench_in_memory_leaves_nothing_behind_but_what_its_cameras_saw(tmp_path: Path):
    bench = VirtualBench(SMALL, tmp_path)
    bench.run(3)
    bench.close()
    assert bench.errors == []
    assert [path.name for path in tmp_path.iterdir()] in ([], ["truth.jsonl"])
