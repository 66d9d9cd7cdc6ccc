"""State of charge of one lithium-ion cell from its resting voltage.

For boards without a fuel gauge. The curve is the open-circuit voltage table commonly published for lithium-cobalt
18650 cells (for instance by benzoenergy.com, "relationship between voltage and capacity of 18650 Li-ion battery").
Error: within about 5 % of charge on a rested cell of that chemistry, about 10 % across cell makes, because the curve
is flat (7 mV a percent) between 20 % and 60 %. A current moves the reading too: 1 A through 100 mOhm is 100 mV,
that is 15 % in the flat part, so read while little flows.
"""

# (open-circuit voltage in uV, charge in %), rising.
CURVE = (
    (3_000_000, 0),
    (3_450_000, 5),
    (3_680_000, 10),
    (3_740_000, 20),
    (3_770_000, 30),
    (3_790_000, 40),
    (3_820_000, 50),
    (3_870_000, 60),
    (3_920_000, 70),
    (3_980_000, 80),
    (4_060_000, 90),
    (4_200_000, 100),
)


def percent_from_uv(cell_uv: int) -> int:
    """Charge from 0 to 100 %, straight lines between the points of CURVE."""
    if cell_uv <= CURVE[0][0]:
        return 0
    low_uv, low_percent = CURVE[0]
    for high_uv, high_percent in CURVE:
        if cell_uv < high_uv:
            return low_percent + (high_percent - low_percent) * (cell_uv - low_uv) // (high_uv - low_uv)
        low_uv, low_percent = high_uv, high_percent
    return 100
