"""What a docking is worth in numbers: how soon a camera answers, how fast it offloads, what its bay's contacts show."""

from __future__ import annotations

import pytest

from host_tools.bench.measurements import in_range
from host_tools.bench.programs import LIMIT_S, until
from host_tools.bench.scenario_parts import Bench, Camera, DestinationFolder, Dock, ScenarioController
from host_tools.bench.scenario_tools import Clock, Measure
from host_tools.bench.trace import Trace

GREETED_S_MAX = LIMIT_S  # from the bay to a camera that answers: most of it is a Pi's boot, where it was off
GREETED_S_MARGINAL = 15.0
OFFLOAD_MB_S_MIN = 0.005  # less than a UART carries: something is wrong, however busy this machine is
OFFLOAD_MB_S_MARGINAL = 0.5


@pytest.mark.needs("worn", "press")
@pytest.mark.req("HIL-01", "HIL-02", "DOCK-02")
def test_a_docking_is_measured(
    bench: Bench,
    camera: Camera,
    dock: Dock,
    bay: int,
    controller: ScenarioController,
    destination: DestinationFolder,
    clock: Clock,
    measure: Measure,
    trace: Trace,
):
    bench.start_recording(camera)
    clock.let_pass(1.0)
    camera.stop_recording()
    (truth,) = camera.truths()

    controller.until(lambda status: status["docks"], "the dock to be greeted")
    camera.dock(bay, dock.name)
    greeted_s = clock.time_until(lambda: (row := controller.camera(camera)) and row["online"], "the camera to answer")
    measure(
        "time until greeted",
        round(greeted_s, 2),
        "s",
        in_range(0, GREETED_S_MAX, marginal_maximum=GREETED_S_MARGINAL),
        unit=camera,
        doc="from the bay to a secured session, by the scenario's clock",
    )
    offloaded = controller.wait_for("offloaded", camera)
    measure(
        "offload rate",
        offloaded["mb_per_s"],
        "MB/s",
        in_range(OFFLOAD_MB_S_MIN, marginal_minimum=OFFLOAD_MB_S_MARGINAL),
        unit=camera,
    )
    delivered = controller.wait_for("delivered", camera)
    controller.wait_for("erased", camera)
    destination.clip(delivered["container"]).must_be(truth)

    contacts = controller.until(
        lambda status: status["docks"] and status["docks"][0]["bays"][bay - 1]["contacts"],
        "the dock to have measured the contacts",
    )
    for row in contacts:
        if row["value"] is not None and row["low"] is not None and row["high"] is not None:
            limits = in_range(row["low"], row["high"])
            measure(row["quantity"], row["value"], row["unit"], limits, unit=dock, instance=f"bay {bay}")

    until(
        lambda: any(entry.name == "identify" for entry in trace.entries(dock.name)),
        "the question to the dock in the trace",
    )
    until(lambda: trace.counts()["sealed"] > 0, "what a camera and its controller say, sealed on the wire")
