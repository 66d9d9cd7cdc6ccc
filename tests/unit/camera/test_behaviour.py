"""A camera obeys the settings of its profile that it knows, keeps the others, and notes what it is used for."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.camera import card, usage
from firmware.camera.behaviour import Behaviour
from firmware.camera.usage import UsageLog
from firmware.formats import canonical
from firmware.link import schema
from firmware.link.conversation import ERROR_WORDS
from firmware.ports.clock import WALL_CONTROLLER
from firmware.ports.errors import PortFault
from firmware.ports.memory_clock import ManualClock
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.sensor import SensorSettings
from firmware.secure.sealing_file import FileSealer
from tests.unit.camera.rig import SECRET, CameraRig, colours_of

DAY_MS = 86_400_000
BEGAN_MS = 1_767_225_600_000


def configured(**settings: Any) -> CameraRig:
    """An undocked camera that was told so at its dock."""
    rig = CameraRig(docked=True)
    rig.connect()
    answer = rig.ask("configure", {"profile": "night", "settings": canonical.encode(settings)})
    assert answer.name == "done", answer
    rig.undock()
    return rig


def entries(rig: CameraRig, after: int = 0, log: bytes = bytes(8)) -> list[dict[str, Any]]:
    """Its usage log as a controller reads it."""
    found: list[dict[str, Any]] = []
    while True:
        answer = rig.ask("get_usage", {"log": log, "after": after})
        found += answer.fields["entries"]
        if not answer.fields["more"]:
            return found
        log, after = answer.fields["log"], found[-1]["sequence"]


def events_of(rows: list[dict[str, Any]]) -> list[str]:
    return [schema.word_of(schema.USAGE_EVENTS, row["event"]) for row in rows]


@pytest.mark.req("CAM-07")
def test_quality_and_sound_are_the_profile_s():
    rig = configured(video_quality="720p", audio=False)
    asked: list[SensorSettings] = []
    start = rig.ports.sensor.start
    rig.ports.sensor.start = lambda settings: (asked.append(settings), start(settings))[1]
    rig.record(1_000)
    assert [(each.width_px, each.height_px, each.audio) for each in asked] == [(1280, 720, False)]


@pytest.mark.req("CAM-03")
def test_a_double_press_starts_where_the_profile_wants_two():
    rig = configured(record_press="double")
    rig.press()
    rig.run(1_000)
    assert rig.app.state == "ready"
    rig.press()
    rig.press()
    rig.run(500)
    assert rig.app.state == "recording"


@pytest.mark.req("CAM-15")
@pytest.mark.parametrize("front", ["none", "flash", "steady"])
def test_the_lamp_while_recording_is_the_profile_s(front: str):
    rig = configured(front_indicator=front)
    rig.press()
    rig.run(500)
    expected = {"none": "recording_none", "flash": "recording_flash", "steady": "recording"}[front]
    assert rig.colours(1_500) == colours_of(expected)


@pytest.mark.req("CTRL-05")
def test_settings_outlive_a_reset_and_unknown_ones_are_kept():
    rig = configured(front_indicator="none", of_a_newer_firmware=17)
    rig.boot()
    assert rig.app.behaviour.profile == "night"
    assert dict(rig.app.behaviour.all()) == {"front_indicator": "none", "of_a_newer_firmware": 17}


@pytest.mark.parametrize("settings", [b"", b"[]", b'{"a":1.5}', b'{"b":1,"a":2}', b"\xff" * 40])
def test_what_is_no_document_is_refused_and_the_old_one_holds(settings: bytes):
    rig = CameraRig(docked=True)
    rig.connect()
    rig.ask("configure", {"profile": "p", "settings": canonical.encode({"audio": False})})
    answer = rig.ask("configure", {"profile": "p", "settings": settings})
    assert (answer.name, schema.word_of(ERROR_WORDS, answer.fields["code"])) == ("error", "malformed")
    assert rig.app.behaviour.is_on("audio", True) is False


def test_a_damaged_file_counts_as_none_and_a_wrong_type_as_not_given():
    files = MemoryFiles()
    behaviour = Behaviour(files)
    card.write_new(files, "settings", b"not a document")
    behaviour.load()
    assert behaviour.profile == ""
    assert behaviour.word("video_quality", "1080p") == "1080p"
    behaviour.handlers()["configure"]({"profile": "p", "settings": canonical.encode({"audio": "yes", "x": True})})
    assert behaviour.is_on("audio", True) is True
    assert behaviour.word("x", "y") == "y"


@pytest.mark.req("CAM-26")
def test_it_notes_what_it_is_used_for_and_tells_it_once():
    rig = CameraRig(docked=True)
    rig.connect()
    rig.undock()
    rig.record(3_000)
    rig.dock()
    rig.connect()
    rows = entries(rig)
    assert events_of(rows) == ["power_on", "undocked", "recording_started", "recording_ended", "docked"]
    assert [row["sequence"] for row in rows] == [1, 2, 3, 4, 5]
    assert {row["wearer"] for row in rows[1:]} == {"W-001"}
    assert rows[2]["cause"] == rows[3]["cause"] == "button"
    assert rows[3]["value"] in (5, 6, 7), "its length in seconds: the hold that ends it is in it"
    assert rows[0]["unix_ms"] == 0, "it had no time at the start, and invents none"
    assert rows[1]["unix_ms"] > 0
    log = rig.ask("get_usage", {"log": bytes(8), "after": 0}).fields["log"]
    assert entries(rig, 5, log) == []
    assert len(entries(rig, 5, b"another!")) == 5, "of another log nothing was read yet"


@pytest.mark.req("CAM-26", "CAM-19")
def test_the_log_outlives_a_reset_and_the_card_does_not_tell_of_whom():
    rig = CameraRig(docked=True)
    rig.connect()
    rig.undock()
    rig.run(500)
    assert b"W-001" not in card.read_whole(rig.files, "usage", usage.FILE_BYTES_MAX)
    rig.boot(docked=True)
    rig.connect()
    assert events_of(entries(rig)) == ["power_on", "undocked", "power_on"]


def test_nothing_is_written_beside_a_recording():
    rig = configured()
    rig.run(500)
    before = card.read_whole(rig.files, "usage", usage.FILE_BYTES_MAX)
    rig.press()
    rig.run(2_000)
    assert rig.app.state == "recording"
    assert card.read_whole(rig.files, "usage", usage.FILE_BYTES_MAX) == before


def log_over(files: MemoryFiles, clock: ManualClock) -> UsageLog:
    made = UsageLog(files, FileSealer(SECRET, SeededEntropy(1)), clock, SeededEntropy(2), lambda: 80)
    made.load()
    return made


def read(log: UsageLog, after: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    name = bytes(8)
    while True:
        fields = log.handlers()["get_usage"]({"log": name, "after": after})[1]
        found += fields["entries"]
        if not fields["more"]:
            return found
        name, after = fields["log"], found[-1]["sequence"]


@pytest.mark.req("CAM-26")
def test_a_month_is_kept_and_no_more_than_fits():
    files, clock = MemoryFiles(), ManualClock()
    log = log_over(files, clock)
    clock.set_wall(BEGAN_MS, WALL_CONTROLLER, 0)
    log.note("docked")
    clock.set_wall(BEGAN_MS + 20 * DAY_MS, WALL_CONTROLLER, 0)
    log.note("undocked", "W-1")
    clock.set_wall(BEGAN_MS + 31 * DAY_MS, WALL_CONTROLLER, 0)
    log.note("docked")
    assert [row["sequence"] for row in read(log)] == [2, 3]
    for _ in range(usage.ENTRIES_MAX):
        log.note("malfunction", "W" * 30)
    assert log.write()
    again = log_over(files, clock)
    rows = read(again)
    assert len(rows) == usage.ENTRIES_MAX
    assert rows[-1]["sequence"] == 3 + usage.ENTRIES_MAX, "numbers go on"


class FullCard(MemoryFiles):
    """A card that takes nothing for a while."""

    takes = False

    def create(self, path: str, reserve_bytes: int = 0):
        if not self.takes:
            raise PortFault("full")
        return super().create(path, reserve_bytes)


def test_a_card_that_does_not_take_it_loses_nothing_that_is_in_memory():
    files, clock = FullCard(), ManualClock()
    log = log_over(files, clock)
    log.note("power_on")
    assert log.write() is False
    files.takes = True
    assert log.write() is True
    log.forget()
    assert read(log_over(files, clock)) == []
    assert not files.exists("usage")
