"""The readers of an emulated bench at pyusb: found by their makers' identities, asked by plain bulk transfers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import usb.core
import usb.util

from firmware.ports.memory_files import MemoryFiles
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import Bench, ReaderPart
from host_tools.emulator.usb_host import BenchUsb
from tests.patience import LIMIT_S
from tests.unit.emulator.rig import until

READERS = Bench(
    name="readers",
    seed=7,
    reader=(
        ReaderPart(name="reader-1"),
        ReaderPart(name="reader-2", kind="ascii125k", port="1-4.2"),
        ReaderPart(name="reader-3", kind="twn4-keyboard", port="1-4.3"),
    ),
)
TWN4, BRIDGE = (0x09D8, 0x0420), (0x10C4, 0xEA60)
VERSION, SEARCH = b"0004FF\r", b"050020\r"
LIMIT_MS = int(LIMIT_S * 1000)


def ask(device: Any, command: bytes) -> bytes:
    """One command to a TWN4, with nothing but pyusb; its answer as bytes."""
    pair = device[0][(1, 0)]
    way_in: Any = usb.util.find_descriptor(pair, custom_match=lambda each: each.bEndpointAddress & 0x80)
    way_out: Any = usb.util.find_descriptor(pair, custom_match=lambda each: not each.bEndpointAddress & 0x80)
    way_out.write(command)
    said = b""
    while not said.endswith(b"\r"):
        said += bytes(way_in.read(64, LIMIT_MS))
    return bytes.fromhex(said.decode())


@pytest.mark.req("EMU-03", "RFID-01")
def test_readers_are_found_by_their_makers_identities_and_answer(tmp_path: Path):
    async def scenario() -> None:
        bench = EmulatedBench(READERS, tmp_path, lambda _name, _size: MemoryFiles())
        host = BenchUsb(bench)
        await bench.start()
        try:
            await until(lambda: len(host.devices()) == 2, "the readers with a port; a keyboard is none")
            backend = host.backend()
            twn4: Any = usb.core.find(idVendor=TWN4[0], idProduct=TWN4[1], backend=backend)
            bridge: Any = usb.core.find(idVendor=BRIDGE[0], idProduct=BRIDGE[1], backend=backend)
            assert (twn4.manufacturer, twn4.product, twn4.serial_number) == ("Elatec", None, None)
            assert bridge.product == "CP2102 USB to UART Bridge Controller"
            assert [each.bInterfaceClass for each in twn4[0]] == [2, 10]
            assert [each.bInterfaceClass for each in bridge[0]] == [255]
            assert f"{twn4.bus}-{'.'.join(map(str, twn4.port_numbers))}" == bench.usb_ports.location_of("reader-1")
            answer = await asyncio.to_thread(ask, twn4, VERSION)
            assert b"PRS" in answer
            assert await asyncio.to_thread(ask, twn4, SEARCH) == b"\0\0"
            bench.show_badge("reader-1", "04A1B2C3D4E5F6", LIMIT_S)
            assert (await asyncio.to_thread(ask, twn4, SEARCH)).endswith(bytes.fromhex("04A1B2C3D4E5F6"))
            bench.plug_reader("reader-1", False)
            assert usb.core.find(idVendor=TWN4[0], backend=backend) is None
        finally:
            await bench.stop()

    asyncio.run(scenario())
