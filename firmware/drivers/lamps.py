"""Lamp patterns as tables: which colour a lamp shows at a moment.

Law: pure. A pattern begins with light; whoever shows one turns the clock back to when it began, or lets all lamps that
show it blink together.
A lamp has a red and a green die; amber is both. No pattern that means "all is well" is dark: a dark lamp is a lamp
without power.
"""

from firmware.link.schema import LAMP_PATTERNS

DARK = 0
RED = 1
GREEN = 2
AMBER = RED | GREEN

# word of LAMP_PATTERNS -> ((duration in ms, colour), ...); one entry of duration 0 is steady.
TABLE = {
    "off": ((0, DARK),),
    "free": ((100, GREEN), (2900, DARK)),
    "docked": ((0, AMBER),),
    "charging": ((1000, AMBER), (1000, DARK)),
    "offloading": ((500, GREEN), (500, DARK)),
    "ready": ((0, GREEN),),
    "error": ((0, RED),),
    "assigned": ((100, GREEN), (100, DARK)),
}

_BY_NUMBER = {number: TABLE[word] for number, word in LAMP_PATTERNS}


def is_known(pattern: int) -> bool:
    """Whether there is a pattern of that number."""
    return pattern in _BY_NUMBER


def colour_at(pattern: int, now_ms: int) -> int:
    """DARK, RED, GREEN or AMBER. KeyError for an unknown pattern."""
    return phase_of(pattern, now_ms)[0]


def next_change_ms(pattern: int, now_ms: int) -> "int | None":
    """When the colour changes next; None for a steady pattern. KeyError for an unknown pattern."""
    return phase_of(pattern, now_ms)[1]


def phase_of(pattern: int, now_ms: int) -> "tuple[int, int | None]":
    """Both at once. KeyError for an unknown pattern."""
    return phase_at(_BY_NUMBER[pattern], now_ms)


def dies_of(colour: int) -> "tuple[bool, bool]":
    """Whether the red and the green die are lit."""
    return bool(colour & RED), bool(colour & GREEN)


def phase_at(entries: "tuple[tuple[int, int], ...]", now_ms: int) -> "tuple[int, int | None]":
    """Colour now, and when it changes, of a row like those of TABLE."""
    if len(entries) == 1:
        return entries[0][1], None
    cycle_ms = 0
    for duration_ms, _ in entries:
        cycle_ms += duration_ms
    end_ms = now_ms - now_ms % cycle_ms
    for duration_ms, colour in entries:
        end_ms += duration_ms
        if now_ms < end_ms:
            return colour, end_ms
    raise ValueError("a lamp pattern has no entry for its whole cycle")
