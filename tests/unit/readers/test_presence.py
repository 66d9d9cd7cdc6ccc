"""One tap for each time a badge is held to the reader."""

from __future__ import annotations

from host_tools.readers.presence import AGAIN_MS, Gone, Presence, Seen
from host_tools.readers.tags import EM4100, ISO14443A, Tag

ONE, OTHER = Tag(ISO14443A, 32, b"\x1d\x1a\xc7\x50"), Tag(ISO14443A, 32, b"\xfd\xa3\xc6\x50")
LOW = Tag(EM4100, 40, b"\x01\x00\x74\x5a\x70")


def test_a_badge_that_stays_is_one_tap():
    presence = Presence(400)
    events = [event for now_ms in range(0, 3_000, 120) for event in presence.feed(ONE, now_ms)]
    assert events == [Seen(ONE)]


def test_a_badge_that_flickers_is_one_tap_and_one_that_comes_back_later_is_another():
    presence = Presence(400)
    events = [
        event for now_ms in range(0, 1_200, 120) for event in presence.feed(ONE if now_ms % 240 else None, now_ms)
    ]
    assert events == [Seen(ONE)]
    assert presence.feed(None, 1_600) == [Gone(ONE)]
    assert presence.feed(ONE, 1_700) == []
    assert presence.feed(None, 2_200) == [Gone(ONE)]
    assert presence.feed(ONE, 2_200 + AGAIN_MS) == [Seen(ONE)]


def test_another_badge_counts_at_once():
    presence = Presence(400)
    assert presence.feed(ONE, 0) == [Seen(ONE)]
    assert presence.feed(OTHER, 120) == [Gone(ONE), Seen(OTHER)]


def test_a_low_frequency_number_must_be_read_twice():
    presence = Presence(400)
    noise = LOW._replace(uid=b"\x01\x00\x74\x5a\x71")
    assert presence.feed(noise, 0) == []
    assert presence.feed(LOW, 120) == []
    assert presence.feed(LOW, 240) == [Seen(LOW)]
    assert presence.deadline_ms() == 640
