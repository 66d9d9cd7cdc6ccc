"""The processor's own converter, for firmware.drivers.mux_adc.

MicroPython expands its 12 bits to 16 by repeating them, so a real step is 16 counts; the RP2040's converter is good for
8.7 bits. Good enough for presence and currents, not for contact resistances below some 20 mOhm.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import time

import machine

from firmware.drivers.mux_adc import MuxAdc

if TYPE_CHECKING:
    from typing import Any

    from firmware.ports.pins import Pins

REFERENCE_UV = 3_300_000


def open_adc(board: "dict[str, Any]", pins: "Pins") -> MuxAdc:
    """The analogue inputs of ``board`` (board_data). Converter pins are set up at once: until then they sink 60 uA."""
    inputs = {}
    for name in sorted(board["pins"]):
        if board["pins"][name]["function"] == "adc":
            inputs[name] = machine.ADC(machine.Pin(board["pins"][name]["gpio"]))

    def convert(name: str) -> int:
        return inputs[name].read_u16()

    return MuxAdc(board, pins, convert, time.sleep_us, REFERENCE_UV)
