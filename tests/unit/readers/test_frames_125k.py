"""Frames of 125 kHz readers: both lengths, the datasheet's vector, and whatever else a line brings."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.emulator.reader_ascii import EmulatedAsciiReader
from host_tools.readers.frames_125k import Frames125k, frame_of
from host_tools.readers.tags import EM4100, Tag

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors/readers/frames_125k.json").read_text())
NUMBER = bytes.fromhex("0C000621A5")
TAG = Tag(EM4100, 40, NUMBER)


@pytest.mark.req("RFID-01")
def test_the_datasheets_number_has_the_check_that_its_binary_working_shows():
    assert frame_of(NUMBER, False) == b"\x020C000621A58E\x03"
    for vector in VECTORS["frames"]:
        data = bytes.fromhex(vector["bytes"])
        assert Frames125k().feed(data) == [Tag(EM4100, 40, bytes.fromhex(vector["uid"]))], vector["name"]
    for vector in VECTORS["bad"]:
        spoilt = Frames125k()
        assert spoilt.feed(bytes.fromhex(vector["bytes"])) == [], vector["name"]
        assert spoilt.bad_frames == 1, vector["name"]


@pytest.mark.parametrize("long", [False, True])
def test_an_emulated_readers_bytes_one_by_one(long: bool):
    reader, frames = EmulatedAsciiReader(long), Frames125k()
    reader.hold(NUMBER, 0)
    said = reader.says(0)
    assert len(said) == (16 if long else 14)
    assert [tag for byte in said for tag in frames.feed(bytes([byte]))] == [TAG]
    assert (reader.says(65) == said) is not long


def test_frames_between_garbage_are_found():
    rng = random.Random(3)
    frames, stream = Frames125k(), b""
    for _ in range(200):
        stream += bytes(each for each in rng.randbytes(rng.randrange(9)) if each != 2) + frame_of(
            NUMBER, rng.random() < 0.5
        )
    assert frames.feed(stream) == [TAG] * 200


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_tags_or_nothing_and_memory_is_bounded(pieces: list[bytes]):
    frames = Frames125k()
    for piece in pieces:
        assert all(len(tag.uid) == 5 for tag in frames.feed(piece))
        assert len(frames._held) < 16
