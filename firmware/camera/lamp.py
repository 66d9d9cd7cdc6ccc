"""The camera's status lamp: what people read off it, as a table by state."""

from __future__ import annotations

from firmware.drivers import lamps
from firmware.ports.pins import Pins

# state -> ((duration in ms, colour), ...) as in drivers.lamps.TABLE. CAM-28.
BY_STATE = {
    "off": ((0, lamps.DARK),),
    "factory": ((500, lamps.AMBER), (500, lamps.DARK)),
    "docked": ((0, lamps.AMBER),),
    "offered": lamps.TABLE["assigned"],  # docked, and lent to whoever has just shown their badge
    "unassigned": ((250, lamps.RED), (750, lamps.DARK)),
    "ready": ((0, lamps.GREEN),),
    "recording": ((0, lamps.RED),),
    "recording_flash": ((500, lamps.RED), (500, lamps.DARK)),  # CAM-15: as the profile has it
    "recording_none": ((0, lamps.DARK),),
    "finishing": ((100, lamps.RED), (100, lamps.DARK)),
    "safe_mode": ((500, lamps.RED), (500, lamps.AMBER)),
    "malfunctioning": ((100, lamps.RED), (400, lamps.DARK)),
}


class StatusLamp:
    """Shows the state, or for a while the pattern that the controller asks for."""

    def __init__(self, pins: Pins) -> None:
        self._pins = pins
        self._asked = 0
        self._state = ""
        self._since_ms = 0
        self._asked_until_ms = -1

    def ask(self, pattern: int, until_ms: int) -> bool:
        """Show one of schema.LAMP_PATTERNS until then; False if there is no such pattern."""
        if not lamps.is_known(pattern):
            return False
        self._asked, self._asked_until_ms = pattern, until_ms
        return True

    def show(self, state: str, now_ms: int) -> int | None:
        """Light what belongs to this moment; returns when it changes. What a state flashes begins with its light, so
        that nobody waits for it."""
        if state != self._state:
            self._state, self._since_ms = state, now_ms
        if now_ms < self._asked_until_ms:
            colour = lamps.colour_at(self._asked, now_ms)
            change_ms = lamps.next_change_ms(self._asked, now_ms)
            change_ms = self._asked_until_ms if change_ms is None else min(change_ms, self._asked_until_ms)
        else:
            colour, change_ms = lamps.phase_at(BY_STATE[state], now_ms - self._since_ms)
            change_ms = None if change_ms is None else change_ms + self._since_ms
        red, green = lamps.dies_of(colour)
        self._pins.write("lamp.red", red)
        self._pins.write("lamp.green", green)
        return change_ms
