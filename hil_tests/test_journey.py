"""A recording's way from the camera to the destination, when nothing goes wrong."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from host_tools.bench.programs import until
from host_tools.bench.scenario_parts import READY, Bench, DestinationFolder, ScenarioController
from host_tools.transports.local import LocalError

SLOW_BYTES_PER_S = 20_000  # a recording then takes half a minute, unless somebody has seen that it is under way


def bay_of(status: dict[str, Any], number: int) -> dict[str, Any]:
    """One bay of the only dock."""
    return status["docks"][0]["bays"][number - 1] if status["docks"] else {"lamp": "", "state": "", "verdict": ""}


@pytest.mark.needs("worn", "press", "slow-link")
@pytest.mark.req("LINK-01", "LINK-06", "DOCK-01", "DOCK-05", "CAM-03", "CAM-21", "CTRL-03", "CTRL-09", "HIL-01")
def test_a_recording_is_docked_checked_offloaded_delivered_and_erased(
    bench: Bench, controller: ScenarioController, destination: DestinationFolder
):
    camera = bench.camera(1)
    bench.start_recording(camera)
    bench.let_pass(1.0)
    camera.stop_recording()
    (truth,) = camera.truths()
    controller.until(lambda status: status["docks"], "the dock to be greeted")

    camera.make_link_slow(SLOW_BYTES_PER_S)
    camera.dock(bay=1)
    docked = controller.wait_for("docked", camera)
    assert (docked["dock"], docked["bay"]) == (bench.dock(1).serial, 1)
    assert docked["at_unix_ms"] > 0
    recording = controller.wait_for("offload_started", camera)["recording"]
    controller.until(lambda status: bay_of(status, 1)["lamp"] == "offloading", "the bay's lamp to say so")
    assert controller.status_of(recording)["place"] == "camera, partly spool"
    camera.make_link_fast()
    delivered = controller.wait_for("delivered", camera)
    controller.wait_for("erased", camera)

    destination.clip(delivered["container"]).must_be(truth)
    controller.until(lambda status: bay_of(status, 1)["lamp"] == "ready", "the bay's lamp to say ready")
    until(lambda: bench.dock(1).shows(1, READY), "the lamp itself to be green")
    empty_in_its_bay = (camera.serial, 0, {"dock": bench.dock(1).serial, "bay": 1})
    controller.until(
        lambda status: any(
            (each["serial"], each["recordings"], each["place"]) == empty_in_its_bay for each in status["cameras"]
        ),
        "the camera to be empty, and in its bay",
    )
    assert controller.status_of(recording)["place"] == "destination"

    def are_good(status: dict[str, Any]) -> bool:
        verdict = bay_of(status, 1)["verdict"]
        if verdict not in ("", "pass"):  # a bench that waited for its processor has lost bytes: it is measured anew
            with suppress(LocalError):  # it is being measured
                controller.command("check_contacts", dock=bench.dock(1).serial, bay=1)
        return verdict == "pass"

    controller.until(are_good, "the bay's contacts to be found good")

    camera.undock()
    controller.wait_for("undocked", camera)
    controller.until(lambda status: bay_of(status, 1)["state"] == "free", "the bay to be free")
    bays = [event["state"] for event in controller.events() if event["what"] == "bay"]
    assert bays == ["settling", "checking", "docked", "free"], "bounces of the contacts are not dockings"
