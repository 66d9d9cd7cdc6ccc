"""Charging as people meet it: levels at docking and undocking, a charger that fails, a dock left by its controller."""

from __future__ import annotations

from typing import Any

import pytest

from host_tools.bench.measurements import in_range
from host_tools.bench.programs import LIMIT_S
from host_tools.bench.scenario_parts import Bench, Camera, Dock, ScenarioController
from host_tools.bench.scenario_tools import Faults, Measure

KNOWN_MAX = 100  # percent; what was never seen is told as more
CHARGES = ("precharge", "constant_current", "constant_voltage", "full", "held")
FAULT_S = 60.0 + LIMIT_S  # it is told when it has lasted for a minute


def battery_of(controller: ScenarioController, camera: Camera) -> dict[str, Any]:
    """What the camera says of its battery; empty while it has not, or is not here."""
    row = controller.camera(camera)
    found: dict[str, Any] = row["battery"] if row is not None and row["online"] else {}
    return found


def docked(controller: ScenarioController, camera: Camera, dock: Dock, bay: int) -> dict[str, Any]:
    """Dock it and wait until it says how it is charged."""
    controller.until(lambda status: status["docks"], "the dock to be greeted")
    camera.dock(bay, dock.name)
    return controller.until(
        lambda _: battery if (battery := battery_of(controller, camera)).get("charging") in CHARGES else None,
        "the camera to be charged",
    )


@pytest.mark.req("DOCK-04", "DOCK-07")
def test_a_docked_camera_is_charged_and_remembers_its_levels(
    controller: ScenarioController, bench: Bench, dock: Dock, bay: int, measure: Measure
):
    camera = bench.camera(1)
    battery = docked(controller, camera, dock, bay)
    measure("charge at docking", battery["docked_percent"], "%", in_range(0, 100), camera)
    measure("input while charging", battery["input_uv"] / 1e6, "V", in_range(4.3, 5.5), camera)
    camera.undock()
    controller.wait_for("undocked", camera)
    docked(controller, camera, dock, bay)
    again = controller.until(
        lambda _: (
            now if (now := battery_of(controller, camera)).get("undocked_percent", KNOWN_MAX + 1) <= KNOWN_MAX else None
        ),
        "the level at which it was taken out",
    )
    assert again["cycles_percent"] >= battery["cycles_percent"]


@pytest.mark.req("DOCK-07")
def test_charging_goes_on_without_a_controller(controller: ScenarioController, bench: Bench, dock: Dock, bay: int):
    camera = bench.camera(1)
    docked(controller, camera, dock, bay)
    controller.command("set_bay_power", dock=dock.serial, bay=bay, on=False)
    controller.wait_for("undocked", camera)
    controller.kill()
    controller.start()
    controller.until(
        lambda _: battery_of(controller, camera).get("charging") in CHARGES,
        "the camera to be charged again, though nobody switched its bay on",
    )


@pytest.mark.needs("faults")
@pytest.mark.req("DOCK-03", "DOCK-04", "CTRL-12")
def test_a_charger_that_fails_is_unable_to_charge(
    controller: ScenarioController, bench: Bench, dock: Dock, bay: int, faults: Faults
):
    camera = bench.camera(1)
    docked(controller, camera, dock, bay)
    faults.inject(camera.name, "charger", "off")

    def told(status: dict[str, Any]) -> str:
        return next((text for key, text in status["problems"].items() if "unable_to_charge" in key), "")

    text = controller.until(told, "the alert", limit_s=FAULT_S)
    assert "overheated" in text
    assert text.index("seat it anew") < text.index("clean") < text.index("known to be good")
