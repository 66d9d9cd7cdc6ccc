"""Analogue inputs that measuring chips on I2C buses provide, by the names that board.toml gives them."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.drivers.bq25895 import Bq25895
from firmware.drivers.ina2xx import INA219, INA226, InaMonitor
from firmware.drivers.ina3221 import Ina3221
from firmware.drivers.max17048 import Max17048
from firmware.ports.adc import Adc
from firmware.ports.errors import PortFault

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.ports.i2c import I2c

    Reading = Callable[[], int]


class ChipAdc(Adc):
    """The channels of ``board`` (board_data) whose source is a chip on one of ``buses`` (name -> bus).

    A chip is set up at its first reading and again after one that failed: it may have lost its power meanwhile. The
    charger is only looked at; its settings are whoever charges' business.
    """

    def __init__(self, buses: "dict[str, I2c]", board: "dict[str, Any]") -> None:
        self._readings: "dict[str, tuple[str, int, float]]" = {}
        self._chips: "dict[str, Any]" = {}
        self._started: "set[str]" = set()
        for name in sorted(board["channels"]):
            channel = board["channels"][name]
            source = channel["source"]
            chip = board["chips"].get(source)
            if chip is None or chip.get("bus") not in buses or chip["part"] not in MAKERS:
                continue
            self._readings[name] = (source, channel["input"], channel["gain"])
            self._chips[source] = MAKERS[chip["part"]](buses[chip["bus"]], chip["address"])

    def names(self) -> "tuple[str, ...]":
        """What can be read here."""
        return tuple(sorted(self._readings))

    def read_uv(self, name: str) -> int:
        """See Adc."""
        reading = self._readings.get(name)
        if reading is None:
            raise PortFault("no analogue input is called %s" % name)
        source, number, gain = reading
        chip = self._chips[source]
        try:
            if source not in self._started:
                chip.start()
            microvolts = chip.read_uv(number)
        except PortFault:
            self._started.discard(source)
            raise
        self._started.add(source)
        return round(microvolts / gain)


class _OneLine:
    """An INA219 or INA226: input 0 is the voltage of its line."""

    def __init__(self, monitor: InaMonitor) -> None:
        self._monitor = monitor

    def start(self) -> None:
        self._monitor.start()

    def read_uv(self, number: int) -> int:
        return self._monitor.read_bus_uv()


class _ThreeLines:
    """An INA3221: inputs 0 to 2 are its channels 1 to 3."""

    def __init__(self, monitor: Ina3221) -> None:
        self._monitor = monitor

    def start(self) -> None:
        self._monitor.start()

    def read_uv(self, number: int) -> int:
        return self._monitor.read_bus_uv(number + 1)


class _Cell:
    """A MAX17048: input 0 is its cell."""

    def __init__(self, gauge: Max17048) -> None:
        self._gauge = gauge

    def start(self) -> None:
        self._gauge.start()

    def read_uv(self, number: int) -> int:
        return self._gauge.read_cell_uv()


class _Charger:
    """A BQ25895: input 0 is its cell, 1 its input, 2 the board's supply."""

    def __init__(self, charger: Bq25895) -> None:
        self._read = (charger.read_battery_uv, charger.read_input_uv, charger.read_system_uv)

    def start(self) -> None:
        pass

    def read_uv(self, number: int) -> int:
        return self._read[number]()


# Part -> the chip on a bus at an address.
MAKERS: "dict[str, Callable[[I2c, int], Any]]" = {
    "INA219": lambda bus, address: _OneLine(InaMonitor(INA219, bus, address)),
    "INA226": lambda bus, address: _OneLine(InaMonitor(INA226, bus, address)),
    "INA3221": lambda bus, address: _ThreeLines(Ina3221(bus, address)),
    "MAX17048": lambda bus, address: _Cell(Max17048(bus, address)),
    "BQ25895": lambda bus, address: _Charger(Bq25895(bus, address)),
}
