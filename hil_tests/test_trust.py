"""Whose a camera is, on a bench: removed and added again, and found again by a controller that has lost everything."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from hil_tests.command_parts import bwc
from host_tools.bench.programs import until
from host_tools.bench.scenario_parts import Bench, DestinationFolder, ScenarioController
from host_tools.bench.scenario_plugin import BenchHouse


def cameras(controller: ScenarioController, *words: str) -> list[dict[str, Any]]:
    """What ``bwc camera`` prints."""
    found: list[dict[str, Any]] = json.loads(bwc("camera", *words, "--json", "--folder", str(controller.folder)))
    return found


@pytest.mark.needs("worn", "any-bay", "press", "factory")
@pytest.mark.req("CTRL-21", "CTRL-01", "LINK-04")
def test_a_controller_that_has_lost_everything_gets_its_cameras_back(
    bench: Bench,
    bench_house: BenchHouse,
    controller: ScenarioController,
    destination: DestinationFolder,
    scenario_folder: Path,
):
    camera = bench.camera(1)
    camera.dock(bay=1)
    controller.wait_for("camera_ready", camera)
    camera.undock()
    key, passphrase = scenario_folder / "restore-key", ["--passphrase-file", str(bench_house.passphrase_file)]
    bwc("restore-key", "make", str(key), "--folder", str(controller.folder), *passphrase)
    bench.start_recording(camera)
    bench.let_pass(1.0)
    camera.stop_recording()
    (truth,) = camera.truths()

    controller.stop()
    shutil.rmtree(controller.folder)
    bwc("restore-key", "use", str(key), "--folder", str(controller.folder), *passphrase)
    controller.start()
    bench_house.go_on_with(controller)
    camera.dock(bay=1)
    delivered = controller.wait_for("delivered", camera)
    controller.wait_for("erased", camera)
    destination.clip(delivered["container"]).must_be(truth)
    is_back = (camera.serial, "member", True)
    until(
        lambda: any((row["serial"], row["admission"], row["online"]) == is_back for row in cameras(controller, "list")),
        f"{camera.name} to be here as a member",
    )


@pytest.mark.needs("worn:2", "any-bay", "press", "factory")
@pytest.mark.req("CTRL-03", "CAM-28")
def test_a_camera_is_drained_removed_and_added_again(
    bench: Bench, controller: ScenarioController, destination: DestinationFolder
):
    camera = bench.camera(2)
    bench.start_recording(camera)
    bench.let_pass(1.0)
    camera.stop_recording()
    (truth,) = camera.truths()
    camera.dock(bay=2)
    controller.wait_for("camera_ready", camera)
    bwc("camera", "remove", camera.serial, "--folder", str(controller.folder))
    delivered = controller.wait_for("delivered", camera)
    controller.wait_for("removed", camera)
    destination.clip(delivered["container"]).must_be(truth)
    controller.wait_for("stranger", camera, having=lambda event: event["admission"] == "factory")
    until(
        lambda: [row["serial"] for row in cameras(controller, "waiting")] == [camera.serial],
        "the camera alone to wait",
    )

    mark = controller.mark()
    bwc("camera", "add", camera.serial, "--folder", str(controller.folder))
    # It left the system as nobody's; whose it is from now on is for people to say.
    controller.wait_for("camera_ready", camera, having=lambda event: event["wearer"] == "", after=mark)
    bwc("assign", "set", camera.serial, "W-002", "--folder", str(controller.folder))
    controller.until(
        lambda status: any(
            row["serial"] == camera.serial and row["wearer"] == "Grace Hopper" for row in status["cameras"]
        ),
        "the camera to be hers again",
    )
    until(lambda: not cameras(controller, "waiting"), "no camera to wait")
