"""An emulated USB device by its bytes: descriptors that a kernel could parse, requests, and packets."""

from __future__ import annotations

import errno
import struct

import pytest

from host_tools.emulator import usb_descriptors
from host_tools.emulator.usb_descriptors import Function, Layout
from host_tools.emulator.usb_device import DEVICE_READ_BYTES, QUEUE_PACKETS, UsbDevice, UsbFault
from host_tools.emulator.usb_layout import UsbIdentity

IDENTITY = UsbIdentity(0x1209, 0x0003, "OpenBWC", "", "DOCK-0001")
REPL, LINK, OFFLOAD = Function("repl", "acm"), Function("link", "acm"), Function("offload", "ffs")


def device(*functions: Function, speed_mbps: int = 480) -> UsbDevice:
    return UsbDevice(IDENTITY, functions or (LINK, OFFLOAD), speed_mbps)


def moved(made: UsbDevice, address: int, data: bytes | None, length: int = 0) -> tuple[bool, bytes]:
    """Whether a transfer is over at once, and what came."""
    transfer = made.transfer(address, data, length)
    assert transfer is not None
    return transfer.step(), bytes(transfer.data)


def fault(act: object, *arguments: object) -> int:
    with pytest.raises(UsbFault) as caught:
        act(*arguments)  # type: ignore[operator]
    return caught.value.number


def test_functions_get_interfaces_and_endpoints_in_their_order():
    assert usb_descriptors.layouts((REPL, LINK, OFFLOAD)) == (
        Layout(REPL, 1, 0x82, 0x02, 0x81),
        Layout(LINK, 3, 0x84, 0x04, 0x83),
        Layout(OFFLOAD, 4, 0x85, 0x05, 0),
    )
    with pytest.raises(ValueError, match="function net: no USB function of the kind ecm is emulated"):
        usb_descriptors.layouts((Function("net", "ecm"),))


@pytest.mark.parametrize(("speed_mbps", "packet_bytes"), [(12, 64), (480, 512)])
def test_descriptors_hold_together(speed_mbps: int, packet_bytes: int):
    made = device(REPL, LINK, speed_mbps=speed_mbps)
    assert struct.unpack("<BBHBBBBHHHBBBB", made.descriptor) == (
        *(18, 1, 0x0200, 0xEF, 2, 1, 64, 0x1209, 0x0003, 0x0100),
        *(1, 0, 3, 1),  # strings of maker and serial, none of the product
    )
    whole = made.configuration
    assert struct.unpack_from("<H", whole, 2)[0] == len(whole)
    parts = usb_descriptors.split(whole)
    assert b"".join(parts) == whole
    assert whole[4] == 4
    unions = [each for each in parts if each[1:3] == b"\x24\x06"]
    assert [tuple(each[3:]) for each in unions] == [(0, 1), (2, 3)], "each control interface names its data interface"
    bulk = [each for each in parts if each[1] == usb_descriptors.ENDPOINT and each[3] == usb_descriptors.BULK]
    assert {struct.unpack_from("<H", each, 4)[0] for each in bulk} == {packet_bytes}
    associations = [tuple(each[2:4]) for each in parts if each[1] == usb_descriptors.ASSOCIATION]
    assert associations == [(0, 2), (2, 2)]


def test_requests_are_answered_or_refused():
    made = device()
    assert made.control(0x80, 6, 0x0100, 0, b"", 8) == made.descriptor[:8]
    assert made.control(0x80, 6, 0x0200, 0, b"", 9) == made.configuration[:9]
    assert made.control(0x80, 6, 0x0300, 0, b"", 255) == b"\x04\x03\x09\x04"
    assert made.control(0x80, 6, 0x0305, 0x0409, b"", 255)[2:].decode("utf-16-le") == "offload"
    assert made.control(0x80, 6, 0x0600, 0, b"", 10)[1] == usb_descriptors.QUALIFIER
    coding = struct.pack("<IBBB", 9600, 0, 0, 8)
    assert made.control(0x21, 0x20, 0, 0, coding, 7) == b""
    assert made.control(0xA1, 0x21, 0, 0, b"", 7) == coding
    assert made.control(0x00, 9, 1, 0, b"", 0) == b""
    for refused in (
        (0x80, 6, 0x0302, 0),
        (0x80, 6, 0x0309, 0),
        (0x00, 9, 2, 0),
        (0xC0, 0x77, 0, 0),
        (0x21, 0x20, 0, 0),
    ):
        assert fault(made.control, *refused, b"", 64) == errno.EPIPE
    assert fault(device(speed_mbps=12).control, 0x80, 6, 0x0600, 0, b"", 10) == errno.EPIPE
    made.pull_out()
    assert fault(made.control, 0x80, 6, 0x0100, 0, b"", 8) == errno.ENODEV


def test_a_transfer_ends_with_a_short_packet_or_when_it_is_full():
    made = device()
    stream = made.stream("offload", ends_short=False)
    way_in = made.pair_of("offload").layout.way_in
    assert stream.write(bytes(1024)) == 1024
    assert moved(made, way_in, None, 1024) == (True, bytes(1024))
    stream.write(bytes(512))
    assert moved(made, way_in, None, 1024) == (False, bytes(512)), "a full packet says that more may come"
    stream.write(b"end")
    assert moved(made, way_in, None, 1024) == (True, b"end")
    stream.write(bytes(512))
    transfer = made.transfer(way_in, None, 100)
    assert transfer is not None
    assert fault(transfer.step) == errno.EOVERFLOW
    assert stream.write(bytes(100_000)) == (QUEUE_PACKETS - 1) * 512


def test_the_device_sees_what_was_sent_when_its_read_is_over():
    made = device()
    stream = made.stream("offload")
    way_out = made.pair_of("offload").layout.way_out
    buffer = bytearray(65_536)
    assert moved(made, way_out, bytes(512)) == (True, b"")
    assert stream.read_into(buffer) == 0, "its read waits for a short packet"
    assert moved(made, way_out, b"")[0]
    assert stream.read_into(buffer) == 512
    assert moved(made, way_out, bytes(QUEUE_PACKETS * 512 + 1))[0] is False, "its queue is full"
    assert stream.read_into(buffer) == DEVICE_READ_BYTES
    made.pull_out()
    assert (stream.is_open(), stream.read_into(buffer), stream.write(b"x")) == (False, 0, 0)
    made.put_in()
    assert (stream.is_open(), stream.read_into(buffer)) == (True, 0), "what was under way is lost"


def test_endpoints_that_are_not_there_are_refused_and_notifications_never_come():
    made = device()
    assert made.transfer(made.pair_of("link").layout.notify, None, 64) is None
    assert fault(made.transfer, 0x8F, None, 64) == errno.ENOENT
    with pytest.raises(KeyError):
        made.pair_of("repl")
