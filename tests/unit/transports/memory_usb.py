"""A USB bus in memory behind pyusb's own interface of a backend, so that pyusb's code runs as it does over libusb.

Bulk transfers are carried packet by packet, because that is where hosts and devices misunderstand each other: a read
ends with a short packet or when it is full, on either side, and a packet that does not fit is an overflow. The device's
side keeps one read posted, as a FunctionFS endpoint does, and sends no packet without bytes on its own.

Law: transfers of the host block in threads of the host; a device never blocks, and is woken through ``wake``.
"""

from __future__ import annotations

import errno
import threading
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import usb.backend
import usb.core
import usb.util

from firmware.ports.stream import Stream

Buffer = bytes | bytearray | memoryview

PACKET_BYTES = 512  # of a bulk endpoint at high speed
QUEUE_PACKETS = 32  # that a device's controller holds for an endpoint before it says "not now"
DEVICE_READ_BYTES = 16_384  # which a device asks for at once
LANGUAGE = 0x0409
SERIAL_STRING = 3
_Backend: Any = usb.backend.IBackend  # whose methods say nothing of what they return

VENDOR_CLASS, DATA_CLASS, CONTROL_CLASS = 0xFF, 0x0A, 0x02


@dataclass(frozen=True)
class MemoryInterface:
    """``bulk``: whether it has a pair of bulk endpoints. ``driver``: whether a driver of the host's kernel holds it."""

    number: int
    kind: int = VENDOR_CLASS
    bulk: bool = True
    driver: bool = False

    def endpoints(self) -> list[int]:
        """Their addresses."""
        return [0x81 + self.number, 0x01 + self.number] if self.bulk else []


@dataclass
class MemoryDevice:
    """A device on the bus. ``refusal``: the errno that opening it gives, 0 for none."""

    serial: str
    interfaces: tuple[MemoryInterface, ...] = (MemoryInterface(0),)
    vid: int = 0x1209
    pid: int = 0x0B0C
    refusal: int = 0
    attached: bool = True
    lock: threading.Condition = field(default_factory=threading.Condition)
    claimed: dict[int, object] = field(default_factory=dict[int, object])  # number of an interface -> handle
    to_host: dict[int, deque[bytes]] = field(default_factory=dict[int, deque[bytes]])
    to_device: dict[int, deque[bytes]] = field(default_factory=dict[int, deque[bytes]])
    wake: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        for interface in self.interfaces:
            self.to_host[interface.number] = deque()
            self.to_device[interface.number] = deque()

    def pull_out(self) -> None:
        """Whatever waits for a transfer gets the error that libusb gives."""
        with self.lock:
            self.attached = False
            self.lock.notify_all()


class MemoryUsb(_Backend):
    """The bus. A handle is an object of its own, as two programs have two handles of one device."""

    def __init__(self, *devices: MemoryDevice) -> None:
        self.devices = list(devices)
        self.open_handles: set[int] = set()
        self.timeouts = 0

    def enumerate_devices(self) -> Iterator[MemoryDevice]:
        yield from (device for device in self.devices if device.attached)

    def get_parent(self, dev: MemoryDevice) -> None:
        return None

    def get_device_descriptor(self, dev: MemoryDevice) -> SimpleNamespace:
        return SimpleNamespace(
            bLength=18,
            bDescriptorType=usb.util.DESC_TYPE_DEVICE,
            bcdUSB=0x0200,
            bDeviceClass=0,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=dev.vid,
            idProduct=dev.pid,
            bcdDevice=0x0100,
            iManufacturer=1,
            iProduct=2,
            iSerialNumber=SERIAL_STRING if dev.serial else 0,
            bNumConfigurations=1,
            address=self.devices.index(dev) + 1,
            bus=1,
            port_number=self.devices.index(dev) + 1,
            port_numbers=(self.devices.index(dev) + 1,),
            speed=usb.util.SPEED_HIGH,
        )

    def get_configuration_descriptor(self, dev: MemoryDevice, config: int) -> SimpleNamespace:
        _within(config, 1)
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=usb.util.DESC_TYPE_CONFIG,
            wTotalLength=9 + sum(9 + 7 * len(interface.endpoints()) for interface in dev.interfaces),
            bNumInterfaces=len(dev.interfaces),
            bConfigurationValue=1,
            iConfiguration=0,
            bmAttributes=0x80,
            bMaxPower=250,
            extra_descriptors=[],
        )

    def get_interface_descriptor(self, dev: MemoryDevice, intf: int, alt: int, config: int) -> SimpleNamespace:
        _within(config, 1)
        _within(alt, 1)
        _within(intf, len(dev.interfaces))
        interface = dev.interfaces[intf]
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=usb.util.DESC_TYPE_INTERFACE,
            bInterfaceNumber=interface.number,
            bAlternateSetting=0,
            bNumEndpoints=len(interface.endpoints()),
            bInterfaceClass=interface.kind,
            bInterfaceSubClass=0,
            bInterfaceProtocol=0,
            iInterface=0,
            extra_descriptors=[],
        )

    def get_endpoint_descriptor(self, dev: MemoryDevice, ep: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        addresses = dev.interfaces[intf].endpoints()
        _within(ep, len(addresses))
        return SimpleNamespace(
            bLength=7,
            bDescriptorType=usb.util.DESC_TYPE_ENDPOINT,
            bEndpointAddress=addresses[ep],
            bmAttributes=usb.util.ENDPOINT_TYPE_BULK,
            wMaxPacketSize=PACKET_BYTES,
            bInterval=0,
            bRefresh=0,
            bSynchAddress=0,
            extra_descriptors=[],
        )

    def open_device(self, dev: MemoryDevice) -> SimpleNamespace:
        if dev.refusal:
            raise _error(dev.refusal)
        _check_attached(dev)
        handle = SimpleNamespace(device=dev)
        self.open_handles.add(id(handle))
        return handle

    def close_device(self, dev_handle: SimpleNamespace) -> None:
        self.open_handles.remove(id(dev_handle))

    def get_configuration(self, dev_handle: SimpleNamespace) -> int:
        _check_attached(dev_handle.device)
        return 1

    def claim_interface(self, dev_handle: SimpleNamespace, intf: int) -> None:
        device: MemoryDevice = dev_handle.device
        _check_attached(device)
        held = any(interface.driver for interface in device.interfaces if interface.number == intf)
        if held or device.claimed.setdefault(intf, dev_handle) is not dev_handle:
            raise _error(errno.EBUSY)

    def release_interface(self, dev_handle: SimpleNamespace, intf: int) -> None:
        if dev_handle.device.claimed.pop(intf, None) is None:
            raise _error(errno.ENOENT)
        _check_attached(dev_handle.device)

    def ctrl_transfer(
        self,
        dev_handle: SimpleNamespace,
        bmRequestType: int,
        bRequest: int,
        wValue: int,
        wIndex: int,
        data: array[int],
        timeout: int,
    ) -> int:
        """GET_DESCRIPTOR of strings, which is all that is asked for."""
        _check_attached(dev_handle.device)
        if (bmRequestType, bRequest, wValue >> 8) != (0x80, 6, usb.util.DESC_TYPE_STRING):
            raise _error(errno.EPIPE)
        strings = {0: chr(LANGUAGE), 1: "OpenBWC", 2: "Small board", SERIAL_STRING: dev_handle.device.serial}
        text = strings[wValue & 0xFF].encode("utf-16-le")
        answer = bytes([2 + len(text), usb.util.DESC_TYPE_STRING]) + text
        count = min(len(answer), len(data))
        data[:count] = array("B", answer[:count])
        return count

    def bulk_write(self, dev_handle: SimpleNamespace, ep: int, intf: int, data: array[int], timeout: int) -> int:
        device: MemoryDevice = dev_handle.device
        packets = device.to_device[intf]
        deadline_s = time.monotonic() + timeout / 1000
        rest = bytes(data)
        sent = 0
        with device.lock:
            while True:
                if not _wait(device, lambda: len(packets) < QUEUE_PACKETS, deadline_s):
                    self.timeouts += 1
                    if sent:
                        break
                    raise _timed_out()
                packets.append(rest[sent : sent + PACKET_BYTES])
                sent += len(packets[-1])
                if sent == len(rest):
                    break
        device.wake()
        return sent

    def bulk_read(self, dev_handle: SimpleNamespace, ep: int, intf: int, buff: array[int], timeout: int) -> int:
        device: MemoryDevice = dev_handle.device
        packets = device.to_host[intf]
        deadline_s = time.monotonic() + timeout / 1000
        view = memoryview(buff)
        count = 0
        ended = False
        with device.lock:
            while count < len(view) and not ended:
                if not _wait(device, lambda: bool(packets), deadline_s):
                    self.timeouts += 1
                    if count:
                        break
                    raise _timed_out()
                packet = packets.popleft()
                if len(packet) > len(view) - count:
                    raise _error(errno.EOVERFLOW)
                view[count : count + len(packet)] = packet
                count += len(packet)
                ended = len(packet) < PACKET_BYTES
        device.wake()
        return count


class BulkPlug(Stream):
    """A board's stream over the bulk pair of an interface: the device's side.

    ``ends_short``: whether the end of what is sent is a short packet, as our boards see to; else a host that reads
    more than was sent waits on.
    """

    def __init__(
        self, device: MemoryDevice, interface: int, wake: Callable[[], object], ends_short: bool = True
    ) -> None:
        self._device = device
        self._packets_in = device.to_device[interface]
        self._packets_out = device.to_host[interface]
        self._ends_short = ends_short
        self._read = bytearray()  # of the posted read, which is not over
        self._ready = bytearray()  # of reads that are over
        device.wake = wake

    def put_in(self) -> None:
        """It has been attached all the time."""

    def pull_out(self) -> None:
        self._device.pull_out()

    def want_write(self, wanted: bool) -> None:
        """Every transfer of the host wakes the device anyway."""

    def is_open(self) -> bool:
        return self._device.attached

    def read_into(self, buffer: bytearray | memoryview) -> int:
        with self._device.lock:
            while self._packets_in and len(self._ready) < DEVICE_READ_BYTES:
                packet = self._packets_in.popleft()
                self._read += packet
                if len(packet) < PACKET_BYTES or len(self._read) == DEVICE_READ_BYTES:
                    self._ready += self._read
                    self._read.clear()
            self._device.lock.notify_all()
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        del self._ready[:count]
        return count

    def write(self, data: Buffer) -> int:
        with self._device.lock:
            if not self._device.attached:
                return 0
            room = (QUEUE_PACKETS - len(self._packets_out)) * PACKET_BYTES
            taken = bytes(data[:room])
            if self._ends_short and taken and len(taken) % PACKET_BYTES == 0:
                taken = taken[:-1]
            for start in range(0, len(taken), PACKET_BYTES):
                self._packets_out.append(taken[start : start + PACKET_BYTES])
            self._device.lock.notify_all()
        return len(taken)


def _wait(device: MemoryDevice, ready: Callable[[], bool], deadline_s: float) -> bool:
    """Under the lock, until something is so; False when time is up."""
    while not ready():
        _check_attached(device)
        device.wake()
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            return False
        device.lock.wait(left_s)
    _check_attached(device)
    return True


def _check_attached(device: MemoryDevice) -> None:
    if not device.attached:
        raise _error(errno.ENODEV)


def _within(index: int, count: int) -> None:
    if index >= count:
        raise IndexError(index)  # how pyusb finds the last one


def _error(number: int) -> Any:
    return usb.core.USBError(errno.errorcode[number], -number, number)


def _timed_out() -> Any:
    return usb.core.USBTimeoutError("Operation timed out", -errno.ETIMEDOUT, errno.ETIMEDOUT)
