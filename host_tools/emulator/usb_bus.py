"""The emulated USB bus: what a Linux host would show of it under /sys/bus/usb/devices, in a folder of the bench.

A controller finds emulated boards by the same reading of the same layout as real ones
(``host_tools.hardware.read_usb_tree``). A device's folder appears when it has enumerated and goes when it is unplugged.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple


class UsbIdentity(NamedTuple):
    """What a device says of itself."""

    vendor_id: int
    product_id: int
    manufacturer: str
    product: str
    serial: str


class UsbBus:
    """Writes the layout below ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def attach(self, location: str, identity: UsbIdentity, speed_mbps: int, tty_name: str | None) -> None:
        """A device has enumerated at ``location`` (``1-1.3``), with a serial port of that name if it has one."""
        files = {
            "idVendor": f"{identity.vendor_id:04x}",
            "idProduct": f"{identity.product_id:04x}",
            "manufacturer": identity.manufacturer,
            "product": identity.product,
            "serial": identity.serial,
            "speed": str(speed_mbps),
        }
        folder = self._root / f".{location}.new"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text + "\n", encoding="utf-8")
        interface = self._root / f"{location}:1.0"
        if tty_name is not None:
            (interface / "tty" / tty_name).mkdir(parents=True, exist_ok=True)
        os.rename(folder, self._root / location)

    def detach(self, location: str) -> None:
        """The device has gone. Unknown locations are no error: unplugging twice is."""
        gone = self._root / f".{location}.gone"
        device = self._root / location
        if device.exists():
            os.rename(device, gone)
            shutil.rmtree(gone, ignore_errors=True)
        shutil.rmtree(self._root / f"{location}:1.0", ignore_errors=True)

    def clear(self) -> None:
        """Remove what an earlier run left."""
        shutil.rmtree(self._root, ignore_errors=True)
        self._root.mkdir(parents=True)
