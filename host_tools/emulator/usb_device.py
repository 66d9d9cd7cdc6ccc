"""An emulated USB device: descriptors, requests, and a bulk pair for each function, packet by packet.

Bulk transfers are carried in packets because that is where hosts and devices misunderstand each other: a read ends with
a short packet or when it is full, on either side, and a packet that does not fit is an overflow. The device's side
keeps one read posted, as a FunctionFS endpoint does, and sends no packet without bytes.

Law: usable alone. A host may be another thread (``usb_backend``) or a loop (``usbip``): all that is shared is touched
under one lock, whoever waits for a change is notified of every one, and a device never blocks.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
from collections import deque
from collections.abc import Callable

from firmware.ports.stream import Stream
from host_tools.emulator import usb_descriptors as usb
from host_tools.emulator.usb_descriptors import Function, Layout
from host_tools.emulator.usb_layout import UsbIdentity

Buffer = bytes | bytearray | memoryview

QUEUE_PACKETS = 32  # that a device's controller holds for an endpoint before it says "not now"
DEVICE_READ_BYTES = 16_384  # which a device asks for at once
LINE_CODING = struct.pack("<IBBB", 115_200, 0, 0, 8)  # one stop bit, no parity, eight bits

# Requests of USB 2.0, 9.4, and of CDC PSTN 1.2, 6.3: (type, request).
GET_STATUS, GET_DESCRIPTOR, GET_CONFIGURATION = 0x00, 0x06, 0x08
SET_CONFIGURATION, SET_INTERFACE, CLEAR_FEATURE, GET_INTERFACE = 0x09, 0x0B, 0x01, 0x0A
SET_LINE_CODING, GET_LINE_CODING, SET_LINE_STATE, SEND_BREAK = 0x20, 0x21, 0x22, 0x23
ACCEPTED = {(0x01, SET_INTERFACE), (0x02, CLEAR_FEATURE), (0x21, SET_LINE_STATE), (0x21, SEND_BREAK)}


class UsbFault(Exception):
    """A transfer has failed; ``number``: the errno that libusb and the kernel have for it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"{errno.errorcode[number]}: {os.strerror(number)}")
        self.number = number


class Transfer:
    """A bulk transfer under way. ``step`` moves what can be moved now; True when it is over. UsbFault."""

    def __init__(self, pipe: Pair, data: bytes | None, length: int) -> None:
        self.data = bytearray()  # that has come, of a transfer in
        self.count = 0  # bytes that have passed
        self._pipe = pipe
        self._rest = data
        self._length = length if data is None else len(data)

    def step(self) -> bool:
        """Under the device's lock."""
        return self._step_in() if self._rest is None else self._step_out(self._rest)

    def _step_in(self) -> bool:
        packets, packet_bytes = self._pipe.to_host, self._pipe.packet_bytes
        while packets and len(self.data) < self._length:
            if len(packets[0]) > self._length - len(self.data):
                raise UsbFault(errno.EOVERFLOW)
            packet = packets.popleft()
            self.data += packet
            self.count = len(self.data)
            if len(packet) < packet_bytes:
                return True
        return len(self.data) == self._length

    def _step_out(self, data: bytes) -> bool:
        packets, packet_bytes = self._pipe.to_device, self._pipe.packet_bytes
        while len(packets) < QUEUE_PACKETS:
            packets.append(data[self.count : self.count + packet_bytes])
            self.count += len(packets[-1])
            if self.count == self._length:
                return True
        return False


class Pair:
    """The packets on their way through one function."""

    def __init__(self, layout: Layout, packet_bytes: int) -> None:
        self.layout = layout
        self.packet_bytes = packet_bytes
        self.to_host: deque[bytes] = deque()
        self.to_device: deque[bytes] = deque()
        self.reading = bytearray()  # of the device's posted read, which is not over
        self.ready = bytearray()  # of reads that are over

    def clear(self) -> None:
        """The cable was pulled: nothing of it is left."""
        self.to_host.clear()
        self.to_device.clear()
        self.reading.clear()
        self.ready.clear()


class UsbDevice:
    """``refusal``: the errno that opening it gives, 0 for none. ``held``: numbers of interfaces that a driver of the
    host's kernel has. ``location``: ``1-1.3``, as a Linux host names it."""

    def __init__(
        self,
        identity: UsbIdentity,
        functions: tuple[Function, ...],
        speed_mbps: int = 480,
        location: str = "1-1",
        held: frozenset[int] = frozenset(),
    ) -> None:
        self.identity = identity
        self.speed_mbps = speed_mbps
        self.location = location
        self.held = held
        self.refusal = 0
        self.attached = True
        self.lock = threading.Condition()
        # Called after every change that the other side has made, from whatever thread it came from.
        self.wakes: list[Callable[[], object]] = []  # of the device
        self.hosts: list[Callable[[], object]] = []
        self.claimed: dict[int, object] = {}  # number of an interface -> who has it
        self._functions = functions
        packet_bytes = usb.PACKET_BYTES[speed_mbps]
        self._pairs = {layout.interface: Pair(layout, packet_bytes) for layout in usb.layouts(functions)}
        self._by_address = {
            address: pair for pair in self._pairs.values() for address in (pair.layout.way_in, pair.layout.way_out)
        }
        self._line_coding = LINE_CODING

    @property
    def descriptor(self) -> bytes:
        """The device's descriptor."""
        return usb.device_descriptor(self.identity)

    @property
    def configuration(self) -> bytes:
        """Its configuration with all below it."""
        return usb.configuration_descriptor(self._functions, self.speed_mbps)

    def pair_of(self, function: str) -> Pair:
        """The bulk pair of a function by its name. KeyError."""
        for pair in self._pairs.values():
            if pair.layout.function.name == function:
                return pair
        raise KeyError(function)

    def stream(self, function: str, wake: Callable[[], object] = lambda: None, ends_short: bool = True) -> BulkStream:
        """The device's own end of a function. ``wake``: called, from any thread, when bytes have come or can go."""
        return BulkStream(self, self.pair_of(function), wake, ends_short)

    def put_in(self) -> None:
        """Plug it in (it is, when it is made)."""
        self._set(True)

    def pull_out(self) -> None:
        """Pull it out: whoever waits for a transfer gets the error that libusb gives."""
        self._set(False)

    # -- a host's side

    def transfer(self, address: int, data: bytes | None, length: int) -> Transfer | None:
        """A bulk transfer to be stepped; None for an endpoint that never has anything to say (notifications)."""
        pair = self._by_address.get(address)
        if pair is None and address in [each.layout.notify for each in self._pairs.values()]:
            return None
        if pair is None:
            raise UsbFault(errno.ENOENT)
        return Transfer(pair, data, length)

    def control(self, kind: int, request: int, value: int, index: int, data: bytes, length: int) -> bytes:
        """A control request; what it answers. UsbFault(EPIPE): the device does not know it."""
        self.check_attached()
        if (kind, request) == (0x80, GET_DESCRIPTOR):
            answer = self._descriptor(value >> 8, value & 0xFF)
        elif (kind, request) in ((0x80, GET_STATUS), (0x81, GET_STATUS), (0x82, GET_STATUS)):
            answer = bytes(2)
        elif (kind, request) == (0x80, GET_CONFIGURATION):
            answer = b"\1"
        elif (kind, request) == (0x81, GET_INTERFACE):
            answer = b"\0"
        elif (kind, request) == (0xA1, GET_LINE_CODING):
            answer = self._line_coding
        elif (kind, request) == (0x21, SET_LINE_CODING) and len(data) == len(LINE_CODING):
            self._line_coding, answer = data, b""
        elif (kind, request, value) == (0x00, SET_CONFIGURATION, 1) or (kind, request) in ACCEPTED:
            answer = b""
        else:
            answer = None
        if answer is None:
            raise UsbFault(errno.EPIPE)
        return answer[:length]

    def check_attached(self) -> None:
        """UsbFault(ENODEV) when it has been pulled out."""
        if not self.attached:
            raise UsbFault(errno.ENODEV)

    def wake(self) -> None:
        """A host has done something; not under the lock."""
        for each in list(self.wakes):
            each()

    def tell_hosts(self) -> None:
        """The device has done something; not under the lock."""
        for each in list(self.hosts):
            each()

    def _descriptor(self, kind: int, number: int) -> bytes | None:
        if kind == usb.DEVICE:
            return self.descriptor
        if kind == usb.CONFIGURATION and number == 0:
            return self.configuration
        if kind == usb.QUALIFIER and self.speed_mbps > min(usb.PACKET_BYTES):
            return usb.qualifier_descriptor()
        return usb.string_descriptor(self.identity, self._functions, number) if kind == usb.STRING else None

    def _set(self, attached: bool) -> None:
        with self.lock:
            if attached == self.attached:
                return
            self.attached = attached
            for pair in self._pairs.values():
                pair.clear()
            self.lock.notify_all()
        self.wake()
        self.tell_hosts()


class BulkStream(Stream):
    """The device's end of a bulk pair. ``ends_short``: whether the end of what is sent is a short packet, as our boards
    see to; else a host that reads more than was sent waits on."""

    def __init__(self, device: UsbDevice, pair: Pair, wake: Callable[[], object], ends_short: bool) -> None:
        self._device = device
        self._pair = pair
        self._ends_short = ends_short
        device.wakes.append(wake)

    def is_open(self) -> bool:
        """See Stream."""
        return self._device.attached

    def read_into(self, buffer: bytearray | memoryview) -> int:
        """See Stream."""
        pair = self._pair
        with self._device.lock:
            took = False
            while pair.to_device and len(pair.ready) < DEVICE_READ_BYTES:
                packet = pair.to_device.popleft()
                took = True
                pair.reading += packet
                if len(packet) < pair.packet_bytes or len(pair.reading) == DEVICE_READ_BYTES:
                    pair.ready += pair.reading
                    pair.reading.clear()
            count = min(len(buffer), len(pair.ready))
            buffer[:count] = pair.ready[:count]
            del pair.ready[:count]
            self._device.lock.notify_all()
        if took:
            self._device.tell_hosts()
        return count

    def write(self, data: Buffer) -> int:
        """See Stream."""
        pair = self._pair
        with self._device.lock:
            if not self._device.attached:
                return 0
            room = (QUEUE_PACKETS - len(pair.to_host)) * pair.packet_bytes
            taken = bytes(data[:room])
            if self._ends_short and taken and len(taken) % pair.packet_bytes == 0:
                taken = taken[:-1]
            for start in range(0, len(taken), pair.packet_bytes):
                pair.to_host.append(taken[start : start + pair.packet_bytes])
            self._device.lock.notify_all()
        if taken:
            self._device.tell_hosts()
        return len(taken)
