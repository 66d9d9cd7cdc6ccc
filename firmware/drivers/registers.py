"""Registers of chips on an I2C bus, most significant byte first. Portable; the one place that packs them."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

if TYPE_CHECKING:
    from firmware.ports.i2c import I2c


class Registers16:
    """Registers of sixteen bits. ``name``: of the part, for faults."""

    def __init__(self, bus: "I2c", address: int, name: str) -> None:
        self.label = "%s at 0x%02x" % (name, address)
        self._bus = bus
        self._address = address

    def read(self, register: int) -> int:
        """As a number from 0."""
        return int.from_bytes(self._bus.read(self._address, register, 2), "big")

    def read_signed(self, register: int) -> int:
        """As two's complement."""
        value = self.read(register)
        return value - 0x10000 if value & 0x8000 else value

    def write(self, register: int, value: int) -> None:
        """All sixteen bits."""
        self._bus.write(self._address, register, bytes((value >> 8 & 0xFF, value & 0xFF)))


class Registers8:
    """Registers of eight bits. ``name``: of the part, for faults."""

    def __init__(self, bus: "I2c", address: int, name: str) -> None:
        self.label = "%s at 0x%02x" % (name, address)
        self._bus = bus
        self._address = address

    def read(self, register: int) -> int:
        """As a number from 0."""
        return self._bus.read(self._address, register, 1)[0]

    def write(self, register: int, value: int) -> None:
        """All eight bits."""
        self._bus.write(self._address, register, bytes((value & 0xFF,)))

    def change(self, register: int, mask: int, value: int) -> None:
        """Only the bits of ``mask``; ``value`` is in their place."""
        self.write(register, self.read(register) & ~mask & 0xFF | value & mask)
