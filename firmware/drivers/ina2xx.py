"""INA219 and INA226: voltage and current of one line, over a shunt.

Source: Texas Instruments, INA219 (SBOS448) and INA226 (SBOS547), register maps. What the chip calculates needs its
CALIBRATION register, which is zero after a brown-out: current then reads 0, which looks like a cable that is not in.
So a zero is believed only after a look at that register (the idea is that of Linux' ina2xx driver).
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from collections import namedtuple

from firmware.drivers.registers import Registers16
from firmware.ports.errors import PortFault

if TYPE_CHECKING:
    from typing import NamedTuple

    from firmware.ports.i2c import I2c

    class Ina(NamedTuple):
        """One part. ``calibration_pv``: numerator of its calibration formula, in 1e-12 V; ``power_factor``: watts of a
        POWER step by amperes of a CURRENT step; ``identity``: (register, mask, value) pairs, none where there are none.
        """

        name: str
        config: int
        shunt_nv: int
        bus_uv: int
        bus_shift: int
        calibration_pv: int
        power_factor: int
        identity: "tuple[tuple[int, int, int], ...]"
else:
    Ina = namedtuple(
        "Ina",
        ("name", "config", "shunt_nv", "bus_uv", "bus_shift", "calibration_pv", "power_factor", "identity"),
    )

CONFIG = 0x00
SHUNT = 0x01
BUS = 0x02
POWER = 0x03
CURRENT = 0x04
CALIBRATION = 0x05
MANUFACTURER = 0xFE
DIE = 0xFF

CONFIG_RESET = 0x8000
BUS_OVERFLOW = 0x0001  # INA219 alone: current and power are out of range
CALIBRATION_MAX = 0xFFFE  # bit 0 of the INA219's cannot be set

# 32 V range, shunt range 320 mV, 16 samples averaged on both (8.51 ms each), continuous.
_INA219_CONFIG = 0x3E67
# 16 averages of 1.1 ms conversions on both, continuous; the value that Linux uses.
_INA226_CONFIG = 0x4527
_TI = (MANUFACTURER, 0xFFFF, 0x5449)

INA219 = Ina("INA219", _INA219_CONFIG, 10_000, 4000, 3, 40_960_000_000, 20, ())
# The last four bits of the die's number are its revision.
INA226 = Ina("INA226", _INA226_CONFIG, 2_500, 1250, 0, 5_120_000_000, 25, (_TI, (DIE, 0xFFF0, 0x2260)))


class InaMonitor:
    """``part``: INA219 or INA226; ``shunt_uohm``: the resistor; ``current_lsb_ua``: what a step of CURRENT is worth.
    ValueError for a step that the calibration register cannot hold."""

    def __init__(
        self, part: Ina, bus: "I2c", address: int, shunt_uohm: int = 100_000, current_lsb_ua: int = 100
    ) -> None:
        self.calibration = part.calibration_pv // (current_lsb_ua * shunt_uohm) & CALIBRATION_MAX
        if not 0 < part.calibration_pv // (current_lsb_ua * shunt_uohm) <= CALIBRATION_MAX:
            raise ValueError(
                "%s: no calibration for %d uA a step over %d uOhm" % (part.name, current_lsb_ua, shunt_uohm)
            )
        self._part = part
        self._registers = Registers16(bus, address, part.name)
        self._shunt_uohm = shunt_uohm
        self._current_lsb_ua = current_lsb_ua

    def start(self) -> None:
        """Look whether this is the part, and set it up. PortFault if it is another one."""
        for register, mask, value in self._part.identity:
            found = self._registers.read(register)
            if found & mask != value:
                text = "%s: register 0x%02x is 0x%04x, so this is another part"
                raise PortFault(text % (self._registers.label, register, found))
        self._registers.write(CONFIG, CONFIG_RESET)
        self._registers.write(CONFIG, self._part.config)
        self._registers.write(CALIBRATION, self.calibration)

    def read_bus_uv(self) -> int:
        """Voltage of the line behind the shunt."""
        return (self._registers.read(BUS) >> self._part.bus_shift) * self._part.bus_uv

    def read_shunt_nv(self) -> int:
        """Voltage over the shunt, signed."""
        return self._registers.read_signed(SHUNT) * self._part.shunt_nv

    def read_current_ua(self) -> int:
        """Current, signed. A chip that has lost its calibration gets it again, and the shunt's voltage answers."""
        steps = self._registers.read_signed(CURRENT)
        if steps == 0 and self._registers.read(CALIBRATION) != self.calibration:
            self.start()
            return self.read_shunt_nv() * 1000 // self._shunt_uohm
        self._check_range()
        return steps * self._current_lsb_ua

    def read_power_uw(self) -> int:
        """Power, never negative. As ``read_current_ua`` after a brown-out."""
        steps = self._registers.read(POWER)
        if steps == 0 and self._registers.read(CALIBRATION) != self.calibration:
            return abs(self.read_current_ua()) * (self.read_bus_uv() // 1000) // 1000
        self._check_range()
        # A step is some factor of a microampere's step at one volt: ua * factor gives microwatts.
        return steps * self._current_lsb_ua * self._part.power_factor

    def _check_range(self) -> None:
        if self._part.bus_shift and self._registers.read(BUS) & BUS_OVERFLOW:
            raise PortFault("%s: current out of range; a smaller shunt or a larger step" % self._registers.label)
