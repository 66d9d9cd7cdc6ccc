"""A bulk pair through pyusb's own code, over a bus in memory with a real board at the device's end."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable

import pytest
import usb.core
from usb.backend import libusb1

from host_tools.emulator.usb_descriptors import Function
from host_tools.emulator.usb_device import UsbDevice
from host_tools.protocol.connection import Connection
from host_tools.protocol.constructs import ConstructCodec
from host_tools.transports import errors, usb_bulk
from host_tools.transports.registry import Registry
from host_tools.transports.usb_bulk import READ_BYTES, open_usb, parse_target
from tests.unit.transports.memory_usb import (
    BULK,
    PACKET_BYTES,
    QUEUE_PACKETS,
    SERIAL_AND_BULK,
    BulkPlug,
    MemoryUsb,
    memory_device,
)
from tests.unit.transports.parts import DEADLINE_S, Collector, SmallBoard, pulled, until, whole_session


def board_on(device: UsbDevice) -> SmallBoard:
    loop = asyncio.get_running_loop()

    def plug(step: Callable[[], None]) -> BulkPlug:
        return BulkPlug(device, lambda: loop.call_soon_threadsafe(step))

    return SmallBoard(plug)


def opened(bus: MemoryUsb, url: str, act: Callable[[usb_bulk.Pipe], Awaitable[None]]) -> None:
    async def scenario() -> None:
        pipe = await open_usb(url, bus)
        try:
            await act(pipe)
        finally:
            pipe.close()

    asyncio.run(scenario())


def refused(bus: MemoryUsb, url: str, kind: type[errors.PortError], *words: str) -> None:
    async def scenario() -> None:
        await open_usb(url, bus)

    with pytest.raises(kind) as caught:
        asyncio.run(scenario())
    assert "\n" not in str(caught.value)
    assert bus.open_handles == set()
    for word in (url, *words):
        assert word in str(caught.value)


@pytest.mark.req("LINK-01")
@pytest.mark.parametrize("url", ["usb://1209:0b0c", "usb://1209:b0c/CAM-1", "usb://1209:0B0C/CAM-1?interface=2"])
def test_a_whole_session_with_pulls_beside_a_serial_function_that_is_left_alone(url):
    async def scenario() -> None:
        device = memory_device("CAM-1", SERIAL_AND_BULK)
        bus = MemoryUsb(device)
        board = board_on(device)
        pipe = await open_usb(url, bus)
        assert (pipe.kind, pipe.nominal_bytes_per_s) == ("usb-bulk", None)
        assert list(device.claimed) == [2]
        await whole_session(pipe)
        board.unplug()

    asyncio.run(scenario())


def test_an_unplugged_board_is_one_lost_link_and_its_handle_is_given_back():
    async def scenario() -> None:
        device = memory_device("CAM-1")
        bus = MemoryUsb(device)
        board = board_on(device)
        connection = Connection(await open_usb("usb://1209:0b0c", bus), 3, ConstructCodec())
        await connection.open()
        pulling = asyncio.ensure_future(pulled(connection))
        await until(lambda: connection.session.pulls.bytes_in)
        board.unplug()
        with pytest.raises(ExceptionGroup) as lost:
            await asyncio.wait_for(pulling, DEADLINE_S)
        assert lost.group_contains(errors.LinkLost, match="usb://1209:0b0c is gone .*ENODEV.*plug it in again")
        assert connection.closed.done()
        await until(lambda: not bus.open_handles)

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [1, PACKET_BYTES - 1, PACKET_BYTES, 16_384, 3 * 65_536])
def test_the_device_gets_all_of_what_was_written_without_waiting_for_more(size):
    """Its read ends with a short packet: whole packets alone would leave it waiting."""
    content = bytes(range(256)) * (size // 256 + 1)

    async def act(pipe: usb_bulk.Pipe) -> None:
        received = bytearray()
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        buffer = bytearray(100_000)

        def step() -> None:
            while count := plug.read_into(buffer):
                received.extend(buffer[:count])
            if len(received) >= size:
                done.set()

        plug = BulkPlug(device, lambda: loop.call_soon_threadsafe(step))
        pipe.start(Collector())
        assert pipe.write([content[: size // 2], content[size // 2 : size]]) == size
        await asyncio.wait_for(done.wait(), DEADLINE_S)
        assert received == content[:size]

    device = memory_device("CAM-1")
    opened(MemoryUsb(device), "usb://1209:0b0c", act)


@pytest.mark.parametrize("ends_short", [True, False])
@pytest.mark.parametrize("size", [1, PACKET_BYTES, 5 * PACKET_BYTES, QUEUE_PACKETS * PACKET_BYTES - 1])
def test_the_host_gets_all_of_what_was_written_even_from_a_device_that_ends_with_a_full_packet(size, ends_short):
    content = bytes(range(256)) * (size // 256 + 1)

    async def act(pipe: usb_bulk.Pipe) -> None:
        plug = BulkPlug(device, lambda: None, ends_short)
        collector = Collector()
        pipe.start(collector)
        sent = 0
        while sent < size:
            sent += plug.write(content[sent:size])
        await collector.until(lambda seen: len(seen.data) >= size)
        assert bytes(collector.data) == content[:size]

    device = memory_device("CAM-1")
    opened(MemoryUsb(device), "usb://1209:0b0c", act)


def test_a_packet_without_bytes_is_nothing():
    async def act(pipe: usb_bulk.Pipe) -> None:
        collector = Collector()
        pipe.start(collector)
        with device.lock:
            device.pair_of("offload").to_host.extend([b"", b"", b"x"])
            device.lock.notify_all()
        await collector.until(lambda seen: len(seen.data) == 1)
        assert collector.losses == []

    device = memory_device("CAM-1")
    opened(MemoryUsb(device), "usb://1209:0b0c", act)


def test_a_device_that_does_not_read_holds_the_writer_up_and_loses_nothing():
    content = bytes(range(256)) * 4000

    async def act(pipe: usb_bulk.Pipe) -> None:
        collector = Collector()
        pipe.start(collector)
        sent = 0
        while taken := pipe.write([content[sent : sent + 100_000]]):
            sent += taken
        assert 0 < sent < len(content)
        await until(lambda: bus.timeouts > 4)  # of reads and writes
        plug = BulkPlug(device, lambda: None)
        buffer = bytearray(100_000)
        received = bytearray()
        async with asyncio.timeout(DEADLINE_S):
            while len(received) < len(content):
                received += buffer[: plug.read_into(buffer)]
                sent += pipe.write([content[sent : sent + 100_000]])
                await asyncio.sleep(0)
        assert received == content
        with device.lock:
            device.pair_of("offload").to_host.append(b"still there")
            device.lock.notify_all()
        await collector.until(lambda seen: bytes(seen.data) == b"still there")

    device = memory_device("CAM-1")
    bus = MemoryUsb(device)
    opened(bus, "usb://1209:0b0c", act)


def test_a_read_is_a_whole_number_of_packets_of_every_speed():
    assert READ_BYTES % 1024 == 0


def test_what_is_not_there_is_missing():
    refused(MemoryUsb(), "usb://1209:0b0c", errors.PortMissing, "plug it in")
    bus = MemoryUsb(memory_device("CAM-1"), memory_device("CAM 2"))
    refused(bus, "usb://1209:0b0c/CAM-7", errors.PortMissing, "usb://1209:0b0c/CAM-1", "usb://1209:0b0c/CAM%202")


def test_several_devices_are_refused_with_their_serials():
    bus = MemoryUsb(memory_device("CAM-1"), memory_device("CAM-2"), memory_device(""), memory_device("", pid=1))
    refused(bus, "usb://1209:0b0c", errors.PortAmbiguous, "3 such", "/CAM-1, ", "/CAM-2, ", "does not tell its serial")
    refused(MemoryUsb(memory_device("A"), memory_device("A")), "usb://1209:0b0c/A", errors.PortAmbiguous, "2 such")


def test_the_one_that_is_named_is_taken_and_the_others_are_given_back():
    bus = MemoryUsb(memory_device("CAM-1", refusal=errno.EACCES), memory_device("CAM-2"), memory_device("CAM-3"))

    async def act(pipe: usb_bulk.Pipe) -> None:
        assert [bool(device.claimed) for device in bus.devices] == [False, True, False]
        assert len(bus.open_handles) == 1

    opened(bus, "usb://1209:0b0c/CAM-2", act)


@pytest.mark.parametrize("url", ["usb://1209:0b0c", "usb://1209:0b0c/CAM-1"])
def test_a_device_that_may_not_be_opened_is_denied_with_the_udev_rule(url):
    bus = MemoryUsb(memory_device("CAM-1", refusal=errno.EACCES))
    refused(bus, url, errors.PortDenied, 'ATTR{idVendor}=="1209"', 'ATTR{idProduct}=="0b0c"', "/etc/udev/rules.d/")


def test_an_interface_that_somebody_holds_is_busy():
    bus = MemoryUsb(memory_device("CAM-1", SERIAL_AND_BULK))
    refused(bus, "usb://1209:0b0c?interface=1", errors.PortBusy, "driver")
    device = memory_device("CAM-1")
    device.claimed[0] = "another program"
    refused(MemoryUsb(device), "usb://1209:0b0c", errors.PortBusy, "another program")


def test_an_interface_that_is_not_there_or_not_the_only_one_is_told():
    bus = MemoryUsb(memory_device("CAM-1", SERIAL_AND_BULK))
    refused(bus, "usb://1209:0b0c?interface=0", errors.PortError, "no interface 0 with a bulk pair")
    refused(bus, "usb://1209:0b0c?interface=9", errors.PortError, "no interface 9 with a bulk pair")
    none = MemoryUsb(memory_device("CAM-1", SERIAL_AND_BULK[:1]))
    refused(none, "usb://1209:0b0c", errors.PortError, "no vendor interface with a bulk pair")
    two = MemoryUsb(memory_device("CAM-1", (*BULK, Function("other", "ffs"))))
    refused(two, "usb://1209:0b0c", errors.PortAmbiguous, "?interface=0, ?interface=1")


def test_a_device_that_goes_while_it_is_opened_is_missing():
    refused(MemoryUsb(memory_device("CAM-1", refusal=errno.ENODEV)), "usb://1209:0b0c", errors.PortMissing, "gone")
    refused(MemoryUsb(memory_device("CAM-1", refusal=errno.EIO)), "usb://1209:0b0c", errors.PortError, "EIO")


def test_a_machine_without_libusb_is_told_what_to_install(monkeypatch):
    def find(*arguments: object, **fields: object) -> None:
        raise usb.core.NoBackendError("No backend available")

    monkeypatch.setattr("usb.core.find", find)
    with pytest.raises(errors.PortError, match=r"libusb is missing; install the package libusb-1\.0-0"):
        asyncio.run(Registry().open("usb://1209:0b0c"))


@pytest.mark.parametrize("url", ["usb://", "usb://1209", "usb://12099:1", "usb://1:2/a/b", "usb://1:2?interface=x"])
def test_a_url_of_another_form_is_refused(url):
    with pytest.raises(errors.PortError, match="write usb://VID:PID"):
        parse_target(url)


def test_a_device_that_came_after_libusb_began_is_found_without_udev(monkeypatch: pytest.MonkeyPatch):
    """Without udev a context of libusb knows for ever what there was when it began: here two devices, of which one has
    been pulled since."""

    class Stale(MemoryUsb):
        def enumerate_devices(self):
            yield from self.devices

    gone, other, new = memory_device("CAM-1"), memory_device("CAM-2"), memory_device("CAM-1")
    gone.pull_out()
    fresh = MemoryUsb(other, new)
    monkeypatch.setattr(libusb1, "_lib_object", Stale(gone, other))
    monkeypatch.setattr(libusb1, "_load_library", lambda find_library: None)
    monkeypatch.setattr(libusb1, "_setup_prototypes", lambda lib: None)
    monkeypatch.setattr(libusb1, "_LibUSB", lambda lib: fresh)

    async def scenario() -> None:
        pipe = await open_usb("usb://1209:0b0c/CAM-1")
        assert list(new.claimed) == [0]
        pipe.close()
        with pytest.raises(errors.PortMissing, match="There is usb://1209:0b0c/CAM-2"):
            await open_usb("usb://1209:0b0c/CAM-3")
        new.pull_out()
        other.pull_out()
        monkeypatch.setattr(libusb1, "_LibUSB", lambda lib: Stale(new))
        with pytest.raises(errors.PortMissing, match="There is none of its kind"):
            await open_usb("usb://1209:0b0c/CAM-1")

    asyncio.run(scenario())
