"""What a docked camera's charger should do, and what state that is: one table, first match wins. Pure.

The states are schema.CHARGING_STATES. What the charger itself does between precharge and full is its own; here is
decided only whether it may, with how much, and whether a camera that stands in its bay for long is kept short of full:
a lithium cell ages fastest when it is warm and full, so after ``HOLD_AFTER_MS`` in the bay it is let down to
HOLD_PERMILLE and kept there, until the controller suspends that or the camera is taken out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from firmware.drivers import bq25895

HOLD_AFTER_MS = 12 * 3_600_000  # a shift and a half: whoever stays longer is not fetched in the next minutes
HOLD_PERMILLE = 800  # enough for most of a shift, at half the ageing of a full cell
HOLD_BELOW_PERMILLE = 750  # charged again below: five percent apart, so that it is not switched every minute
INPUT_MIN_UA = bq25895.INPUT_LIMIT_MIN_UA  # a charger cannot be told to take less; less allowed is no charging
STARTING_MS = 2_000  # the charger looks at its input and its cell: half a second, and a second of conversion
CONSTANT_VOLTAGE_UV = 40_000  # so close to its end voltage, within two steps of its converter, the current tapers


class Seen(NamedTuple):
    """What is known of charger and cell now. ``fault``: its words, empty for none; ``held``: by smart charge."""

    supplied: bool
    managed: bool
    fault: str
    allowed_ua: int
    held: bool
    since_supply_ms: int
    phase: str
    cell_uv: int
    full_uv: int


# (what holds, state): the first that does.
TABLE: tuple[tuple[Callable[[Seen], bool], str], ...] = (
    (lambda seen: not seen.managed, "unmanaged"),
    (lambda seen: not seen.supplied, "no_supply"),
    (lambda seen: seen.fault != "", "fault"),
    (lambda seen: seen.allowed_ua < INPUT_MIN_UA, "stopped"),
    (lambda seen: seen.held, "held"),
    (lambda seen: seen.phase == bq25895.PRECHARGE, "precharge"),
    (lambda seen: seen.phase == bq25895.FAST_CHARGE and seen.cell_uv < seen.full_uv - CONSTANT_VOLTAGE_UV,
     "constant_current"),
    (lambda seen: seen.phase == bq25895.FAST_CHARGE, "constant_voltage"),
    (lambda seen: seen.phase == bq25895.DONE, "full"),
    (lambda seen: seen.since_supply_ms < STARTING_MS, "starting"),
    (lambda seen: True, "full"),  # it has power, no fault and gives nothing: the cell takes nothing
)  # fmt: skip


def state_of(seen: Seen) -> str:
    """A word of schema.CHARGING_STATES."""
    return next(word for holds, word in TABLE if holds(seen))


def holds_back(held: bool, smart: bool, docked_ms: int, charge_permille: int) -> bool:
    """Whether smart charge keeps the cell short of full now. ``held``: whether it did until now."""
    if not smart or docked_ms < HOLD_AFTER_MS:
        return False
    return charge_permille >= (HOLD_BELOW_PERMILLE if held else HOLD_PERMILLE)


def lets_down(charge_permille: int) -> bool:
    """Whether a held cell carries the board itself, down to HOLD_PERMILLE."""
    return charge_permille > HOLD_PERMILLE
