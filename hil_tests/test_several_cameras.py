"""Cameras beside each other: none waits for another, and each has its own wearer."""

from __future__ import annotations

import pytest

from host_tools.bench.programs import Event, until
from host_tools.bench.scenario_parts import RECORDING, Bench, Camera, DestinationFolder, ScenarioController

SLOW_BYTES_PER_S = 150_000  # a recording of three seconds, a megabyte, then takes seven
STANDING_BYTES_PER_S = 20_000  # as good as stopped, until what has to happen beside it has happened
UNEQUAL_MAX = 1.5  # of two cameras on equal links: how much more of one may come while both do
PROGRESS_BYTES = 1 << 18  # between two tellings of progress


def came_together(events: list[Event], camera: Camera) -> int:
    """How many bytes of that camera's recording have come by the time that the first of all was complete."""
    first_end = next(place for place, event in enumerate(events) if event["what"] == "offloaded")
    mine = [event for event in events[: first_end + 1] if event.get("camera") == camera.serial]
    return max((event["bytes_here"] for event in mine if event["what"] == "progress"), default=0)


@pytest.mark.needs("worn:3", "any-bay", "press", "slow-link")
@pytest.mark.req("LINK-07")
def test_two_cameras_offload_at_once(bench: Bench, controller: ScenarioController, destination: DestinationFolder):
    cameras = [bench.camera(1), bench.camera(2)]
    for camera in cameras:
        camera.make_link_slow(STANDING_BYTES_PER_S)
    bench.start_recording(*cameras)
    bench.let_pass(4.0)
    for bay, camera in enumerate(cameras, 5):
        camera.dock(bay)
    for camera in cameras:
        controller.wait_for("offload_started", camera)
    ended = [event["camera"] for event in controller.events() if event["what"] == "offloaded"]
    assert ended == [], "one waited for the other"
    for camera in cameras:
        camera.make_link_slow(SLOW_BYTES_PER_S)
    for camera, wearer in zip(cameras, ("Ada Lovelace", "Grace Hopper"), strict=True):
        recording = controller.wait_for("erased", camera)["recording"]
        row = controller.status_of(recording)
        (truth,) = camera.truths()
        destination.clip(row["container"]).must_be(truth)
        assert (row["camera"], row["wearer"]) == (camera.serial, wearer)
    came = [came_together(controller.events(), camera) for camera in cameras]
    assert max(came) <= min(came) * UNEQUAL_MAX + PROGRESS_BYTES, f"one was preferred: {came} bytes"


@pytest.mark.needs("worn:3", "any-bay", "press", "slow-link")
@pytest.mark.req("LINK-07")
def test_one_records_while_another_offloads(
    bench: Bench, controller: ScenarioController, destination: DestinationFolder
):
    first, second = bench.camera(2), bench.camera(3)
    first.make_link_slow(STANDING_BYTES_PER_S)
    bench.start_recording(first)
    bench.let_pass(3.0)
    first.dock(bay=1)
    controller.wait_for("offload_started", first)
    bench.start_recording(second)
    started_mark = controller.mark()
    first.make_link_slow(SLOW_BYTES_PER_S)
    controller.wait_for_share(first, 0.0, started_mark)
    bench.let_pass(1.0)
    second.dock(bay=2)
    for camera in (first, second):
        recording = controller.wait_for("erased", camera)["recording"]
        (truth,) = camera.truths()
        destination.clip(controller.status_of(recording)["container"]).must_be(truth)


@pytest.mark.needs("cameras:4", "unworn", "any-bay", "press", "look")
@pytest.mark.req("CAM-02", "CAM-28")
def test_a_camera_that_nobody_wears_flashes_red_and_does_not_record(bench: Bench, controller: ScenarioController):
    camera = bench.camera(4)
    until(lambda: camera.lamps() == RECORDING, "the red lamp to be lit")
    until(lambda: not any(camera.lamps().values()), "the red lamp to be dark")
    camera.press()
    bench.let_pass(1.0)
    until(lambda: not any(camera.lamps().values()), "the red lamp still to flash")
    camera.dock(bay=1)
    controller.wait_for("camera_idle", camera, having=lambda event: event["recordings"] == 0)
    assert camera.truths() == []
    nobodys = (camera.serial, "", "docked")
    controller.until(
        lambda status: any((each["serial"], each["wearer"], each["state"]) == nobodys for each in status["cameras"]),
        "the camera to be docked, and nobody's",
    )
