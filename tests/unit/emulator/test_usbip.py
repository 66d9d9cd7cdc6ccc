"""USB/IP by its bytes, and by a client that is not ours (the package ``usbip``)."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest
import usbip

from host_tools.emulator.usb_descriptors import Function
from host_tools.emulator.usb_device import BulkStream, UsbDevice
from host_tools.emulator.usb_layout import UsbIdentity
from host_tools.emulator.usbip import UsbIpServer
from tests.patience import LIMIT_S

IDENTITY = UsbIdentity(0x1209, 0x0001, "OpenBWC", "Camera", "CAM-0001")
FUNCTIONS = (Function("link", "acm"), Function("offload", "ffs"))
SET_LINE_STATE = struct.pack("<BBHHH", 0x21, 0x22, 3, 0, 0)


class Echo:
    """A device that sends back what comes, function by function."""

    def __init__(self, device: UsbDevice) -> None:
        self._streams = [device.stream(name, self._step) for name in ("link", "offload")]
        self._waiting: dict[int, bytes] = {}
        self._busy = threading.RLock()

    def _step(self) -> None:
        with self._busy:
            for stream in self._streams:
                self._echo(stream)

    def _echo(self, stream: BulkStream) -> None:
        buffer = bytearray(65_536)
        rest = self._waiting.get(id(stream), b"")
        rest += buffer[: stream.read_into(buffer)]
        self._waiting[id(stream)] = rest[stream.write(rest) :] if rest else b""


def with_server(act: Callable[[UsbDevice, int], Any]) -> None:
    """``act`` in a thread, beside the server's loop."""

    async def scenario() -> None:
        device = UsbDevice(IDENTITY, FUNCTIONS, location="1-1.3")
        _ = Echo(device)
        server = UsbIpServer([device], port=0)
        await server.start()
        try:
            async with asyncio.timeout(LIMIT_S):
                await asyncio.to_thread(act, device, server.port)
        finally:
            await server.close()

    asyncio.run(scenario())


class Client:
    """The protocol by hand."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT_S)
        self._sequence = 0

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def bring(self, location: str) -> int:
        """The status of an import."""
        self.socket.sendall(struct.pack(">HHI", 0x0111, 0x8003, 0) + location.encode().ljust(32, b"\0"))
        status: int = struct.unpack(">HHI", self.read(8))[2]
        if status == 0:
            self.read(312)
        return status

    def submit(self, endpoint: int, data: bytes | None, length: int = 0, setup: bytes = bytes(8)) -> int:
        self._sequence += 1
        size = length if data is None else len(data)
        head = struct.pack(">IIIII", 1, self._sequence, 0x10001, int(data is None), endpoint)
        self.socket.sendall(head + struct.pack(">IiiiI8s", 0, size, 0, 0, 0, setup) + (data or b""))
        return self._sequence

    def unlink(self, sequence: int) -> int:
        self._sequence += 1
        self.socket.sendall(struct.pack(">IIIII", 2, self._sequence, 0x10001, 0, 0) + struct.pack(">I24x", sequence))
        return self._sequence

    def answer(self, is_in: bool = True) -> tuple[int, int, int, bytes]:
        """Command, sequence, status, data."""
        command, sequence, *_ = struct.unpack(">IIIII", self.read(20))
        status, count = struct.unpack(">ii20x", self.read(28))
        return command, sequence, status, self.read(count) if command == 3 and is_in else b""


@pytest.mark.req("EMU-03")
def test_a_client_that_is_not_ours_enumerates_and_transfers():
    def act(device: UsbDevice, port: int) -> None:
        transport: Any = usbip.USBIP("127.0.0.1", port)
        handle: Any = usbip.open(0x1209, 0x0001, transport=transport)
        handle.conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert handle.control(0x80, 6, 0x0200, 0, 255) == device.configuration
        assert bytes(handle.control(0x80, 6, 0x0303, 0x0409, 255))[2:].decode("utf-16-le") == "CAM-0001"
        with pytest.raises(usbip.Stall):
            handle.control(0xC0, 0x77, 0, 0, 8)
        pair = device.pair_of("offload").layout
        content = bytes(range(256)) * 41
        handle.bulk_out(pair.way_out, content)
        received = b""
        while len(received) < len(content):
            received += bytes(handle.bulk_in(pair.way_in, 4096))
        assert received == content
        handle.conn.close()

    with_server(act)


def test_what_is_exported_is_told_and_given_once():
    def act(device: UsbDevice, port: int) -> None:
        first, second = Client(port), Client(port)
        first.socket.sendall(struct.pack(">HHI", 0x0111, 0x8005, 0))
        assert struct.unpack(">HHII", first.read(12)) == (0x0111, 0x0005, 0, 1)
        record = first.read(312)
        assert record[256:288].rstrip(b"\0") == b"1-1.3"
        assert struct.unpack(">IIIHHH", record[288:306]) == (1, 1, 3, 0x1209, 0x0001, 0x0100)
        assert record[311] == 3
        assert first.read(12) == bytes([2, 2, 1, 0, 10, 0, 0, 0, 255, 0, 0, 0])
        assert first.bring("9-9") == 4
        assert first.bring("1-1.3") == 0
        assert second.bring("1-1.3") == 2
        first.socket.close()
        second.socket.close()

    with_server(act)


def test_transfers_wait_are_taken_back_and_end_with_the_plug():
    def act(device: UsbDevice, port: int) -> None:
        client = Client(port)
        assert client.bring("1-1.3") == 0
        assert client.answer(False)[2] == 0 if client.submit(0, b"", setup=SET_LINE_STATE) else None
        notify = client.submit(1, None, 64)  # notifications: there never is one
        first, second = client.submit(2, None, 64), client.submit(2, None, 64)
        taken_back = client.unlink(first)
        assert client.answer() == (4, taken_back, -errno.ECONNRESET, b"")
        sent = client.submit(2, b"hello")
        answers = [client.answer(False) if number == 0 else client.answer() for number in range(2)]
        assert answers == [(3, sent, 0, b""), (3, second, 0, b"hello")]
        assert client.unlink(first) == client.answer()[1], "it is long over"
        refused = client.submit(9, None, 64)
        assert client.answer() == (3, refused, -errno.ENOENT, b"")
        device.pull_out()
        with pytest.raises((EOFError, ConnectionError)):
            client.answer()
        assert notify
        client.socket.close()

    with_server(act)


def test_what_speaks_something_else_is_cut_off():
    def act(device: UsbDevice, port: int) -> None:
        for words in (b"GET / HTTP/1.1\r\n\r\n", struct.pack(">HHI", 0x0111, 0x7777, 0)):
            client = Client(port)
            client.socket.sendall(words)
            with pytest.raises((EOFError, ConnectionError)):
                client.read(1)
            client.socket.close()
        client = Client(port)
        assert client.bring("1-1.3") == 0
        client.submit(2, None, 1 << 30)
        with pytest.raises((EOFError, ConnectionError)):
            client.answer()
        client.socket.close()

    with_server(act)
