"""The pins port over machine.Pin, and over a chain of shift registers where the board has one."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import machine

from firmware.drivers.shift_pins import KIND, ShiftPins
from firmware.ports.errors import PortFault
from firmware.ports.pins import Pins

if TYPE_CHECKING:
    from typing import Any


class RpPins(Pins):
    """The digital inputs and outputs of ``board`` (board_data). Outputs are deasserted at once."""

    def __init__(self, board: "dict[str, Any]") -> None:
        self._outputs = set()
        self._active_low = set()
        self._pins = {}
        for name in sorted(board["pins"]):
            pin = board["pins"][name]
            if pin["function"] not in ("in", "out"):
                continue
            if pin["active_low"]:
                self._active_low.add(name)
            if pin["function"] == "out":
                self._outputs.add(name)
                self._pins[name] = machine.Pin(pin["gpio"], machine.Pin.OUT, value=1 if pin["active_low"] else 0)
            else:
                self._pins[name] = _input(pin["gpio"], pin["pull"])

    def read(self, name: str) -> bool:
        """See Pins. An output's latch reads as it was written."""
        if name not in self._pins:
            raise PortFault("no pin is called %s" % name)
        return bool(self._pins[name].value()) is not (name in self._active_low)

    def write(self, name: str, level: bool) -> None:
        """See Pins."""
        if name not in self._pins:
            raise PortFault("no pin is called %s" % name)
        if name not in self._outputs:
            raise PortFault("pin %s is an input" % name)
        self._pins[name].value(1 if bool(level) is not (name in self._active_low) else 0)


def open_pins(board: "dict[str, Any]") -> Pins:
    """All pins of a board, those in its chain of shift registers included."""
    pins = RpPins(board)
    chains = [chip for chip in board["chips"].values() if chip["kind"] == KIND]  # any order: there is one at most
    if not chains:
        return pins
    bus = board["buses"][chains[0]["bus"]]
    clock, data = bus["pins"][0], bus["pins"][1]
    line = machine.SPI(
        bus["unit"],
        baudrate=bus["frequency_hz"],
        sck=machine.Pin(board["pins"][clock]["gpio"]),
        mosi=machine.Pin(board["pins"][data]["gpio"]),
    )
    return ShiftPins(board, pins, line.write)


def _input(gpio: int, pull: str) -> machine.Pin:
    if pull == "none":
        return machine.Pin(gpio, machine.Pin.IN)
    return machine.Pin(gpio, machine.Pin.IN, machine.Pin.PULL_UP if pull == "up" else machine.Pin.PULL_DOWN)
