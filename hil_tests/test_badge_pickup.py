"""A badge is held to the reader, a camera flashes, it is taken, and records in the right name."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.badge_parts import BADGES, Desk
from host_tools.bench.houses import House
from host_tools.bench.programs import until
from host_tools.bench.scenario_parts import READY, Bench, DestinationFolder

pytestmark = pytest.mark.needs("cameras:2", "worn:2", "any-bay", "press", "badge")
TAKE_S = 10  # the shortest time for which a camera may be offered
UNTOUCHED = {"green": True, "red": True}


@pytest.mark.req("RFID-01", "RFID-02", "CTRL-06", "DOCK-05")
def test_the_camera_that_flashes_is_taken_and_records_for_whose_badge_it_was(
    desk: Desk, destination: DestinationFolder
):
    cameras = (desk.bench.camera(1), desk.bench.camera(2))
    desk.open()
    desk.dock(*cameras)
    camera = desk.offered("W-002", cameras)
    camera.undock()
    desk.since_tap("taken", camera)
    until(lambda: camera.shows(READY, 0.3), f"{camera.name} to be somebody's")
    desk.until_held({camera.serial: "W-002"})
    desk.bench.start_recording(camera)
    desk.bench.let_pass(2.0)
    camera.stop_recording()
    refused = desk.tap(BADGES["W-002"])
    assert (refused["reason"], refused["camera"]) == ("holds", camera.serial)
    desk.dock(camera)
    recording = desk.controller.wait_for("erased", camera)["recording"]
    row = desk.controller.status_of(recording)
    (truth,) = camera.truths()
    destination.clip(row["container"]).must_be(truth)
    assert (row["camera"], row["wearer"]) == (camera.serial, "Grace Hopper")
    desk.until_held({})


@pytest.mark.req("RFID-02")
def test_two_people_at_once_get_one_camera_each(desk: Desk):
    cameras = (desk.bench.camera(1), desk.bench.camera(2))
    desk.open()
    desk.dock(*cameras)
    first = desk.offered("W-001", cameras)
    assert desk.tap(BADGES["W-002"])["outcome"] == "waiting"
    other = cameras[1] if first is cameras[0] else cameras[0]
    until(lambda: other.shows(UNTOUCHED, 1.0), f"{other.name} to stand in its bay, and not to flash")
    first.undock()
    desk.since_tap("offered", other)
    other.undock()
    desk.since_tap("taken", other)
    desk.until_held({first.serial: "W-001", other.serial: "W-002"})


@pytest.mark.req("RFID-02")
def test_a_camera_that_nobody_takes_is_nobodys_again(desk: Desk):
    camera = desk.bench.camera(1)
    desk.open()
    desk.change_settings(pickup_seconds=TAKE_S)
    desk.dock(camera)
    assert desk.tap(BADGES["W-003"])["outcome"] == "accepted"
    desk.since_tap("offered", camera)
    desk.since_tap("offer_ended", camera)
    desk.until_held({})
    camera.undock()
    until(lambda: camera.lamps() == {"green": False, "red": True}, "the red lamp to flash")
    camera.press()
    desk.bench.let_pass(1.0)
    assert camera.truths() == []


@pytest.mark.req("CTRL-06")
def test_a_controller_that_is_killed_while_a_camera_flashes(desk: Desk):
    camera = desk.bench.camera(1)
    desk.open()
    desk.dock(camera)
    desk.offered("W-001", (camera,))
    desk.controller.kill()
    camera.undock()
    until(lambda: camera.shows(READY, 0.3), f"{camera.name} to be theirs all the same")
    desk.controller.start()
    desk.until_readers()
    refused = desk.tap(BADGES["W-001"])
    assert (refused["reason"], refused["camera"]) == ("may_hold", camera.serial)
    desk.dock(camera)
    desk.until_held({})


@pytest.mark.req("RFID-05", "CTRL-06")
def test_at_several_locations_a_camera_is_offered_where_the_reader_stands(
    bench: Bench, bench_house: House, scenario_folder: Path, given_back: list[str]
):
    """The dock stands at the gate; the reader first elsewhere, then there too. It may be returned anywhere."""
    camera, dock = bench.camera(1), bench.dock(1)
    given_back.append(camera.serial)
    for place, outcome in (("garage", "refused"), ("gate", "accepted")):
        folder = scenario_folder / place
        folder.mkdir()
        settings = f'reader_place = "{place}"\n[dock_places]\n"{dock.serial}" = "gate"\n'
        there = Desk(bench, bench_house.controller(folder, settings=settings))
        there.controller.start()
        try:
            there.open("self_multi")
            there.dock(camera)
            told = there.tap(BADGES["W-001"])
            assert told["outcome"] == outcome
            if outcome == "refused":
                assert (told["reason"], told["reasons"]) == ("no_camera", {"place": 1})
                assert "1 docked somewhere else" in told["text"]
            else:
                there.since_tap("offered", camera)
                camera.undock()
                there.since_tap("taken", camera)
                there.until_held({camera.serial: "W-001"})
                assert [row["place"] for row in there.view()["holdings"]] == ["gate"]
        finally:
            there.controller.stop()
            bench.tidy()
