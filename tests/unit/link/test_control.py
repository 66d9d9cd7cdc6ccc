"""The control stream by itself: window, acknowledgement, timer, duplicates, bounds; and the messages cut out of it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.link import control, schema
from firmware.link.control import ControlStream, MessageReader
from firmware.link.errors import LocalError, PeerError

SEGMENT_BYTES = 100
NUMBER_MAX = 0xFFFFFFFF

Segment = tuple[int, bytes]


def drain(stream: ControlStream, now_ms: int = 0) -> list[Segment]:
    """Every segment that may go out now."""
    found: list[Segment] = []
    while (segment := stream.next_segment(now_ms)) is not None:
        found.append(segment)
    return found


def read_all(stream: ControlStream) -> bytes:
    return b"".join(iter(stream.read, b""))


def carry(sender: ControlStream, receiver: ControlStream, segments: list[Segment], now_ms: int = 0) -> None:
    """Deliver segments, and the acknowledgement that follows them."""
    for number, data in segments:
        receiver.on_segment(number, data)
    sender.on_ack(*receiver.ack(), now_ms)


def pair_at(number: int) -> tuple[ControlStream, ControlStream]:
    """Two ends that have numbered so many segments already."""
    sender, receiver = ControlStream(SEGMENT_BYTES), ControlStream(SEGMENT_BYTES)
    sender._next_number = receiver._expected = number
    return sender, receiver


def test_what_is_written_arrives_in_segments_of_at_most_their_size():
    sender, receiver = pair_at(0)
    data = random.Random(1).randbytes(950)
    for start in range(0, 950, 19):
        sender.write(data[start : start + 19])
    segments = drain(sender)
    assert [len(segment) for _, segment in segments] == [SEGMENT_BYTES] * 9 + [50]
    carry(sender, receiver, segments)
    assert read_all(receiver) == data
    assert sender.idle()


@pytest.mark.req("LINK-03")
def test_no_more_than_a_window_is_under_way():
    sender, receiver = pair_at(0)
    sender.write(bytes(30 * SEGMENT_BYTES))
    first = drain(sender)
    assert len(first) == control.WINDOW_SEGMENTS
    carry(sender, receiver, first[:5])
    assert len(drain(sender)) == 5


@pytest.mark.req("LINK-03")
def test_a_peer_that_does_not_listen_is_not_written_to_for_ever():
    sender = ControlStream(SEGMENT_BYTES)
    for _ in range(control.QUEUE_BYTES_MIN // 60):
        sender.write(bytes(60))
        drain(sender)
    with pytest.raises(LocalError, match="does not listen"):
        sender.write(bytes(60))
    held = sum(map(len, sender._outgoing)) + sum(len(segment.data) for segment in sender._flight)
    assert held <= control.QUEUE_BYTES_MIN


def test_two_of_the_longest_messages_always_fit():
    for segment_bytes in (schema.PAYLOAD_BYTES_MIN - 4, 508, 4092):
        stream = ControlStream(segment_bytes)
        stream.write(bytes(schema.MESSAGE_BYTES_MAX))
        stream.write(bytes(schema.MESSAGE_BYTES_MAX))


@pytest.mark.req("LINK-02")
@pytest.mark.parametrize("lost", range(control.WINDOW_SEGMENTS - 1))
def test_a_lost_segment_is_sent_again_as_soon_as_a_later_one_is_acknowledged(lost):
    sender, receiver = pair_at(0)
    data = random.Random(lost).randbytes(control.WINDOW_SEGMENTS * SEGMENT_BYTES)
    sender.write(data)
    segments = drain(sender)
    carry(sender, receiver, segments[:lost] + segments[lost + 1 :])
    assert drain(sender) == [segments[lost]]
    carry(sender, receiver, [segments[lost]])
    assert read_all(receiver) == data
    assert (sender.idle(), sender.resent) == (True, 1)


@pytest.mark.req("LINK-02")
def test_every_hole_of_a_window_fits_into_one_acknowledgement():
    """An acknowledgement that could not name them all would stop the search for losses early."""
    assert control.WINDOW_SEGMENTS - 1 <= 32
    sender, receiver = pair_at(0)
    sender.write(bytes(control.WINDOW_SEGMENTS * SEGMENT_BYTES))
    segments = drain(sender)
    carry(sender, receiver, segments[1::2])
    assert [number for number, _ in drain(sender)] == list(range(0, control.WINDOW_SEGMENTS, 2))


@pytest.mark.req("LINK-02")
def test_the_last_segment_is_sent_again_by_the_timer():
    sender, receiver = pair_at(0)
    sender.write(b"last")
    segments = drain(sender)
    deadline_ms = sender.deadline_ms()
    assert deadline_ms == control.TIMEOUT_MS_FIRST
    sender.tick(deadline_ms - 1)
    assert drain(sender) == []
    sender.tick(deadline_ms)
    assert drain(sender, deadline_ms) == segments
    carry(sender, receiver, segments, deadline_ms + 5)
    assert sender.deadline_ms() is None


@pytest.mark.req("LINK-02")
def test_a_segment_sent_again_and_lost_again_is_found_missing_again():
    sender, receiver = pair_at(0)
    sender.write(bytes(3 * SEGMENT_BYTES))
    segments = drain(sender)
    carry(sender, receiver, segments[1:])
    assert drain(sender) == segments[:1]  # lost again, with nothing behind it: no acknowledgement can tell
    sender.on_ack(*receiver.ack(), 0)
    assert drain(sender) == []
    deadline_ms = sender.deadline_ms()
    assert deadline_ms is not None
    sender.tick(deadline_ms)
    assert drain(sender, deadline_ms) == segments[:1]


@pytest.mark.req("LINK-03")
def test_the_timer_doubles_up_to_its_limit_and_then_the_peer_is_gone():
    sender = ControlStream(SEGMENT_BYTES)
    sender.write(b"x")
    drain(sender)
    now_ms, waits = 0, []
    while not sender.dead:
        deadline_ms = sender.deadline_ms()
        assert deadline_ms is not None
        waits.append(deadline_ms - now_ms)
        now_ms = deadline_ms
        sender.tick(now_ms)
        drain(sender, now_ms)
    assert waits[:4] == [500, 1000, 2000, 4000]
    assert set(waits[3:]) == {control.TIMEOUT_MS_MAX}
    assert len(waits) == control.RESENDS_MAX + 1


def test_the_timer_follows_the_round_trip():
    sender, receiver = pair_at(0)
    now_ms = 0
    for _ in range(50):
        sender.write(b"x")
        segments = drain(sender, now_ms)
        now_ms += 300
        carry(sender, receiver, segments, now_ms)
    assert 300 < sender._timeout_ms < 400


def test_a_round_trip_is_not_measured_on_what_was_sent_twice():
    """It could be the answer to either (Karn's rule)."""
    sender, receiver = pair_at(0)
    sender.write(b"x")
    segments = drain(sender)
    sender.tick(500)
    drain(sender, 500)
    carry(sender, receiver, segments, 501)
    assert sender._round_trip_ms == -1


@pytest.mark.req("LINK-02")
@pytest.mark.parametrize("start", [0, NUMBER_MAX - 7, NUMBER_MAX, 0x7FFFFFFF])
def test_numbers_go_round(start):
    sender, receiver = pair_at(start)
    data = random.Random(start).randbytes(40 * SEGMENT_BYTES)
    sender.write(data)
    got = b""
    while not sender.idle():
        segments = drain(sender)
        carry(sender, receiver, segments[1:] + segments[:1])
        got += read_all(receiver)
    assert got == data


@pytest.mark.req("LINK-02")
def test_a_segment_that_comes_twice_is_read_once():
    sender, receiver = pair_at(0)
    sender.write(bytes(range(250)))
    segments = drain(sender)
    carry(sender, receiver, [*segments, *segments])
    assert read_all(receiver) == bytes(range(250))
    assert receiver.duplicates == 3
    carry(sender, receiver, segments[2:])
    assert read_all(receiver) == b""


def test_a_segment_beyond_the_window_is_the_peers_fault():
    receiver = ControlStream(SEGMENT_BYTES)
    receiver.on_segment(control.WINDOW_SEGMENTS - 1, b"the last that may come early")
    with pytest.raises(PeerError, match="beyond the window"):
        receiver.on_segment(control.WINDOW_SEGMENTS, b"")


@given(st.integers(0, NUMBER_MAX), st.integers(0, NUMBER_MAX))
def test_no_acknowledgement_frees_what_was_not_received(ack, later):
    """Whatever one says, only what is in flight and is named can be acknowledged, and nothing raises."""
    sender = ControlStream(SEGMENT_BYTES)
    sender.write(bytes(4 * SEGMENT_BYTES))
    drain(sender)
    sender.on_ack(ack, later, 10)
    left = [segment.number for segment in sender._flight]
    assert set(left) <= {0, 1, 2, 3}
    named = {(ack + 1 + bit) & NUMBER_MAX for bit in range(32) if later >> bit & 1}
    assert set(range(ack, 4)) - named <= set(left)
    if ack > 4:
        assert set(left) >= {0, 1, 2, 3} - named
    drain(sender, 10)


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_messages_are_cut_out_of_any_division(step):
    stream = b"\x04\x00\x03\x00\x05\x00" + b"\x07\x00\x23\x00\x06\x00abc" + b"\x04\x00\x03\x00\x07\x00"
    reader, found = MessageReader(schema.MESSAGE_BYTES_MAX), []
    for start in range(0, len(stream), step):
        reader.feed(stream[start : start + step])
        while (message := reader.next_message()) is not None:
            found.append(message)
    assert found == [(3, 5, b""), (0x23, 6, b"abc"), (3, 7, b"")]


@pytest.mark.parametrize("length", [0, 1, 3, schema.MESSAGE_BYTES_MAX - 1, 0xFFFF])
def test_a_length_that_no_message_has_is_the_peers_fault(length):
    reader = MessageReader(schema.MESSAGE_BYTES_MAX)
    reader.feed(length.to_bytes(2, "little"))
    with pytest.raises(PeerError, match="a message of"):
        reader.next_message()


def test_no_more_is_taken_out_of_the_stream_than_a_message_needs():
    """What waits in the stream is bounded by its window; what waits as decoded events would not be."""
    sender, receiver = pair_at(0)
    sender.write(b"\x04\x00\x03\x00\x05\x00" * 200)
    segments = drain(sender)
    carry(sender, receiver, segments)
    reader = MessageReader(schema.MESSAGE_BYTES_MAX)
    assert reader.read_from(receiver) == (3, 5, b"")
    assert len(reader._held) < SEGMENT_BYTES
    assert len(receiver._arrived) == len(segments) - 1
    count = 1
    while reader.read_from(receiver) is not None:
        count += 1
    assert count == 200
