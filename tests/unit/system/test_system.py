"""The domain: changes are whole, stale writes are refused, and what must hold between records holds."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from host_tools.system.errors import StaleWrite, SystemRefused
from host_tools.system.records import (
    CameraEntry,
    FixedAssignment,
    Holding,
    Profile,
    Record,
    SystemSettings,
    Wearer,
)
from host_tools.system.roster import Roster, import_roster
from host_tools.system.system import Changed, System, make
from host_tools.system.wearer_csv import plan_import
from tests.unit.system.parts import ADA, CM4, EVE, NOW_MS, ZERO, make_system


def put(system: System, *records: Record, by: str = "ann", seen: int | None = None) -> None:
    with system.change(by, NOW_MS + 1_000) as edit:
        for record in records:
            edit.put(record, seen)


def refused(system: System, *records: Record) -> str:
    before = dict(system.wearers), system.revision
    with pytest.raises(SystemRefused) as caught:
        put(system, *records)
    assert (dict(system.wearers), system.revision) == before, "nothing of it was done"
    return str(caught.value)


def reset(system: System, settings: SystemSettings) -> None:
    with system.change("ann", NOW_MS) as edit:
        edit.allow_reset()
        edit.put(settings)


@pytest.mark.req("CTRL-04")
def test_wearers_are_found_by_id_camera_and_badge():
    system = make_system()
    assert system.wearer_for("CAM-0001") == system.owner_of("CAM-0001") == ADA
    assert system.wearer_for("CAM-0002") is None
    assert system.wearer_of_tag("04A1B2C3") == ADA
    assert system.wearer_of_tag("00") is None


@pytest.mark.req("CTRL-04")
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"id": "W" * 31, "name": "x"}, "id: is longer than 30 characters"),
        ({"id": "1", "name": "x" * 61}, "name: is longer than 60 characters"),
        ({"id": " ", "name": "x"}, "id: is empty: write it"),
        ({"id": "1", "name": "a\nb"}, "name: holds something that is not allowed there"),
        ({"id": "1", "name": "a\u2028b"}, "name: holds something that is not allowed there"),
        ({"id": "1", "name": "\ud800"}, "holds half a character"),
        ({"id": "1", "name": "x", "email": "x at y"}, "email: is no e-mail address"),
        ({"id": "1", "name": "x", "email": "a@b\r\nBcc: c@d"}, "email: is no e-mail address"),
        ({"id": "1", "name": "x", "tags": ["xyz"]}, "tags: is no badge number"),
        ({"id": "1", "name": "x", "nmae": "y"}, "nmae: is not known; did you mean name?"),
    ],
)
def test_what_a_wearer_cannot_be_is_one_line(values: dict[str, Any], expected: str):
    with pytest.raises(SystemRefused) as caught:
        make(Wearer, values)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_spelling_of_names_and_badges():
    wearer = make(Wearer, {"id": " W-9 ", "name": "Zoe\u0308", "tags": ["04:a1 b2-c3", "04A1B2C3"]})
    assert (wearer.id, wearer.name, wearer.tags) == ("W-9", "Zo\u00eb", ("04A1B2C3",))


@pytest.mark.req("CTRL-04")
def test_ids_and_badges_are_of_one_person():
    system = make_system()
    assert "already used by Ada Lovelace" in refused(system, Wearer(id="w-001", name="Other"))
    assert "belongs to Ada Lovelace (W-001)" in refused(system, EVE.model_copy(update={"tags": ("04A1B2C3",)}))
    assert "there is no profile night" in refused(system, EVE.model_copy(update={"profile": "night"}))
    with system.change("ann", NOW_MS) as edit:  # a badge changes hands in one change
        edit.put(EVE.model_copy(update={"tags": ("04A1B2C3",)}))
        edit.put(ADA.model_copy(update={"tags": ()}))
    assert system.wearer_of_tag("04A1B2C3") == system.wearers["W-002"]


@pytest.mark.req("CTRL-04")
def test_a_linked_username_does_not_change():
    system = make_system()
    put(system, EVE.model_copy(update={"linked_username": "eve"}))
    text = refused(system, EVE.model_copy(update={"linked_username": "mallory"}))
    assert "remove the wearer and add it again" in text


def test_a_change_is_all_or_nothing_and_told_once_it_is_durable():
    system = make_system()
    told: list[Changed] = []
    system.listen(told.append)
    assert "no wearer has the id W-404" in refused(
        system, Wearer(id="W-3", name="New"), FixedAssignment(camera="CAM-0002", wearer="W-404")
    )
    assert told == []
    put(system, Wearer(id="W-3", name="New"), FixedAssignment(camera="CAM-0002", wearer="W-3"))
    assert [(each.kind, each.key, each.before) for each in told] == [
        ("assignment", "CAM-0002", None),
        ("wearer", "W-3", None),
    ]
    assert {each.version for each in told} == {system.revision}
    told.clear()
    put(system, Wearer(id="W-3", name="New"))
    assert told == [], "what is as it was is no change"


def test_an_error_in_the_middle_leaves_nothing():
    system = make_system()

    def fail() -> None:
        with system.change("ann", NOW_MS) as edit:
            edit.put(Wearer(id="W-3", name="New"))
            _ = 1 // 0

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "W-3" not in system.wearers


def test_a_stale_write_is_told_who_was_first_and_when():
    system = make_system()
    stamp = system.stamp_of("wearer", "W-002")
    assert stamp is not None
    put(system, EVE.model_copy(update={"name": "Eve A."}), by="bob", seen=stamp.version)
    with pytest.raises(StaleWrite, match=r"wearer W-002 was changed by bob on 2026-01-01 00:00:01 UTC") as caught:
        put(system, EVE.model_copy(update={"name": "Eve B."}), seen=stamp.version)
    assert (caught.value.changed_by, caught.value.changed_unix_ms) == ("bob", NOW_MS + 1_000)
    assert system.wearers["W-002"].name == "Eve A."
    with system.change("carl", NOW_MS + 2_000) as edit:
        edit.remove("wearer", "W-002")
    with pytest.raises(StaleWrite, match="was removed by carl"):
        put(system, EVE, seen=stamp.version)
    with pytest.raises(SystemRefused, match="is there already"):
        put(system, ADA, seen=0)


def test_a_record_that_was_removed_and_made_again_is_another_one():
    """Versions are of the whole system and never come back."""
    system = make_system()
    stamp = system.stamp_of("wearer", "W-002")
    assert stamp is not None
    with system.change("bob", NOW_MS) as edit:
        edit.remove("wearer", "W-002")
    put(system, EVE)
    with pytest.raises(StaleWrite):
        put(system, EVE.model_copy(update={"name": "x"}), seen=stamp.version)


def test_two_people_at_once_never_both_win():
    system = make_system()
    stamp = system.stamp_of("wearer", "W-002")
    assert stamp is not None
    outcomes: list[str] = []
    ready = threading.Barrier(8)

    def person(number: int) -> None:
        ready.wait()
        try:
            put(system, EVE.model_copy(update={"name": f"Eve {number}"}), by=f"p{number}", seen=stamp.version)
            outcomes.append("won")
        except StaleWrite:
            outcomes.append("told")

    threads = [threading.Thread(target=person, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["told"] * 7 + ["won"]


@pytest.mark.req("CTRL-05")
def test_only_cameras_that_can_do_all_of_a_profile_are_assigned():
    system = make_system()
    night = Profile(name="night", settings={"fall_recording": True})
    put(system, night)
    assert system.unsupported("night", ZERO) == ["fall_recording on: pi_zero_2w_camera has no motion sensor"]
    assert system.unsupported("night", CM4) == []
    text = refused(system, ADA.model_copy(update={"profile": "night"}))
    assert "camera CAM-0001 cannot be Ada Lovelace's with profile night" in text
    assert "no motion sensor" in text
    put(system, EVE.model_copy(update={"profile": "night"}))
    assert "cannot be Eve" in refused(system, FixedAssignment(camera="CAM-0001", wearer="W-002"))
    # The same profile with what that model can do instead.
    put(system, night.model_copy(update={"by_model": {ZERO: {"fall_recording": False}}}))
    put(system, FixedAssignment(camera="CAM-0001", wearer="W-002"))
    text = refused(system, night)
    assert "cannot be Eve" in text, "nor can the profile be changed from under them"


@pytest.mark.req("CTRL-05")
def test_a_profile_for_some_models_is_for_no_others():
    system = make_system()
    put(system, Profile(name="big", models=(CM4,)), EVE.model_copy(update={"profile": "big"}))
    small = FixedAssignment(camera="CAM-0001", wearer="W-002")
    assert "profile big is for pi_cm4_camera only" in refused(system, small)
    put(system, FixedAssignment(camera="CAM-0002", wearer="W-002"))


@pytest.mark.req("CTRL-05")
def test_what_is_in_use_stays():
    system = make_system()
    put(system, Profile(name="night"), EVE.model_copy(update={"profile": "night"}))

    def gone(kind: str, key: str) -> str:
        with pytest.raises(SystemRefused) as caught, system.change("ann", NOW_MS) as edit:
            edit.remove(kind, key)
        return str(caught.value)

    assert "is used by Eve Example: give them another first" in gone("profile", "night")
    assert "is the default of new wearers" in gone("profile", "default")
    assert "Ada Lovelace has camera CAM-0001" in gone("wearer", "W-001")
    assert "there is no wearer W-404" in gone("wearer", "W-404")
    assert "a system has settings" in gone("settings", "system")


@pytest.mark.req("CTRL-06")
def test_a_wearer_holds_at_most_one_undocked_camera():
    system = make_system()
    first = Holding(camera="CAM-0001", wearer="W-002", taken_unix_ms=NOW_MS, undocked_unix_ms=NOW_MS + 5)
    put(system, first)
    second = first.model_copy(update={"camera": "CAM-0002"})
    assert "already holds camera CAM-0001: have it returned first" in refused(system, second)
    put(system, second.model_copy(update={"undocked_unix_ms": None}))  # offered: it may be the wrong one that was taken
    with system.change("ann", NOW_MS) as edit:
        edit.remove("holding", "CAM-0001")
    put(system, second)
    assert system.wearer_for("CAM-0002") == EVE


@pytest.mark.req("RFID-05", "CTRL-02")
def test_what_was_chosen_at_the_setting_up_stays():
    system = make_system()
    chosen = system.settings.model_copy(update={"assignment_mode": "self_single", "evaluation": True, "set_up": True})
    put(system, chosen)
    assert system.owner_of("CAM-0001") is None, "cameras are taken as they come now"
    for change in ({"assignment_mode": "fixed"}, {"set_up": False}):
        assert "only a system reset" in refused(system, chosen.model_copy(update=change))
    assert "for ever" in refused(system, chosen.model_copy(update={"evaluation": False}))
    put(system, chosen.model_copy(update={"shift_minutes": 480, "time_zone": "Europe/Stockholm"}))
    reset(system, SystemSettings(evaluation=True))
    assert system.settings == SystemSettings(evaluation=True)
    with pytest.raises(SystemRefused, match="for ever"):
        reset(system, SystemSettings())


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "Factory", "right/Europe/Berlin", "posix/UTC"])
def test_a_time_zone_is_one_that_browsers_know_too(zone: str):
    """Their pages would show every time in UTC, and say so nowhere. ``right/`` is 27 s apart from everybody."""
    known = make_system()
    assert "no browser knows it" in refused(known, known.settings.model_copy(update={"time_zone": zone}))


def test_settings_are_checked():
    for wrong in ({"time_zone": "Mars/Olympus"}, {"power_line_hz": 55}, {"ready_battery_percent": 101}, {"x": 1}):
        with pytest.raises(ValidationError):
            SystemSettings.model_validate(wrong)
    assert "there is no profile x" in refused(make_system(), SystemSettings(default_profile="x"))


def test_a_roster_file_comes_into_the_domain_and_leaves_what_people_have_added():
    system = make_system()
    roster = Roster((Wearer(id="W-001", name="Ada L.", profile="patrol"), Wearer(id="W-7", name="New")), ())
    import_roster(system, roster, "roster file", NOW_MS)
    assert system.wearers["W-001"] == ADA.model_copy(update={"name": "Ada L.", "profile": "patrol"}), "her badge stays"
    assert set(system.wearers) == {"W-001", "W-002", "W-7"}
    revision = system.revision
    import_roster(system, roster, "roster file", NOW_MS + 5)
    assert system.revision == revision, "at each start again: nothing changes"


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["put", "drop", "assign", "unassign", "hold", "return"]),
        st.integers(0, 4),
        st.integers(0, 4),
        st.integers(0, 3),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(OPERATIONS)
def test_whatever_is_asked_the_state_holds(operations: list[tuple[str, int, int, int]]):
    """Invariant: no badge and no id of two people, no camera of nobody, no wearer with two cameras away."""
    system = make_system()
    for what, person, camera, tag in operations:
        try:
            with system.change("x", NOW_MS) as edit:
                if what == "put":
                    edit.put(Wearer(id=f"{'wW'[person % 2]}-{person // 2}", name="N", tags=(f"000{tag}",)))
                elif what == "drop":
                    edit.remove("wearer", f"{'wW'[person % 2]}-{person // 2}")
                elif what == "assign":
                    edit.put(FixedAssignment(camera=f"C-{camera}", wearer=f"{'wW'[person % 2]}-{person // 2}"))
                elif what == "unassign":
                    edit.remove("assignment", f"C-{camera}")
                elif what == "hold":
                    wearer = f"{'wW'[person % 2]}-{person // 2}"
                    edit.put(Holding(camera=f"C-{camera}", wearer=wearer, taken_unix_ms=1, undocked_unix_ms=2))
                else:
                    edit.remove("holding", f"C-{camera}")
        except SystemRefused:
            pass
        state = system.state
        ids = [wearer.id.casefold() for wearer in state.wearers.values()]
        tags = [each for wearer in state.wearers.values() for each in wearer.tags]
        assert len(ids) == len(set(ids))
        assert len(tags) == len(set(tags))
        worn = [each.wearer for each in (*state.assignments.values(), *state.holdings.values())]
        assert set(worn) <= set(state.wearers)
        away = [each.wearer for each in state.holdings.values()]
        assert len(away) == len(set(away))
        for wearer_id in state.wearers:  # the indexes fit the records
            both = (*state.assignments.values(), *state.holdings.values())
            expected = {each.camera for each in both if each.wearer == wearer_id}
            assert set(state.cameras_of(wearer_id)) == expected


def test_a_system_of_many_stays_quick_to_change():
    """Budget by counting: one change writes one row, however many there are."""
    system = make_system()
    put(system, *(Wearer(id=f"N-{n}", name=f"N {n}") for n in range(3_000)))
    written: list[int] = []
    write = system.store.write
    system.store.write = lambda revision, rows, gone: (written.append(len(rows)), write(revision, rows, gone))[1]
    put(system, Wearer(id="N-7", name="Other"), CameraEntry(serial="CAM-0001", model=ZERO))
    assert written == [1]
    rng = random.Random(7)
    assert system.wearers[f"N-{rng.randrange(3_000)}"].profile == "default"


@pytest.mark.req("RFID-04")
@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("08A1B2C3", "draws another number each time"),
        ("88040C12", "begins with the cascade tag"),
        ("C3B2A104", "is known as 04A1B2C3: this reader turns the bytes round"),
    ],
)
def test_a_number_that_names_nobody_comes_in_no_way_at_all(tag: str, why: str):
    system = make_system()
    assert why in refused(system, EVE.model_copy(update={"tags": (tag,)}))
    plan = plan_import(f"id,name,tags\n{EVE.id},{EVE.name},{tag}\n", system.state, {})
    assert why in plan.conflicts[0].text


@pytest.mark.req("RFID-04")
def test_what_a_reader_knows_of_a_number_counts_and_old_numbers_stay():
    system = make_system()
    with system.change("ada", 1) as edit:
        edit.state.technologies["08A1B2C3"] = "hitag2"
        edit.put(EVE.model_copy(update={"tags": ("08A1B2C3",)}))
    with system.change("ada", 2) as edit:
        edit.put(EVE.model_copy(update={"tags": ("08A1B2C3",), "name": "Eve E."}))
    assert system.wearer_of_tag("08A1B2C3") is not None
    with system.change("ada", 3) as edit:  # all badges anew, with a reader that turns round
        edit.put(ADA.model_copy(update={"tags": ("C3B2A104",)}))
    assert system.wearer_of_tag("04A1B2C3") is None
