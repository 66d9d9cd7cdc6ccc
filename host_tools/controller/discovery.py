"""Finding boards: which ports are there now, read from the USB tree and from configured URLs.

Law: reads only; opens nothing. A USB serial port counts as ours by vendor and product identity, so that nobody else's
device is ever opened and written to. A device that a configured ``usb://`` URL names is opened by that alone: its
serial port leads to the same board, and the two sessions would end each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from host_tools.hardware import Board, UsbDevice, link_tty, read_usb_tree
from host_tools.hardware.usb_faults import UsbWatch, read_usb_ports
from host_tools.transports.errors import PortError
from host_tools.transports.usb_bulk import SCHEME, Target, parse_target


class FoundPort(NamedTuple):
    """``location``: where on the USB tree (``1-1.3``), empty for a configured URL; so are ``serial`` and ``model``."""

    url: str
    location: str
    serial: str
    model: str


class Finder:
    """``usb_root``: /sys/bus/usb/devices or a bench's copy of that layout; ``dev``: where its ttys are. ``faults``:
    what the last look found wrong on the USB tree, a line by location."""

    def __init__(self, boards: Iterable[Board], usb_root: Path | None, dev: Path, urls: Iterable[str]) -> None:
        self._ours = {(board.usb.vid, board.usb.pid): board for board in boards}
        self._usb_root = usb_root
        self._dev = dev
        self._urls = tuple(urls)
        self._targets = [target for url in self._urls if (target := _target(url)) is not None]
        self._watch = UsbWatch(self._ours.values())
        self.faults: dict[str, str] = {}

    def look(self) -> list[FoundPort]:
        """All ports of ours that are there at this moment."""
        found = {url: FoundPort(url, "", "", "") for url in self._urls}
        if self._usb_root is None:
            return list(found.values())
        devices = read_usb_tree(self._usb_root)
        self.faults = self._watch.faults(devices, read_usb_ports(self._usb_root))
        for device in devices:
            board = self._ours.get((device.vid, device.pid))
            url = self._url_of(device, board)
            if board is not None and url is not None:
                found[url] = FoundPort(url, device.location, device.serial, board.model)
        return list(found.values())

    def _url_of(self, device: UsbDevice, board: Board | None) -> str | None:
        for target in self._targets:
            if (target.vid, target.pid, target.serial) == (device.vid, device.pid, device.serial):
                return target.url
        tty = None if board is None else link_tty(device, board)
        return None if tty is None else str(self._dev / tty)


def _target(url: str) -> Target | None:
    """Which device a URL names by its serial number; None for all that is not ``usb://…/SERIAL``."""
    if not url.lower().startswith(f"{SCHEME}://"):
        return None
    try:
        target = parse_target(url)
    except PortError:  # told by whoever opens it
        return None
    return target if target.serial else None
