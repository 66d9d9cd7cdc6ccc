"""The settings that a camera profile can hold: one row a setting, what it may be, what a model must have for it.

Law: plain data, and pure questions about it. The same rows check profiles, explain what a model cannot do, make the
page and the documentation. A camera that is sent a setting it does not know keeps it for a newer firmware.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from host_tools.hardware import Board
from host_tools.system.records import Profile, SettingValue

Ability = Literal[
    "video", "microphone", "location", "motion", "radio", "network", "mobile", "display", "vibration", "sound",
    "second_head", "corrects_lens", "standby",
]  # fmt: skip

# What a model lacks, in words that follow "it has".
LACKING: dict[Ability, str] = {
    "video": "no camera sensor",
    "microphone": "no microphone",
    "location": "no satellite receiver",
    "motion": "no motion sensor",
    "radio": "no short-range radio",
    "network": "no wireless network",
    "mobile": "no mobile network",
    "display": "no display",
    "vibration": "no vibration motor",
    "sound": "no loudspeaker or buzzer",
    "second_head": "no connector for a second camera head",
    "corrects_lens": "no stabilisation or lens correction",
    "standby": "no standby",
}


class Setting(NamedTuple):
    """One row. ``choices``: what it may be, in the order people read them; ``default`` is among them. ``needs``: what
    a model must have for any value but ``default`` and those in ``free``."""

    name: str
    group: str
    choices: tuple[SettingValue, ...]
    default: SettingValue
    needs: tuple[Ability, ...]
    text: str
    requirement: str
    free: tuple[SettingValue, ...] = ()


OFF_ON = (False, True)

CATALOGUE: tuple[Setting, ...] = (
    Setting("record_press", "recording", ("single", "double"), "single", (),
            "Presses of the record button that start a recording", "CAM-03"),
    Setting("always_record", "recording", OFF_ON, False, (),
            "Record from undocking to docking; the button cannot stop it", "CAM-04"),
    Setting("prebuffer_s", "recording", (0, 15, 30, 60, 90, 120), 0, (),
            "Seconds from before the press that are kept", "CAM-05"),
    Setting("prebuffer_audio", "recording", OFF_ON, False, ("microphone",),
            "Sound in what is kept from before the press", "CAM-05"),
    Setting("postbuffer_s", "recording", (0, 10, 30, 60), 0, (),
            "Seconds that are recorded on after the stop", "CAM-06"),
    Setting("standby", "recording", OFF_ON, False, ("standby",),
            "Sleep between recordings; they then begin within a second", "CAM-17"),
    Setting("video_quality", "picture", ("720p", "720p high", "1080p", "1080p high"), "1080p", (),
            "Resolution and quality", "CAM-07"),
    Setting("stabilisation", "picture", OFF_ON, False, ("corrects_lens",), "Steady the picture", "CAM-07"),
    Setting("lens_correction", "picture", OFF_ON, False, ("corrects_lens",), "Take out barrel distortion", "CAM-07"),
    Setting("audio", "sound", OFF_ON, True, ("microphone",), "Record sound", "CAM-07", (False,)),
    Setting("audio_mode", "sound", ("default", "post_processing", "voice"), "default", ("microphone",),
            "How sound is recorded", "CAM-07"),
    Setting("mute_allowed", "sound", OFF_ON, False, ("microphone",), "The wearer may mute the microphone", "CAM-16"),
    Setting("overlay", "picture", OFF_ON, True, (), "Date, time and wearer in the picture", "CAM-08"),
    Setting("overlay_position", "picture", OFF_ON, False, ("location",), "Position in the picture", "CAM-08"),
    Setting("location", "location", ("off", "recording", "undocked"), "off", ("location",),
            "When it listens for its place; what it hears while recording is noted", "CAM-09"),
    Setting("bookmarks", "recording", OFF_ON, True, (),
            "A press of the button while recording sets a bookmark", "CAM-10"),
    Setting("fall_recording", "triggers", OFF_ON, False, ("motion",), "A fall starts a recording", "CAM-11"),
    Setting("fall_streaming", "triggers", OFF_ON, False, ("motion", "network"),
            "A fall starts a live stream", "CAM-11"),
    Setting("holster_sensor", "triggers", OFF_ON, False, ("radio",),
            "Drawing the weapon starts a recording", "CAM-12"),
    Setting("broadcast_send", "triggers", ("off", "low", "medium", "high"), "off", ("radio",),
            "Tell cameras nearby of a recording; how far", "CAM-13"),
    Setting("broadcast_receive", "triggers", OFF_ON, False, ("radio",),
            "Start when a camera nearby starts", "CAM-13"),
    Setting("broadcast_withheld_min", "triggers", (2, 5, 10, 30), 2, ("radio",),
            "Minutes after undocking without broadcasts", "CAM-13"),
    Setting("privacy_zone", "triggers", ("none", "alert"), "none", ("radio",), "What a privacy zone does", "CAM-14"),
    Setting("front_indicator", "feedback", ("none", "steady", "flash"), "steady", (),
            "Front lamp while recording", "CAM-15"),
    Setting("alerts", "feedback", ("none", "vibration", "sound", "both", "voice", "voice_vibration"), "both",
            ("vibration", "sound"),
            "How the wearer is told", "CAM-15", ("none",)),
    Setting("battery_warning", "feedback", ("once", "every_second_minute", "three_a_minute"), "once", (),
            "Warning below half an hour of battery", "CAM-15"),
    Setting("reminder_on_min", "feedback", (0, 1, 2, 5, 10), 0, (),
            "Minutes between reminders while recording", "CAM-15"),
    Setting("reminder_off_min", "feedback", (0, 1, 2, 5, 10), 0, (),
            "Minutes between reminders while not recording", "CAM-15"),
    Setting("silent_allowed", "feedback", OFF_ON, False, (), "The wearer may turn off lamps and alerts", "CAM-16"),
    Setting("second_head", "hardware", OFF_ON, False, ("second_head",),
            "Record from the second camera head", "CAM-18"),
    Setting("second_head_rotated", "hardware", OFF_ON, False, ("second_head",),
            "The second head hangs upside down", "CAM-18"),
    Setting("main_button", "hardware", OFF_ON, True, ("second_head",), "The camera's own button works", "CAM-18"),
    Setting("streaming", "live", OFF_ON, False, ("network",), "Live streaming", "LIVE-02"),
    Setting("streaming_quality", "live", ("320p", "720p"), "320p", ("network",),
            "Quality of the live stream", "LIVE-01"),
    Setting("assistant_view", "assistant", OFF_ON, False, ("network",),
            "The wearer's phone may show recordings", "ASST-02"),
    Setting("assistant_notes", "assistant", OFF_ON, False, ("network",),
            "The wearer's phone may set categories and notes", "ASST-03"),
    Setting("assistant_network", "assistant", OFF_ON, False, ("network",),
            "The wearer's phone may choose the wireless network", "ASST-03"),
)  # fmt: skip

# What cameras act on that have this version's software. They keep all others for a newer one, and whoever chooses one
# is told so.
OBEYED: frozenset[str] = frozenset({
    "record_press", "video_quality", "audio", "front_indicator", "location", "fall_recording", "broadcast_send",
    "broadcast_receive", "broadcast_withheld_min",
})  # fmt: skip

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in CATALOGUE}

# (a setting, its values, another, its values, why): these do not go together.
_EXCLUDED: tuple[tuple[str, tuple[SettingValue, ...], str, tuple[SettingValue, ...], str], ...] = (
    ("standby", (True,), "prebuffer_s", (15, 30, 60, 90, 120), "in standby nothing is kept from before the press"),
    ("standby", (True,), "always_record", (True,), "a camera that always records never sleeps"),
    ("fall_streaming", (True,), "streaming", (False,), "a fall can only stream where streaming is on"),
    ("fall_streaming", (True,), "fall_recording", (False,), "a fall can only stream where it starts a recording"),
    ("overlay_position", (True,), "location", ("off",), "the picture can only show a position that is noted"),
    ("prebuffer_audio", (True,), "audio", (False,), "sound is off"),
)  # fmt: skip

# Entry models keep less from before the press: (quality, seconds at most). CAM-05.
PREBUFFER_S_MAX_ENTRY: dict[str, int] = {"720p": 120, "720p high": 120, "1080p": 90, "1080p high": 60}
ENTRY_RAM_BYTES = 1 << 30  # a model with less memory is an entry model: 120 s of 1080p are 90 MB and more


class Abilities(NamedTuple):
    """What a model can do: abilities, video qualities, and whether it is an entry model."""

    has: frozenset[Ability]
    qualities: frozenset[str]
    entry: bool


def abilities_of(board: Board) -> Abilities:
    """What a camera model can do, by its board file."""
    kinds = {each.kind for each in board.peripherals}
    pins = {pin.name for pin in (*board.pins.soc, *board.pins.expander)}
    found: set[Ability] = set()
    by_part: dict[str, Ability] = {
        "sensor": "video", "microphone": "microphone", "gnss": "location", "imu": "motion", "radio": "radio",
        "display": "display", "modem": "mobile",
    }  # fmt: skip
    found |= {ability for kind, ability in by_part.items() if kind in kinds}
    by_pin: dict[str, Ability] = {"vibrate": "vibration", "buzzer": "sound"}
    found |= {ability for pin, ability in by_pin.items() if pin in pins}
    qualities = frozenset(mode.name for mode in board.video.modes) if board.video else frozenset[str]()
    return Abilities(frozenset(found), qualities, board.memory.ram_bytes < ENTRY_RAM_BYTES)


def effective(profile: Profile, model: str) -> dict[str, SettingValue]:
    """Every setting of the catalogue, as a camera of that model gets it; and those a newer catalogue had."""
    defaults = {setting.name: setting.default for setting in CATALOGUE}
    return {**defaults, **profile.settings, **profile.by_model.get(model, {})}


def faults_of(settings: Mapping[str, SettingValue]) -> list[str]:
    """What is wrong with settings of a profile by themselves, one line each."""
    return [fault for name, value in settings.items() if (fault := _fault_of(name, value))]


def contradictions(chosen: Mapping[str, SettingValue]) -> list[str]:
    """Which of all settings do not go together, one line each."""
    return [
        f"{one} {_said(chosen[one])} and {other} {_said(chosen[other])}: {why}"
        for one, values, other, others, why in _EXCLUDED
        if _among(chosen.get(one), values) and _among(chosen.get(other), others)
    ]


def cannot(chosen: Mapping[str, SettingValue], model: str, abilities: Abilities | None) -> list[str]:
    """What of a profile's settings a model cannot do, one line each. A model of which nothing is known can do all:
    it says so itself when it is docked."""
    if abilities is None:
        return []
    found = [line for setting in CATALOGUE if (line := _lack(setting, chosen, model, abilities))]
    quality, prebuffer_s = chosen.get("video_quality"), chosen.get("prebuffer_s")
    if abilities.qualities and quality not in abilities.qualities:
        found.append(f"video_quality {quality}: {model} records {', '.join(sorted(abilities.qualities))}")
    most_s = PREBUFFER_S_MAX_ENTRY.get(str(quality), 120) if abilities.entry else 120
    if isinstance(prebuffer_s, int) and prebuffer_s > most_s:
        found.append(f"prebuffer_s {prebuffer_s}: {model} keeps at most {most_s} s at {quality}")
    return found


def _lack(setting: Setting, chosen: Mapping[str, SettingValue], model: str, abilities: Abilities) -> str:
    value = chosen.get(setting.name, setting.default)
    if _among(value, (setting.default, *setting.free)):
        return ""
    missing: list[Ability] = [need for need in setting.needs if need not in abilities.has]
    if setting.name == "alerts" and len(missing) < len(setting.needs):
        wanted: dict[SettingValue, Ability] = {"vibration": "vibration", "sound": "sound"}
        missing = [need for need in missing if wanted.get(value, need) == need]
    if not missing:
        return ""
    return f"{setting.name} {_said(value)}: {model} has {' and '.join(LACKING[need] for need in missing)}"


def _fault_of(name: str, value: SettingValue) -> str:
    setting = BY_NAME.get(name)
    if setting is None:
        return f"no camera setting is called {name}: see the catalogue"
    if not _among(value, setting.choices):
        return f"{name} {_said(value)}: choose one of {', '.join(_said(each) for each in setting.choices)}"
    return ""


def _among(value: SettingValue | None, values: tuple[SettingValue, ...]) -> bool:
    """True and 1 are two values here."""
    return any(value == each and type(value) is type(each) for each in values)


def _said(value: SettingValue) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
