"""What every set of pins must pass. ``CASES`` take ``new_pins(input, output)``: pins with these two names."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import PortFault
from firmware.ports.expect import expect_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.ports.pins import Pins

    NewPins = Callable[[str, str], Pins]


def an_output_reads_as_written(new_pins: "NewPins") -> None:
    """Deasserted at first."""
    pins = new_pins("button", "lamp")
    assert pins.read("lamp") is False
    for level in (True, True, False, True):
        pins.write("lamp", level)
        assert pins.read("lamp") is level


def an_input_can_only_be_read(new_pins: "NewPins") -> None:
    """Writing it is a fault that names it."""
    pins = new_pins("button", "lamp")
    assert pins.read("button") in (False, True)
    assert "button" in expect_fault(PortFault, pins.write, "button", True)


def an_unknown_pin_is_named(new_pins: "NewPins") -> None:
    """Reading or writing."""
    pins = new_pins("button", "lamp")
    assert "horn" in expect_fault(PortFault, pins.read, "horn")
    assert "horn" in expect_fault(PortFault, pins.write, "horn", True)


CASES = (an_output_reads_as_written, an_input_can_only_be_read, an_unknown_pin_is_named)
