"""What a bay finds out about its contacts, and what people are told: good ones, worn, shorted, loose and hot ones.

Every scenario docks a camera as a person does. On a real bench faults are put in by hand (a resistor in the supply pin,
a wire between two pins), under the same names.
"""

from __future__ import annotations

from typing import Any

import pytest

from host_tools.bench.measurements import in_range
from host_tools.bench.scenario_parts import Bench, Camera, Dock, ScenarioController
from host_tools.bench.scenario_tools import Clock, Faults, Measure

ALWAYS = ("presence", "supply_voltage", "charge_current", "pin_coupling", "settle_time", "bounces")
WORN_MOHM = 350  # what the fault "contact wrong" puts into one contact


def rows_of(controller: ScenarioController, dock: Dock, bay: int, quick: bool = False) -> dict[str, dict[str, Any]]:
    """The check of a bay now, by quantity."""
    rows = controller.command("check_contacts", dock=dock.serial, bay=bay, quick=quick)
    return {row["quantity"]: row for row in rows}


def bay_of(status: dict[str, Any], dock: Dock, bay: int) -> dict[str, Any]:
    """One bay's row of the status; empty while the dock is not there."""
    found = [each for each in status["docks"] if each["serial"] == dock.serial]
    return found[0]["bays"][bay - 1] if found and found[0]["bays"] else {}


def problem_of(status: dict[str, Any], word: str) -> str:
    """The first problem with that word in its name."""
    return next((text for key, text in status["problems"].items() if word in key), "")


def alert_of(controller: ScenarioController, device: str) -> dict[str, Any] | None:
    """The first open alert about a board."""
    rows = controller.command("list_alerts")["rows"]
    return next((row for row in rows if row["device"] == device), None)


def docked_and_checked(controller: ScenarioController, camera: Camera, dock: Dock, bay: int) -> dict[str, Any]:
    """Dock it and wait for the check that every docking gets."""
    controller.until(lambda status: status["docks"], "the dock to be greeted")
    camera.dock(bay, dock.name)
    return controller.wait_for("checked", having=lambda event: (event["dock"], event["bay"]) == (dock.serial, bay))


def measured(controller: ScenarioController, dock: Dock, bay: int, quantity: str, verdict: str) -> dict[str, Any]:
    """Wait until a bay's row of the status says that of a quantity; the row."""

    def find(status: dict[str, Any]) -> dict[str, Any] | None:
        rows = bay_of(status, dock, bay).get("contacts", [])
        return next((row for row in rows if (row["quantity"], row["verdict"]) == (quantity, verdict)), None)

    return controller.until(find, f"{quantity} to be a {verdict}")


def until_bay(controller: ScenarioController, dock: Dock, bay: int, **wanted: Any) -> None:
    """Wait until a bay's row of the status says all of that."""
    controller.until(lambda status: wanted.items() <= bay_of(status, dock, bay).items(), f"bay {bay} to be {wanted}")


@pytest.mark.req("DOCK-01", "DOCK-02", "HIL-02")
def test_sound_contacts_pass_and_every_figure_says_what_it_is_worth(
    controller: ScenarioController, bench: Bench, dock: Dock, bay: int, measure: Measure
):
    camera = bench.camera(1)
    checked = docked_and_checked(controller, camera, dock, bay)
    assert (checked["verdict"], checked["camera"]) == ("pass", camera.serial)
    rows = rows_of(controller, dock, bay)
    for row in rows.values():
        if row["verdict"] == "not_measured":
            continue
        limits = in_range(row["low"], row["high"])
        measure(row["quantity"], row["value"], row["unit"], limits, unit=dock, instance=f"bay {bay}", doc=row["note"])
        assert row["uncertainty"] is not None or row["quantity"] == "bounces", f"{row['quantity']} is worth what?"
    assert set(ALWAYS) <= {name for name, row in rows.items() if row["verdict"] == "pass"}
    assert rows["contact_resistance"]["verdict"] == "pass"
    assert rows["contact_resistance"]["confidence"] > 80
    assert rows["delivery_integrity"]["verdict"] != "fail"
    assert "no bit error rate" in rows["delivery_integrity"]["note"]
    assert rows["line_errors"]["verdict"] == "not_measured"
    (kept,) = controller.until(
        lambda _: controller.command("contact_history", dock=dock.serial, bay=bay, limit=1), "the check in the history"
    )
    assert kept["camera"] == camera.serial
    assert kept["resistance_uohm"] > 0
    assert not problem_of(controller.status(), "docking_issue")


@pytest.mark.needs("faults")
@pytest.mark.req("DOCK-02", "DOCK-03", "DOCK-04", "CTRL-12")
def test_a_worn_contact_is_measured_told_and_not_charged_through(
    controller: ScenarioController, bench: Bench, dock: Dock, bay: int, faults: Faults, measure: Measure
):
    camera = bench.camera(1)
    faults.inject(dock.name, "contact", "wrong", bay)
    checked = docked_and_checked(controller, camera, dock, bay)
    assert checked["verdict"] == "fail"
    row = measured(controller, dock, bay, "contact_resistance", "fail")
    low, high = row["value"] - row["uncertainty"], row["value"] + row["uncertainty"]
    measure("worn contact", row["value"] / 1000, "mΩ", in_range(WORN_MOHM, WORN_MOHM + 120), dock, f"bay {bay}")
    assert low < 1000 * (WORN_MOHM + 120)
    assert high > 1000 * WORN_MOHM
    text = controller.until(lambda status: problem_of(status, "docking_issue"), "the alert")
    steps = [text.index(word) for word in ("put it back", "Clean the camera's", "known to be good", "Undecided")]
    assert steps == sorted(steps), text
    controller.wait_for("derated", camera, having=lambda event: event["allowed_ua"] == 0)
    controller.until(
        lambda status: [each for each in status["cameras"] if each["battery"].get("charging") == "stopped"],
        "the camera to say that it is not charged",
    )
    text = controller.until(lambda status: problem_of(status, "unable_to_charge"), "the second alert")
    assert camera.serial in text

    camera.undock()
    controller.wait_for("undocked", camera)
    controller.until(lambda status: not problem_of(status, "docking_issue"), "the end of the alert")


@pytest.mark.needs("faults")
@pytest.mark.req("DOCK-02", "DOCK-03")
def test_a_short_gets_no_power_until_it_is_gone(
    controller: ScenarioController, bench: Bench, dock: Dock, bay: int, faults: Faults
):
    camera = bench.camera(1)
    faults.inject(dock.name, "contact", "brownout", bay)
    checked = docked_and_checked(controller, camera, dock, bay)
    assert checked["verdict"] == "fail"
    until_bay(controller, dock, bay, state="fault", powered=False, lamp="error")
    measured(controller, dock, bay, "pin_coupling", "fail")
    text = controller.until(lambda status: problem_of(status, "docking_issue"), "the alert")
    assert "two pins are joined" in text
    assert not (controller.camera(camera) or {"online": False})["online"]

    faults.heal(dock.name, "contact", bay)
    rows_of(controller, dock, bay, quick=True)
    controller.wait_for("camera_ready", camera)
    controller.until(lambda status: not problem_of(status, "docking_issue"), "the end of the alert")


@pytest.mark.needs("faults")
@pytest.mark.req("DOCK-01", "DOCK-02", "DOCK-03")
def test_a_contact_that_comes_and_goes_is_called_loose(
    controller: ScenarioController, bench: Bench, dock: Dock, bay: int, faults: Faults, measure: Measure
):
    camera = bench.camera(1)
    docked_and_checked(controller, camera, dock, bay)
    faults.inject(dock.name, "contact", "intermittent", bay)

    def losses(status: dict[str, Any]) -> list[int]:
        rows = bay_of(status, dock, bay).get("contacts", [])
        return [row["value"] for row in rows if row["quantity"] == "loose" and row["verdict"] != "pass"]

    (count,) = controller.until(losses, "the bay to be called loose")
    measure("losses of contact", count, "losses a minute", in_range(2), dock, f"bay {bay}")


@pytest.mark.needs("faults")
@pytest.mark.req("DOCK-02", "DOCK-03", "DOCK-07")
def test_a_hot_block_is_switched_off_and_tried_again_when_it_is_cool(
    controller: ScenarioController, bench: Bench, dock: Dock, bay: int, faults: Faults, clock: Clock
):
    camera = bench.camera(1)
    docked_and_checked(controller, camera, dock, bay)
    faults.inject(dock.name, "contact", "hot", bay)
    until_bay(controller, dock, bay, state="fault")
    measured(controller, dock, bay, "block_temperature", "fail")
    assert "hot" in controller.until(lambda status: problem_of(status, "docking_issue"), "the alert")
    faults.heal(dock.name, "contact", bay)
    until_bay(controller, dock, bay, state="docked")


@pytest.mark.req("DOCK-06", "DOCK-07")
def test_a_bay_is_power_cycled_and_its_camera_comes_back(
    controller: ScenarioController, bench: Bench, dock: Dock, bay: int
):
    camera = bench.camera(1)
    docked_and_checked(controller, camera, dock, bay)
    controller.command("power_cycle_bay", dock=dock.serial, bay=bay, off_ms=1000)
    controller.wait_for("bay", having=lambda event: event["bay"] == bay and event["state"] == "off")
    controller.wait_for("undocked", camera)
    until_bay(controller, dock, bay, state="docked")
    controller.until(lambda status: (controller.camera(camera) or {}).get("online"), "the camera to be back")


@pytest.mark.needs("slow-link")
@pytest.mark.req("DOCK-03", "DOCK-06", "CTRL-12")
def test_a_slow_cable_is_a_connection_issue_at_its_port(
    bench: Bench, controller: ScenarioController, dock: Dock, faults: Faults
):
    controller.until(lambda status: status["docks"], "the dock to be greeted")
    faults.inject(dock.name, "link", "slow")
    text = controller.until(lambda status: problem_of(status, f"link of {dock.serial}"), "the alert")
    assert "docking station connection issue at port" in text
    told = controller.until(lambda _status: alert_of(controller, dock.serial), "it among the alerts")
    assert not any(step in told["details"] for step in told["remedies"]), "what to do is said once"
    words = ("off and on", "plugs", "Swap the cable", "known to be good", "Restart")
    assert [word in step for word, step in zip(words, told["remedies"], strict=True)] == [True] * 5
    faults.heal(dock.name, "link")
    controller.until(lambda status: not problem_of(status, f"link of {dock.serial}"), "it to be over")
