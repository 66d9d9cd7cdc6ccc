"""One bay's lamp: the bay's own state, or what the controller asked for.

Law: the pattern tables are in ``firmware.drivers.lamps``; this writes two pins and nothing else.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.dock import states
from firmware.drivers import lamps
from firmware.link.schema import LAMP_PATTERNS, number_of

if TYPE_CHECKING:
    from firmware.ports.pins import Pins

_OWN = {state: number_of(LAMP_PATTERNS, word) for state, word in states.OWN_LAMP.items()}


class BayLamp:
    """``pattern``: the number shown now."""

    def __init__(self, number: int, pins: "Pins") -> None:
        self.pattern = _OWN[states.FREE]
        self._pins = pins
        self._red_pin = "bay%d.lamp_red" % number
        self._green_pin = "bay%d.lamp_green" % number
        self._asked = None  # type: int | None
        self._shown = self.pattern
        self._since_ms = 0
        self._change_ms = 0  # type: int | None
        self._state = states.FREE
        self._colour = lamps.DARK
        self._write(lamps.DARK)

    def ask(self, pattern: int) -> bool:
        """The controller's wish; False for a pattern there is not. One that is late speaks of a camera that has just
        gone, or was well then: an empty bay must not flash for somebody."""
        if not lamps.is_known(pattern):
            return False
        if self._state not in states.LAMP_RESET:
            self._asked = pattern
            self._choose()
        return True

    def forget(self) -> None:
        """The controller is gone: show the bay's own state."""
        self._asked = None
        self._choose()

    def follow(self, state: int) -> None:
        """The bay's state now; in some the controller's wish no longer holds."""
        if state == self._state:
            return
        self._state = state
        if state in states.LAMP_RESET:
            self._asked = None
        self._choose()

    def show(self, now_ms: int) -> None:
        """Light what the pattern says for this moment. One that is new begins with its first entry, which is lit, so
        that nobody waits for it."""
        if self.pattern != self._shown:
            self._shown, self._since_ms = self.pattern, now_ms
        elif self._change_ms is None or now_ms < self._change_ms:
            return
        colour, change_ms = lamps.phase_of(self.pattern, now_ms - self._since_ms)
        self._change_ms = None if change_ms is None else change_ms + self._since_ms
        if colour != self._colour:
            self._write(colour)

    def next_change_ms(self, now_ms: int) -> "int | None":
        """When ``show`` must be called again; None for a steady pattern."""
        return now_ms if self.pattern != self._shown else self._change_ms

    def _choose(self) -> None:
        """A bay in trouble shows that and nothing else: the controller's wish may be older than the trouble."""
        if self._asked is None or self._state == states.FAULT:
            self.pattern = _OWN[self._state]
        else:
            self.pattern = self._asked

    def _write(self, colour: int) -> None:
        red, green = lamps.dies_of(colour)
        self._pins.write(self._red_pin, red)
        self._pins.write(self._green_pin, green)
        self._colour = colour
