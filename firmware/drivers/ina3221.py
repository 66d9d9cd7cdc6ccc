"""INA3221: voltage and current of three lines, each over a shunt. One chip serves three bays of a dock.

Source: Texas Instruments, INA3221 (SBOS576), register map. Its bus steps are 8 mV: good for charge currents, too
coarse for contact resistances.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.drivers.registers import Registers16
from firmware.ports.errors import PortFault

if TYPE_CHECKING:
    from firmware.ports.i2c import I2c

CHANNELS = 3

CONFIG = 0x00
SHUNT_FIRST = 0x01  # then the bus voltage of the same channel, then the next channel
BUS_FIRST = 0x02
CRITICAL_FIRST = 0x07  # then the warning limit of the same channel
MASK_ENABLE = 0x0F
MANUFACTURER = 0xFE
DIE = 0xFF

CONFIG_RESET = 0x8000
# All three channels, 16 averages of 1.1 ms conversions on both, continuous.
CONFIG_VALUE = 0x7527
MANUFACTURER_TI = 0x5449
DIE_INA3221 = 0x3220
READY = 0x0001
_CRITICAL_FLAG_OF_CHANNEL_1 = 0x0200

SHIFT = 3  # the lowest three bits of a reading are nothing
SHUNT_NV = 40_000
BUS_UV = 8_000
SHUNT_STEPS_MAX = 0x0FFF


class Ina3221:
    """``shunt_uohm``: the resistor of every channel. Channels count from 1, as in the datasheet."""

    def __init__(self, bus: "I2c", address: int, shunt_uohm: int = 100_000) -> None:
        self._registers = Registers16(bus, address, "INA3221")
        self._shunt_uohm = shunt_uohm

    def start(self) -> None:
        """Look whether this is the part, and set it up. PortFault if it is another one."""
        for register, value in ((MANUFACTURER, MANUFACTURER_TI), (DIE, DIE_INA3221)):
            found = self._registers.read(register)
            if found != value:
                text = "%s: register 0x%02x is 0x%04x, so this is another part"
                raise PortFault(text % (self._registers.label, register, found))
        self._registers.write(CONFIG, CONFIG_RESET)
        self._registers.write(CONFIG, CONFIG_VALUE)

    def read_bus_uv(self, channel: int) -> int:
        """Voltage of the line behind the shunt, signed."""
        return (self._registers.read_signed(BUS_FIRST + self._step(channel)) >> SHIFT) * BUS_UV

    def read_shunt_nv(self, channel: int) -> int:
        """Voltage over the shunt, signed."""
        return (self._registers.read_signed(SHUNT_FIRST + self._step(channel)) >> SHIFT) * SHUNT_NV

    def read_current_ua(self, channel: int) -> int:
        """Current, signed."""
        return self.read_shunt_nv(channel) * 1000 // self._shunt_uohm

    def limit_current(self, channel: int, current_ua: int) -> None:
        """Above this current the chip pulls its critical line, within one conversion. ValueError beyond its range."""
        steps = current_ua * self._shunt_uohm // 1000 // SHUNT_NV
        if not 0 <= steps <= SHUNT_STEPS_MAX:
            raise ValueError("%s: %d uA is beyond its range" % (self._registers.label, current_ua))
        self._registers.write(CRITICAL_FIRST + self._step(channel), steps << SHIFT)

    def over_current(self) -> "tuple[bool, bool, bool]":
        """Which channels have been above their limit since the last call; reading forgets it."""
        flags = self._registers.read(MASK_ENABLE)
        first, second, third = [bool(flags & _CRITICAL_FLAG_OF_CHANNEL_1 >> channel) for channel in range(CHANNELS)]
        return first, second, third

    def _step(self, channel: int) -> int:
        if not 1 <= channel <= CHANNELS:
            raise ValueError("%s has channels 1 to %d, not %d" % (self._registers.label, CHANNELS, channel))
        return 2 * (channel - 1)
