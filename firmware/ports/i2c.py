"""An I2C bus whose chips are sets of registers. Addresses are the seven bits of the bus, register numbers one byte."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import PortFault, Unprovided

if TYPE_CHECKING:
    Buffer = bytes | bytearray | memoryview

ADDRESS_MIN = 0x08  # below and above these the bus keeps addresses for itself
ADDRESS_MAX = 0x77


class NoAnswer(PortFault):
    """No chip acknowledged, or one gave up in the middle. The text names bus and address."""


class I2c:
    """One master, no clock of its own. A call is one transfer: nobody comes between register number and data."""

    def read(self, address: int, register: int, count: int) -> bytes:
        """``count`` bytes from ``register`` on. NoAnswer if there is none."""
        raise Unprovided(self, "read")

    def write(self, address: int, register: int, data: "Buffer") -> None:
        """Put ``data`` there from ``register`` on. NoAnswer if the chip does not take it."""
        raise Unprovided(self, "write")


def no_answer(bus: str, address: int) -> NoAnswer:
    """The fault for a chip that is not there, with its remedy."""
    return NoAnswer("%s: nothing answers at 0x%02x; check its wiring, its power and its address" % (bus, address))
