"""More outputs than a processor has: a chain of shift registers (74HC595) behind two pins and a serial line.

Law: levels by name in, bytes out. Outputs of the chain read back as written; the chip itself tells nothing.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import PortFault
from firmware.ports.pins import Pins

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

KIND = "shift_register"


class ShiftPins(Pins):
    """``pins``: the processor's own; names of ``board``'s (board_data) expander go into the chain, all others there.

    ``shift``: sends bytes to the chain, the last register's first. The chain's outputs are off from power on until all
    of them have been written once: the enable line is pulled to its idle level by a resistor.
    """

    def __init__(self, board: "dict[str, Any]", pins: Pins, shift: "Callable[[bytearray], object]") -> None:
        self._pins = pins
        self._shift = shift
        self._lines: "dict[str, dict[str, Any]]" = board["expander"]
        self._levels: "dict[str, bool]" = {}
        chips = [board["chips"][name] for name in sorted(board["chips"]) if board["chips"][name]["kind"] == KIND]
        if len(chips) != 1:
            raise PortFault("a board has one chain of shift registers here, this one has %d" % len(chips))
        self._latch, self._enable = chips[0]["pins"]
        self._bits = bytearray((chips[0]["outputs"] + 7) // 8)
        for name in sorted(self._lines):
            self._put(name, False)
        self._send()
        self._pins.write(self._enable, True)

    def read(self, name: str) -> bool:
        """See Pins."""
        return self._levels[name] if name in self._lines else self._pins.read(name)

    def write(self, name: str, level: bool) -> None:
        """See Pins. What does not change is not sent."""
        if name not in self._lines:
            self._pins.write(name, level)
        elif self._levels[name] is not bool(level):
            self._put(name, bool(level))
            self._send()

    def _put(self, name: str, level: bool) -> None:
        line = self._lines[name]
        self._levels[name] = level
        mask = 1 << line["bit"] % 8
        place = line["bit"] // 8
        if level is not line["active_low"]:
            self._bits[place] |= mask
        else:
            self._bits[place] &= ~mask & 0xFF

    def _send(self) -> None:
        """The last register's byte first, for each byte pushes those before it on; then all show at once."""
        self._shift(bytearray(reversed(self._bits)))
        self._pins.write(self._latch, True)
        self._pins.write(self._latch, False)
