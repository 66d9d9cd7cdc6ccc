"""The emulated USB bus of a bench in memory: the same calls as UsbBus, and what is there now as plain data."""

from __future__ import annotations

from typing import NamedTuple

from host_tools.emulator.usb_bus import PortState
from host_tools.emulator.usb_layout import UsbIdentity


class Attached(NamedTuple):
    """A device that shows itself. ``port_name``: of its serial port, None if it has none."""

    location: str
    identity: UsbIdentity
    speed_mbps: int
    port_name: str | None


class MemoryBus:
    """``devices`` and ``ports`` by location."""

    def __init__(self) -> None:
        self.devices: dict[str, Attached] = {}
        self.ports: dict[str, PortState] = {}

    def attach(
        self, location: str, identity: UsbIdentity, speed_mbps: int, tty_name: str | None, configured: bool = True
    ) -> None:
        """See UsbBus."""
        self.devices[location] = Attached(location, identity, speed_mbps, tty_name if configured else None)

    def add_hub(self, location: str, ports: int) -> None:
        """Hubs are not told here: nobody reads a tree."""

    def set_port(self, location: str, port: PortState) -> None:
        """See UsbBus."""
        self.ports[location] = port

    def detach(self, location: str) -> None:
        """See UsbBus."""
        self.devices.pop(location, None)

    def clear(self) -> None:
        """See UsbBus."""
        self.devices.clear()
        self.ports.clear()
