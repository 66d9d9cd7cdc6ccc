"""A whole emulated bench inside a test's own loop; its cards are in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from firmware.ports.memory_files import MemoryFiles
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import Bench, CameraPart, DockPart, Picture

LIMIT_S = 15.0
SMALL = Bench(
    name="unit",
    seed=7,
    picture=Picture(width_px=96, height_px=64, frames_per_second=10, bit_rate_bps=100_000),
    dock=(DockPart(name="dock-1", serial="DOCK-0001"),),
    camera=(
        CameraPart(name="camera-1", serial="CAM-0001", bay=1),
        CameraPart(name="camera-2", serial="CAM-0002"),
    ),
)


@asynccontextmanager
async def bench_at_work(folder: Path, cards: dict[str, MemoryFiles] | None = None) -> AsyncGenerator[EmulatedBench]:
    """Start it and stop it again. ``cards``: of cameras whose cards are not empty."""
    bench = EmulatedBench(SMALL, folder, lambda name, capacity_bytes: (cards or {}).get(name) or MemoryFiles())
    await bench.start()
    try:
        yield bench
    finally:
        await bench.stop()


async def until(condition: Callable[[], Any], what: str) -> Any:
    """Look again and again; the bench has no event for most of what it shows."""
    try:
        async with asyncio.timeout(LIMIT_S):
            while not (found := condition()):  # noqa: ASYNC110  see above
                await asyncio.sleep(0.01)
            return found
    except TimeoutError:
        raise AssertionError(f"waited {LIMIT_S:.0f} s for {what}") from None
