"""A backend for pyusb that finds emulated devices: ``usb.core.find(backend=EmulatedUsb([device]))``.

pyusb's own code then runs as it does over libusb, with the same errors: ENODEV for a device that was pulled out, EBUSY
for an interface that somebody has, EPIPE for a request that the device does not know, and time-outs.

Law: usable alone, with nothing of this emulator but ``usb_device``. Transfers block in the caller's thread.
"""

from __future__ import annotations

import errno
import itertools
import struct
import threading
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import usb.backend
import usb.core
import usb.util

from host_tools.emulator import usb_descriptors
from host_tools.emulator.usb_device import UsbDevice, UsbFault

_Backend: Any = usb.backend.IBackend  # whose methods say nothing of what they return

_DEVICE = struct.Struct("<BBHBBBBHHHBBBB")
_CONFIGURATION = struct.Struct("<BBHBBBBB")
_INTERFACE = struct.Struct("<BBBBBBBBB")
_ENDPOINT = struct.Struct("<BBBBHB")
_DEVICE_KEYS = (
    "bLength bDescriptorType bcdUSB bDeviceClass bDeviceSubClass bDeviceProtocol bMaxPacketSize0 idVendor idProduct "
    "bcdDevice iManufacturer iProduct iSerialNumber bNumConfigurations"
)
_CONFIGURATION_KEYS = (
    "bLength bDescriptorType wTotalLength bNumInterfaces bConfigurationValue iConfiguration bmAttributes bMaxPower"
)
_INTERFACE_KEYS = (
    "bLength bDescriptorType bInterfaceNumber bAlternateSetting bNumEndpoints bInterfaceClass bInterfaceSubClass "
    "bInterfaceProtocol iInterface"
)
_ENDPOINT_KEYS = "bLength bDescriptorType bEndpointAddress bmAttributes wMaxPacketSize bInterval"
_SPEEDS = {12: usb.util.SPEED_FULL, 480: usb.util.SPEED_HIGH}


class EmulatedUsb(_Backend):
    """The bus. ``devices``: what is plugged in, asked each time somebody looks. ``open_handles``, ``timeouts``: for
    tests of what uses it. A handle is an object of its own, as two programs have two handles of one device."""

    def __init__(self, devices: Iterable[UsbDevice] | Callable[[], Iterable[UsbDevice]]) -> None:
        self.open_handles: set[int] = set()
        self.timeouts = 0
        self._devices = devices if callable(devices) else lambda: devices
        self._addresses: dict[int, int] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    # -- what is there

    def enumerate_devices(self) -> Iterator[UsbDevice]:
        yield from [device for device in self._devices() if device.attached]

    def get_parent(self, dev: UsbDevice) -> None:
        return None

    def get_device_descriptor(self, dev: UsbDevice) -> SimpleNamespace:
        found = _named(_DEVICE, _DEVICE_KEYS, dev.descriptor)
        ports = tuple(int(number) for number in dev.location.partition("-")[2].split("."))
        found.bus = int(dev.location.partition("-")[0])
        found.port_number, found.port_numbers = ports[-1], ports
        found.address = self._address(dev)
        found.speed = _SPEEDS[dev.speed_mbps]
        return found

    def get_configuration_descriptor(self, dev: UsbDevice, config: int) -> SimpleNamespace:
        _within(config, 1)
        found = _named(_CONFIGURATION, _CONFIGURATION_KEYS, dev.configuration)
        found.extra_descriptors = _extra(usb_descriptors.split(dev.configuration)[1:])
        return found

    def get_interface_descriptor(self, dev: UsbDevice, intf: int, alt: int, config: int) -> SimpleNamespace:
        _within(config, 1)
        _within(alt, 1)
        below = _interface(dev, intf)
        found = _named(_INTERFACE, _INTERFACE_KEYS, below[0])
        found.extra_descriptors = _extra(below[1:])
        return found

    def get_endpoint_descriptor(self, dev: UsbDevice, ep: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        endpoints = [each for each in _interface(dev, intf) if each[1] == usb_descriptors.ENDPOINT]
        _within(ep, len(endpoints))
        found = _named(_ENDPOINT, _ENDPOINT_KEYS, endpoints[ep])
        found.bRefresh = found.bSynchAddress = 0
        found.extra_descriptors = []
        return found

    # -- an open device

    def open_device(self, dev: UsbDevice) -> SimpleNamespace:
        if dev.refusal:
            raise _error(dev.refusal)
        _checked(dev)
        handle = SimpleNamespace(device=dev)
        with self._lock:
            self.open_handles.add(id(handle))
        return handle

    def close_device(self, dev_handle: SimpleNamespace) -> None:
        with self._lock:
            self.open_handles.remove(id(dev_handle))

    def set_configuration(self, dev_handle: SimpleNamespace, config_value: int) -> None:
        _checked(dev_handle.device)
        if config_value != 1:
            raise _error(errno.ENOENT)

    def get_configuration(self, dev_handle: SimpleNamespace) -> int:
        _checked(dev_handle.device)
        return 1

    def set_interface_altsetting(self, dev_handle: SimpleNamespace, intf: int, altsetting: int) -> None:
        _checked(dev_handle.device)
        if altsetting != 0:
            raise _error(errno.ENOENT)

    def claim_interface(self, dev_handle: SimpleNamespace, intf: int) -> None:
        device: UsbDevice = dev_handle.device
        _checked(device)
        if intf in device.held or device.claimed.setdefault(intf, dev_handle) is not dev_handle:
            raise _error(errno.EBUSY)

    def release_interface(self, dev_handle: SimpleNamespace, intf: int) -> None:
        device: UsbDevice = dev_handle.device
        if device.claimed.get(intf) is not dev_handle:
            raise _error(errno.ENOENT)
        del device.claimed[intf]
        _checked(device)

    def is_kernel_driver_active(self, dev_handle: SimpleNamespace, intf: int) -> bool:
        _checked(dev_handle.device)
        return intf in dev_handle.device.held

    def detach_kernel_driver(self, dev_handle: SimpleNamespace, intf: int) -> None:
        device: UsbDevice = dev_handle.device
        _checked(device)
        if intf not in device.held:
            raise _error(errno.ENOENT)
        device.held -= {intf}

    def attach_kernel_driver(self, dev_handle: SimpleNamespace, intf: int) -> None:
        device: UsbDevice = dev_handle.device
        _checked(device)
        if intf in device.claimed:
            raise _error(errno.EBUSY)
        device.held |= {intf}

    def clear_halt(self, dev_handle: SimpleNamespace, ep: int) -> None:
        _checked(dev_handle.device)

    def reset_device(self, dev_handle: SimpleNamespace) -> None:
        _checked(dev_handle.device)

    # -- transfers

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
        is_in = bool(bmRequestType & usb.util.ENDPOINT_IN)
        sent = b"" if is_in else bytes(data)
        try:
            answer = dev_handle.device.control(bmRequestType, bRequest, wValue, wIndex, sent, len(data))
        except UsbFault as fault:
            raise _error(fault.number) from fault
        if not is_in:
            return len(data)
        data[: len(answer)] = array("B", answer)
        return len(answer)

    def bulk_write(self, dev_handle: SimpleNamespace, ep: int, intf: int, data: array[int], timeout: int) -> int:
        return self._transfer(dev_handle.device, ep, bytes(data), len(data), timeout)[0]

    def bulk_read(self, dev_handle: SimpleNamespace, ep: int, intf: int, buff: array[int], timeout: int) -> int:
        count, data = self._transfer(dev_handle.device, ep, None, len(buff), timeout)
        memoryview(buff)[:count] = data
        return count

    def intr_write(self, dev_handle: SimpleNamespace, ep: int, intf: int, data: array[int], timeout: int) -> int:
        return self.bulk_write(dev_handle, ep, intf, data, timeout)

    def intr_read(self, dev_handle: SimpleNamespace, ep: int, intf: int, buff: array[int], timeout: int) -> int:
        return self.bulk_read(dev_handle, ep, intf, buff, timeout)

    def _transfer(
        self, device: UsbDevice, endpoint: int, data: bytes | None, length: int, timeout_ms: int
    ) -> tuple[int, bytes]:
        """Bytes that passed, and what came in. ``timeout_ms`` 0: no limit, as in libusb."""
        deadline_s = time.monotonic() + timeout_ms / 1000 if timeout_ms else None
        try:
            transfer = device.transfer(endpoint, data, length)
            with device.lock:
                while True:
                    device.check_attached()
                    if transfer is not None and transfer.step():
                        break
                    left_s = None if deadline_s is None else deadline_s - time.monotonic()
                    if left_s is not None and left_s <= 0:
                        self.timeouts += 1
                        if transfer is not None and transfer.count:
                            break
                        raise usb.core.USBTimeoutError("Operation timed out", -errno.ETIMEDOUT, errno.ETIMEDOUT)
                    device.wake()  # it may have room, or something to say
                    device.lock.wait(left_s)
        except UsbFault as fault:
            raise _error(fault.number) from fault
        device.wake()
        return transfer.count, bytes(transfer.data)

    def _address(self, device: UsbDevice) -> int:
        with self._lock:
            return self._addresses.setdefault(id(device), next(self._numbers))


def _interface(device: UsbDevice, index: int) -> list[bytes]:
    """An interface's descriptor and what follows until the next interface or association. IndexError ends pyusb's
    counting."""
    found: list[list[bytes]] = []
    current: list[bytes] = []
    for each in usb_descriptors.split(device.configuration):
        if each[1] == usb_descriptors.INTERFACE:
            current = [each]
            found.append(current)
        elif each[1] == usb_descriptors.ASSOCIATION:
            current = []  # of the next function
        else:
            current.append(each)
    return found[index]


def _extra(descriptors: list[bytes]) -> list[int]:
    """The class's own descriptors before the first endpoint or interface, as pyusb keeps them."""
    extra: list[int] = []
    for each in descriptors:
        if each[1] in (usb_descriptors.ENDPOINT, usb_descriptors.INTERFACE):
            break
        extra += each
    return extra


def _named(layout: struct.Struct, keys: str, data: bytes) -> SimpleNamespace:
    return SimpleNamespace(**dict(zip(keys.split(), layout.unpack_from(data), strict=True)))


def _within(index: int, count: int) -> None:
    if index >= count:
        raise IndexError(index)  # how pyusb finds the last one


def _checked(device: UsbDevice) -> None:
    if not device.attached:
        raise _error(errno.ENODEV)


def _error(number: int) -> Any:
    return usb.core.USBError(errno.errorcode[number], -number, number)
