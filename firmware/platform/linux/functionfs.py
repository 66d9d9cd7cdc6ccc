"""A vendor interface with a pair of bulk endpoints, made in user space through FunctionFS, as a byte stream.

Law: endpoint files block and cannot be polled, so each has a thread that does nothing but move bytes between it and a
bounded buffer; the third thread follows what the host does to the interface. All three end at ``close``. Source: Linux,
Documentation/usb/functionfs.rst and linux/usb/functionfs.h.
"""

import os
import select
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from firmware.ports.errors import PortFault
from firmware.ports.stream import Stream

DESCRIPTORS_MAGIC_V2 = 3
STRINGS_MAGIC = 2
HAS_FULL_SPEED = 1
HAS_HIGH_SPEED = 2

INTERFACE = struct.Struct("<BBBBBBBBB")
ENDPOINT = struct.Struct("<BBBBHB")
EVENT = struct.Struct("<8sB3x")
VENDOR_CLASS = 0xFF
BULK = 2
IN_ADDRESS = 0x81
OUT_ADDRESS = 0x02
FULL_SPEED_PACKET_BYTES = 64
HIGH_SPEED_PACKET_BYTES = 512
ENGLISH = 0x409

BIND, UNBIND, ENABLE, DISABLE, SETUP, SUSPEND, RESUME = range(7)

TRANSFER_BYTES = 16_384  # of one transfer; a multiple of every packet size, so a short one is the end of what was sent
BUFFER_BYTES = 131_072  # each way: two of the largest frames
CLOSE_SECONDS = 2.0  # an endpoint returns as soon as the gadget is unbound

OpenFile = Callable[[str, int], int]


def descriptors(interface: int = 1) -> bytes:
    """What the kernel is told of the interface, at full and at high speed. ``interface``: number of its string."""

    def speed(packet_bytes: int) -> bytes:
        return (
            INTERFACE.pack(INTERFACE.size, 4, 0, 0, 2, VENDOR_CLASS, 0, 0, interface)
            + ENDPOINT.pack(ENDPOINT.size, 5, IN_ADDRESS, BULK, packet_bytes, 0)
            + ENDPOINT.pack(ENDPOINT.size, 5, OUT_ADDRESS, BULK, packet_bytes, 0)
        )

    body = struct.pack("<II", 3, 3) + speed(FULL_SPEED_PACKET_BYTES) + speed(HIGH_SPEED_PACKET_BYTES)
    return struct.pack("<III", DESCRIPTORS_MAGIC_V2, 12 + len(body), HAS_FULL_SPEED | HAS_HIGH_SPEED) + body


def strings(name: str) -> bytes:
    """The interface's name, in English."""
    text = name.encode() + b"\0"
    return struct.pack("<IIII", STRINGS_MAGIC, 18 + len(text), 1, 1) + struct.pack("<H", ENGLISH) + text


class BulkStream(Stream):
    """``folder``: where FunctionFS is mounted. Made before the gadget is bound; ``wake`` is called from a thread when
    bytes have come or can go. ``open_file``: opens a file by path and flags."""

    def __init__(
        self,
        folder: "str | Path",
        name: str = "offload",
        wake: "Callable[[], None]" = lambda: None,
        open_file: OpenFile = os.open,
    ) -> None:
        self._wake = wake
        self._changed = threading.Condition()
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._enabled = False
        self._closing = False
        self._files: list[int] = []
        self._ended_read, self._ended_write = os.pipe()
        try:
            self._describe(Path(folder), name, open_file)
        except OSError as error:
            self._close_files()
            raise PortFault(
                f"{folder}: FunctionFS does not take the interface: {error.strerror}; is it mounted?"
            ) from None
        self._threads = [
            threading.Thread(target=run, name=f"ffs-{word}", daemon=True)
            for word, run in (("events", self._follow), ("in", self._send), ("out", self._receive))
        ]
        for thread in self._threads:
            thread.start()

    def is_open(self) -> bool:
        """See Stream: whether a host has configured the interface."""
        with self._changed:
            return self._enabled

    def read_into(self, buffer: "bytearray | memoryview") -> int:
        """See Stream."""
        with self._changed:
            count = min(len(buffer), len(self._incoming))
            buffer[:count] = self._incoming[:count]
            del self._incoming[:count]
            self._changed.notify_all()
            return count

    def write(self, data: "bytes | bytearray | memoryview") -> int:
        """See Stream."""
        with self._changed:
            if not self._enabled:
                return 0
            count = min(len(data), BUFFER_BYTES - len(self._outgoing))
            self._outgoing += data[:count]
            self._changed.notify_all()
            return count

    def close(self) -> None:
        """End the threads and close the endpoints. Unbind the gadget first: that is what wakes them. PortFault if one
        of them does not end."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        os.write(self._ended_write, b"\0")
        for thread in self._threads:
            thread.join(CLOSE_SECONDS)
        if any(thread.is_alive() for thread in self._threads):
            raise PortFault("an endpoint is still waiting for its host: unbind the gadget before closing it")
        self._close_files()

    def _describe(self, folder: Path, name: str, open_file: OpenFile) -> None:
        self._control = self._keep(open_file(str(folder / "ep0"), os.O_RDWR | os.O_CLOEXEC))
        os.write(self._control, descriptors())
        os.write(self._control, strings(name))
        self._in = self._keep(open_file(str(folder / "ep1"), os.O_RDWR | os.O_CLOEXEC))
        self._out = self._keep(open_file(str(folder / "ep2"), os.O_RDWR | os.O_CLOEXEC))

    def _keep(self, file: int) -> int:
        self._files.append(file)
        return file

    def _close_files(self) -> None:
        for file in (*self._files, self._ended_read, self._ended_write):
            os.close(file)

    def _follow(self) -> None:
        """The host's doings, until closed."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._ended_read, select.POLLIN)
        while not self._closing:
            ready = {file for file, _ in poll.poll()}
            if self._control not in ready:
                continue
            data = os.read(self._control, EVENT.size)
            if len(data) < EVENT.size:
                return
            setup, kind = EVENT.unpack(data)
            if kind == SETUP:
                self._refuse(setup)
            elif kind in (ENABLE, DISABLE, UNBIND):
                self._enable(kind == ENABLE)

    def _refuse(self, setup: bytes) -> None:
        """Requests of our own there are none: moving data the wrong way makes the kernel stall, which says no."""
        try:
            if setup[0] & 0x80:
                os.read(self._control, 0)
            else:
                os.write(self._control, b"")
        except OSError:  # EL2HLT: that is the stall
            return

    def _enable(self, enabled: bool) -> None:
        """What belonged to a host that has gone is forgotten: a new one opens a new session."""
        with self._changed:
            self._enabled = enabled
            self._incoming.clear()
            self._outgoing.clear()
            self._changed.notify_all()
        self._wake()

    def _receive(self) -> None:
        while self._wait(lambda: self._enabled and len(self._incoming) <= BUFFER_BYTES - TRANSFER_BYTES):
            try:
                data = os.read(self._out, TRANSFER_BYTES)
            except OSError:  # the host has gone; ``_follow`` hears of it
                self._wait(lambda: not self._enabled, CLOSE_SECONDS)
                continue
            with self._changed:
                self._incoming += data
                self._changed.notify_all()
            self._wake()

    def _send(self) -> None:
        while self._wait(lambda: self._enabled and bool(self._outgoing)):
            with self._changed:
                data = bytes(self._outgoing[:TRANSFER_BYTES])
                del self._outgoing[: len(data)]
            try:
                os.write(self._in, data)
            except OSError:  # the host has gone, and these bytes with it, as on any cable
                self._wait(lambda: not self._enabled, CLOSE_SECONDS)
                continue
            self._wake()

    def _wait(self, condition: "Callable[[], bool]", limit_s: "float | None" = None) -> bool:
        """Until the condition holds; False when closing."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or condition(), limit_s)
            return not self._closing
