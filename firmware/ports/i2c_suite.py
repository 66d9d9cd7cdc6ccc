"""What every I2C bus must pass. ``CASES`` take ``new_i2c(address, width_bytes, values)``: a bus with one chip at that
address, whose registers of that width hold those values and can be written."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.expect import expect_fault
from firmware.ports.i2c import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.ports.i2c import I2c

    NewI2c = Callable[[int, int, dict[int, int]], I2c]

CHIP = 0x40
STRANGER = 0x41


def a_register_reads_most_significant_byte_first(new_i2c: "NewI2c") -> None:
    """Whatever its width."""
    assert new_i2c(CHIP, 2, {5: 0x1234}).read(CHIP, 5, 2) == b"\x12\x34"
    assert new_i2c(CHIP, 1, {5: 0x12}).read(CHIP, 5, 1) == b"\x12"


def what_is_written_reads_back(new_i2c: "NewI2c") -> None:
    """From bytes, bytearray and memoryview; other registers stay as they are."""
    bus = new_i2c(CHIP, 2, {0: 1, 1: 0xBEEF})
    for data in (b"\x00\x07", bytearray(b"\xff\xfe"), memoryview(b"\x80\x00")):
        bus.write(CHIP, 0, data)
        assert bus.read(CHIP, 0, 2) == bytes(data)
        assert bus.read(CHIP, 1, 2) == b"\xbe\xef"


def registers_follow_one_another(new_i2c: "NewI2c") -> None:
    """In one transfer, read or written."""
    bus = new_i2c(CHIP, 1, {0x0B: 1, 0x0C: 2, 0x0D: 3})
    assert bus.read(CHIP, 0x0B, 3) == b"\x01\x02\x03"
    bus.write(CHIP, 0x0C, b"\x05\x06")
    assert bus.read(CHIP, 0x0B, 3) == b"\x01\x05\x06"


def an_address_without_a_chip_is_named(new_i2c: "NewI2c") -> None:
    """Reading or writing, and the chip beside it answers all the same."""
    bus = new_i2c(CHIP, 2, {0: 9})
    assert "0x41" in expect_fault(NoAnswer, bus.read, STRANGER, 0, 2)
    assert "0x41" in expect_fault(NoAnswer, bus.write, STRANGER, 0, b"\x00\x00")
    assert bus.read(CHIP, 0, 2) == b"\x00\x09"


CASES = (
    a_register_reads_most_significant_byte_first,
    what_is_written_reads_back,
    registers_follow_one_another,
    an_address_without_a_chip_is_named,
)
