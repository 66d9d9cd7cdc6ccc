"""Whatever breaks off an offload: nothing is lost, and nothing that has arrived is sent again."""

from __future__ import annotations

import pytest

from host_tools.bench.scenario_parts import (
    Bench,
    Camera,
    DestinationFolder,
    Range,
    ScenarioController,
    covered_bytes,
    overlaps,
)

pytestmark = pytest.mark.needs("cameras:3", "worn:3", "any-bay", "press")
SLOW_BYTES_PER_S = 500_000  # a recording of three seconds, a megabyte, then takes two to offload


def record(bench: Bench, cameras: list[Camera], seconds: float) -> None:
    """Have some cameras record at the same time. Docking ends it."""
    for camera in cameras:
        camera.make_link_slow(SLOW_BYTES_PER_S)
        camera.wire.listen()
    bench.start_recording(*cameras)
    bench.let_pass(seconds)


def must_arrive(camera: Camera, controller: ScenarioController, destination: DestinationFolder, after: int = 0) -> str:
    """Wait until the camera's one recording is delivered and erased, and compare it with what was recorded."""
    recording: str = controller.wait_for("erased", camera, after=after)["recording"]
    (truth,) = camera.truths()
    destination.clip(controller.status_of(recording)["container"]).must_be(truth)
    return recording


@pytest.mark.needs("wire", "slow-link")
@pytest.mark.req("LINK-05", "EMU-04")
@pytest.mark.timeout(120)
def test_undocked_at_10_50_and_90_percent(bench: Bench, controller: ScenarioController, destination: DestinationFolder):
    shares = {bench.camera(1): 0.1, bench.camera(2): 0.5, bench.camera(3): 0.9}
    record(bench, list(shares), seconds=7.0)
    for bay, camera in enumerate(shares, 1):
        camera.dock(bay)
    arrived: dict[Camera, tuple[str, list[Range]]] = {}
    for camera, share in shares.items():
        recording = controller.wait_for_share(camera, share)
        camera.undock()
        controller.wait_for("undocked", camera)
        arrived[camera] = recording, controller.committed(recording)
        assert controller.status_of(recording)["state"] == "offloading", f"undocked too late for {share:.0%}"
        camera.wire.listen()
        camera.make_link_fast()

    mark = controller.mark()
    for bay, camera in enumerate(shares, 1):
        camera.dock(bay)
    for camera, (recording, committed) in arrived.items():
        must_arrive(camera, controller, destination, after=mark)
        sent = camera.wire.served(recording)
        assert overlaps(committed, sent) == [], "a chunk that had been committed was sent again"
        assert covered_bytes(committed + sent) == controller.status_of(recording)["bytes"]
    counts = [len(committed) for _, committed in arrived.values()]
    assert counts == sorted(set(counts)), f"the later it was undocked, the more had been committed: {counts}"


@pytest.mark.needs("wire", "slow-link", "power")
@pytest.mark.req("LINK-05", "EMU-04")
def test_a_camera_that_resets_while_it_offloads(
    bench: Bench, controller: ScenarioController, destination: DestinationFolder
):
    camera = bench.camera(1)
    record(bench, [camera], seconds=3.0)
    camera.dock(bay=3)
    recording = controller.wait_for_share(camera, 0.5)
    camera.reset()
    controller.wait_for("undocked", camera)
    committed = controller.committed(recording)
    camera.wire.listen()
    assert must_arrive(camera, controller, destination) == recording
    assert overlaps(committed, camera.wire.served(recording)) == []
    assert len([event for event in controller.events() if event["what"] == "offload_started"]) == 2


@pytest.mark.needs("wire", "slow-link", "power")
@pytest.mark.req("LINK-05", "DOCK-07")
def test_a_dock_that_resets_while_a_camera_offloads(
    bench: Bench, controller: ScenarioController, destination: DestinationFolder
):
    camera, dock = bench.camera(2), bench.dock(1)
    record(bench, [camera], seconds=3.0)
    camera.dock(bay=8)
    recording = controller.wait_for_share(camera, 0.5)
    dock.reset()
    controller.wait_for("undocked", camera)
    committed = controller.committed(recording)
    camera.wire.listen()
    assert must_arrive(camera, controller, destination) == recording
    assert overlaps(committed, camera.wire.served(recording)) == []
    (bay,) = [bay for bay in controller.status()["docks"][0]["bays"] if bay["camera"] == camera.serial]
    assert (bay["bay"], bay["state"], bay["powered"]) == (8, "docked", True)


@pytest.mark.needs("wire", "slow-link")
@pytest.mark.req("LINK-05", "DOCK-07")
def test_a_controller_that_is_killed_while_a_camera_offloads(
    bench: Bench, controller: ScenarioController, destination: DestinationFolder
):
    camera = bench.camera(3)
    record(bench, [camera], seconds=3.0)
    camera.dock(bay=1)
    recording = controller.wait_for_share(camera, 0.6)
    controller.kill()
    committed = controller.committed(recording)
    camera.wire.listen()
    controller.start()
    assert must_arrive(camera, controller, destination) == recording
    sent = camera.wire.served(recording)
    assert committed != []
    assert overlaps(committed, sent) == [], "a chunk that had been committed was sent again"
    assert covered_bytes(committed + sent) == controller.status_of(recording)["bytes"]


@pytest.mark.req("CTRL-09")
def test_a_destination_that_is_away_and_comes_back(
    bench: Bench, controller: ScenarioController, destination: DestinationFolder
):
    camera = bench.camera(1)
    controller.status()
    destination.take_away()
    bench.start_recording(camera)
    bench.let_pass(1.0)
    camera.dock(bay=2)
    recording = controller.wait_for("offloaded", camera)["recording"]
    trouble = controller.until(lambda status: status["destination"]["trouble"], "the trouble to be told")
    assert str(destination.path) in trouble
    assert controller.status_of(recording)["place"] == "camera and spool"
    (seen,) = [each for each in controller.status()["cameras"] if each["serial"] == camera.serial]
    assert seen["recordings"] == 1, "the camera keeps it until the destination has it"

    destination.bring_back()
    assert must_arrive(camera, controller, destination) == recording
    controller.until(lambda status: not status["destination"]["trouble"], "the trouble to be over")


@pytest.mark.needs("truth", "power")
@pytest.mark.req("CAM-19", "LINK-06")
def test_power_lost_while_recording(bench: Bench, controller: ScenarioController, destination: DestinationFolder):
    camera = bench.camera(2)
    bench.start_recording(camera)
    bench.let_pass(3.5)
    camera.cut_power()
    camera.restore_power()
    camera.dock(bay=4)
    recording = controller.wait_for("erased", camera)["recording"]
    (truth,) = camera.truths()
    row = controller.status_of(recording)
    assert row["interrupted"]
    assert not truth["ended"]
    there = truth["prefixes"].index(destination.clip(row["container"]).sha256())
    assert there >= max(1, len(truth["prefixes"]) - 2), "no more than the last fragment may be missing"
