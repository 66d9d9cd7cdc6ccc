"""The camera's state table."""

import pytest

from firmware.camera import states
from firmware.camera.states import TRANSITIONS, BadTransition, next_state, placed
from firmware.link.schema import CAMERA_STATES

WORDS = {name for _, name in CAMERA_STATES}
EVENTS = {event for _, event in TRANSITIONS}


@pytest.mark.req("CAM-01")
def test_the_table_speaks_of_all_states_and_no_others() -> None:
    assert {state for state, _ in TRANSITIONS} == WORDS
    assert set(TRANSITIONS.values()) == WORDS


@pytest.mark.req("CAM-01")
@pytest.mark.parametrize("start", sorted(WORDS))
def test_every_state_can_be_reached_from_every_other(start: str) -> None:
    reached = {start}
    for _ in WORDS:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
    assert reached == WORDS


@pytest.mark.req("CAM-01")
def test_what_is_not_in_the_table_is_an_error_that_names_it() -> None:
    for state in WORDS:
        for event in EVENTS | {"sneeze"}:
            if (state, event) in TRANSITIONS:
                assert next_state(state, event) == TRANSITIONS[state, event]
            else:
                with pytest.raises(BadTransition, match=f"{event} cannot happen while {state}"):
                    next_state(state, event)


@pytest.mark.req("CAM-02")
def test_only_a_camera_with_a_wearer_out_of_its_dock_begins_to_record() -> None:
    assert [state for state in sorted(WORDS) if states.may_record(state)] == ["ready"]
    assert {after for (before, _), after in TRANSITIONS.items() if before == "unassigned"} == {
        "docked",
        "factory",
        "malfunctioning",
        "off",
        "safe_mode",
    }
    into_ready = {event for (_, event), after in TRANSITIONS.items() if after == "ready"}
    assert all(event.endswith("_assigned") for event in into_ready)


@pytest.mark.req("CAM-01")
@pytest.mark.parametrize("event", [states.STOP, states.DOCK, states.POWER_OFF])
def test_a_recording_is_always_finished_before_anything_else(event: str) -> None:
    assert next_state("recording", event) == "finishing"
    leaving = {event for (before, event), after in TRANSITIONS.items() if before == "finishing" != after}
    assert leaving == {"closed_docked", "closed_assigned", "closed_unassigned", states.FAULT}


@pytest.mark.req("CAM-01")
def test_events_are_named_for_the_place() -> None:
    assert placed(states.CLOSED, True, True) == "closed_docked"
    assert placed(states.UNDOCK, False, True) == "undock_assigned"
    assert placed(states.POWER_ON, False, False) == "power_on_unassigned"
    for event in (states.CLOSED, states.REPAIRED, states.POWER_ON, states.ADOPT, states.RESTORE):
        for docked in (True, False):
            for assigned in (True, False):
                assert placed(event, docked, assigned) in EVENTS


@pytest.mark.req("CAM-01")
def test_a_day_in_the_life() -> None:
    state = "off"
    for event, expected in (
        ("power_on_factory", "factory"),
        ("adopt_docked", "docked"),
        ("undock_assigned", "ready"),
        ("record", "recording"),
        ("stop", "finishing"),
        ("closed_assigned", "ready"),
        ("record", "recording"),
        ("dock", "finishing"),
        ("closed_docked", "docked"),
        ("undock_unassigned", "unassigned"),
        ("dock", "docked"),
        ("lapse", "safe_mode"),
        ("undock_unassigned", "safe_mode"),
        ("dock", "safe_mode"),
        ("restore_docked", "docked"),
        ("forget", "factory"),
        ("power_off", "off"),
    ):
        state = next_state(state, event)
        assert state == expected


@pytest.mark.req("CAM-01", "CAM-22")
@pytest.mark.parametrize("adopted", [True, False])
@pytest.mark.parametrize("lapsed", [True, False])
@pytest.mark.parametrize("state", sorted(WORDS - {"off"}))
def test_membership_is_followed_as_soon_as_the_state_allows(state: str, adopted: bool, lapsed: bool) -> None:
    event = states.belonging(state, adopted, lapsed)
    if event in (states.ADOPT, states.RESTORE):
        event = placed(event, True, False)
    after = next_state(state, event) if event else state
    if state in ("recording", "finishing", "malfunctioning"):
        assert after == state, "what is being done is finished first"
    elif not adopted:
        assert after == "factory"
    elif lapsed:
        assert after == ("docked" if state == "factory" else "safe_mode")
    else:
        assert after not in ("factory", "safe_mode")
