"""The camera's life as its wearer sees it: buttons, dock, lamp, and what ends up on the card."""

from __future__ import annotations

import pytest

from firmware.camera.card import CHUNKS
from firmware.camera.trust import RECIPIENTS_FILE
from firmware.drivers import lamps
from firmware.formats.manifest import Manifest
from firmware.link.schema import PART_MANIFEST
from firmware.ports.errors import IoFault
from firmware.ports.limited_files import LimitedFiles
from firmware.ports.memory_files import MemoryFiles
from host_tools.custody.belief import known, of_system
from tests.unit.camera.rig import HOLD_MS, SERIAL, CameraRig, colours_of
from tests.unit.camera_vault.parts import FailingFiles


def manifest_of(rig: CameraRig) -> Manifest:
    """The manifest of the only recording on the card."""
    (stored,) = rig.app.vault.recordings()
    data = rig.app.vault.read_piece(stored.recording, PART_MANIFEST, 0, stored.manifest_bytes)
    belief = of_system(rig.world.trust)
    found = belief.judge(bytes(data), SERIAL, stored.recording, rig.world.now_ms)
    return known(found, belief.opener_of(found))


@pytest.mark.req("CAM-03", "CAM-01")
def test_a_press_starts_and_a_hold_stops_a_recording():
    rig = CameraRig()
    assert rig.app.state == "ready"
    rig.record(4_000)
    assert rig.states == ["ready", "recording", "ready"]
    written = manifest_of(rig)
    assert (written.wearer_id, written.wearer_name) == ("W-001", "Ada Lovelace")
    assert (written.cause_start, written.cause_stop, written.interrupted) == ("button", "button", False)
    assert len(written.fragments) >= 5


@pytest.mark.req("CAM-03")
def test_holding_for_less_than_the_boards_hold_time_does_not_stop():
    rig = CameraRig()
    rig.press()
    rig.press(HOLD_MS - 100)
    rig.press()
    assert rig.app.state == "recording"
    rig.press(HOLD_MS + 10)
    assert rig.app.state != "recording"


@pytest.mark.req("CAM-02", "CAM-28")
def test_a_camera_that_nobody_wears_flashes_red_and_does_not_record():
    rig = CameraRig(wearer=None)
    assert rig.app.state == "unassigned"
    rig.press()
    rig.run(2_000)
    assert rig.states == ["unassigned"]
    assert rig.app.vault.recordings() == []
    assert rig.colours(2_000) == {lamps.RED, lamps.DARK}


@pytest.mark.req("CAM-02")
def test_a_docked_camera_does_not_record():
    rig = CameraRig(docked=True)
    rig.press()
    rig.run(2_000)
    assert rig.states == ["docked"]
    assert rig.app.vault.recordings() == []


@pytest.mark.req("CAM-01")
def test_docking_ends_a_recording():
    rig = CameraRig()
    rig.press()
    rig.run(2_500)
    rig.dock()
    rig.run(500)
    assert rig.states == ["ready", "recording", "docked"]
    assert manifest_of(rig).cause_stop == "docked"
    rig.undock()
    assert rig.app.state == "ready"


def test_a_loose_plug_of_a_few_milliseconds_is_not_a_dock():
    rig = CameraRig()
    rig.press()
    for _ in range(5):
        rig.ports.pins.drive("dock.present", True)
        rig.run(20)
        rig.ports.pins.drive("dock.present", False)
        rig.run(20)
    rig.run(500)
    assert rig.app.state == "recording"


@pytest.mark.req("CAM-28")
def test_the_lamp_tells_every_state():
    rig = CameraRig()
    assert rig.colours(1_000) == colours_of("ready")
    rig.press()
    assert rig.colours(1_000) == colours_of("recording")
    rig.dock()
    rig.run(500)
    assert rig.colours(1_000) == colours_of("docked")


@pytest.mark.req("CAM-19")
def test_power_lost_while_recording_leaves_every_whole_fragment():
    rig = CameraRig()
    rig.press()
    rig.run(3_500)
    rig.boot()
    written = manifest_of(rig)
    assert written.interrupted
    assert [fragment.duration_ms for fragment in written.fragments] == [0, 1_000, 1_000, 1_000]
    rig.record(1_000)
    assert len(rig.app.vault.recordings()) == 2


def test_a_card_that_fills_up_ends_the_recording_and_keeps_it():
    rig = CameraRig(files=LimitedFiles(MemoryFiles(), 8 << 20), fragment_bytes=1 << 20)
    rig.press()
    rig.run(12_000)
    assert rig.states == ["ready", "recording", "finishing", "ready"]
    written = manifest_of(rig)
    assert (written.cause_stop, written.interrupted) == ("storage_full", False)
    assert 5 << 20 < written.content_bytes < 8 << 20
    rig.press()
    rig.run(1_000)
    assert rig.app.state == "ready", "a full card takes no further recording"
    assert len(rig.app.vault.recordings()) == 1


def test_a_full_card_says_so_when_the_button_is_pressed():
    rig = CameraRig(files=LimitedFiles(MemoryFiles(), 2 << 20))
    rig.press()
    assert lamps.RED in rig.colours(500)
    assert rig.app.state == "ready"
    rig.run(5_000)
    assert rig.colours(1_000) == colours_of("ready")


@pytest.mark.req("CAM-02")
def test_a_damaged_assignment_is_nobodys():
    rig = CameraRig()
    file = rig.files.open("assignment", writable=True)
    file.write_at(20, b"\xff")
    file.sync()
    file.close()
    rig.boot()
    assert rig.app.state == "unassigned"
    rig.press()
    assert rig.app.state == "unassigned"


def test_an_assignment_survives_a_reset():
    rig = CameraRig()
    rig.boot()
    assert rig.app.assignment.wearer is not None
    assert rig.app.assignment.wearer.name == "Ada Lovelace"
    assert rig.app.state == "ready"


def test_a_card_that_does_not_work_is_tried_again():
    files = FailingFiles(MemoryFiles(), fail_at=10_000)
    rig = CameraRig(wearer=None, files=files)
    files.remove_folder("recordings")  # so that opening the card has something to write
    files._failing = range(files.changes, files.changes + 1)
    rig.boot()
    assert rig.app.state == "malfunctioning"
    assert rig.colours(1_000) == colours_of("malfunctioning")
    rig.press()
    assert rig.app.state == "malfunctioning"
    rig.run(10_000)
    assert rig.states == ["malfunctioning", "unassigned"]


def test_a_sensor_that_fails_ends_the_recording_and_what_was_recorded_stays():
    rig = CameraRig()
    rig.press()
    rig.run(2_500)
    rig.ports.sensor.break_now()
    rig.run(1_000)
    assert rig.app.state == "ready"
    written = manifest_of(rig)
    assert (written.cause_stop, written.interrupted) == ("sensor_fault", True)
    rig.press()
    assert rig.app.state == "malfunctioning", "a sensor that cannot start"
    rig.ports.sensor.mend()
    rig.run(11_000)
    assert rig.app.state == "ready"
    rig.record(1_000)
    assert len(rig.app.vault.recordings()) == 2


def test_the_watchdog_is_fed_in_every_state():
    rig = CameraRig()
    for act in (rig.press, lambda: rig.run(5_000), rig.dock, lambda: rig.run(30_000), rig.undock):
        act()
        assert not rig.ports.watchdog.has_reset()


def test_a_card_that_breaks_while_recording_is_reported_and_not_fatal():
    files = FailingFiles(MemoryFiles(), fail_at=10_000, times=1)
    rig = CameraRig(files=files)
    rig.press()
    rig.run(1_500)
    files._failing = range(files.changes, files.changes + 100)
    rig.run(2_000)
    assert rig.app.state in ("ready", "malfunctioning")
    files._failing = range(0)
    rig.boot()
    (stored,) = rig.app.vault.recordings()
    assert stored.interrupted
    assert rig.files.exists(f"recordings/{stored.recording.hex()}/{CHUNKS}")


def test_the_card_may_fail_to_keep_a_wearer():
    files = FailingFiles(MemoryFiles(), fail_at=10_000, times=1, fault=IoFault)
    rig = CameraRig(docked=True, files=files)
    rig.connect()
    files._failing = range(files.changes, files.changes + 100)
    answer = rig.ask("assign_wearer", {"wearer": "W-002", "name": "Grace", "profile": "default"})
    assert answer.name == "error"
    assert "cannot be kept" in answer.fields["text"]
    files._failing = range(0)
    assert rig.ask("get_camera").fields["wearer"] == "W-001", "what is not durable does not count"


@pytest.mark.req("CAM-19")
@pytest.mark.parametrize("missing", ["recipients", "evidence certificate"])
def test_a_camera_that_cannot_seal_or_sign_is_not_ready(missing: str):
    """Somebody's, and of a system; but nobody could read, or would believe, what it recorded."""
    rig = CameraRig()
    assert rig.app.state == "ready"
    if missing == "recipients":
        rig.files.remove(RECIPIENTS_FILE)
        rig.boot()
    else:
        rig.dock()
        rig.app.trust.sign_with(None)
        rig.undock()
    assert rig.app.trust.lack() != ""
    assert rig.app.state == "unassigned"
    rig.record(2_000)
    assert rig.app.state == "unassigned"
    assert rig.app.vault.recordings() == []
    assert rig.colours(1_000) == colours_of("unassigned")
