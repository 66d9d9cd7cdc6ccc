"""An emulated bench at pyusb: what is found, what goes over its endpoints, and what a pulled plug looks like."""

from __future__ import annotations

import asyncio
import errno
import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import usb.core
import usb.util

from firmware.link import events
from firmware.link.session import HOST, Session
from host_tools.emulator.usb_host import BenchUsb
from host_tools.hardware import find_board
from host_tools.protocol.connection import Connection, RequestRefused
from host_tools.protocol.constructs import ConstructCodec
from host_tools.transports.errors import LinkLost, PortMissing
from host_tools.transports.usb_bulk import open_usb
from tests.patience import LIMIT_S
from tests.unit.emulator.rig import bench_at_work, until

CAMERA, DOCK = find_board("pi_zero_2w_camera").usb, find_board("pico_dock_8").usb
URL = f"usb://{CAMERA.vid:04x}:{CAMERA.pid:04x}/CAM-0001"
pytestmark = pytest.mark.usefixtures("patient_links")
NONCES = itertools.count(1)
READ_TIMEOUT_MS = 50


def with_bench(tmp_path: Path, act: Callable[[Any, BenchUsb], Any]) -> None:
    async def scenario() -> None:
        async with bench_at_work(tmp_path) as bench:
            usb_host = BenchUsb(bench)
            await until(lambda: len(usb_host.devices()) == 2, "dock and camera on the bus")
            await act(bench, usb_host)

    asyncio.run(scenario())


def identity_over(device: Any, interface: int) -> dict[str, Any]:
    """A session of our link over a bulk pair, with nothing but pyusb."""
    pair = device[0][(interface, 0)]
    way_in: Any = usb.util.find_descriptor(pair, custom_match=lambda each: each.bEndpointAddress & 0x80)
    way_out: Any = usb.util.find_descriptor(pair, custom_match=lambda each: not each.bEndpointAddress & 0x80)
    session = Session(HOST, nonce=next(NONCES))
    session.open(now_ms())
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        while (data := session.take_output()) is not None:
            way_out.write(bytes(data))
        with suppress(usb.core.USBTimeoutError):
            session.receive(bytes(way_in.read(4096, READ_TIMEOUT_MS)), now_ms())
        session.tick(now_ms())
        while (event := session.next_event()) is not None:
            if isinstance(event, events.Opened):
                session.send("identify", {}, 1)
            if isinstance(event, events.Message) and event.request == 1:
                return event.fields
    raise AssertionError("it did not say who it is")


def now_ms() -> int:
    return int(time.monotonic() * 1000)


@pytest.mark.req("EMU-03")
def test_boards_are_found_with_what_their_board_files_say(tmp_path: Path):
    async def act(bench: Any, usb_host: BenchUsb) -> None:
        backend = usb_host.backend()
        devices: Any = usb.core.find(True, backend)
        found = {each.serial_number: each for each in devices}
        assert sorted(found) == ["CAM-0001", "DOCK-0001"]
        camera, dock = found["CAM-0001"], found["DOCK-0001"]
        assert (camera.idVendor, camera.idProduct, camera.product) == (CAMERA.vid, CAMERA.pid, CAMERA.product)
        assert [hex(each.bInterfaceClass) for each in camera[0]] == ["0x2", "0xa", "0xff"]
        assert [len(list(each)) for each in camera[0]] == [1, 2, 2]
        assert {each.wMaxPacketSize for each in camera[0][(2, 0)]} == {512}
        assert [hex(each.bInterfaceClass) for each in dock[0]] == ["0x2", "0xa"] * 2, "prompt and link"
        assert {each.wMaxPacketSize for each in dock[0][(3, 0)]} == {64}
        names = [usb.util.get_string(camera, each.iInterface) for each in camera[0] if each.iInterface]
        assert names == ["link", "offload"]
        location = bench.usb_ports.location_of("camera-1")
        assert f"{camera.bus}-{'.'.join(map(str, camera.port_numbers))}" == location
        camera.set_configuration(1)
        assert camera.get_active_configuration().bConfigurationValue == 1
        with pytest.raises(usb.core.USBError) as refused:
            camera.ctrl_transfer(0xC0, 0x77, 0, 0, 8)
        assert refused.value.errno == errno.EPIPE

    with_bench(tmp_path, act)


@pytest.mark.req("EMU-03", "LINK-01")
def test_bulk_transfers_reach_the_running_firmware(tmp_path: Path):
    async def act(bench: Any, usb_host: BenchUsb) -> None:
        backend = usb_host.backend()
        dock: Any = usb.core.find(idVendor=DOCK.vid, idProduct=DOCK.pid, backend=backend)
        identity = await asyncio.to_thread(identity_over, dock, 3)
        assert (identity["serial"], identity["model"]) == ("DOCK-0001", "pico_dock_8")
        usb.util.dispose_resources(dock)
        # our own transport; a camera answers its own system alone, which is an answer of its firmware
        connection = Connection(await open_usb(URL, backend), next(NONCES), ConstructCodec())
        await connection.open()
        with pytest.raises(RequestRefused, match="open a new session, securely"):
            await connection.ask("identify")
        connection.close()
        await until(lambda: not backend.open_handles, "the handles to be given back")

    with_bench(tmp_path, act)


@pytest.mark.req("EMU-03", "EMU-04")
def test_a_camera_that_is_taken_out_is_gone_from_the_bus(tmp_path: Path):
    async def act(bench: Any, usb_host: BenchUsb) -> None:
        backend = usb_host.backend()
        connection = Connection(await open_usb(URL, backend), next(NONCES), ConstructCodec())
        await connection.open()
        camera: Any = usb.core.find(idVendor=CAMERA.vid, idProduct=CAMERA.pid, backend=backend)
        reading = asyncio.create_task(asyncio.to_thread(camera[0][(1, 0)][0].read, 64, int(LIMIT_S * 1000)))
        await asyncio.sleep(0)
        bench.take_out("camera-1")
        with pytest.raises(usb.core.USBError) as gone:
            await reading
        assert gone.value.errno == errno.ENODEV
        with pytest.raises(LinkLost, match="ENODEV"):
            raise await connection.closed
        assert usb.core.find(idVendor=CAMERA.vid, idProduct=CAMERA.pid, backend=backend) is None
        with pytest.raises(PortMissing):
            await open_usb(URL, backend)
        bench.put_in("camera-1", "dock-1", 3)
        await until(lambda: len(usb_host.devices()) == 2, "the camera in another bay")
        again = Connection(await open_usb(URL, backend), next(NONCES), ConstructCodec())
        await again.open()
        again.close()

    with_bench(tmp_path, act)
