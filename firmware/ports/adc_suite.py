"""What analogue inputs must pass. ``CASES`` take ``new_adc(name, microvolts)``: one input at that voltage."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import PortFault
from firmware.ports.expect import expect_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.ports.adc import Adc

    NewAdc = Callable[[str, int], Adc]

TOLERANCE = 20  # one part in this many of the voltage: quantisation, noise and dividers of any board


def reads_what_is_there(new_adc: "NewAdc") -> None:
    """In microvolts, within TOLERANCE."""
    for microvolts in (500000, 3300000, 5000000):
        read_uv = new_adc("supply", microvolts).read_uv("supply")
        assert abs(read_uv - microvolts) <= microvolts // TOLERANCE


def an_unknown_input_is_named(new_adc: "NewAdc") -> None:
    """PortFault."""
    assert "horn" in expect_fault(PortFault, new_adc("supply", 5000000).read_uv, "horn")


CASES = (reads_what_is_there, an_unknown_input_is_named)
