"""What one bay's converter inputs say: voltages, current and temperature, single, averaged, or over a window of time.

Law: reads, never writes; knows channels and no state of the bay. PortFault if the converter fails.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.drivers import thermistor
from firmware.drivers.window import Window
from firmware.ports.errors import PortFault

if TYPE_CHECKING:
    from typing import Any

    from firmware.ports.adc import Adc

    Fields = dict[str, Any]

CHANNELS = ("presence", "supply", "current", "coupling", "temperature")
AVERAGE_SAMPLES = 8  # brings 1.4 steps of converter noise to half a step
REFERENCE_UV = 3_300_000  # what pull-ups and converter share


class Meter:
    """``electrical``: shunt_uohm (from board.toml)."""

    def __init__(self, number: int, adc: "Adc", electrical: "dict[str, int]") -> None:
        self.number = number
        self._adc = adc
        self._shunt_uohm = electrical["shunt_uohm"]
        self._names = {word: "bay%d.%s" % (number, word) for word in CHANNELS}
        self._run = 0
        self._supply = None  # type: Window | None
        self._current = None  # type: Window | None

    def read_uv(self, word: str) -> int:
        """One sample."""
        return self._adc.read_uv(self._names[word])

    def average_uv(self, word: str) -> int:
        """The mean of AVERAGE_SAMPLES."""
        total_uv = 0
        for _ in range(AVERAGE_SAMPLES):
            total_uv += self.read_uv(word)
        return total_uv // AVERAGE_SAMPLES

    def read_current_ua(self) -> int:
        """One sample of what flows into the bay."""
        return self._to_ua(self.read_uv("current"))

    def average_current_ua(self) -> int:
        """The mean of AVERAGE_SAMPLES."""
        return self._to_ua(self.average_uv("current"))

    def read_temperature_mc(self) -> "int | None":
        """Of the contact block; None where it has no thermistor that works."""
        try:
            return thermistor.millicelsius(self.average_uv("temperature"), REFERENCE_UV)
        except PortFault:
            return None  # a board without one: what flows is watched all the same

    # -- windows

    def begin_window(self, run: int, window_ms: int, now_ms: int) -> bool:
        """Average supply and current from now on; False while another window is open."""
        if self._supply is not None:
            return False
        self._run = run
        self._supply = Window(now_ms, window_ms)
        self._current = Window(now_ms, window_ms)
        return True

    def is_open(self) -> bool:
        """Whether a window is being filled."""
        return self._supply is not None

    def fill_window(self, now_ms: int) -> "Fields | None":
        """Take one sample for the open window; its fields of ``power_measured`` once its time is over."""
        if self._supply is None or self._current is None:
            return None
        self._supply.take(self.read_uv("supply"))
        self._current.take(self.read_current_ua())
        return self.end_window() if self._supply.is_over(now_ms) else None

    def end_window(self) -> "Fields | None":
        """Close it now, with what there is: no samples if the supply went before the first. None if none was open."""
        supply, current = self._supply, self._current
        if supply is None or current is None:
            return None
        self._supply = self._current = None
        some = supply.count > 0
        return {
            "bay": self.number,
            "run": self._run,
            "began_ms": supply.began_ms,
            "samples": min(supply.count, 1000),
            "supply_uv": supply.mean() if some else 0,
            "supply_deviation_uv": supply.deviation(),
            "current_ua": current.mean() if some else 0,
            "current_deviation_ua": current.deviation(),
        }

    def _to_ua(self, shunt_uv: int) -> int:
        return shunt_uv * 1_000_000 // self._shunt_uohm
