"""Whatever breaks off an offload: nothing is lost, and nothing that has arrived is sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from host_tools.bench.programs import until
from host_tools.bench.scenario_parts import (
    Bench,
    Camera,
    DestinationFolder,
    Range,
    ScenarioController,
    covered_bytes,
    overlaps,
)
from host_tools.bench.scenario_plugin import BenchHouse
from host_tools.emulator.truth import RUNNING

pytestmark = pytest.mark.needs("cameras:3", "worn:3", "any-bay", "press")
SLOW_BYTES_PER_S = 400_000  # a recording of three seconds, a megabyte, then takes almost three to offload
FRAGMENTS = 4  # the first of which has no picture
TRIES = 4  # of an interruption: each with a link half as slow, for a busy machine may miss an offload that is short


class Offload:
    """A recording on its way from a camera, which is broken off: by ``interrupt``, when ``share`` of it is here."""

    def __init__(self, bench: Bench, controller: ScenarioController, camera: Camera, bay: int, share: float) -> None:
        self.camera = camera
        self.recording = ""
        self.committed: list[Range] = []
        self._bench = bench
        self._controller = controller
        self._bay = bay
        self._share = share
        self._mark = 0

    def begin(self) -> None:
        """Into its bay; that ends its recording."""
        self._mark = self._controller.mark()
        self.camera.dock(self._bay)

    def break_off(self, interrupt: Callable[[], None], seconds: float = 3.0) -> None:
        """Interrupt it, and note what had been committed. A machine that was too slow to interrupt it in time, or to
        encode enough of a picture, records again, for longer, and offloads more slowly."""
        for attempt in range(1, TRIES + 1):
            self.recording = self._controller.wait_for_share(self.camera, self._share, self._mark)
            mark = self._controller.mark()
            interrupt()
            if self._controller.is_running():
                self._controller.wait_for("undocked", self.camera, after=mark)
            if not self._controller.is_whole(self.recording):
                break
            assert attempt < TRIES, f"all of it was here each time, before {self._share:.0%} of it could be noticed"
            self._again(seconds * (1 + attempt), SLOW_BYTES_PER_S >> attempt, is_out=interrupt == self.camera.undock)
        self.committed = self._controller.committed(self.recording)
        self.camera.wire.listen()
        self.camera.make_link_fast()

    def must_arrive(self, destination: DestinationFolder, was_out: bool) -> None:
        """Wait until it is delivered and erased, compare it with what was recorded, and with what was sent. A camera
        that was out until now has sent nothing between that we have not listened to."""
        self._until_erased()
        truth = self.camera.truths()[-1]
        row = self._controller.status_of(self.recording)
        destination.clip(row["container"]).must_be(truth)
        sent = self.camera.wire.served(self.recording)
        assert overlaps(self.committed, sent) == [], "a chunk that had been committed was sent again"
        if was_out:
            assert covered_bytes(self.committed + sent) == row["bytes"]

    def _again(self, seconds: float, bytes_per_s: int, is_out: bool) -> None:
        if not self._controller.is_running():
            self._controller.start()
        self.camera.make_link_fast()
        if is_out:
            self.camera.dock(self._bay)
        self._until_erased()
        self.camera.undock()
        self.camera.make_link_slow(bytes_per_s)
        self.camera.wire.listen()
        self._bench.start_recording(self.camera)
        self._bench.let_pass(seconds)
        self.begin()

    def _until_erased(self) -> None:
        """By the status: a controller that was killed may have told it before."""
        erased = (self.recording, "erased")
        self._controller.until(
            lambda status: any((row["recording"], row["state"]) == erased for row in status["recordings"]),
            "the recording to be delivered and erased",
        )


def record(bench: Bench, cameras: list[Camera], seconds: float) -> None:
    """Have some cameras record at the same time. Docking ends it."""
    for camera in cameras:
        camera.make_link_slow(SLOW_BYTES_PER_S)
        camera.wire.listen()
    bench.start_recording(*cameras)
    bench.let_pass(seconds)


@pytest.mark.needs("wire", "slow-link")
@pytest.mark.req("LINK-05", "EMU-04")
def test_undocked_at_10_50_and_90_percent(bench: Bench, controller: ScenarioController, destination: DestinationFolder):
    shares = {bench.camera(1): 0.1, bench.camera(2): 0.5, bench.camera(3): 0.9}
    record(bench, list(shares), seconds=7.0)
    offloads = [Offload(bench, controller, camera, bay, share) for bay, (camera, share) in enumerate(shares.items(), 1)]
    for offload in offloads:
        offload.begin()
    for offload in offloads:
        offload.break_off(offload.camera.undock, seconds=7.0)
    assert offloads[-1].committed, "nine tenths of it were here, and nothing of it counts"

    for offload in offloads:
        offload.begin()
    for offload in offloads:
        offload.must_arrive(destination, was_out=True)


@pytest.mark.needs("wire", "slow-link", "power")
@pytest.mark.req("LINK-05", "EMU-04")
def test_a_camera_that_resets_while_it_offloads(
    bench: Bench, controller: ScenarioController, destination: DestinationFolder
):
    camera = bench.camera(1)
    record(bench, [camera], seconds=3.0)
    offload = Offload(bench, controller, camera, 3, 0.5)
    offload.begin()
    offload.break_off(camera.reset)
    offload.must_arrive(destination, was_out=False)
    started = [event for event in controller.events() if event["what"] == "offload_started"]
    assert len([event for event in started if event["recording"] == offload.recording]) >= 2


@pytest.mark.needs("wire", "slow-link", "power")
@pytest.mark.req("LINK-05", "DOCK-07")
def test_a_dock_that_resets_while_a_camera_offloads(
    bench: Bench, controller: ScenarioController, destination: DestinationFolder
):
    camera, dock = bench.camera(2), bench.dock(1)
    record(bench, [camera], seconds=3.0)
    offload = Offload(bench, controller, camera, 8, 0.5)
    offload.begin()
    offload.break_off(dock.reset)
    offload.must_arrive(destination, was_out=False)

    def stands_there_again(status: dict[str, Any]) -> bool:
        bays = [bay for dock in status["docks"] for bay in dock["bays"]]
        return any(
            (bay["camera"], bay["bay"], bay["state"], bay["powered"]) == (camera.serial, 8, "docked", True)
            for bay in bays
        )

    controller.until(stands_there_again, "the camera to stand in its bay, with power")


@pytest.mark.needs("wire", "slow-link")
@pytest.mark.req("LINK-05", "DOCK-07")
def test_a_controller_that_is_killed_while_a_camera_offloads(
    bench: Bench, controller: ScenarioController, destination: DestinationFolder
):
    camera = bench.camera(3)
    record(bench, [camera], seconds=3.0)
    offload = Offload(bench, controller, camera, 1, 0.6)
    offload.begin()
    offload.break_off(controller.kill)
    controller.start()
    offload.must_arrive(destination, was_out=True)


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
    controller.until(
        lambda status: [row for row in status["cameras"] if (row["serial"], row["recordings"]) == (camera.serial, 1)],
        "the camera to keep it until the destination has it",
    )

    destination.bring_back()
    assert controller.wait_for("erased", camera)["recording"] == recording
    (truth,) = camera.truths()
    destination.clip(controller.status_of(recording)["container"]).must_be(truth)
    controller.until(lambda status: not status["destination"]["trouble"], "the trouble to be over")


@pytest.mark.needs("truth", "power")
@pytest.mark.req("CAM-19", "LINK-06")
def test_power_lost_while_recording(
    bench: Bench, bench_house: BenchHouse, controller: ScenarioController, destination: DestinationFolder
):
    camera = bench.camera(2)
    bench.start_recording(camera)
    made = bench_house.folder / f"{camera.serial}{RUNNING}"
    until(lambda: made.exists() and len(made.read_bytes().splitlines()) >= FRAGMENTS, "it to have recorded a little")
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
