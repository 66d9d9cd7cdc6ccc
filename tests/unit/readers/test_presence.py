"""One tap for each time a badge is held to the reader."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(
    ("held_ms", "heard"), [(600, [0, 1, 2, 3, 4, 5]), (0, [0, 2, 4])], ids=["long enough", "for a moment"]
)
def test_somebody_who_is_a_little_too_quick_each_time_is_heard(held_ms: int, heard: list[int]):
    presence = Presence(400)
    taps: list[int] = []
    for number in range(6):
        begun_ms = number * (held_ms + 1_900)
        for now_ms in range(begun_ms, begun_ms + held_ms + 1_900, 100):
            events = presence.feed(ONE if now_ms <= begun_ms + held_ms else None, now_ms)
            taps += [number for event in events if isinstance(event, Seen)]
    assert taps == heard


def test_a_badge_shown_too_soon_and_held_there_counts_when_its_time_has_come():
    presence = Presence(400)
    assert presence.feed(ONE, 0) == [Seen(ONE)]
    assert presence.feed(None, 500) == [Gone(ONE)]
    heard = [now_ms for now_ms in range(1_100, 6_000, 100) if presence.feed(ONE, now_ms)]
    assert heard == [AGAIN_MS]


def test_a_badge_that_somebody_elses_came_between_and_that_is_held_counts():
    presence = Presence(400)
    assert presence.feed(ONE, 0) == [Seen(ONE)]
    assert presence.feed(OTHER, 300)[-1] == Seen(OTHER)
    assert presence.feed(ONE, 700) == [Gone(OTHER)]
    heard = [now_ms for now_ms in range(800, 6_000, 100) if presence.feed(ONE, now_ms)]
    assert heard == [700 + AGAIN_MS]


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
