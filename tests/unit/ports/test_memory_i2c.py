"""A chip in memory, register by register: what is read once, what is read over several, and what a width does."""

from __future__ import annotations

import pytest

from firmware.ports.memory_i2c import RegisterMap


@pytest.mark.parametrize(
    ("width_bytes", "value", "read"), [(1, 0x1A5, b"\xa5"), (2, 0x1A5, b"\x01\xa5"), (1, -1, b"\xff")]
)
def test_a_register_is_read_in_its_width(width_bytes: int, value: int, read: bytes):
    chip = RegisterMap(width_bytes, {7: value})
    assert chip.read(7, width_bytes) == read
    assert chip.read(7, 2 * width_bytes) == read + bytes(width_bytes), "the next one is empty"


def test_what_is_latched_is_read_once_and_only_there():
    chip = RegisterMap(1, {0x0B: 1, 0x0C: 2})
    chip.latch(0x0C, 0x80)
    assert chip.read(0x0B, 1) == b"\x01"
    assert chip.read(0x0C, 1) == b"\x80"
    assert chip.read(0x0C, 1) == b"\x02"
