"""Numbers that a reader types, and a person's typing beside them."""

from __future__ import annotations

import pytest

from host_tools.readers.keyed import KeyedNumbers
from host_tools.readers.tags import KEYED, Tag


def typed(numbers: KeyedNumbers, text: str, gap_ms: int = 8) -> Tag | None:
    for place, character in enumerate(text):
        numbers.key(character, place * gap_ms)
    return numbers.enter(len(text) * gap_ms)


@pytest.mark.req("RFID-01")
@pytest.mark.parametrize(("text", "uid"), [("1D1AC750", "1D1AC750"), ("04a1b2c3d4e5f6", "04A1B2C3D4E5F6")])
def test_what_a_reader_types(text: str, uid: str):
    assert typed(KeyedNumbers(), text) == Tag(KEYED, len(uid) * 4, bytes.fromhex(uid))


def test_a_decimal_number_is_four_bytes():
    assert typed(KeyedNumbers(10), "0007625328") == Tag(KEYED, 32, bytes.fromhex("00745A70"))
    assert typed(KeyedNumbers(10), "9999999999") is None
    assert typed(KeyedNumbers(10), "4294967295") == Tag(KEYED, 32, b"\xff\xff\xff\xff")
    assert typed(KeyedNumbers(10), "4294967296") is None


@pytest.mark.parametrize(
    ("text", "gap_ms"), [("1D1AC750", 51), ("1D1", 8), ("1D1AC75X", 8), ("A" * 90, 8), ("hello", 8)]
)
def test_what_no_reader_typed_is_rejected_and_the_next_number_is_read(text: str, gap_ms: int):
    numbers = KeyedNumbers()
    assert typed(numbers, text, gap_ms) is None
    assert numbers.rejected == 1
    assert typed(numbers, "1D1AC750") is not None
