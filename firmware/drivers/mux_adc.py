"""More analogue inputs than a processor has: its converter inputs, and multiplexers before them.

Law: which input is behind which select level comes from board.toml; levels go out through the pins port. ``converter``
and ``wait_us`` are the platform's.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.adc import Adc
from firmware.ports.errors import PortFault

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.ports.pins import Pins

FULL_SCALE = 65535  # of a converter's reading, whatever its real resolution
SETTLE_US = 10  # a multiplexer of 70 ohms and a source of 10 k fill the converter's capacitor in 2; five times that
SAMPLES = 4  # an RP2040's converter has 1.4 steps of noise: the mean of four has 0.7


class MuxAdc(Adc):
    """The channels of ``board`` (board_data) that are read by the processor's own converter.

    ``converter``: pin name -> reading from 0 to FULL_SCALE; ``reference_uv``: what FULL_SCALE stands for; ``wait_us``:
    lets so many microseconds pass.
    """

    def __init__(
        self,
        board: "dict[str, Any]",
        pins: "Pins",
        converter: "Callable[[str], int]",
        wait_us: "Callable[[int], None]",
        reference_uv: int = 3_300_000,
    ) -> None:
        self._board = board
        self._pins = pins
        self._converter = converter
        self._wait_us = wait_us
        self._reference_uv = reference_uv
        self._selected: "dict[str, bool]" = {}

    def read_uv(self, name: str) -> int:
        """See Adc. The mean of SAMPLES."""
        channel = self._board["channels"].get(name)
        if channel is None:
            raise PortFault("no analogue input is called %s" % name)
        source = channel["source"]
        mux = self._board["chips"].get(source)
        if mux is not None and mux["kind"] != "mux":
            raise PortFault("%s is measured by %s, not by the converter" % (name, source))
        if mux is not None:
            self._select(mux["pins"], channel["input"])
            source = mux["output"]
        total = sum(self._converter(source) for _ in range(SAMPLES))
        return round(total * self._reference_uv / (SAMPLES * FULL_SCALE) / channel["gain"])

    def _select(self, lines: "list[str]", number: int) -> None:
        """Put the input's number on the select lines, lowest bit first; wait if any of them changed."""
        changed = False
        for place, line in enumerate(lines):
            level = bool(number >> place & 1)
            if self._selected.get(line) is not level:
                self._pins.write(line, level)
                self._selected[line] = level
                changed = True
        if changed:
            self._wait_us(SETTLE_US)
