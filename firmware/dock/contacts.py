"""The contact check: what is measured at a bay, within which limits, and what that means.

Law: pure. Readings go in, measurements with a verdict come out; quantities are those of schema.QUANTITIES.
All voltages are taken on the dock's side of the contacts. They show supply, switch and cable, never the contacts'
own resistance: for that the camera must report its side (``measure_power``), and the controller compares.

Uncertainty with a Pico's converter (8.7 effective bits, integral error 8 steps of 0.8 mV): presence and coupling
+-8 mV; supply +-1.5 % (divider of two 1 % resistors); current +-10 mA +-2 % (amplifier offset and gain, shunt);
temperature +-2.5 K (``firmware.drivers.thermistor``).
"""

from firmware.link.schema import QUANTITIES, VERDICTS, number_of

PRESENCE = "presence"
SUPPLY_VOLTAGE = "supply_voltage"
CHARGE_CURRENT = "charge_current"
SUPPLY_DROOP = "supply_droop"
PIN_COUPLING = "pin_coupling"
SETTLE_TIME = "settle_time"
BOUNCES = "bounces"
BLOCK_TEMPERATURE = "block_temperature"

PASS = number_of(VERDICTS, "pass")
MARGINAL = number_of(VERDICTS, "marginal")
FAIL = number_of(VERDICTS, "fail")
NOT_MEASURED = number_of(VERDICTS, "not_measured")

# quantity -> (low, high) that pass, (low, high) that are marginal; beyond is a fail. Units are those of QUANTITIES.
LIMITS = {
    # 10 % to 80 % of the 3.3 V pull-up: every camera's identification resistor lies between (0: shorted to ground).
    PRESENCE: ((330_000, 2_640_000), (165_000, 2_800_000)),
    # USB: 4.75 to 5.25 V at the source; 4.40 V is the least a device must work with, 5.50 V the most it may see.
    SUPPLY_VOLTAGE: ((4_750_000, 5_250_000), (4_400_000, 5_500_000)),
    # A full camera draws next to nothing; 1.2 A is the most a charger is set to, above it something else draws.
    CHARGE_CURRENT: ((0, 1_200_000), (-20_000, 1_400_000)),
    # 160 mOhm of supply, shunt and switch at 1.2 A are 190 mV; 330 mV is the droop USB allows a port.
    SUPPLY_DROOP: ((-50_000, 250_000), (-50_000, 330_000)),
    # Of the driven voltage. Clean pins couple below 0.1 %; 1 % is 10 MOhm of dirt, 5 % about 2 MOhm.
    PIN_COUPLING: ((-10_000, 10_000), (-50_000, 50_000)),
    # New pins rest within 30 ms; slower settling is the first sign of wear. Never worth refusing a camera.
    SETTLE_TIME: ((0, 100), (0, 65_535)),
    BOUNCES: ((0, 10), (0, 65_535)),
    # Warm hands find 50 degrees hot; above 60 a block's plastic creeps and its springs lose force.
    BLOCK_TEMPERATURE: ((-20_000, 50_000), (-30_000, 60_000)),
}

# A bay that was switched off for its heat is tried again below, and a block that was told warm is told better: what is
# given less for its warmth and all again at the same limit goes to and fro within seconds.
COOL_MC = 45_000
DRIVEN_UV_MIN = 500_000  # the driven power pin must rise at least so far, else it is tied to ground
FULL_SCALE_PPM = 1_000_000


def coupling_ppm(at_rest: "tuple[int, int]", driven: "tuple[int, int]", driven_pin_uv: int) -> int:
    """How much of the voltage driven into the power pin appears on its neighbours.

    ``at_rest`` and ``driven``: microvolts (data pins, presence pin) without and with the drive. FULL_SCALE_PPM also
    where the power pin could not be driven at all.
    """
    if driven_pin_uv < DRIVEN_UV_MIN:
        return FULL_SCALE_PPM
    risen_uv = max(driven[0] - at_rest[0], driven[1] - at_rest[1])
    return risen_uv * FULL_SCALE_PPM // driven_pin_uv


def verdict_of(quantity: str, value: int) -> int:
    """PASS, MARGINAL or FAIL for a value of that quantity."""
    passing, marginal = LIMITS[quantity]
    if passing[0] <= value <= passing[1]:
        return PASS
    if marginal[0] <= value <= marginal[1]:
        return MARGINAL
    return FAIL


class ContactCheck:
    """What is known of one bay's contacts since the camera arrived."""

    def __init__(self) -> None:
        self._values = {}  # type: dict[str, int]

    def clear(self) -> None:
        """Forget everything: another camera."""
        self._values = {}

    def take(self, quantity: str, value: int) -> None:
        """Note a value; a later one replaces it."""
        self._values[quantity] = value

    def value_of(self, quantity: str) -> "int | None":
        """What was noted, None if nothing was."""
        return self._values.get(quantity)

    def passes(self, quantity: str) -> bool:
        """Whether a value was noted that does not fail."""
        value = self._values.get(quantity)
        return value is not None and verdict_of(quantity, value) != FAIL

    def fails(self, quantity: str) -> bool:
        """Whether a value was noted that fails."""
        return self.verdict_of(quantity) == FAIL

    def verdict_of(self, quantity: str) -> int:
        """The verdict on what was noted, NOT_MEASURED if nothing was."""
        value = self._values.get(quantity)
        return NOT_MEASURED if value is None else verdict_of(quantity, value)

    def measurements(self) -> "list[dict[str, int]]":
        """All quantities in the order of schema.QUANTITIES, as records of the message table."""
        return [self._measurement(number, quantity) for number, quantity, _ in QUANTITIES]

    def _measurement(self, number: int, quantity: str) -> "dict[str, int]":
        value = self._values.get(quantity)
        low, high = LIMITS[quantity][0]
        return {
            "quantity": number,
            "value": 0 if value is None else value,
            "low": low,
            "high": high,
            "verdict": self.verdict_of(quantity),
        }
