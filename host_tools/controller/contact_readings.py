"""From what boards tell to what is measured: readings, who measured them, and what each figure of a dock is worth.

Law: pure. A figure whose sensor is not known is shown without an uncertainty, never with an invented one.
"""

from __future__ import annotations

import math
from typing import Any

from firmware.drivers import thermistor
from firmware.drivers.debounce import RISE_MS
from host_tools.controller.contact_resistance import (
    CONFIDENCE_PERCENT,
    COVERAGE,
    AtLoad,
    Path,
    Reading,
    Resistance,
    Sensors,
    probability_between,
)
from host_tools.controller.contact_sensors import current_sensor, supply_sensor
from host_tools.hardware import Board

Row = dict[str, Any]

PASS_UOHM = 60_000  # two contacts of at most 30 mOhm each (USB, table of mated connectors)
MARGINAL_UOHM = 120_000  # clean it
DERATE_UOHM = MARGINAL_UOHM  # above, half an ampere is 30 mW a contact; a whole one four times that
STOP_UOHM = 300_000  # 0.3 W at an ampere on a spring that softens at 0.5
DRIVEN_UV = 3_000_000  # what the short test drives, about
NOT_YET = "not measured yet"
SAMPLE_MS = 5  # between two looks at a bay
INFINITE = float("inf")


def at_load(dock: dict[str, Any], camera: dict[str, Any]) -> AtLoad | str:
    """Two boards' fields of ``power_measured`` as one reading."""
    if not dock["samples"] or not camera["samples"]:
        return "the supply went while it was measured"
    return AtLoad(
        Reading(dock["supply_uv"], dock["supply_deviation_uv"], dock["samples"]),
        Reading(camera["supply_uv"], camera["supply_deviation_uv"], camera["samples"]),
        Reading(dock["current_ua"], dock["current_deviation_ua"], dock["samples"]),
    )


def sensors_of(dock: Board, camera: Board) -> Sensors | None:
    """Who measures what between these two."""
    bay = f"bay{dock.bays[0]}"
    voltage, current = supply_sensor(dock, f"{bay}.supply"), current_sensor(dock, f"{bay}.current")
    remote = supply_sensor(camera, "supply.input")
    if voltage is None or current is None or remote is None:
        return None
    return Sensors(voltage, remote, current)


def path_of(camera: Board) -> Path:
    """What lies between a camera's contacts and its sensor; unknown wiring is no wiring, and nothing is known of it."""
    path = camera.supply_path
    return Path(path.wiring_uohm, path.wiring_tolerance_uohm, path.junction) if path else Path(0, 50_000, True)


def resistance_row(found: Resistance | str) -> Row:
    """The pair's resistance as a row of the check."""
    row: Row = {"quantity": "contact_resistance", "unit": "uOhm", "low": 0, "high": PASS_UOHM}
    if isinstance(found, str):
        return row | _nothing(found)
    value = round(found.uohm)
    verdict = "pass" if value <= PASS_UOHM else "marginal" if value <= MARGINAL_UOHM else "fail"
    low, high = {
        "pass": (-INFINITE, PASS_UOHM),
        "marginal": (PASS_UOHM, MARGINAL_UOHM),
        "fail": (MARGINAL_UOHM, INFINITE),
    }[verdict]
    return row | {
        "value": value,
        "verdict": verdict,
        "uncertainty": math.ceil(found.uncertainty_uohm),
        "confidence": _percent(probability_between(found.uohm, found.uncertainty_uohm, low, high)),
        "note": f"supply and ground contact together, within the uncertainty with {CONFIDENCE_PERCENT} %",
    }


def lines_row() -> Row:
    """No board here has lines beside USB that a pattern could be sent over bit by bit."""
    text = "this dock has no lines beside USB; over USB only delivery can be tested"
    return {"quantity": "line_errors", "unit": "1", "low": 0, "high": 0} | _nothing(text)


def with_worth(row: Row, dock: Board, bay: int) -> Row:
    """A dock's own measurement with its uncertainty, the confidence in its verdict and what it does not say."""
    if row["verdict"] == "not_measured":
        return row | _nothing(NOT_YET)
    uncertainty, note = _worth(row["quantity"], row["value"], dock, bay)
    if uncertainty is None:
        return row | {"uncertainty": None, "confidence": None, "note": note}
    low = -INFINITE if row["low"] == 0 else row["low"]  # nothing is less than nothing
    inside = probability_between(row["value"], uncertainty, low, row["high"])
    chance = inside if row["verdict"] == "pass" else 1 - inside
    return row | {"uncertainty": math.ceil(uncertainty), "confidence": _percent(chance), "note": note}


def _worth(quantity: str, value: float, dock: Board, bay: int) -> tuple[float | None, str]:
    if quantity == "block_temperature":
        return float(thermistor.UNCERTAINTY_MC), "at the block, not in the contact"
    if quantity == "settle_time":
        return float(2 * SAMPLE_MS), f"from first touch to rest, believed after {RISE_MS} ms without a change"
    if quantity == "bounces":
        return None, "openings shorter than 2 ms are not seen"
    if quantity == "charge_current":
        sensor, note = current_sensor(dock, f"bay{bay}.current"), ""
        return (COVERAGE * sensor.uncertainty(value) if sensor else None), note
    sensor = supply_sensor(dock, f"bay{bay}.{'presence' if quantity == 'presence' else 'supply'}")
    if sensor is None:
        return None, ""
    if quantity == "supply_droop":
        return COVERAGE * sensor.span_uncertainty(0, value), "of supply, switch and cable; not of the contacts"
    if quantity == "pin_coupling":
        steps = supply_sensor(dock, f"bay{bay}.presence") or sensor
        return COVERAGE * math.sqrt(2) * steps.offset / 3**0.5 / DRIVEN_UV * 1e6, "before power was applied"
    return COVERAGE * sensor.uncertainty(value), ""


def _nothing(note: str) -> Row:
    return {"value": None, "verdict": "not_measured", "uncertainty": None, "confidence": None, "note": note}


def _percent(probability: float) -> float:
    return round(100 * min(max(probability, 0.0), 1.0), 1)
