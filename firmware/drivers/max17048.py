"""MAX17048: charge of one lithium-ion cell from its voltage over time. It measures no current.

Source: Maxim, MAX17048/MAX17049 (19-6171), register map. Its estimate starts anew after a brown-out, which ``start``
tells: such an estimate is a guess from one voltage for the first hours.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.drivers.registers import Registers16
from firmware.ports.errors import PortFault

if TYPE_CHECKING:
    from firmware.ports.i2c import I2c

ADDRESS = 0x36

VCELL = 0x02
SOC = 0x04
MODE = 0x06
VERSION = 0x08
CONFIG = 0x0C
VALRT = 0x14
CRATE = 0x16
STATUS = 0x1A
COMMAND = 0xFE

VERSION_MASK = 0xFFF0
VERSION_MAX17048 = 0x0010
STATUS_RESET = 0x0100  # RI: the chip has lost its power and its estimate
QUICK_START = 0x4000
POWER_ON_RESET = 0x5400

VCELL_NV = 78_125
SOC_STEPS = 256  # steps of a percent
CRATE_PPM_PER_HOUR = 2_080  # 0.208 % an hour a step
RCOMP_DEFAULT = 0x97
RCOMP_SHIFT = 8
ALERT_LEVEL_MAX = 32  # percent; kept as 32 - percent in the lowest five bits
ALERT_LEVEL_MASK = 0x001F
ALERT_FLAG = 0x0020


class Max17048:
    """A fuel gauge. ``rcomp``: the cell's own compensation byte, from its maker or the default."""

    def __init__(self, bus: "I2c", address: int = ADDRESS, rcomp: int = RCOMP_DEFAULT) -> None:
        self._registers = Registers16(bus, address, "MAX17048")
        self._rcomp = rcomp

    def start(self, alert_percent: int = 4) -> bool:
        """Set it up; whether its estimate began anew since the last start. PortFault if it is another part."""
        version = self._registers.read(VERSION)
        if version & VERSION_MASK != VERSION_MAX17048:
            text = "%s: its version is 0x%04x, so this is another part"
            raise PortFault(text % (self._registers.label, version))
        if not 1 <= alert_percent <= ALERT_LEVEL_MAX:
            raise ValueError("the alert level is 1 to %d percent, not %d" % (ALERT_LEVEL_MAX, alert_percent))
        config = self._rcomp << RCOMP_SHIFT | ALERT_LEVEL_MAX - alert_percent
        self._registers.write(CONFIG, config)
        status = self._registers.read(STATUS)
        self._registers.write(STATUS, status & ~STATUS_RESET & 0xFFFF)
        return bool(status & STATUS_RESET)

    def read_cell_uv(self) -> int:
        """Voltage of the cell."""
        return self._registers.read(VCELL) * VCELL_NV // 1000

    def read_charge_permille(self) -> int:
        """Charge in thousandths, 0 to 1000; the chip's own count may pass its ends by a little."""
        return min(self._registers.read(SOC) * 10 // SOC_STEPS, 1000)

    def read_rate_ppm_per_hour(self) -> int:
        """How fast the charge changes, in millionths of the whole an hour; negative while it falls."""
        return self._registers.read_signed(CRATE) * CRATE_PPM_PER_HOUR

    def is_low(self) -> bool:
        """Whether the charge has fallen below the alert level since ``acknowledge``."""
        return bool(self._registers.read(CONFIG) & ALERT_FLAG)

    def acknowledge(self) -> None:
        """Forget that the charge was low."""
        self._registers.write(CONFIG, self._registers.read(CONFIG) & ~ALERT_FLAG & 0xFFFF)

    def guess_again(self) -> None:
        """Start the estimate anew from the voltage now: only for a cell that has rested."""
        self._registers.write(MODE, QUICK_START)
