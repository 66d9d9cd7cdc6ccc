"""A whole emulated bench inside a test's own loop; its cards are in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from firmware.camera.assignment import Assignment
from firmware.camera.recorder import Wearer
from firmware.ports.memory_files import MemoryFiles
from firmware.secure.certificates_store import CameraIdentity
from firmware.secure.sealing_file import FileSealer
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import Bench, CameraPart, DockPart, Picture
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import find_board
from tests.patience import LIMIT_S
from tests.unit.trust.parts import World as TrustWorld
from tests.unit.trust.parts import adopt_on_card, equip_on_card

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


WITH_MOTION = SMALL.model_copy(
    update={"camera": (SMALL.camera[0], SMALL.camera[1].model_copy(update={"model": "pi_cm4_camera"}))}
)


def member_card(
    workshop: Workshop, name: str, serial: str, wearer: Wearer, model: str = "pi_zero_2w_camera"
) -> MemoryFiles:
    """The card of a camera that belongs to some system, and has a wearer."""
    world, card = TrustWorld(), MemoryFiles()
    world.trust.trust_manufacturer(workshop.maker.root)
    keys = workshop.keys_of(name, find_board(model), card)
    workshop.provision(serial, card, keys)
    identity = CameraIdentity(card, keys.keystore, serial)
    adopt_on_card(world.trust, identity, world.now_ms)
    equip_on_card(world.trust, identity, card, keys.board_secret, world.now_ms)
    Assignment(card, FileSealer(keys.board_secret, world.entropy)).keep(wearer, "default")
    return card


@asynccontextmanager
async def bench_at_work(
    folder: Path, cards: dict[str, MemoryFiles] | None = None, workshop: Workshop | None = None
) -> AsyncGenerator[EmulatedBench]:
    """Start it and stop it again. ``cards``: of cameras whose cards are not empty, made in ``workshop``."""

    def files_of(name: str, capacity_bytes: int) -> MemoryFiles:
        return (cards or {}).get(name) or MemoryFiles()

    bench = EmulatedBench(SMALL, folder, files_of, workshop)
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
