"""Temperature from a thermistor (NTC) in a divider with a resistor of its own value to the converter's reference.

    R(T) = R25 exp(B (1/T - 1/298.15 K))        U(T) / U_reference = R(T) / (R25 + R(T))

Table for B = 3950 K, straight lines between its points: off by less than 0.1 K from 0 to 80 degrees. Uncertainty with
resistors of 1 % and a B within 1 %: 0.5 K of the resistors, 0.6 K of B at 60 degrees; a Pico's converter adds 8 steps
of 0.8 mV, which is 0.2 K near 25 degrees and 0.4 K near 80. In all within 2.5 K. The reference drops out: divider and
converter have the same.
"""

UNCERTAINTY_MC = 2_500
SCALE = 10_000

# (part of the reference in 1/SCALE, thousandths of a degree Celsius): falling voltage, rising temperature.
CURVE = (
    (9524, -30_000),
    (8862, -15_000),
    (7708, 0),
    (7216, 5_000),
    (6686, 10_000),
    (6130, 15_000),
    (5563, 20_000),
    (5000, 25_000),
    (4456, 30_000),
    (3941, 35_000),
    (3465, 40_000),
    (3030, 45_000),
    (2641, 50_000),
    (2295, 55_000),
    (1991, 60_000),
    (1726, 65_000),
    (1496, 70_000),
    (1298, 75_000),
    (1127, 80_000),
    (854, 90_000),
    (652, 100_000),
)
OPEN = 9750  # above, the thermistor is not there or its wire is broken


def millicelsius(pin_uv: int, reference_uv: int) -> "int | None":
    """Temperature; None where the thermistor is not fitted or its wire is broken. Beyond the table its nearest end: one
    that is shorted looks as hot as can be, and is the safer for it."""
    part = pin_uv * SCALE // reference_uv
    if part >= OPEN:
        return None
    high, cold_mc = CURVE[0]
    if part >= high:
        return cold_mc
    for low, warm_mc in CURVE:
        if part >= low:
            above = pin_uv * SCALE - low * reference_uv
            return warm_mc + (cold_mc - warm_mc) * above // ((high - low) * reference_uv)
        high, cold_mc = low, warm_mc
    return CURVE[-1][1]
