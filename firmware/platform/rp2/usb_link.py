"""The link's own serial port on USB, beside the one with MicroPython's prompt (micropython-lib: usb-device-cdc).

Law: nothing of the link ever goes through the prompt's port, where byte 3 would stop the program and a slow host would
lose bytes. A soft reset takes both ports from the bus for a moment.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import PortFault
from firmware.ports.stream import Stream

if TYPE_CHECKING:
    from typing import Any

    Buffer = bytes | bytearray | memoryview

BUFFER_BYTES = 1024  # each way: two frames of the largest kind
MISCELLANEOUS = (0xEF, 0x02, 0x01)  # device class of a device whose functions have several interfaces each


def open_link(board: "dict[str, Any]") -> "CdcStream":
    """Show both ports under the board's own identity. PortFault if the package is not on the board."""
    try:
        import usb.device  # pyright: ignore[reportMissingImports]  not in the stubs: from micropython-lib
        from usb.device.cdc import CDCInterface  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise PortFault("usb-device-cdc is not on this board: mpremote mip install usb-device-cdc")
    port = CDCInterface(timeout=0, txbuf=BUFFER_BYTES, rxbuf=BUFFER_BYTES)
    identity = board["usb"]
    device = usb.device.get()  # pyright: ignore[reportAttributeAccessIssue]
    device.init(
        port,
        builtin_driver=True,
        id_vendor=identity["vid"],
        id_product=identity["pid"],
        manufacturer_str=identity["manufacturer"],
        product_str=identity["product"],
        serial_str=board["serial"],
        device_class=MISCELLANEOUS[0],
        device_subclass=MISCELLANEOUS[1],
        device_protocol=MISCELLANEOUS[2],
    )
    return CdcStream(port)


class CdcStream(Stream):
    """``port``: a CDCInterface that never waits (timeout 0)."""

    def __init__(self, port: "Any") -> None:
        self._port = port

    def is_open(self) -> bool:
        """See Stream: configured by a host, and a program there has opened the port."""
        return self._port.is_open() and self._port.dtr

    def read_into(self, buffer: "bytearray | memoryview") -> int:
        """See Stream."""
        return self._port.readinto(buffer) or 0

    def write(self, data: "Buffer") -> int:
        """See Stream. Nobody there takes nothing: what waited would be the next one's garbage."""
        return self._port.write(data) or 0 if self.is_open() else 0
