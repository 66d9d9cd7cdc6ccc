"""Badges are paired when they were read twice, and name somebody."""

from __future__ import annotations

import pytest

from host_tools.readers.errors import TagRefused
from host_tools.readers.pairing import RepeatedTaps
from host_tools.readers.presence import Gone, Restarted, Seen
from host_tools.readers.tags import EM4100, ISO14443A, Tag

pytestmark = pytest.mark.req("RFID-04")
BADGE = Tag(ISO14443A, 56, bytes.fromhex("04A1B2C3D4E5F6"))
OTHER = Tag(ISO14443A, 56, bytes.fromhex("04A1B2C3D4E5F7"))


def test_twice_the_same_badge_is_sure():
    taps = RepeatedTaps()
    first = taps.feed(Seen(BADGE))
    assert first is not None
    assert first.tag is None
    assert "take it away for two seconds, then hold it again (1 more)" in first.text
    assert taps.feed(Gone(BADGE)) is None
    assert taps.feed(Restarted()) is None
    second = taps.feed(Seen(BADGE))
    assert second is not None
    assert (second.tag, second.text) == (BADGE, "badge 04A1B2C3D4E5F6 (iso14443a, 56 bits)")


def test_another_badge_between_begins_anew():
    taps = RepeatedTaps()
    for tag in (BADGE, OTHER):
        progress = taps.feed(Seen(tag))
        assert progress is not None
        assert progress.tag is None
    again = taps.feed(Seen(OTHER))
    assert again is not None
    assert again.tag == OTHER


def test_a_number_that_changes_each_time_is_given_up():
    taps = RepeatedTaps()
    for number in range(3):
        taps.feed(Seen(Tag(EM4100, 40, bytes([1, 2, 3, 4, number]))))
    with pytest.raises(TagRefused, match="another number each time"):
        taps.feed(Seen(Tag(EM4100, 40, bytes([1, 2, 3, 4, 9]))))


def test_a_badge_that_is_somebodys_is_refused_with_their_name():
    with pytest.raises(TagRefused, match=r"belongs to Ada \(W-1\): unpair it there first"):
        RepeatedTaps([(BADGE.text, "Ada (W-1)")]).feed(Seen(BADGE))


def test_a_number_turned_round_or_drawn_by_chance_is_refused_at_once():
    with pytest.raises(TagRefused, match="this reader turns the bytes round"):
        RepeatedTaps([(bytes(reversed(BADGE.uid)).hex().upper(), "Ada")]).feed(Seen(BADGE))
    with pytest.raises(TagRefused, match="draws another number each time"):
        RepeatedTaps().feed(Seen(Tag(ISO14443A, 32, bytes.fromhex("08112233"))))
