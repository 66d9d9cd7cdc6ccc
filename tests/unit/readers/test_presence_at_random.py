"""Badges shown by random hands, held against what a person would say of the whole of it afterwards."""

from __future__ import annotations

import random

import pytest

from host_tools.readers.presence import AGAIN_MS, FLICKER_MS, Presence, Seen
from host_tools.readers.tags import EM4100, ISO14443A, Tag

POLL_MS, GONE_MS = 100, 400
BADGES = [Tag(ISO14443A, 32, bytes([each, 0xA1, 0xC7, 0x50])) for each in range(1, 4)]
PAUSES_MS = (100, 300, 700, 900, 1_000, 1_100, 1_900, 2_000, 2_100, 3_000, 6_000)
HELD_MS = (0, 100, 200, 600, 1_000, 1_900, 2_500)
SEEDS = range(60)


def shown(rng: random.Random, tag: Tag, until_ms: int) -> list[tuple[int, int]]:
    """When a badge is really there."""
    now_ms, stays = rng.choice(PAUSES_MS), []
    while now_ms < until_ms:
        held_ms = rng.choice(HELD_MS)
        stays.append((now_ms, now_ms + held_ms))
        now_ms += held_ms + rng.choice(PAUSES_MS)
    return stays


def taps_of(sights_ms: list[int]) -> list[int]:
    """Sights that are less than FLICKER_MS apart are one stay. A stay counts once, from AGAIN_MS after the end of the
    last stay that counted; and whatever is held for AGAIN_MS after it was away for a moment counts."""
    taps: list[int] = []
    counted_ms: int | None = None  # when a stay that counted was last seen
    stay_counts, before_ms, back_ms = False, None, None
    for at_ms in sights_ms:
        if before_ms is None or at_ms - before_ms >= FLICKER_MS:
            stay_counts = False
        if before_ms is not None and at_ms - before_ms > GONE_MS:
            back_ms = at_ms
        before_ms = at_ms
        is_held = back_ms is not None and at_ms - back_ms >= AGAIN_MS
        if is_held or (not stay_counts and (counted_ms is None or at_ms - counted_ms >= AGAIN_MS)):
            taps.append(at_ms)
            stay_counts, back_ms = True, None
        if stay_counts:
            counted_ms = at_ms
    return taps


@pytest.mark.req("RFID-01")
@pytest.mark.parametrize("badges", [1, 2, 3])
def test_every_tap_is_heard_once_whatever_hands_do(badges: int):
    for seed in SEEDS:
        rng = random.Random(seed)
        stays = {tag: shown(rng, tag, 40_000) for tag in BADGES[:badges]}
        presence = Presence(GONE_MS)
        sights: dict[Tag, list[int]] = {tag: [] for tag in stays}
        heard: dict[Tag, list[int]] = {tag: [] for tag in stays}
        for number, now_ms in enumerate(range(0, 45_000, POLL_MS)):
            there = [tag for tag, times in stays.items() if any(begun <= now_ms <= ended for begun, ended in times)]
            seen = there[number % len(there)] if there else None  # of several, a reader tells one after the other
            if seen is not None:
                sights[seen].append(now_ms)
            for event in presence.feed(seen, now_ms):
                if isinstance(event, Seen):
                    heard[event.tag].append(now_ms)
        for tag in stays:
            assert heard[tag] == taps_of(sights[tag]), f"seed {seed}, badge {tag.text}, shown {stays[tag]}"


@pytest.mark.req("RFID-01")
@pytest.mark.parametrize("technology", [ISO14443A, EM4100])
def test_two_badges_in_one_wallet_are_two_taps_and_no_more(technology: str):
    presence = Presence(GONE_MS, reads=1)
    wallet = [Tag(technology, 40, bytes([each, 2, 3, 4, 5])) for each in (1, 2)]
    heard = [event for number in range(60) for event in presence.feed(wallet[number % 2], number * POLL_MS)]
    assert [event for event in heard if isinstance(event, Seen)] == [Seen(each) for each in wallet]


def test_what_reads_noise_for_hours_is_not_remembered():
    presence = Presence(GONE_MS)
    for number in range(2_000):
        presence.feed(Tag(ISO14443A, 32, number.to_bytes(4, "big")), number)
    assert len(presence._known) <= 16
    assert presence.feed(BADGES[0], 2_000)[-1] == Seen(BADGES[0])
