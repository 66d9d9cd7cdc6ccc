"""Names of the emulated USB tree: which hubs a location hangs on, where a port shows itself, what hubs say they are."""

from __future__ import annotations

from typing import NamedTuple


class UsbIdentity(NamedTuple):
    """What a device says of itself."""

    vendor_id: int
    product_id: int
    manufacturer: str
    product: str
    serial: str


HUB = UsbIdentity(0x0424, 0x2514, "", "", "")  # a USB2514B has no strings unless somebody programs them
ROOT_HUB = UsbIdentity(0x1D6B, 0x0002, "Linux", "emulated host controller", "")
HUB_PORTS = 4


def hubs_above(location: str) -> tuple[str, ...]:
    """``1-1.2.3`` hangs on ``usb1``, ``1-1`` and ``1-1.2``."""
    bus, _, path = location.partition("-")
    if not path:
        return ()
    ports = path.split(".")
    return (f"usb{bus}", *(f"{bus}-{'.'.join(ports[:count])}" for count in range(1, len(ports))))


def port_folder(location: str) -> str:
    """``1-1.2.3`` is port 3 of the hub 1-1.2: ``1-1.2:1.0/1-1.2-port3``; ``1-1``: ``1-0:1.0/usb1-port1``."""
    hub = hubs_above(location)[-1]
    number = location.replace("-", ".").rpartition(".")[2]
    interface = f"{hub.removeprefix('usb')}-0:1.0" if hub.startswith("usb") else f"{hub}:1.0"
    return f"{interface}/{hub}-port{number}"
