"""Whoever waits for a camera is served, or told that they are not: nobody is forgotten while a lamp says wait."""

from __future__ import annotations

import random

import pytest

from host_tools.system import assignment_offer as states
from host_tools.system.assignment_desk import WAIT_MS, Begin, Desk, Refusal, Tap, Waiting

HOLD_MORE_MS, SLACK_MS = 5_000, 1_000
TAKE_MS_MAX = 120_000  # as the system's settings have it
LOOK_MS = 100


def make_desk(take_ms: int = 30_000) -> Desk:
    return Desk(list, take_ms, HOLD_MORE_MS, SLACK_MS, 0)


def tap_of(wearer: str, at_ms: int = 0, place: str = "", reader: str = "r") -> Tap:
    return Tap(wearer, f"04{wearer}", reader, place, at_ms)


def begin(desk: Desk, tap: Tap) -> None:
    """A camera flashes for them."""
    offer = desk.open(tap, f"CAM-{tap.wearer}", "D", 1)
    for _ in range(2):
        desk.happen(offer, states.DONE, tap.at_ms)


def pass_time(desk: Desk, from_ms: int, to_ms: int) -> dict[str, tuple[str, int]]:
    """Nobody takes anything: what became of whom, and when."""
    became: dict[str, tuple[str, int]] = {}
    for now_ms in range(from_ms, to_ms, LOOK_MS):
        for offer in list(desk.offers):
            offer.tick(now_ms)
            if offer.state in (states.RELEASING, states.FORGETTING):
                desk.happen(offer, states.DONE, now_ms)
            if offer.is_over():
                desk.close(offer, now_ms)
        became |= {tap.wearer: ("told", now_ms) for tap in desk.given_up(now_ms)}
        for tap in desk.next(now_ms):
            became[tap.wearer] = ("served", now_ms)
            begin(desk, tap._replace(at_ms=now_ms))
    return became


@pytest.mark.req("RFID-02")
@pytest.mark.parametrize("take_ms", [10_000, 30_000, 60_000, TAKE_MS_MAX])
def test_who_is_next_outwaits_an_offer_that_nobody_takes(take_ms: int):
    desk = make_desk(take_ms)
    assert isinstance(desk.tap(tap_of("ada"), 0), Begin)
    begin(desk, tap_of("ada"))
    assert desk.tap(tap_of("bea"), 0) == Waiting(0)
    assert pass_time(desk, 0, 2 * TAKE_MS_MAX)["bea"][0] == "served"


@pytest.mark.req("RFID-03")
def test_whoever_waits_is_served_or_told():
    for seed in range(20):
        rng = random.Random(seed)
        desk = make_desk(rng.choice([30_000, TAKE_MS_MAX]))
        begin(desk, tap_of("first"))
        waiting = {f"w{number}" for number in range(8) if isinstance(desk.tap(tap_of(f"w{number}"), 0), Waiting)}
        became = pass_time(desk, 0, 600_000)
        assert became.keys() == waiting, f"seed {seed}: forgotten: {waiting - became.keys()}"


@pytest.mark.req("RFID-02")
def test_who_taps_again_is_still_there_and_keeps_their_turn():
    desk = make_desk(TAKE_MS_MAX)
    begin(desk, tap_of("ada"))
    assert [desk.tap(tap_of(wearer), 0) for wearer in ("bea", "cai")] == [Waiting(0), Waiting(1)]
    assert desk.tap(tap_of("bea", WAIT_MS - 1, reader="other"), WAIT_MS - 1) == Waiting(0), "who is behind is not ahead"
    assert [(tap.wearer, tap.reader) for tap in desk.waiting] == [("bea", "other"), ("cai", "r")]
    assert [tap.wearer for tap in desk.given_up(3 * WAIT_MS - 2)] == ["cai"]


@pytest.mark.req("RFID-02")
def test_who_goes_to_another_place_is_served_there():
    desk = make_desk()
    begin(desk, tap_of("ada", place="north"))
    assert isinstance(desk.tap(tap_of("bea", place="north"), 0), Waiting)
    assert desk.tap(tap_of("bea", 50, place="south"), 50) == Begin(tap_of("bea", 50, place="south"))
    assert not desk.waiting


def test_a_crowd_is_refused_and_who_waits_in_it_is_not():
    desk = make_desk()
    begin(desk, tap_of("ada"))
    for number in range(8):
        assert desk.tap(tap_of(f"w{number}"), 0) == Waiting(number)
    assert desk.tap(tap_of("late"), 0) == Refusal("crowd")
    assert desk.tap(tap_of("w7"), 5) == Waiting(7)
