"""A badge is held to the reader, and no camera flashes; each time with its reason."""

from __future__ import annotations

import pytest

from hil_tests.badge_parts import BADGES, STRANGER, Desk
from host_tools.bench.programs import until
from host_tools.bench.scenario_parts import Camera
from host_tools.bench.scenario_tools import Faults

pytestmark = pytest.mark.needs("cameras:2", "worn:2", "any-bay", "press", "badge")


def firmware_of(desk: Desk, camera: Camera) -> str:
    """Which version it says it has; empty while it is not here."""
    row = desk.controller.camera(camera)
    return row["firmware"] if row is not None and row["online"] else ""


@pytest.mark.req("RFID-03", "CTRL-05")
def test_each_refusal_has_its_reason(desk: Desk):
    camera = desk.bench.camera(1)
    desk.open()
    unknown = desk.tap(STRANGER)
    assert (unknown["reason"], unknown["text"]) == (
        "unknown_tag",
        "badge …FF99 belongs to nobody: pair it with a wearer",
    )
    nothing = desk.tap(BADGES["W-001"])
    assert nothing["text"] == "no camera is ready for Ada Lovelace: no camera is docked here"
    desk.dock(camera)
    desk.change_settings(ready_battery_percent=100)
    empty = desk.tap(BADGES["W-002"])
    assert (empty["reason"], empty["reasons"]) == ("no_camera", {"battery": 1})
    desk.change_settings(ready_battery_percent=60, ready_storage_percent=100)
    full = desk.tap(BADGES["W-001"])
    assert (full["reason"], full["reasons"]) == ("no_camera", {"storage": 1}), "a card is never wholly empty"
    desk.change_settings(ready_storage_percent=60)
    asks = {"name": "with a fall sensor", "models": ["pi_cm4_camera"], "version": 0}
    desk.controller.command("put_profile", **asks)
    wearer = desk.controller.command("get_wearer", id="W-003")
    desk.controller.command("change_wearer", id="W-003", version=wearer["version"], profile="with a fall sensor")
    lacking = desk.tap(BADGES["W-003"])
    assert (lacking["reason"], lacking["reasons"]) == ("no_camera", {"features": 1})
    assert [row["reason"] for row in desk.view()["last"]] == ["unknown_tag", *["no_camera"] * 4]
    assert desk.view()["holdings"] == []


@pytest.mark.needs("faults")
@pytest.mark.req("RFID-02", "RFID-03")
def test_a_camera_with_other_software_is_not_given(desk: Desk, faults: Faults):
    camera = desk.bench.camera(1)
    desk.open()
    faults.inject(camera.name, "firmware", "wrong")
    desk.dock(camera)
    older = firmware_of(desk, camera)
    refused = desk.tap(BADGES["W-001"])
    assert (refused["reason"], refused["reasons"]) == ("no_camera", {"software": 1})
    text = "no camera is ready for Ada Lovelace: 1 with other software than the system"
    until(desk.bench.reader_refuses, "the reader to refuse")
    assert [(row["reason"], row["text"]) for row in desk.view()["last"]] == [("no_camera", text)]
    until(lambda: text in desk.controller.log.read_text(encoding="utf-8"), "the line in the log")
    assert desk.view()["holdings"] == []

    faults.heal(camera.name, "firmware")
    desk.controller.until(lambda _: firmware_of(desk, camera) not in ("", older), "the camera to be updated")
    desk.until_settled(camera)
    assert desk.offered("W-002", (camera,)) is camera
    camera.undock()
    desk.since_tap("taken", camera)


@pytest.mark.req("RFID-02", "CAM-02")
def test_the_wrong_camera_is_told_and_does_not_record(desk: Desk):
    cameras = (desk.bench.camera(1), desk.bench.camera(2))
    desk.open()
    desk.dock(*cameras)
    right = desk.offered("W-001", cameras)
    wrong = cameras[1] if right is cameras[0] else cameras[0]
    wrong.undock()
    told = desk.since_tap("wrong_camera", wrong)
    assert told["offered"] == right.serial
    until(lambda: wrong.lamps() == {"green": False, "red": True}, "the red lamp to flash")
    wrong.press()
    desk.bench.let_pass(1.0)
    assert wrong.truths() == []
    right.undock()
    desk.since_tap("taken", right)


@pytest.mark.req("RFID-05")
def test_where_cameras_are_assigned_by_hand_a_badge_gives_none(desk: Desk):
    camera = desk.bench.camera(1)
    desk.open("fixed")
    camera.dock(1)
    desk.controller.wait_for("camera_ready", camera)
    assert desk.tap(BADGES["W-001"])["reason"] == "fixed"
    camera.undock()
    until(lambda: camera.shows({"green": True, "red": False}, 0.3), f"{camera.name} still to be its wearer's")
