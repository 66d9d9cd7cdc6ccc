"""The delivery test tells what a line has damaged from what came late because somebody had to wait for a processor.

Real ends on virtual time: the dock's firmware, a host's connection, and between them a line whose faults are named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from host_tools.controller.probing import QUIET_S, probe_delivery
from tests.unit.emulator.virtual import Bench, virtual_bench

FRAMES, FRAME_BYTES = 256, 400
LINE_BYTES_PER_S = 60_000  # a dock on MicroPython: a frame takes 7 ms each way
PAUSE_S = 0.1  # of a program that waits for its processor: more than a reader waits within a frame


@contextmanager
def plugged_in(folder: Path) -> Generator[Bench]:
    """A bench whose dock has been enumerated, at a line of its own speed."""
    with virtual_bench(folder) as bench:
        bench.run(1)
        bench.do(lambda: bench.bench.docks["dock-1"].line.limit(LINE_BYTES_PER_S))
        yield bench


def probed(bench: Bench, pauses: int = 0, frames: int = FRAMES) -> tuple[dict[str, Any], float]:
    """The row of a test of the dock's line, and how long it took. ``pauses``: how often nothing moves meanwhile."""
    line = bench.bench.docks["dock-1"].line
    connection = bench.connect()

    async def pausing() -> None:
        for _ in range(pauses):
            await asyncio.sleep(0.23)
            line.set_fault("stuck")
            await asyncio.sleep(PAUSE_S)
            line.clear_fault("stuck")

    async def testing() -> dict[str, Any]:
        pauser = asyncio.create_task(pausing())
        found = await probe_delivery(connection, 2, frames, FRAME_BYTES)
        pauser.cancel()
        await asyncio.wait({pauser})
        return found

    began_us = bench.loop.world.now_us
    row: dict[str, Any] = bench.loop.run_until_complete(testing())
    took_s = (bench.loop.world.now_us - began_us) / 1e6
    bench.do(connection.close)
    print(row["value"], row["verdict"], row["note"], f"{took_s:.1f} s")
    return row, took_s


@pytest.mark.req("DOCK-02")
def test_a_busy_machine_is_no_bad_contact(tmp_path: Path):
    with plugged_in(tmp_path) as bench:
        row, took_s = probed(bench, pauses=8)
        assert (row["value"], row["verdict"]) == (0, "pass")
        assert "stood still and came when asked again: a program" in row["note"], (
            "nothing was late: the pauses show nothing"
        )
        assert took_s < 12


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize("kind", ["bitflip", "torn", "garbage"])
def test_a_line_that_damages_frames_fails(tmp_path: Path, kind: str):
    with plugged_in(tmp_path) as bench:
        bench.inject("dock-1", "link", kind)
        row, took_s = probed(bench)
        assert row["verdict"] == "fail"
        assert row["value"] >= 2 * FRAME_BYTES
        assert took_s < 4 * QUIET_S + 10, "each loss costs a wait"


@pytest.mark.req("DOCK-02")
def test_a_line_that_damages_frames_fails_on_a_busy_machine_too(tmp_path: Path):
    with plugged_in(tmp_path) as bench:
        bench.inject("dock-1", "link", "torn")
        assert probed(bench, pauses=4)[0]["verdict"] == "fail"


@pytest.mark.req("DOCK-02")
def test_a_line_that_carries_nothing_is_given_up_soon(tmp_path: Path):
    with plugged_in(tmp_path) as bench:
        connection = bench.connect()
        bench.inject("dock-1", "link", "off")

        async def testing() -> dict[str, Any]:
            return await probe_delivery(connection, 2, FRAMES, FRAME_BYTES)

        began_us = bench.loop.world.now_us
        row = bench.loop.run_until_complete(testing())
        assert (row["verdict"], row["bytes_per_s"]) == ("fail", 0)
        assert (bench.loop.world.now_us - began_us) / 1e6 < 3 * QUIET_S
        bench.do(connection.close)


def test_a_sound_line_needs_one_asking(tmp_path: Path):
    with plugged_in(tmp_path) as bench:
        row, took_s = probed(bench, frames=64)
        assert (row["value"], row["verdict"]) == (0, "pass")
        assert "of 25600 bytes" in row["note"]
        assert "still" not in row["note"]
        assert took_s < 1
