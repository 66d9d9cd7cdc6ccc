"""The catalogue is consistent with itself, and says in words what a model cannot do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from firmware.camera import app
from firmware.formats import canonical
from firmware.link.schema import SETTINGS_BYTES_MAX
from host_tools.system import catalogue
from host_tools.system.catalogue import BY_NAME, CATALOGUE, LACKING, Abilities, cannot, contradictions, effective
from host_tools.system.errors import SystemRefused
from host_tools.system.records import Profile
from tests.unit.system.parts import ABILITIES, CM4, ZERO, make_system


def test_the_table_holds_together():
    assert len(BY_NAME) == len(CATALOGUE)
    for setting in CATALOGUE:
        assert any(setting.default == each and type(each) is type(setting.default) for each in setting.choices)
        assert set(setting.needs) <= set(LACKING)
        assert setting.text
        assert setting.requirement.partition("-")[0] in ("CAM", "LIVE", "ASST")
    defaults = effective(Profile(name="x"), ZERO)
    assert contradictions(defaults) == []
    assert catalogue.faults_of(defaults) == []
    for model, abilities in ABILITIES.items():
        assert cannot(defaults, model, abilities) == [], "what every system begins with suits every model"


def test_the_table_knows_what_the_firmware_acts_on():
    """By the calls with which the firmware asks for a setting."""
    asked: set[str] = set()
    for path in (Path(app.__file__).parent).glob("*.py"):
        asked |= set(re.findall(r"behaviour\.(?:word|is_on|all\(\)\.get)\(\"(\w+)\"", path.read_text()))
    assert asked == catalogue.OBEYED


def test_all_settings_fit_one_message():
    longest = {s.name: max(s.choices, key=lambda choice: len(str(choice))) for s in CATALOGUE}
    assert len(canonical.encode(longest)) <= SETTINGS_BYTES_MAX


@pytest.mark.req("CAM-05")
@pytest.mark.parametrize(
    ("quality", "seconds", "expected"),
    [
        ("720p", 120, []),
        ("1080p", 90, []),
        ("1080p", 120, [f"prebuffer_s 120: {ZERO} keeps at most 90 s at 1080p"]),
        ("1080p high", 60, []),
        ("1080p high", 90, [f"prebuffer_s 90: {ZERO} keeps at most 60 s at 1080p high"]),
    ],
)
def test_entry_models_keep_less_from_before_the_press(quality: str, seconds: int, expected: list[str]):
    chosen = effective(Profile(name="x", settings={"video_quality": quality, "prebuffer_s": seconds}), ZERO)
    assert cannot(chosen, ZERO, ABILITIES[ZERO]) == expected
    assert ABILITIES[ZERO].entry


@pytest.mark.req("CTRL-05")
def test_what_a_model_lacks_is_said_and_a_model_nobody_knows_can_do_all():
    chosen = effective(Profile(name="x", settings={"location": "recording", "streaming": True}), CM4)
    bare = Abilities(frozenset({"video"}), frozenset({"720p"}), entry=False)
    lines = cannot(chosen, "tiny", bare)
    assert "location recording: tiny has no satellite receiver" in lines
    assert "streaming on: tiny has no wireless network" in lines
    assert "video_quality 1080p: tiny records 720p" in lines
    assert cannot(chosen, "tiny", None) == []


def test_alerts_by_one_means_need_that_means_only():
    buzzing = Abilities(frozenset({"video", "sound"}), frozenset({"1080p"}), entry=False)
    for value, fits in (("sound", True), ("vibration", False), ("both", True), ("none", True)):
        lines = cannot(effective(Profile(name="x", settings={"alerts": value}), "b"), "b", buzzing)
        assert (not lines) == fits, (value, lines)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"prebuffer": 15}, "no camera setting is called prebuffer"),
        ({"prebuffer_s": 16}, "prebuffer_s 16: choose one of 0, 15, 30, 60, 90, 120"),
        ({"audio": 1}, "audio 1: choose one of off, on"),
        ({"standby": True, "prebuffer_s": 15}, "in standby nothing is kept from before the press"),
        ({"fall_streaming": True}, "a fall can only stream where"),
    ],
)
def test_a_profile_that_cannot_be_is_refused_in_one_line(settings: dict[str, bool | int | str], expected: str):
    system = make_system()
    with pytest.raises(SystemRefused) as caught, system.change("ann", 1) as edit:
        edit.put(Profile(name="wrong", settings=settings))
    assert expected in str(caught.value)
    assert "wrong" not in system.profiles


def test_a_wearer_s_settings_are_the_profile_s_for_that_model():
    system = make_system()
    with system.change("ann", 1) as edit:
        edit.put(Profile(name="default", settings={"audio": False}, by_model={CM4: {"audio": True, "prebuffer_s": 30}}))
    ada = system.wearers["W-001"]
    assert (system.settings_for(ada, ZERO)["audio"], system.settings_for(ada, ZERO)["prebuffer_s"]) == (False, 0)
    assert (system.settings_for(ada, CM4)["audio"], system.settings_for(ada, CM4)["prebuffer_s"]) == (True, 30)
    assert system.settings_for(None, ZERO)["audio"] is False, "nobody's camera has the default profile"
