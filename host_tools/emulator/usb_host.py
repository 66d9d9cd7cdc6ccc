"""An emulated bench as a USB host sees it: one device a board or reader, with the functions that its board file says.

Law: the boards' own bytes, by another way than the pseudo-terminal; what is plugged in follows the bench. Devices are
asked for by pyusb in this process (``backend``), or exported to other programs and kernels (``usbip``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.camera_world import CameraWorld
from host_tools.emulator.dock_world import DockWorld
from host_tools.emulator.plugs import PtyPlug
from host_tools.emulator.reader_world import ReaderWorld
from host_tools.emulator.usb_backend import EmulatedUsb
from host_tools.emulator.usb_descriptors import Function
from host_tools.emulator.usb_device import BulkStream, UsbDevice
from host_tools.emulator.usb_layout import UsbIdentity

LINK_FUNCTIONS = ("link", "offload")  # the board's stream runs over these; others (a prompt) are there and silent
READER_FUNCTIONS = ("acm", "ffs")  # of a reader with a port of its own; of one behind a bridge of a vendor's class
FULL_SPEED_MBPS, HIGH_SPEED_MBPS = 12, 480


class BenchUsb:
    """The USB devices of a bench whose plugs are pseudo-terminals. Made in the bench's loop, before its start."""

    def __init__(self, bench: EmulatedBench) -> None:
        self._bench = bench
        self._devices: dict[str, UsbDevice] = {}
        for name, world in {**bench.docks, **bench.cameras}.items():
            self._devices[name] = self._board(world)
        for name, reader in bench.readers.items():  # one that types has no port: it is never put in
            self._devices[name] = self._reader(reader)

    def devices(self) -> list[UsbDevice]:
        """All that are plugged in now, each with the place that it has on the bench's USB tree."""
        for name, device in self._devices.items():
            device.location = self._bench.usb_ports.location_of(name) or device.location
        return [device for device in self._devices.values() if device.attached]

    def device(self, name: str) -> UsbDevice:
        """Of a board by its name on the bench. KeyError."""
        return self._devices[name]

    def backend(self) -> EmulatedUsb:
        """For ``usb.core.find(backend=…)`` in threads of this process."""
        return EmulatedUsb(self.devices)

    def _board(self, world: CameraWorld | DockWorld) -> UsbDevice:
        usb = world.board.usb
        identity = UsbIdentity(usb.vid, usb.pid, usb.manufacturer, usb.product, world.part.serial)
        functions = tuple(Function(each.name, each.kind) for each in usb.functions)
        speed_mbps = HIGH_SPEED_MBPS if usb.speed_mbps >= HIGH_SPEED_MBPS else FULL_SPEED_MBPS
        return _device_of(identity, functions, speed_mbps, world.plug, lambda: world.emulated.wake())

    def _reader(self, reader: ReaderWorld) -> UsbDevice:
        function = Function(LINK_FUNCTIONS[0], READER_FUNCTIONS[reader.is_bridged()])
        return _device_of(reader.socket().identity, (function,), FULL_SPEED_MBPS, reader.plug, reader.wake)


class _FunctionWay:
    """A function of the device as a way of the board's plug."""

    def __init__(self, device: UsbDevice, stream: BulkStream) -> None:
        self._device = device
        self._stream = stream

    def put_in(self) -> None:
        self._device.put_in()

    def pull_out(self) -> None:
        self._device.pull_out()

    def read_into(self, buffer: bytearray | memoryview) -> int:
        return self._stream.read_into(buffer)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        return self._stream.write(data)


def _device_of(
    identity: UsbIdentity, functions: tuple[Function, ...], speed_mbps: int, plug: Any, wake: Callable[[], object]
) -> UsbDevice:
    device = UsbDevice(identity, functions, speed_mbps)
    device.pull_out()
    loop = asyncio.get_running_loop()
    for function in functions:
        if function.name in LINK_FUNCTIONS and isinstance(plug, PtyPlug):
            plug.add_way(_FunctionWay(device, device.stream(function.name, lambda: _wake(loop, wake))))
    return device


def _wake(loop: asyncio.AbstractEventLoop, wake: Callable[[], object]) -> None:
    """From whatever thread the host runs in; silent when the bench has ended."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(wake)
