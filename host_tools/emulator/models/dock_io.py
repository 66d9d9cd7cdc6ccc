"""A dock's pins and converter over its bays' models: names as in board.toml, ``bay3.presence`` and so on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from firmware.ports.adc import Adc
from firmware.ports.errors import PortFault
from firmware.ports.pins import Pins
from host_tools.emulator.models.contacts import GAINS, BayContacts

ELECTRICAL_OUTPUTS = ("power", "drive")
LAMP_OUTPUTS = ("lamp_green", "lamp_red")


def _find(bays: Mapping[int, BayContacts], name: str) -> tuple[BayContacts, str] | None:
    front, _, word = name.partition(".")
    number = front.removeprefix("bay")
    if not front.startswith("bay") or not number.isdecimal() or int(number) not in bays:
        return None
    return bays[int(number)], word


class DockAdc(Adc):
    """``now_ms``: the board's clock, so that a reading is of the moment it is taken."""

    def __init__(self, bays: Mapping[int, BayContacts], now_ms: Callable[[], int]) -> None:
        self._places = {f"bay{number}.{word}": (bay, word) for number, bay in bays.items() for word in GAINS}
        self._now_ms = now_ms

    def read_uv(self, name: str) -> int:
        found = self._places.get(name)
        if found is None:
            raise PortFault(f"this dock has no analogue input {name}")
        bay, word = found
        bay.advance(self._now_ms())
        return bay.read_uv(word)


class DockPins(Pins):
    """Outputs only; power and drive act on the bay, all levels can be read back (``lit`` lamps, for instance)."""

    def __init__(self, bays: Mapping[int, BayContacts], now_ms: Callable[[], int]) -> None:
        self._bays = bays
        self._now_ms = now_ms
        self._levels: dict[str, bool] = {}

    def read(self, name: str) -> bool:
        self._check(name)
        return self._levels.get(name, False)

    def write(self, name: str, level: bool) -> None:
        bay, word = self._check(name)
        self._levels[name] = level
        if word in ELECTRICAL_OUTPUTS:
            bay.set_output(word, level, self._now_ms())

    def _check(self, name: str) -> tuple[BayContacts, str]:
        found = _find(self._bays, name)
        if found is None or found[1] not in ELECTRICAL_OUTPUTS + LAMP_OUTPUTS:
            raise PortFault(f"this dock has no pin {name}")
        return found
