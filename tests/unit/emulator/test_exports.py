"""A bench that is reached from other programs: RFC 2217 and USB/IP beside its pseudo-terminals."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
import usbip

from host_tools.emulator.bench import BenchError
from host_tools.emulator.exports import exported
from host_tools.protocol.connection import Connection
from host_tools.protocol.constructs import ConstructCodec
from host_tools.transports.registry import Registry
from tests.unit.emulator.rig import bench_at_work, until


def own_ports() -> int:
    """The first of four that no other process of the tests takes, below those that the kernel gives away."""
    return 20_000 + 4 * (os.getpid() % 3_000)


def serial_over_usbip(port: int, location: str) -> str:
    """Of a device, by a client that is not ours."""
    handle: Any = usbip.open(busid=location, transport=usbip.USBIP("127.0.0.1", port))
    try:
        return bytes(handle.control(0x80, 6, 0x0303, 0x0409, 255))[2:].decode("utf-16-le")
    finally:
        handle.conn.close()


@pytest.mark.req("EMU-03")
def test_the_same_board_over_rfc2217_and_usbip(tmp_path: Path):
    async def scenario() -> None:
        first = own_ports()
        async with bench_at_work(tmp_path) as bench, exported(bench, first, first + 1):
            await until((tmp_path / "ports" / "dock-1").exists, "the dock's port")
            connection = Connection(await Registry().open(f"rfc2217://127.0.0.1:{first + 1}"), 5, ConstructCodec())
            await connection.open()
            assert (await connection.ask("identify"))["serial"] == "DOCK-0001"
            connection.close()
            location = bench.usb_ports.location_of("dock-1")
            bench.set_power("dock-1", False)
            bench.set_power("dock-1", True)
            await until(lambda: (tmp_path / "ports" / "dock-1").exists(), "the dock to be back")
            assert await asyncio.to_thread(serial_over_usbip, first, location) == "DOCK-0001"
            with pytest.raises(BenchError, match=rf"port {first}: cannot be listened at \(Address already in use\); "):
                async with exported(bench, first, 0):
                    pass

    asyncio.run(scenario())
