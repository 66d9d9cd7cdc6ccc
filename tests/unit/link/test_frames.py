"""Frames are found whole, byte by byte, and with garbage around them; nothing damaged is delivered."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.link import frames, schema
from firmware.link.errors import LocalError

SALT = 0x1234ABCD


def make_reader() -> frames.FrameReader:
    reader = frames.FrameReader(4096, 4096)
    reader.salt = SALT
    return reader


Found = list[tuple[int, int, bytes]]


def read_all(reader: frames.FrameReader, data: bytes, step: int = 4096, now_ms: int = 0) -> Found:
    found: Found = []
    while data:
        piece, data = data[:step], data[step:]
        while piece:
            piece = piece[reader.take(piece, now_ms) :]
            while (frame := reader.next_frame()) is not None:
                found.append((frame.kind, frame.sequence, bytes(frame.payload)))
    return found


FRAMES = [(16, 0, b"hello"), (19, 7, b""), (33, 2**32 - 1, bytes(range(256)) * 16), (16, 1, b"\xc5\xb7" * 50)]
WIRE = [frames.frame(kind, sequence, payload, SALT, 1) for kind, sequence, payload in FRAMES]


@pytest.mark.req("LINK-01")
@pytest.mark.parametrize("step", [1, 2, 3, 15, 16, 17, 100, 4096])
def test_frames_arrive_in_any_division(step):
    assert read_all(make_reader(), b"".join(WIRE), step) == FRAMES


@pytest.mark.req("LINK-02")
@pytest.mark.parametrize("garbage", [b"\x00", b"\xc5", b"\xc5\xb7", b"\xc5\xb7\x01\x10" + bytes(40), b"noise" * 100])
def test_garbage_before_between_and_after_is_skipped(garbage):
    wire = garbage + garbage.join(WIRE) + garbage
    reader = make_reader()
    assert read_all(reader, wire + WIRE[0])[: len(FRAMES)] == FRAMES
    assert reader.skipped_bytes >= len(garbage)


@pytest.mark.req("LINK-02")
@given(st.integers(0, 2**31), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_no_damaged_frame_is_ever_delivered(seed, flips):
    source = random.Random(seed)
    wire = bytearray(b"".join(WIRE * 3))
    for _ in range(flips):
        wire[source.randrange(len(wire))] ^= 1 << source.randrange(8)
    for frame in read_all(make_reader(), bytes(wire)):
        assert frame in FRAMES


def test_a_truncated_frame_is_given_up_and_the_next_one_found():
    reader = make_reader()
    assert read_all(reader, WIRE[2][:100] + WIRE[0]) == []
    assert reader.deadline_ms() == frames.STALL_MS
    reader.tick(frames.STALL_MS - 1)
    assert reader.next_frame() is None
    reader.tick(frames.STALL_MS)
    assert (reader.deadline_ms(), reader.partial_kind) == (None, -1), "given up once, not at every tick"
    frame = reader.next_frame()
    assert frame is not None
    assert bytes(frame.payload) == b"hello"
    assert reader.abandoned == 1


def test_nothing_is_under_way_any_more_once_the_rest_of_a_frame_has_come():
    reader = make_reader()
    reader.take(WIRE[2][:100], 5)
    assert reader.next_frame() is None
    assert (reader.deadline_ms(), reader.partial_kind) == (5 + frames.STALL_MS, FRAMES[2][0])
    reader.take(WIRE[2][100:], 6)
    assert reader.next_frame() is not None
    assert (reader.deadline_ms(), reader.partial_kind) == (None, -1)
    assert reader.next_frame() is None
    assert (reader.deadline_ms(), reader.partial_kind) == (None, -1)


def test_a_frame_of_another_salt_version_or_size_is_noise():
    wrong = [
        frames.frame(16, 0, b"x", SALT + 1, 1),
        frames.frame(16, 0, b"x", SALT, 2),
        frames.frame(16, 0, bytes(5000), SALT, 1),
    ]
    reader = make_reader()
    assert read_all(reader, b"".join(wrong) + WIRE[0]) == [FRAMES[0]]
    assert reader.bad_headers >= 3


def test_opening_frames_need_no_salt():
    wire = frames.frame(1, 0, b"anything", SALT + 5, 1)
    assert read_all(make_reader(), wire) == [(1, 0, b"anything")]


def test_a_frame_that_is_too_large_is_our_own_mistake():
    with pytest.raises(LocalError):
        frames.header(16, 0, schema.PAYLOAD_BYTES_MAX + 1, 0, 1)


@given(st.binary(max_size=3000))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_survived(data):
    reader = make_reader()
    assert read_all(reader, data) == []
    reader.tick(1000)
    assert reader.next_frame() is None
    assert len(reader.space()) > 0
