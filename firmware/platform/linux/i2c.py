"""The I2C port on Linux, through the character device of a bus (smbus2, an optional package).

A chip that a driver of the kernel owns is left alone: two masters of one chip's registers read each other's halves.
"""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.ports.errors import PortFault
from firmware.ports.i2c import I2c, NoAnswer, no_answer

# What the Raspberry Pi's controller and others report where no chip acknowledges, or one holds the clock for ever.
_SILENCE = frozenset({errno.ENXIO, errno.EREMOTEIO, errno.EIO, errno.ETIMEDOUT})


def open_bus(unit: int) -> Any:
    """The bus as smbus2 has it. PortFault if the package or the bus is not there."""
    try:
        from smbus2 import SMBus
    except ImportError:
        raise PortFault("I2C needs the package smbus2: install openbwc[board]") from None
    try:
        return SMBus(unit)
    except FileNotFoundError:
        text = f"there is no /dev/i2c-{unit}; put dtparam=i2c_arm=on into config.txt and load the module i2c-dev"
        raise PortFault(text) from None
    except OSError as error:
        raise PortFault(f"/dev/i2c-{unit}: {error.strerror}; is this user in the group i2c?") from None


class LinuxI2c(I2c):
    """Bus number ``unit``. ``open_unit``: what opens it; ``sys_root``: where the kernel tells which driver has which
    chip."""

    def __init__(
        self, unit: int, open_unit: "Callable[[int], Any]" = open_bus, sys_root: "str | Path" = "/sys"
    ) -> None:
        self._name = f"i2c-{unit}"
        self._unit = unit
        self._bus = open_unit(unit)
        self._devices = Path(sys_root) / "bus" / "i2c" / "devices"

    def read(self, address: int, register: int, count: int) -> bytes:
        """See I2c. The register's number and the answer are one transfer with a repeated start."""
        from smbus2 import i2c_msg

        answer = i2c_msg.read(address, count)
        self._transfer(address, i2c_msg.write(address, [register]), answer)
        return bytes(answer)

    def write(self, address: int, register: int, data: "bytes | bytearray | memoryview") -> None:
        """See I2c."""
        from smbus2 import i2c_msg

        self._transfer(address, i2c_msg.write(address, [register, *data]))

    def close(self) -> None:
        """Give the bus back."""
        self._bus.close()

    def _transfer(self, address: int, *messages: Any) -> None:
        owner = self._devices / f"{self._unit}-{address:04x}" / "driver"
        if owner.exists():
            text = f"{self._name}: the kernel's driver {owner.resolve().name} owns the chip at 0x{address:02x}"
            raise PortFault(f"{text}; read it through sysfs, or take its overlay out of config.txt")
        try:
            self._bus.i2c_rdwr(*messages)
        except OSError as error:
            raise self._fault(address, error) from None

    def _fault(self, address: int, error: OSError) -> PortFault:
        if error.errno in _SILENCE:
            return no_answer(self._name, address)
        return NoAnswer(f"{self._name}: the chip at 0x{address:02x} failed: {error.strerror}")
