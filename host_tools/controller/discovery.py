"""Finding boards: which ports are there now, read from the USB tree and from configured URLs.

Law: reads only; opens nothing. A USB serial port counts as ours by vendor and product identity, so that nobody else's
device is ever opened and written to.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from host_tools.hardware import Board, link_tty, read_usb_tree


class FoundPort(NamedTuple):
    """``location``: where on the USB tree (``1-1.3``), empty for a configured URL; so are ``serial`` and ``model``."""

    url: str
    location: str
    serial: str
    model: str


class Finder:
    """``usb_root``: /sys/bus/usb/devices or a bench's copy of that layout; ``dev``: where its ttys are."""

    def __init__(self, boards: Iterable[Board], usb_root: Path | None, dev: Path, urls: Iterable[str]) -> None:
        self._ours = {(board.usb.vid, board.usb.pid): board for board in boards}
        self._usb_root = usb_root
        self._dev = dev
        self._urls = tuple(urls)

    def look(self) -> list[FoundPort]:
        """All ports of ours that are there at this moment."""
        found = [FoundPort(url, "", "", "") for url in self._urls]
        if self._usb_root is None:
            return found
        for device in read_usb_tree(self._usb_root):
            board = self._ours.get((device.vid, device.pid))
            tty = None if board is None else link_tty(device, board)
            if board is not None and tty is not None:
                found.append(FoundPort(str(self._dev / tty), device.location, device.serial, board.model))
        return found
