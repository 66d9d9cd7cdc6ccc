"""The vendor interface over endpoint files that are sockets: the kernel's half is the other end of each."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware.platform.linux.functionfs import BUFFER_BYTES, DISABLE, ENABLE, SETUP, TRANSFER_BYTES, BulkStream
from firmware.platform.linux.host_chosen import HostChosenStream
from firmware.ports.errors import PortFault
from firmware.ports.memory_stream import stream_pair
from tests.patience import LIMIT_S


class Host:
    """The kernel's ends: messages on endpoint 0, bytes on the pair."""

    def __init__(self) -> None:
        self._ours: dict[str, socket.socket] = {}
        for name, kind in (
            ("ep0", socket.SOCK_SEQPACKET),
            ("ep1", socket.SOCK_STREAM),
            ("ep2", socket.SOCK_STREAM),
        ):
            ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
            ours.settimeout(LIMIT_S)
            self._ours[name] = ours
            setattr(self, f"_{name}", theirs.detach())
        self.woken = 0
        self.stream = BulkStream("/ffs", "offload", self._wake, self._open)
        self.descriptors = self._ours["ep0"].recv(4096)
        self.strings = self._ours["ep0"].recv(4096)
        self.control = self._ours["ep0"]

    def event(self, kind: int, setup: bytes = bytes(8)) -> None:
        self.control.send(setup + bytes((kind, 0, 0, 0)))

    def send(self, data: bytes) -> None:
        self._ours["ep2"].sendall(data)

    def receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += self._ours["ep1"].recv(count - len(data))
        return data

    def until(self, condition: Callable[[], bool]) -> None:
        with self.stream._changed:
            assert self.stream._changed.wait_for(condition, LIMIT_S)

    def close(self) -> None:
        for end in self._ours.values():
            end.shutdown(socket.SHUT_RDWR)  # what unbinding does: every endpoint returns
        self.stream.close()
        for end in self._ours.values():
            end.close()

    def _open(self, path: str, flags: int) -> int:
        folder, _, name = path.rpartition("/")
        assert (folder, flags) == ("/ffs", os.O_RDWR | os.O_CLOEXEC)
        return getattr(self, f"_{name}")

    def _wake(self) -> None:
        self.woken += 1


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.close()


def read(stream: BulkStream, count: int, host: Host) -> bytes:
    data = b""
    while len(data) < count:
        host.until(lambda: bool(stream._incoming))
        buffer = bytearray(count - len(data))
        data += bytes(buffer[: stream.read_into(buffer)])
    return data


def test_the_kernel_is_told_of_a_bulk_pair_at_both_speeds(host: Host) -> None:
    magic, length, flags, full, high = struct.unpack_from("<5I", host.descriptors)
    assert (magic, length, flags, full, high) == (3, len(host.descriptors), 3, 3, 3)
    body, found = host.descriptors[20:], []
    while body:
        size, kind = body[0], body[1]
        found.append((kind, body[:size]))
        body = body[size:]
    assert [kind for kind, _ in found] == [4, 5, 5, 4, 5, 5]
    assert all(interface[4:6] == b"\x02\xff" for kind, interface in found if kind == 4)
    endpoints = [struct.unpack_from("<BBH", each, 2) for kind, each in found if kind == 5]
    assert endpoints == [(0x81, 2, 64), (0x02, 2, 64), (0x81, 2, 512), (0x02, 2, 512)]
    assert struct.unpack_from("<4I", host.strings) == (2, len(host.strings), 1, 1)
    assert host.strings[16:] == b"\x09\x04offload\0"


def test_bytes_go_both_ways_while_a_host_is_there(host: Host) -> None:
    stream = host.stream
    assert not stream.is_open()
    assert stream.write(b"nobody") == 0
    host.event(ENABLE)
    host.until(lambda: stream._enabled)
    assert stream.is_open()
    sent = os.urandom(3 * TRANSFER_BYTES + 7)
    host.send(sent)
    assert read(stream, len(sent), host) == sent
    assert stream.write(memoryview(sent)) == len(sent)
    assert host.receive(len(sent)) == sent
    assert host.woken > 1


def test_a_slow_host_is_waited_for_without_blocking(host: Host) -> None:
    host.event(ENABLE)
    host.until(lambda: host.stream._enabled)
    data = bytes(range(256)) * 4096
    taken = 0
    while count := host.stream.write(data[taken:]):
        taken += count
    assert BUFFER_BYTES <= taken < len(data)
    assert host.receive(taken) == data[:taken]


def test_what_waited_for_a_host_that_has_gone_is_forgotten(host: Host) -> None:
    stream = host.stream
    host.event(ENABLE)
    host.until(lambda: stream._enabled)
    while stream.write(bytes(BUFFER_BYTES)) or len(stream._outgoing) < BUFFER_BYTES:
        pass  # until the host's side is full and our buffer too
    host.event(DISABLE)
    host.until(lambda: not stream._enabled)
    host.event(ENABLE)
    host.until(lambda: stream._enabled)
    assert stream.write(bytes(BUFFER_BYTES)) == BUFFER_BYTES


def test_a_new_host_does_not_get_the_old_ones_bytes(host: Host) -> None:
    stream = host.stream
    host.event(ENABLE)
    host.until(lambda: stream._enabled)
    host.send(b"half a frame")
    host.until(lambda: bool(stream._incoming))
    host.event(DISABLE)
    host.until(lambda: not stream._enabled)
    assert stream.read_into(bytearray(100)) == 0
    host.event(ENABLE)
    host.until(lambda: stream._enabled)
    assert stream.read_into(bytearray(100)) == 0
    host.send(b"new")
    assert read(stream, 3, host) == b"new"


def test_a_request_of_our_own_is_refused(host: Host) -> None:
    host.event(SETUP, struct.pack("<BBHHH", 0x40, 1, 0, 0, 0))
    assert host.control.recv(16) == b""  # nothing written: the kernel stalls
    host.event(ENABLE)
    host.until(lambda: host.stream._enabled)


def test_what_cannot_be_described_is_told() -> None:
    with pytest.raises(PortFault, match="is it mounted"):
        BulkStream(Path("/nowhere/ffs"))


def test_the_host_chooses_the_way_by_speaking() -> None:
    terminal, their_terminal = stream_pair()
    bulk, their_bulk = stream_pair()
    stream = HostChosenStream([terminal, bulk])
    buffer = bytearray(10)
    assert stream.is_open()
    stream.write(b"boot")
    assert their_terminal.read_into(buffer) == 4
    their_bulk.write(b"fast")
    assert stream.read_into(buffer) == 4
    stream.write(b"yes")
    assert (their_terminal.read_into(buffer), their_bulk.read_into(buffer)) == (0, 3)
    their_terminal.write(b"here")
    assert stream.read_into(buffer) == 4
    assert stream.chosen is terminal
