"""BQ25895: charges one lithium-ion cell from USB, and measures a little while it does.

Source: Texas Instruments, BQ25895 (SLUSC88), register map. Its own watchdog puts every setting back 40 s after the
last sign of life, a charger without a master being safer with its defaults; so ``start`` switches that off only when
asked to, and ``feed`` must otherwise be called. Its converter's steps are coarse (100 mV of input): use them to see
what is going on, never for contact resistances.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from collections import namedtuple

from firmware.drivers.registers import Registers8
from firmware.ports.errors import PortFault

if TYPE_CHECKING:
    from typing import NamedTuple

    from firmware.ports.i2c import I2c

    class Faults(NamedTuple):
        """``watchdog``: the settings are the defaults again. ``charge`` and ``temperature``: a word, or empty."""

        watchdog: bool
        boost: bool
        charge: str
        battery: bool
        temperature: str
else:
    Faults = namedtuple("Faults", ("watchdog", "boost", "charge", "battery", "temperature"))

ADDRESS = 0x6A

INPUT = 0x00
CONVERTER = 0x02
SYSTEM = 0x03
CHARGE_CURRENT = 0x04
CHARGE_VOLTAGE = 0x06
TIMERS = 0x07
STATUS = 0x0B
FAULT = 0x0C
BATTERY_VOLTAGE = 0x0E
SYSTEM_VOLTAGE = 0x0F
INPUT_VOLTAGE = 0x11
BATTERY_CURRENT = 0x12
LIMITS = 0x13
DEVICE = 0x14

DEVICE_RESET = 0x80
PART_MASK = 0x38
PART_BQ25895 = 7 << 3
HIGH_IMPEDANCE = 0x80
INPUT_LIMIT_MASK = 0x3F
CONVERT_ONCE = 0x80
CONVERT_EACH_SECOND = 0x40
WATCHDOG_FED = 0x40
CHARGE_ENABLED = 0x10
CHARGE_CURRENT_MASK = 0x7F
CHARGE_VOLTAGE_MASK = 0xFC
WATCHDOG_MASK = 0x30
WATCHDOG_40_S = 0x10
POWER_GOOD = 0x04
INPUT_GOOD = 0x80
READING_MASK = 0x7F
INPUT_LIMITED = 0xC0  # by its voltage, by its current

INPUT_LIMIT_MIN_UA, INPUT_LIMIT_STEP_UA, INPUT_LIMIT_MAX_UA = 100_000, 50_000, 3_250_000
CHARGE_STEP_UA, CHARGE_MAX_UA = 64_000, 5_056_000
FULL_MIN_UV, FULL_STEP_UV, FULL_MAX_UV = 3_840_000, 16_000, 4_608_000
BATTERY_MIN_UV, BATTERY_STEP_UV = 2_304_000, 20_000
INPUT_MIN_UV, INPUT_STEP_UV = 2_600_000, 100_000
BATTERY_STEP_UA = 50_000
WATCHDOG_MS = 40_000
CONVERSION_MS_MAX = 1_000

NOT_CHARGING = "not charging"
PRECHARGE = "precharge"
FAST_CHARGE = "fast charge"
DONE = "done"
_STATES = (NOT_CHARGING, PRECHARGE, FAST_CHARGE, DONE)
_CHARGE_FAULTS = ("", "input", "overheated", "timer")
_TEMPERATURES = ("", "cold", "hot", "unknown")  # by the lowest two bits: 1 and 5 are cold, 2 and 6 hot


class Bq25895:
    """A charger on its bus."""

    def __init__(self, bus: "I2c", address: int = ADDRESS) -> None:
        self._registers = Registers8(bus, address, "BQ25895")

    def start(self, input_limit_ua: int, charge_ua: int, full_uv: int, watchdog: bool = True) -> None:
        """Set it up from its defaults. Each limit is rounded down to a step of the chip. PortFault for another part,
        ValueError for a limit that the chip cannot keep."""
        part = self._registers.read(DEVICE)
        if part & PART_MASK != PART_BQ25895:
            raise PortFault("%s: register 0x14 is 0x%02x, so this is another part" % (self._registers.label, part))
        full = steps(full_uv, FULL_MIN_UV, FULL_STEP_UV, FULL_MAX_UV)
        current = steps(charge_ua, 0, CHARGE_STEP_UA, CHARGE_MAX_UA)
        limit = steps(input_limit_ua, INPUT_LIMIT_MIN_UA, INPUT_LIMIT_STEP_UA, INPUT_LIMIT_MAX_UA)
        self._registers.write(DEVICE, DEVICE_RESET)
        self._registers.change(TIMERS, WATCHDOG_MASK, WATCHDOG_40_S if watchdog else 0)
        self._registers.change(CHARGE_VOLTAGE, CHARGE_VOLTAGE_MASK, full << 2)
        self._registers.change(CHARGE_CURRENT, CHARGE_CURRENT_MASK, current)
        self._registers.change(INPUT, HIGH_IMPEDANCE | INPUT_LIMIT_MASK, limit)
        self._registers.change(CONVERTER, CONVERT_EACH_SECOND, CONVERT_EACH_SECOND)

    def feed(self) -> None:
        """A sign of life, at least every WATCHDOG_MS."""
        self._registers.change(SYSTEM, WATCHDOG_FED, WATCHDOG_FED)

    def limit_input(self, input_limit_ua: int) -> None:
        """Take no more than this: with two limits and a remote voltage a loop's resistance can be measured."""
        limit = steps(input_limit_ua, INPUT_LIMIT_MIN_UA, INPUT_LIMIT_STEP_UA, INPUT_LIMIT_MAX_UA)
        self._registers.change(INPUT, INPUT_LIMIT_MASK, limit)

    def enable(self, charging: bool) -> None:
        """Charge, or let it be."""
        self._registers.change(SYSTEM, CHARGE_ENABLED, CHARGE_ENABLED if charging else 0)

    def isolate(self, isolated: bool) -> None:
        """Take nothing from the input: the cell carries the board. Its own watchdog ends that, too."""
        self._registers.change(INPUT, HIGH_IMPEDANCE, HIGH_IMPEDANCE if isolated else 0)

    def state(self) -> str:
        """NOT_CHARGING, PRECHARGE, FAST_CHARGE or DONE."""
        return _STATES[self._registers.read(STATUS) >> 3 & 3]

    def has_power(self) -> bool:
        """Whether the input is good."""
        return bool(self._registers.read(STATUS) & POWER_GOOD)

    def is_input_limited(self) -> bool:
        """Whether the input gives less than the charge would take."""
        return bool(self._registers.read(LIMITS) & INPUT_LIMITED)

    def faults(self) -> "tuple[Faults, Faults]":
        """What has been wrong since the last call, and what is wrong now: the first read gives what was latched."""
        return faults_of(self._registers.read(FAULT)), faults_of(self._registers.read(FAULT))

    def read_battery_uv(self) -> int:
        """Voltage of the cell, within 20 mV."""
        return BATTERY_MIN_UV + (self._registers.read(BATTERY_VOLTAGE) & READING_MASK) * BATTERY_STEP_UV

    def read_system_uv(self) -> int:
        """Voltage of what the board is fed with, within 20 mV."""
        return BATTERY_MIN_UV + (self._registers.read(SYSTEM_VOLTAGE) & READING_MASK) * BATTERY_STEP_UV

    def read_input_uv(self) -> int:
        """Voltage of the input, within 100 mV; 0 where there is none."""
        value = self._registers.read(INPUT_VOLTAGE)
        return INPUT_MIN_UV + (value & READING_MASK) * INPUT_STEP_UV if value & INPUT_GOOD else 0

    def read_charge_ua(self) -> int:
        """Current into the cell, within 50 mA."""
        return (self._registers.read(BATTERY_CURRENT) & READING_MASK) * BATTERY_STEP_UA


def steps(value: int, least: int, step: int, most: int) -> int:
    """How many steps above ``least``, rounded down. ValueError outside of ``least`` to ``most``."""
    if not least <= value <= most:
        raise ValueError("the charger keeps %d to %d, not %d" % (least, most, value))
    return (value - least) // step


def faults_of(value: int) -> Faults:
    """The fault register in words."""
    return Faults(
        bool(value & 0x80),
        bool(value & 0x40),
        _CHARGE_FAULTS[value >> 4 & 3],
        bool(value & 0x08),
        _TEMPERATURES[value & 3],
    )
