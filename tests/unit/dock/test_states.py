"""The bay's state table as such: complete, safe, and without a dead end."""

import pytest

from firmware.dock import states
from firmware.link.schema import BAY_STATES, LAMP_PATTERNS

ALL = [number for number, _ in BAY_STATES]


def test_every_state_of_the_wire_is_used_and_has_lamp_and_sampling():
    assert {state for state, _ in states.TRANSITIONS} == set(ALL)
    assert set(states.TRANSITIONS.values()) == set(ALL)
    assert set(states.OWN_LAMP) == set(ALL) == set(states.SAMPLE_MS)
    assert set(states.OWN_LAMP.values()) <= {word for _, word in LAMP_PATTERNS}


@pytest.mark.req("DOCK-02")
def test_power_is_only_reached_through_a_passed_check():
    ways = {key for key, target in states.TRANSITIONS.items() if target in states.POWERED}
    assert ways == {(states.CHECKING, states.CLEAN)}


def test_every_state_with_a_camera_ends_when_it_goes():
    for state in ALL:
        if state != states.FREE:
            assert states.TRANSITIONS[(state, states.GONE)] == states.FREE


def test_an_unreadable_bay_is_a_fault_wherever_it_was():
    for state in ALL:
        if state != states.FAULT:
            assert states.TRANSITIONS[(state, states.UNREADABLE)] == states.FAULT
