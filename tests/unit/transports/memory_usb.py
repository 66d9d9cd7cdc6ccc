"""Emulated devices at pyusb, as tests of transports want them: a bus that is a list, a plug for a small board."""

from __future__ import annotations

from collections.abc import Callable

from host_tools.emulator.usb_backend import EmulatedUsb
from host_tools.emulator.usb_descriptors import Function
from host_tools.emulator.usb_device import QUEUE_PACKETS, BulkStream, UsbDevice
from host_tools.emulator.usb_layout import UsbIdentity

__all__ = ("BULK", "PACKET_BYTES", "QUEUE_PACKETS", "SERIAL_AND_BULK", "BulkPlug", "MemoryUsb", "memory_device")

PACKET_BYTES = 512  # of a bulk endpoint at high speed
BULK = (Function("offload", "ffs"),)
SERIAL_AND_BULK = (Function("link", "acm"), Function("offload", "ffs"))


def memory_device(
    serial: str, functions: tuple[Function, ...] = BULK, pid: int = 0x0B0C, refusal: int = 0
) -> UsbDevice:
    """A device; a driver of the host's kernel holds its serial functions."""
    identity = UsbIdentity(0x1209, pid, "OpenBWC", "Small board", serial)
    held = frozenset({0, 1}) if functions[0].kind == "acm" else frozenset[int]()
    device = UsbDevice(identity, functions, held=held)
    device.refusal = refusal
    return device


class MemoryUsb(EmulatedUsb):
    """The bus."""

    def __init__(self, *devices: UsbDevice) -> None:
        self.devices = list(devices)
        super().__init__(self.devices)


class BulkPlug(BulkStream):
    """The small board's end of the first vendor interface."""

    def __init__(self, device: UsbDevice, wake: Callable[[], object], ends_short: bool = True) -> None:
        super().__init__(device, device.pair_of("offload"), wake, ends_short)
        self._bus_device = device

    def put_in(self) -> None:
        """It has been attached all the time."""

    def pull_out(self) -> None:
        self._bus_device.pull_out()

    def want_write(self, wanted: bool) -> None:
        """Every transfer of the host wakes the device anyway."""
