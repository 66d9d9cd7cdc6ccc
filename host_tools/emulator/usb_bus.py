"""The emulated USB bus: what a Linux host would show of it under /sys/bus/usb/devices, in a folder of the bench.

A controller finds emulated boards by the same reading of the same layout as real ones
(``host_tools.hardware.read_usb_tree``). A device's folder appears when it has enumerated and goes when it is unplugged.
Hubs are devices too; below the interface of each is a folder a port (``1-1:1.0/1-1-port3``) with ``state`` (Linux 6.5
and later) and ``over_current_count``, which is all that a host shows of a device that does not come up.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from host_tools.emulator.usb_layout import HUB, ROOT_HUB, UsbIdentity, hubs_above, port_folder

__all__ = ("UsbBus", "UsbIdentity")


class PortState(NamedTuple):
    """``state``: a word of usb_ports.STATES; ``over_currents``: how often the hub has switched it off for that."""

    state: str
    over_currents: int


class UsbBus:
    """Writes the layout below ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._hub_ports: dict[str, int] = {}
        root.mkdir(parents=True, exist_ok=True)

    def attach(
        self,
        location: str,
        identity: UsbIdentity,
        speed_mbps: int,
        tty_name: str | None,
        configured: bool = True,
    ) -> None:
        """A device has enumerated at ``location`` (``1-1.3``), with a serial port of that name if it has one.
        ``configured``: it took its configuration; one that did not has no interface."""
        files = _attributes(location, identity, speed_mbps)
        files["bConfigurationValue"] = "1" if configured else ""
        interface = self._root / f"{location}:1.0"
        if tty_name is not None and configured:
            (interface / "tty" / tty_name).mkdir(parents=True, exist_ok=True)
        self._show(location, files)

    def add_hub(self, location: str, ports: int) -> None:
        """A hub with that many ports, and every hub above it; with those that are there, does nothing."""
        for hub in (*hubs_above(location), location):
            self._make_hub(hub, ports)

    def set_port(self, location: str, port: PortState) -> None:
        """What the hub says of the port to which ``location`` belongs."""
        folder = self._root / port_folder(location)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (("state", port.state), ("over_current_count", str(port.over_currents))):
            fresh = folder / f".{name}.new"
            fresh.write_text(text + "\n", encoding="ascii")
            os.replace(fresh, folder / name)

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
        self._hub_ports = {}
        shutil.rmtree(self._root, ignore_errors=True)
        self._root.mkdir(parents=True)

    def _make_hub(self, location: str, ports: int) -> None:
        if location in self._hub_ports:
            return
        self._hub_ports[location] = ports
        is_root = "-" not in location
        files = _attributes(location, ROOT_HUB if is_root else HUB, 480)
        files.update(bDeviceClass="09", maxchild=str(ports), bConfigurationValue="1")
        self._show(location, files)

    def _show(self, location: str, files: dict[str, str]) -> None:
        folder = self._root / f".{location}.new"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text + "\n", encoding="utf-8")
        shutil.rmtree(self._root / location, ignore_errors=True)
        os.rename(folder, self._root / location)


def _attributes(location: str, identity: UsbIdentity, speed_mbps: int) -> dict[str, str]:
    """Attributes that have no text are not there, as where a device has no such string."""
    files = {
        "idVendor": f"{identity.vendor_id:04x}",
        "idProduct": f"{identity.product_id:04x}",
        "manufacturer": identity.manufacturer,
        "product": identity.product,
        "serial": identity.serial,
        "speed": str(speed_mbps),
        "version": " 2.00",
        "bDeviceClass": "00",
        "busnum": location.removeprefix("usb").partition("-")[0],
        "devpath": location.partition("-")[2] or "0",
    }
    return {name: text for name, text in files.items() if text}
