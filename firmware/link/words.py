"""Words for the small numbers of the wire, as plain literals: part of the table in ``firmware.link.schema``.

Law: data only, and the two functions that look into it. Everybody imports these names from ``schema``.
"""

# (number, name). The names are the glossary's.
BOARD_KINDS = ((1, "camera"), (2, "dock"))
BAY_STATES = (
    (0, "free"),  # nothing in the bay
    (1, "settling"),  # presence seen, contacts still bouncing
    (2, "checking"),  # present, pins being measured before power is applied
    (3, "docked"),  # powered
    (4, "fault"),  # a short or an over-current: power stays off
    (5, "off"),  # power switched off on request
)
LAMP_PATTERNS = (
    (0, "off"),
    (1, "free"),
    (2, "docked"),
    (3, "charging"),
    (4, "offloading"),
    (5, "ready"),
    (6, "error"),
    (7, "assigned"),  # green flash: this camera may be taken
)
CAMERA_STATES = (
    (0, "off"),
    (1, "factory"),
    (2, "docked"),
    (3, "unassigned"),  # undocked without a wearer: flashes red, does not record
    (4, "ready"),
    (5, "recording"),
    (6, "finishing"),  # stopped; the encoder drains and the recording is being closed
    (7, "malfunctioning"),
    (8, "safe_mode"),  # its certificate has lapsed: keeps everything, does nothing until it is allowed back
)
# number, name, unit of value/low/high
QUANTITIES = (
    (1, "presence", "uV"),
    (2, "supply_voltage", "uV"),
    (3, "charge_current", "uA"),
    (4, "supply_droop", "uV"),  # open-circuit minus loaded dock-side voltage
    (5, "pin_coupling", "ppm"),  # pin-to-pin leakage before power is applied, of full scale
    (6, "settle_time", "ms"),
    (7, "bounces", "count"),
    (8, "block_temperature", "mC"),  # at the block of the contacts, thousandths of a degree Celsius
)
# of a camera's usage log; the value beside it is the battery in percent, or 255 where it is unknown
USAGE_EVENTS = (
    (1, "power_on"),
    (2, "power_off"),
    (3, "docked"),
    (4, "undocked"),
    (5, "recording_started"),
    (6, "recording_ended"),  # the value is its length in seconds
    (7, "battery_empty"),
    (8, "malfunction"),
)
CHARGING_STATES = (
    (0, "no_supply"),
    (1, "starting"),  # the charger looks at its input and its cell
    (2, "precharge"),  # a cell that is nearly empty gets little
    (3, "constant_current"),
    (4, "constant_voltage"),
    (5, "full"),
    (6, "held"),  # smart charge: enough for a shift, kept short of full
    (7, "stopped"),  # the controller allows no current
    (8, "fault"),  # ``reason`` says which
    (9, "unmanaged"),  # the board has no charger that its firmware could ask
)
VERDICTS = ((0, "pass"), (1, "marginal"), (2, "fail"), (3, "not_measured"))


def number_of(words: "tuple[tuple[int, str], ...]", name: str) -> int:
    """The number behind a word of one of the tables above. KeyError names an unknown word."""
    for row in words:
        if row[1] == name:
            return row[0]
    raise KeyError(name)


def word_of(words: "tuple[tuple[int, str], ...]", number: int) -> str:
    """The word for a number of one of the tables above; unknown numbers come back as ``unknown-N``."""
    for row in words:
        if row[0] == number:
            return row[1]
    return "unknown-%d" % number
