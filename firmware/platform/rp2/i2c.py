"""The I2C port over machine.I2C."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import machine

from firmware.ports.i2c import I2c, no_answer

if TYPE_CHECKING:
    from typing import Any

    Buffer = bytes | bytearray | memoryview


class RpI2c(I2c):
    """A bus of ``board`` (board_data) by its name; its pins are data and clock, in this order."""

    def __init__(self, board: "dict[str, Any]", name: str) -> None:
        bus = board["buses"][name]
        data, clock = [machine.Pin(board["pins"][pin]["gpio"]) for pin in bus["pins"]]
        self._name = name
        self._bus = machine.I2C(bus["unit"], sda=data, scl=clock, freq=bus["frequency_hz"])

    def read(self, address: int, register: int, count: int) -> bytes:
        """See I2c."""
        try:
            return self._bus.readfrom_mem(address, register, count)
        except OSError:
            raise no_answer(self._name, address)

    def write(self, address: int, register: int, data: "Buffer") -> None:
        """See I2c."""
        try:
            self._bus.writeto_mem(address, register, data)
        except OSError:
            raise no_answer(self._name, address)
