"""USB topology from the layout of Linux' /sys/bus/usb/devices, read below any folder.

One entry a device (``1-1.3``: bus 1, port 1 of the root hub, port 3 of the hub there) with the files ``idVendor``,
``idProduct``, ``serial``, ``product``, ``speed``; one entry an interface (``1-1.3:1.0``) with its terminals in
``tty/ttyACM0`` or, for USB-to-serial chips, ``ttyUSB0/tty/ttyUSB0``. Entries vanish while they are read; what has gone
is left out. The emulator writes the same layout.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from host_tools.hardware.model import Board
from host_tools.hardware.said import printable

SYSFS_DEVICES = Path("/sys/bus/usb/devices")
ATTRIBUTE_BYTES_MAX = 1024  # a string descriptor has at most 126 characters
PLACES_KNOWN_MAX = 512  # of a tree, as numbers: every status and every look asks for the same ones again

_DEVICE = re.compile(r"\d+-\d+(\.\d+)*")
_INTERFACE = re.compile(r"(\d+-\d+(?:\.\d+)*):\d+\.\d+")


@dataclass(frozen=True)
class UsbDevice:
    """A device on the bus. ``ttys``: names of its terminals in interface order, ``ttyACM0`` and so on."""

    location: str
    vid: int
    pid: int
    serial: str
    product: str
    speed_mbps: int
    ttys: tuple[str, ...]


def read_usb_tree(root: Path = SYSFS_DEVICES) -> tuple[UsbDevice, ...]:
    """Every device that can be read now, by location. Empty where there is no USB."""
    top = os.fspath(root)  # texts from here on: a controller reads all this five times a second
    names = _names_in(top)
    ttys = _ttys(top, names)
    devices = (_read_device(top, name, ttys.get(name, ())) for name in names if _DEVICE.fullmatch(name))
    return tuple(sorted((device for device in devices if device is not None), key=lambda each: ports_of(each.location)))


@lru_cache(PLACES_KNOWN_MAX)
def ports_of(location: str) -> tuple[int, ...]:
    """``1-1.3`` as numbers: bus, then ports outwards."""
    return tuple(int(number) for number in re.findall(r"\d+", location))


def bay_of(location: str, dock: Board, dock_location: str) -> int | None:
    """The bay in which the device at ``location`` sits; None if in none of this dock.

    ``dock_location``: where the dock's own controller chip shows itself; its hub follows from the board file.
    """
    if dock.hub is None:
        return None
    at, own = ports_of(location), ports_of(dock_location)
    controller = ports_of(dock.hub.controller_port)
    if own[-len(controller) :] != controller:
        return None
    hub = own[: -len(controller)]
    for bay in dock.hub.bays:
        if at == hub + ports_of(bay.port):
            return bay.bay
    return None


def location_of_bay(bay: int, dock: Board, hub_location: str) -> str:
    """Where a camera in that bay shows itself, the dock's hub being at ``hub_location``. KeyError for no such bay."""
    for each in dock.hub.bays if dock.hub else ():
        if each.bay == bay:
            return f"{hub_location}.{each.port}"
    raise KeyError(bay)


def location_of_controller(dock: Board, hub_location: str) -> str:
    """Where the dock's own controller chip shows itself, its hub being at ``hub_location``."""
    return hub_location if dock.hub is None else f"{hub_location}.{dock.hub.controller_port}"


def find_device(devices: Iterable[UsbDevice], board: Board) -> tuple[UsbDevice, ...]:
    """All devices with the USB identity of this board."""
    return tuple(device for device in devices if (device.vid, device.pid) == (board.usb.vid, board.usb.pid))


def device_of_tty(devices: Iterable[UsbDevice], tty: str) -> UsbDevice | None:
    """The device a terminal belongs to; ``tty`` is a name or a path such as ``/dev/ttyACM0``."""
    name = tty.rpartition("/")[2]
    return next((device for device in devices if name in device.ttys), None)


def link_tty(device: UsbDevice, board: Board) -> str | None:
    """The terminal behind the board's function ``link``; None if the device has no terminal at all.

    Terminals come in the order of the board's serial functions. A device that shows fewer of them than the board has
    (an emulated one has the link alone) has it last.
    """
    serials = [function.name for function in board.usb.functions if function.kind == "acm"]
    index = serials.index("link") if "link" in serials else 0
    return device.ttys[min(index, len(device.ttys) - 1)] if device.ttys else None


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _ttys(root: str, names: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        interface = _INTERFACE.fullmatch(name)
        if interface is not None:
            location = interface.group(1)
            found[location] = found.get(location, ()) + _ttys_of(f"{root}/{name}")
    return found


def _ttys_of(interface: str) -> tuple[str, ...]:
    below = tuple(name for name in _names_in(interface) if name.startswith("ttyUSB"))
    return tuple(_names_in(f"{interface}/tty")) + below


def _read_device(root: str, name: str, ttys: tuple[str, ...]) -> UsbDevice | None:
    folder = f"{root}/{name}"
    vid, pid = _hex(f"{folder}/idVendor"), _hex(f"{folder}/idProduct")
    if vid is None or pid is None:
        return None
    speed = _text(f"{folder}/speed")
    return UsbDevice(
        location=name,
        vid=vid,
        pid=pid,
        serial=_text(f"{folder}/serial"),
        product=_text(f"{folder}/product"),
        speed_mbps=int(float(speed)) if re.fullmatch(r"\d+(\.\d+)?", speed) else 0,
        ttys=ttys,
    )


def _text(path: str) -> str:
    """First bytes of an attribute; empty where there is none or it has gone. A device says what it likes, see
    ``said``."""
    try:
        with open(path, "rb", buffering=0) as file:
            text = file.read(ATTRIBUTE_BYTES_MAX).decode(errors="replace").strip()
    except OSError:
        return ""
    return printable(text)


def _hex(path: str) -> int | None:
    text = _text(path)
    return int(text, 16) if re.fullmatch(r"[0-9a-fA-F]{1,4}", text) else None
