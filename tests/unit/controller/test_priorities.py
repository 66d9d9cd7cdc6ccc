"""Whose recordings go first, and for how long."""

from __future__ import annotations

import pytest

from host_tools.controller.priorities import PRIORITY_MS, Priorities
from host_tools.system.roster import Roster, Wearer

ADA, EVE = Wearer(id="W-001", name="Ada Lovelace"), Wearer(id="W-002", name="Eve", prioritised=True)


class Clock:
    now_ms = 1_767_225_600_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.mark.req("CTRL-07")
def test_it_ends_by_itself_after_a_day():
    clock = Clock()
    priorities = Priorities(Roster((ADA, EVE)), clock)
    assert not priorities.holds(ADA)
    assert priorities.begin("W-001", "ann") == clock.now_ms + PRIORITY_MS == clock.now_ms + 24 * 3_600_000
    assert priorities.now() == {"W-001": clock.now_ms + PRIORITY_MS}
    clock.now_ms += PRIORITY_MS - 1
    assert priorities.holds(ADA)
    clock.now_ms += 1
    assert not priorities.holds(ADA)
    assert priorities.now() == {}


def test_it_can_be_ended_and_the_roster_s_stays():
    priorities = Priorities(Roster((ADA, EVE)), Clock())
    for who in ("W-001", "W-002"):
        priorities.begin(who, "ann")
        priorities.end(who, "ann")
        priorities.end(who, "ann")
    assert not priorities.holds(ADA)
    assert priorities.holds(EVE)
    assert not priorities.holds(None)


def test_turning_the_clock_back_does_not_make_it_longer():
    clock = Clock()
    priorities = Priorities(Roster((ADA,)), clock)
    priorities.begin("W-001", "ann")
    clock.now_ms -= 1
    assert not priorities.holds(ADA)


def test_nobody_unknown_is_preferred():
    with pytest.raises(KeyError):
        Priorities(Roster((ADA,)), Clock()).begin("W-404", "ann")
