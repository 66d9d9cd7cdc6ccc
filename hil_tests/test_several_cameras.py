"""Cameras beside each other: none waits for another, and each has its own wearer."""

from __future__ import annotations

import pytest

from host_tools.bench.programs import until
from host_tools.bench.scenario_parts import RECORDING, Bench, DestinationFolder, ScenarioController

SLOW_BYTES_PER_S = 400_000
UNEQUAL_MAX = 1.5  # of two cameras on equal links: how much faster one may be than the other


@pytest.mark.needs("worn:3", "any-bay", "press", "slow-link")
@pytest.mark.req("LINK-07")
def test_two_cameras_offload_at_once(bench: Bench, controller: ScenarioController, destination: DestinationFolder):
    cameras = [bench.camera(1), bench.camera(2)]
    for camera in cameras:
        camera.make_link_slow(SLOW_BYTES_PER_S)
    bench.start_recording(*cameras)
    bench.let_pass(3.0)
    for bay, camera in enumerate(cameras, 5):
        camera.dock(bay)
    started: list[int] = []
    ended: list[int] = []
    rates: list[float] = []
    for camera, wearer in zip(cameras, ("Ada Lovelace", "Grace Hopper"), strict=True):
        recording = controller.wait_for("erased", camera)["recording"]
        row = controller.status_of(recording)
        (truth,) = camera.truths()
        destination.clip(row["container"]).must_be(truth)
        assert (row["camera"], row["wearer"]) == (camera.serial, wearer)
        started.append(controller.wait_for("offload_started", camera)["at_unix_ms"])
        offloaded = controller.wait_for("offloaded", camera)
        ended.append(offloaded["at_unix_ms"])
        rates.append(offloaded["mb_per_s"])
    assert max(started) < min(ended), "one waited for the other"
    assert max(rates) <= min(rates) * UNEQUAL_MAX, f"one was preferred: {rates} MB/s"


@pytest.mark.needs("worn:3", "any-bay", "press", "slow-link")
@pytest.mark.req("LINK-07")
def test_one_records_while_another_offloads(
    bench: Bench, controller: ScenarioController, destination: DestinationFolder
):
    first, second = bench.camera(2), bench.camera(3)
    first.make_link_slow(SLOW_BYTES_PER_S)
    bench.start_recording(first)
    bench.let_pass(3.0)
    first.dock(bay=1)
    controller.wait_for("offload_started", first)
    bench.start_recording(second)
    started_mark = controller.mark()
    controller.wait_for("progress", first, after=started_mark)
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
    (seen,) = [each for each in controller.status()["cameras"] if each["serial"] == camera.serial]
    assert (seen["wearer"], seen["state"]) == ("", "docked")
