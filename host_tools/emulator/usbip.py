"""Emulated USB devices exported over USB/IP, so that a kernel (``usbip attach``), or a program, has them as its own.

Law: usable alone, with nothing of this emulator but ``usb_device``; one loop, no thread. An imported device belongs to
one connection; transfers of an endpoint are answered in the order in which they came. Whoever reaches the port has the
devices: it listens on this machine alone unless told otherwise. Source: Linux, Documentation/usb/usbip_protocol.rst.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from host_tools.emulator import usb_descriptors
from host_tools.emulator.usb_device import Transfer, UsbDevice, UsbFault

PORT = 3240  # registered for it
LOOPBACK = "127.0.0.1"

VERSION = 0x0111
REQUEST_LIST, ANSWER_LIST, REQUEST_IMPORT, ANSWER_IMPORT = 0x8005, 0x0005, 0x8003, 0x0003
OK, BUSY, NO_DEVICE = 0, 2, 4
SUBMIT, UNLINK, ANSWER_SUBMIT, ANSWER_UNLINK = 1, 2, 3, 4
SPEEDS = {12: 2, 480: 3}
BUS_ID_BYTES = 32
TRANSFER_BYTES_MAX = 1 << 20  # of one transfer: usbfs takes no more than 16 MB, a kernel's drivers some tens of KiB

_OPERATION = struct.Struct(">HHI")
_RECORD = struct.Struct(">256s32sIIIHHHBBBBBB")
_HEADER = struct.Struct(">IIIII")
_SUBMITTED = struct.Struct(">IiiiI8s")
_SUBMIT_ANSWER = struct.Struct(">iiiii8x")
_UNLINKED = struct.Struct(">I24x")
_UNLINK_ANSWER = struct.Struct(">i24x")
_SETUP = struct.Struct("<BBHHH")


class _Waiting(NamedTuple):
    """A transfer that is not over; None: of an endpoint that never says anything."""

    sequence: int
    transfer: Transfer | None


class UsbIpServer:
    """``devices``: what is plugged in, asked whenever somebody wants to know. ``close`` cuts all that is imported."""

    def __init__(
        self, devices: Iterable[UsbDevice] | Callable[[], Iterable[UsbDevice]], host: str = LOOPBACK, port: int = PORT
    ) -> None:
        self._devices = devices if callable(devices) else lambda: devices
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._imported: dict[int, asyncio.StreamWriter] = {}
        self._writers: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None, "not started"
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def start(self) -> None:
        """Listen. OSError if it cannot."""
        self._server = await asyncio.start_server(self._serve, self._host, self._port)

    async def close(self) -> None:
        """Stop; whoever has a device loses it."""
        if self._server is None:
            return
        self._server.close()
        tasks = [task for task in self._writers.values() if task is not None]
        for writer in list(self._writers):
            writer.close()
        if tasks:
            await asyncio.wait(tasks)
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers[writer] = asyncio.current_task()
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            device = await self._operations(reader, writer)
            if device is not None:
                self._imported[id(device)] = writer
                try:
                    await _Import(device, reader, writer).run()
                finally:
                    del self._imported[id(device)]
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass  # whoever asked has gone, or speaks something else; nothing of ours depends on it
        finally:
            self._writers.pop(writer, None)
            writer.close()

    async def _operations(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> UsbDevice | None:
        """Answer until a device is imported. ValueError for what is no USB/IP."""
        while True:
            _, operation, _ = _OPERATION.unpack(await reader.readexactly(_OPERATION.size))
            devices = list(self._devices())
            if operation == REQUEST_LIST:
                writer.write(_OPERATION.pack(VERSION, ANSWER_LIST, OK) + struct.pack(">I", len(devices)))
                for number, device in enumerate(devices, 1):
                    writer.write(_record(device, number) + _interfaces(device))
            elif operation == REQUEST_IMPORT:
                name = (await reader.readexactly(BUS_ID_BYTES)).rstrip(b"\0").decode(errors="replace")
                numbers = {device.location: number for number, device in enumerate(devices, 1)}
                if name in numbers and id(devices[numbers[name] - 1]) not in self._imported:
                    device = devices[numbers[name] - 1]
                    writer.write(_OPERATION.pack(VERSION, ANSWER_IMPORT, OK) + _record(device, numbers[name]))
                    return device
                status = BUSY if name in numbers else NO_DEVICE
                writer.write(_OPERATION.pack(VERSION, ANSWER_IMPORT, status))
            else:
                raise ValueError(operation)
            await writer.drain()


class _Import:
    """A device in the hands of one connection."""

    def __init__(self, device: UsbDevice, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._device = device
        self._reader = reader
        self._writer = writer
        self._queues: dict[int, deque[_Waiting]] = {}  # by address of the endpoint
        self._loop = asyncio.get_running_loop()
        self._due = False

    async def run(self) -> None:
        """Until the connection or the device is gone."""
        self._device.hosts.append(self._news)
        try:
            while True:
                head = await self._reader.readexactly(_HEADER.size)
                command, sequence, _, direction, endpoint = _HEADER.unpack(head)
                if command == SUBMIT:
                    await self._submit(sequence, bool(direction), endpoint)
                elif command == UNLINK:
                    (unlinked,) = _UNLINKED.unpack(await self._reader.readexactly(_UNLINKED.size))
                    self._unlink(sequence, unlinked)
                else:
                    raise ValueError(command)
                await self._writer.drain()
        finally:
            self._device.hosts.remove(self._news)

    async def _submit(self, sequence: int, is_in: bool, endpoint: int) -> None:
        _, length, _, _, _, setup = _SUBMITTED.unpack(await self._reader.readexactly(_SUBMITTED.size))
        if not 0 <= length <= TRANSFER_BYTES_MAX:
            raise ValueError(length)
        data = b"" if is_in else await self._reader.readexactly(length)
        try:
            if endpoint == 0:
                kind, request, value, index, wanted = _SETUP.unpack(setup)
                answer = self._device.control(kind, request, value, index, data, wanted)
                self._answer(sequence, 0, answer if is_in else b"", len(answer) if is_in else length)
                return
            address = endpoint | (usb_descriptors.TO_HOST if is_in else 0)
            transfer = self._device.transfer(address, None if is_in else data, length)
        except UsbFault as fault:
            self._fail(sequence, fault)
            return
        self._queues.setdefault(address, deque()).append(_Waiting(sequence, transfer))
        self._advance()
        self._device.wake()

    def _unlink(self, sequence: int, unlinked: int) -> None:
        status = 0  # it had been answered already
        for queue in self._queues.values():
            for waiting in list(queue):
                if waiting.sequence == unlinked:
                    queue.remove(waiting)
                    status = -errno.ECONNRESET
        self._writer.write(_HEADER.pack(ANSWER_UNLINK, sequence, 0, 0, 0) + _UNLINK_ANSWER.pack(status))

    def _news(self) -> None:
        """The device has done something; from whatever thread."""
        if not self._due:
            self._due = True
            self._loop.call_soon_threadsafe(self._follow)

    def _follow(self) -> None:
        self._due = False
        if not self._device.attached:
            self._writer.close()
            self._reader.feed_eof()
            return
        self._advance()
        self._device.wake()

    def _advance(self) -> None:
        """Answer all transfers that are over now."""
        for queue in self._queues.values():
            while queue and (transfer := queue[0].transfer) is not None:
                try:
                    with self._device.lock:
                        if not transfer.step():
                            break
                except UsbFault as fault:
                    self._fail(queue.popleft().sequence, fault)
                    continue
                self._answer(queue.popleft().sequence, 0, bytes(transfer.data), transfer.count)

    def _fail(self, sequence: int, fault: UsbFault) -> None:
        self._answer(sequence, -fault.number, b"", 0)

    def _answer(self, sequence: int, status: int, data: bytes, count: int) -> None:
        head = _HEADER.pack(ANSWER_SUBMIT, sequence, 0, 0, 0)
        self._writer.write(head + _SUBMIT_ANSWER.pack(status, count, 0, 0, 0) + data)


def attach_to_kernel(host: str, port: int, location: str) -> int:
    """What ``usbip attach`` does, as root on Linux with the module vhci_hcd: the kernel has the device from now on,
    until it is unplugged or the server ends. Returns the number of its port there. OSError."""
    with socket.create_connection((host, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = _OPERATION.pack(VERSION, REQUEST_IMPORT, 0) + location.encode().ljust(BUS_ID_BYTES, b"\0")
        connection.sendall(request)
        _, _, status = _OPERATION.unpack(_read(connection, _OPERATION.size))
        if status != OK:
            raise OSError(errno.ENODEV, f"{host}:{port} does not give {location} away (status {status})")
        _, _, bus, number, speed, *_ = _RECORD.unpack(_read(connection, _RECORD.size))
        return _hand_over(connection.fileno(), bus << 16 | number, speed)


VHCI = "/sys/devices/platform/vhci_hcd.0"
_FREE = 4  # state of a port


def _hand_over(descriptor: int, device: int, speed: int) -> int:
    with open(f"{VHCI}/status", encoding="ascii") as status:
        rows = [line.split() for line in status.read().splitlines()[1:]]
    free = [int(row[1]) for row in rows if row[0] == "hs" and int(row[2]) == _FREE]
    if not free:
        raise OSError(errno.EBUSY, f"{VHCI}: no free port")
    with open(f"{VHCI}/attach", "w", encoding="ascii") as attach:
        attach.write(f"{free[0]} {descriptor} {device} {speed}")
    return free[0]


def _read(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise OSError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        data += piece
    return data


def _record(device: UsbDevice, number: int) -> bytes:
    bus = int(device.location.partition("-")[0])
    head = device.descriptor
    vendor, product, version = struct.unpack_from("<HHH", head, 8)
    path = f"/sys/devices/openbwc/usb{bus}/{device.location}".encode()
    return _RECORD.pack(
        path,
        device.location.encode(),
        bus,
        number,
        SPEEDS[device.speed_mbps],
        vendor,
        product,
        version,
        *head[4:7],
        1,
        head[17],
        device.configuration[4],
    )


def _interfaces(device: UsbDevice) -> bytes:
    found = [each for each in usb_descriptors.split(device.configuration) if each[1] == usb_descriptors.INTERFACE]
    return b"".join(each[5:8] + b"\0" for each in found)
