"""The ports of the Unix MicroPython platform pass the suites of their ports. Portable; runs under MicroPython alone."""

import os
import socket
import struct
from binascii import hexlify

from firmware.platform.unix_micropython.clock import TickClock
from firmware.platform.unix_micropython.entropy import SystemEntropy
from firmware.platform.unix_micropython.stream import FileStream
from firmware.platform.unix_micropython.world import World, WorldAdc, WorldPins
from firmware.ports import clock_suite, entropy_suite, stream_suite
from firmware.ports.errors import PortFault
from firmware.ports.expect import expect_fault

ADDRESS = "<H1s"  # family, and the zero byte of a name without a file


def new_sockets():
    """Both ends of a connection within this process."""
    address = struct.pack(ADDRESS, socket.AF_UNIX, b"\0") + b"openbwc-" + hexlify(os.urandom(8))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen(1)
    first = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    first.connect(address)
    second, _ = listener.accept()
    listener.close()
    return first, second


def new_pair():
    first, second = new_sockets()
    return FileStream(first, first), FileStream(second, second)


def a_hang_up_is_seen_and_final():
    first, second = new_sockets()
    stream = FileStream(first, first)
    second.write(b"last words")
    second.close()
    buffer = bytearray(100)
    assert stream.is_open()
    assert stream.read_into(buffer) == 10
    assert bytes(buffer[:10]) == b"last words"
    assert stream.read_into(buffer) == 0
    assert not stream.is_open()
    assert stream.write(b"too late") == 0


def waiting_ends_when_bytes_come():
    clock = TickClock()
    first, second = new_sockets()
    stream = FileStream(first, first)
    stream.wait(20, False)
    assert clock.now_ms() >= 19
    second.write(b"x")
    stream.wait(60000, False)
    stream.wait(60000, True)
    assert clock.now_ms() < 30000
    assert stream.read_into(bytearray(5)) == 1


def a_world_answers_line_by_line():
    first, second = new_sockets()
    world = World(first)
    pins, adc = WorldPins(world), WorldAdc(world)
    second.write(b"1650000\n1\n0\nerror there is no input horn\n")
    assert adc.read_uv("bay1.presence") == 1650000
    assert pins.read("button") is True
    assert pins.read("button") is False
    assert expect_fault(PortFault, adc.read_uv, "horn") == "there is no input horn"
    pins.write("lamp", True)
    assert second.readline() == b"adc bay1.presence\n"
    assert [second.readline() for _ in range(4)][-1] == b"out lamp 1\n"
    second.close()
    assert "gone" in expect_fault(PortFault, adc.read_uv, "bay1.presence")
    assert "gone" in expect_fault(PortFault, pins.write, "lamp", False)


CASES = tuple(
    ("%s: %s" % (name, case.__name__), lambda case=case, new=new: case(new))
    for name, cases, new in (
        ("clock", clock_suite.CASES, TickClock),
        ("entropy", entropy_suite.CASES, SystemEntropy),
        ("stream", stream_suite.CASES, new_pair),
    )
    for case in cases
) + tuple(
    (function.__name__, function)
    for function in (a_hang_up_is_seen_and_final, waiting_ends_when_bytes_come, a_world_answers_line_by_line)
)
