"""A badge that was read at another computer is judged as one that was read here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.readers.elsewhere import Kind, judge, tag_of_reading
from host_tools.readers.errors import TagRefused
from host_tools.readers.frames_125k import frame_of

pytestmark = pytest.mark.req("RFID-04")
FOLDER = Path(__file__).parents[2] / "vectors/readers"
FRAMES: dict[str, Any] = json.loads((FOLDER / "frames_125k.json").read_text())
TWN4: dict[str, Any] = json.loads((FOLDER / "twn4.json").read_text())


def search(uid: str, tag_type: int = 0x80) -> tuple[Kind, bytes]:
    """A TWN4's answer."""
    number = bytes.fromhex(uid)
    return "twn4", bytes([0, 1, tag_type, 8 * len(number), len(number)]) + number


BADGE = search("04A1B2C3D4E5F6")


def test_every_vector_is_the_number_that_it_is_here():
    for vector in FRAMES["frames"]:
        assert tag_of_reading("ascii125k", bytes.fromhex(vector["bytes"])).text == vector["uid"]
    for vector in TWN4["searches"]:
        if vector["uid"]:
            assert tag_of_reading("twn4", bytes.fromhex(vector["answer"])).text == vector["uid"]
    frames = [each["bytes"] for each in FRAMES["bad"]]
    frames += [2 * each["bytes"] for each in FRAMES["frames"]]  # two at once
    answers = [*TWN4["bad_searches"], *(each["answer"] for each in TWN4["searches"] if not each["uid"])]
    bad: dict[Kind, list[str]] = {"ascii125k": frames, "twn4": answers}
    for kind, readings in bad.items():
        for data in readings:
            with pytest.raises(TagRefused, match="again"):
                tag_of_reading(kind, bytes.fromhex(data))


def test_it_can_be_paired_when_it_was_read_twice_in_a_row():
    once = judge([BADGE], {})
    assert (once.tag.text, once.is_sure, once.left) == ("04A1B2C3D4E5F6", False, 1)
    assert judge([BADGE, BADGE], {}).is_sure
    between = judge([BADGE, search("04000000000001"), BADGE], {})
    assert (between.is_sure, between.left) == (False, 1)
    frame: tuple[Kind, bytes] = ("ascii125k", frame_of(bytes.fromhex("0C000621A5"), long=True))
    assert judge([frame, frame], {}).tag.technology == "em4100"


@pytest.mark.parametrize(
    ("readings", "known", "why"),
    [
        ([search("08123456")], {}, "another number each time|anew"),
        ([BADGE], {"04A1B2C3D4E5F6": "Grace"}, "belongs to Grace"),
        ([search(f"0400000000000{n}") for n in range(4)], {}, "another number each time"),
        ([BADGE], {"F6E5D4C3B2A104": "Grace"}, "turns the bytes round"),
        ([], {}, "nothing was read"),
    ],
)
def test_what_names_nobody_is_refused(readings: list[tuple[Kind, bytes]], known: dict[str, str], why: str):
    with pytest.raises(TagRefused, match=why):
        judge(readings, known)


@given(st.sampled_from(["ascii125k", "twn4"]), st.binary(max_size=40))
def test_any_bytes_are_a_badge_or_refused(kind: Kind, data: bytes):
    try:
        assert 1 <= len(tag_of_reading(kind, data).uid) <= 16
    except TagRefused:
        return
