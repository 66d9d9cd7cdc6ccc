"""The canonical form of a badge's number, and the badges that must not be paired."""

from __future__ import annotations

import pytest

from host_tools.readers.errors import TagRefused
from host_tools.readers.tags import EM4100, ISO14443A, KEYED, Tag, check_for_pairing, em4100_printed, parse_uid


def tag(text: str, technology: str = ISO14443A) -> Tag:
    uid = bytes.fromhex(text)
    return Tag(technology, 8 * len(uid), uid)


@pytest.mark.req("RFID-04")
@pytest.mark.parametrize("text", ["1D1AC750", "1d:1a:c7:50", "1D 1A C7 50", "1d-1a-c7-50"])
def test_one_form_whatever_a_file_has(text: str):
    assert parse_uid(text) == bytes.fromhex("1D1AC750")


@pytest.mark.parametrize("text", ["", "0", "12G4", "ABC", "00" * 17, "12345678'; --"])
def test_what_is_no_number_is_refused_in_one_line(text: str):
    with pytest.raises(TagRefused, match="is no badge number; write it in hexadecimal"):
        parse_uid(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("08A1B2C3", "draws another number each time"),
        ("88040C12", "begins with the cascade tag"),
        ("0411223344", "has 5 bytes"),
    ],
)
def test_numbers_that_name_nobody_are_not_paired(text: str, why: str):
    with pytest.raises(TagRefused, match=why):
        check_for_pairing(tag(text))


@pytest.mark.parametrize("text", ["1D1AC750", "04A1B2C3D4E5F6", "08A1B2C3D4E5F6", "00112233445566778899"])
def test_real_numbers_are_paired(text: str):
    check_for_pairing(tag(text))


def test_a_number_that_is_known_turned_round_is_told_and_not_paired_twice():
    known = {"50C71A1D"}
    with pytest.raises(TagRefused, match="known as 50C71A1D: this reader turns the bytes round"):
        check_for_pairing(tag("1D1AC750"), known)
    check_for_pairing(tag("1D1AC750"), {"50C71A1D", "1D1AC750"})
    check_for_pairing(Tag(KEYED, 16, b"\x11\x11"), {"1111"})


def test_what_is_printed_on_an_em4100_badge():
    assert em4100_printed(bytes.fromhex("0100745A70")) == "0007625328 116,23152"
    with pytest.raises(TagRefused, match="5 bytes, not 4"):
        em4100_printed(bytes(4))
    check_for_pairing(tag("0100745A70", EM4100))
