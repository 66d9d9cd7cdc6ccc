"""What is wrong on the USB tree, from what Linux shows of it: in one line each, with a remedy.

Law: reads the layout that ``usb`` describes and compares two looks; opens nothing. A device that does not come up has
no folder of its own: only its hub's port tells of it, ``<hub interface>/<hub>-port<n>/over_current_count`` (Linux 4.19)
and ``state`` (Linux 6.5). Where the kernel shows neither, that kind of fault is not seen here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from host_tools.hardware.model import Board
from host_tools.hardware.usb import ATTRIBUTE_BYTES_MAX, UsbDevice, link_tty

STATES_BETWEEN = ("attached", "powered", "reconnecting", "unauthenticated", "default", "addressed")
LOOKS_MIN = 10  # in a row before a state between is a fault: at five looks a second two seconds, four times a good port
STEPS = {
    "default": "it does not accept an address",
    "addressed": "it does not take its configuration",
    "unauthenticated": "the host does not allow it",
}
REMEDY = "take it out, clean its contacts and put it in again; if it stays, try another port"

_PORT = re.compile(r"(usb\d+|\d+-\d+(?:\.\d+)*)-port(\d+)")


@dataclass(frozen=True, slots=True)
class UsbPort:
    """A port of a hub. ``location``: of what is plugged in there; ``state`` empty where the kernel does not tell."""

    location: str
    state: str
    over_currents: int


def read_usb_ports(root: Path) -> tuple[UsbPort, ...]:
    """Every port that can be read now, in no order that matters."""
    ports: list[UsbPort] = []
    try:
        interfaces = [entry for entry in root.iterdir() if ":" in entry.name]
    except OSError:
        return ()
    for interface in interfaces:
        for folder in _folders(interface):
            found = _PORT.fullmatch(folder.name)
            if found is not None:
                count = _text(folder / "over_current_count")
                location = _location(found.group(1), found.group(2))
                ports.append(UsbPort(location, _text(folder / "state"), int(count) if count.isdecimal() else 0))
    return tuple(ports)


class UsbWatch:
    """Compares looks at one tree. ``boards``: ours; nobody else's devices are judged."""

    def __init__(self, boards: Iterable[Board]) -> None:
        self._ours = {(board.usb.vid, board.usb.pid): board for board in boards}
        self._first_count: dict[str, int] = {}
        self._looks: dict[str, int] = {}

    def faults(self, devices: Iterable[UsbDevice], ports: Iterable[UsbPort]) -> dict[str, str]:
        """``location`` to what is wrong there. To be called at every look."""
        by_location = {device.location: device for device in devices}
        told = {
            location: text
            for location, device in by_location.items()
            if (text := self._judge_device(location, device)) is not None
        }
        for port in ports:
            text = self._judge_port(port, by_location)
            if text is not None:
                told.setdefault(port.location, text)
        return told

    def _judge_device(self, location: str, device: UsbDevice) -> str | None:
        board = self._ours.get((device.vid, device.pid))
        if board is None:
            return None
        name = f"USB port {location}: {device.serial or board.model}"
        if link_tty(device, board) is None:
            if not self._lasts(location):
                return None
            return f"{name} has no serial port: its configuration failed; {REMEDY}"
        self._looks.pop(location, None)
        if not device.serial:
            return f"{name} does not tell its serial number: its descriptors cannot be read; {REMEDY}"
        if 0 < device.speed_mbps < min(board.usb.speed_mbps, 480):
            best = min(board.usb.speed_mbps, 480)
            speed = f"{device.speed_mbps} Mbit/s instead of {best}"
            return f"{name} runs at {speed}: clean its contacts or change the cable"
        return None

    def _judge_port(self, port: UsbPort, devices: Mapping[str, UsbDevice]) -> str | None:
        first = self._first_count.setdefault(port.location, port.over_currents)
        if port.location in devices:
            self._first_count[port.location] = port.over_currents  # it works again: what was is told no more
            return None
        if port.over_currents > first:
            times = port.over_currents - first
            return f"USB port {port.location}: over-current, {times} times: look for a short, then put it in again"
        if port.state in STATES_BETWEEN:
            if not self._lasts(port.location):
                return None
            step = STEPS.get(port.state, f"it stops at {port.state}")
            return f"USB port {port.location}: a device does not enumerate, {step}; {REMEDY}"
        self._looks.pop(port.location, None)
        return None

    def _lasts(self, location: str) -> bool:
        """Whether it has been so for LOOKS_MIN looks in a row."""
        self._looks[location] = self._looks.get(location, 0) + 1
        return self._looks[location] >= LOOKS_MIN


def _location(hub: str, port: str) -> str:
    """``1-1.2`` and ``3`` are ``1-1.2.3``; ``usb1`` and ``1`` are ``1-1``."""
    return f"{hub.removeprefix('usb')}-{port}" if hub.startswith("usb") else f"{hub}.{port}"


def _folders(interface: Path) -> list[Path]:
    try:
        return [entry for entry in interface.iterdir() if "-port" in entry.name]
    except OSError:
        return []


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(ATTRIBUTE_BYTES_MAX).decode("ascii", errors="replace").strip()
    except OSError:
        return ""
