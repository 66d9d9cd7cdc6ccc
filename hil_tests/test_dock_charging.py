"""Charging as people meet it: levels at docking and undocking, a charger that fails, a dock left by its controller."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from host_tools.bench.measurements import in_range
from host_tools.bench.programs import LIMIT_S, ScenarioFailed
from host_tools.bench.scenario_parts import Bench, Camera, Dock, ScenarioController
from host_tools.bench.scenario_tools import Faults, Measure

KNOWN_MAX = 100  # percent; what was never seen is told as more
CHARGES = ("precharge", "constant_current", "constant_voltage", "full", "held")
EMPTY_PERCENT = 4.0  # one that went out, or was about to, whatever its gauge makes of it
EMPTY_UNTIL_PERCENT = 20  # then there is charge to work with
ENOUGH_H = 0.75  # in which an empty cell gets that far
STANDS_MAX = 4
TOLD_S = 40.0  # in which a camera tells how it is charged, twice
LONG_H = 12.5  # after twelve hours in its bay a camera is kept short of full
LET_DOWN_H = 4.0  # in which the camera itself uses up what is too much
TO_FULL_H = 2.5
SHORT_PERCENT = 92
FULL_PERCENT = 95
DAYS_S = 2 * 86_400.0  # that a scenario may last where hours are waited for
FAULT_S = 60.0 + LIMIT_S  # it is told when it has lasted for a minute


def battery_of(controller: ScenarioController, camera: Camera) -> dict[str, Any]:
    """What the camera says of its battery; empty while it has not, or is not here."""
    return battery_in(controller.status(), camera)


def battery_in(status: dict[str, Any], camera: Camera) -> dict[str, Any]:
    """The same, in a status."""
    found: dict[str, Any] = next(
        (row["battery"] for row in status["cameras"] if row["serial"] == camera.serial and row["online"]), {}
    )
    return found


def percent_of(status: dict[str, Any], camera: Camera) -> float:
    """Its charge as the status has it; 0 while it does not say."""
    return battery_in(status, camera).get("charge_permille", 0) / 10


def state_of(status: dict[str, Any], camera: Camera) -> tuple[str, bool | None]:
    """How it is charged, and whether smart charge is in force."""
    battery = battery_in(status, camera)
    return battery.get("charging", ""), battery.get("smart")


def told_of(status: dict[str, Any], kind: str, camera: Camera) -> str:
    """The alert of that kind about a camera; empty while there is none."""
    return next((text for key, text in status["problems"].items() if kind in key and camera.serial in key), "")


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
    mark = controller.mark()
    camera.undock()
    controller.wait_for("undocked", camera, after=mark)
    controller.wait_for(  # a dock that has not seen it go gives it power as if it had not gone
        "bay",
        having=lambda event: (event["dock"], event["bay"]) == (dock.serial, bay) and event["state"] != "docked",
        after=mark,
    )
    docked(controller, camera, dock, bay)
    again = controller.until(
        lambda _: (
            now if (now := battery_of(controller, camera)).get("undocked_percent", KNOWN_MAX + 1) <= KNOWN_MAX else None
        ),
        "the level at which it was taken out",
    )
    assert again["cycles_percent"] >= battery["cycles_percent"]


@pytest.mark.timeout(DAYS_S)
@pytest.mark.needs("cell", "hours")
@pytest.mark.req("DOCK-04", "CTRL-12")
def test_a_camera_that_comes_empty_is_told_until_it_has_charge_again(
    controller: ScenarioController, bench: Bench, dock: Dock, bay: int, measure: Measure
):
    camera = bench.camera(1)
    camera.put_cell(EMPTY_PERCENT)
    docked(controller, camera, dock, bay)
    text = controller.until(lambda status: told_of(status, "empty_battery", camera), "the alert")
    came_with = battery_of(controller, camera)["docked_percent"]
    measure("charge of an empty camera", came_with, "%", in_range(0, 5), camera)
    assert f"it came with {came_with} %" in text
    assert text.index("Leave the camera docked") < text.index("replace the battery")

    camera.let_stand(ENOUGH_H)

    def over(status: dict[str, Any]) -> float | None:
        percent = percent_of(status, camera)
        return percent if percent >= EMPTY_UNTIL_PERCENT and not told_of(status, "empty_battery", camera) else None

    # For all of that time it has taken what it took at that moment: next to nothing, if it was just being measured.
    for _ in range(STANDS_MAX):
        with suppress(ScenarioFailed):
            controller.until(over, "the end of the alert", TOLD_S)
            break
        camera.let_stand(ENOUGH_H / STANDS_MAX)
    percent = controller.until(over, "the end of the alert, with charge to work with")
    measure("charge when that is over", percent, "%", in_range(EMPTY_UNTIL_PERCENT, 60), camera)


@pytest.mark.timeout(DAYS_S)
@pytest.mark.needs("hours")
@pytest.mark.req("DOCK-04")
def test_a_camera_that_stands_for_long_is_kept_short_of_full_unless_somebody_wants_it_full(
    controller: ScenarioController, bench: Bench, dock: Dock, bay: int, measure: Measure
):
    camera = bench.camera(1)
    docked(controller, camera, dock, bay)
    camera.let_stand(LONG_H)
    controller.until(lambda status: state_of(status, camera) == ("held", True), "smart charge to hold it")
    camera.let_stand(LET_DOWN_H)
    kept = controller.until(
        lambda status: percent if 0 < (percent := percent_of(status, camera)) < SHORT_PERCENT else None,
        "it to be short of full",
    )
    measure("charge kept by smart charge", kept, "%", in_range(70, SHORT_PERCENT), camera)

    controller.command("suspend_smart_charge", hours=24)
    controller.until(lambda status: state_of(status, camera)[1] is False, "the camera to be told")
    camera.let_stand(TO_FULL_H)

    def full(status: dict[str, Any]) -> float | None:
        percent = percent_of(status, camera)
        return percent if state_of(status, camera) == ("full", False) and percent >= FULL_PERCENT else None

    measure("charge without smart charge", controller.until(full, "it to be full"), "%", in_range(95, 100), camera)


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

    text = controller.until(lambda status: told_of(status, "unable_to_charge", camera), "the alert", limit_s=FAULT_S)
    assert "overheated" in text
    assert text.index("put it back") < text.index("Clean") < text.index("known to be good")
