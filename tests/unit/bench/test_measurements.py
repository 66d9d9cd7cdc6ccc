"""Measurements with limits and a marginal band; records of units; what is in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host_tools.bench.errors import RecordError
from host_tools.bench.measurements import (
    Limits,
    MeasurementError,
    Value,
    equals,
    from_json,
    in_range,
    judge,
    matches,
    within_percent,
    worst,
)
from host_tools.bench.records import Phase, Run, RunRecords, read_record

CONTACT = in_range(0, 120, marginal_maximum=60)


@pytest.mark.req("HIL-02")
@pytest.mark.parametrize(
    ("limits", "value", "outcome"),
    [
        (CONTACT, 0, "pass"),
        (CONTACT, 60, "pass"),
        (CONTACT, 60.001, "marginal"),
        (CONTACT, 120, "marginal"),
        (CONTACT, 120.001, "fail"),
        (CONTACT, -0.001, "fail"),
        (CONTACT, float("nan"), "fail"),
        (CONTACT, float("inf"), "fail"),
        (CONTACT, None, "unset"),
        (CONTACT, "60", "fail"),
        (CONTACT, True, "fail"),
        (in_range(minimum=4.75, marginal_minimum=4.9), 4.8, "marginal"),
        (in_range(minimum=4.75), 1e9, "pass"),
        (within_percent(5.0, 5, 2), 5.2, "marginal"),
        (within_percent(5.0, 5, 2), 5.26, "fail"),
        (within_percent(-5.0, 5), -5.1, "pass"),
        (equals("0.1.0"), "0.1.0", "pass"),
        (equals(1), True, "fail"),
        (equals(False), False, "pass"),
        (matches("CAM-[0-9]+"), "CAM-12", "pass"),
        (matches("CAM-[0-9]+"), "CAM-12x", "fail"),
    ],
)
def test_a_value_is_judged(limits: Limits, value: Value, outcome: str):
    measured = judge("thing", value, "u", limits)
    assert measured.outcome == outcome
    again = from_json("thing", json.loads(json.dumps(measured.as_json())))
    assert (again.outcome, again.limits) == (measured.outcome, measured.limits)


def test_a_value_without_limits_is_told_and_passes():
    assert judge("boot time", 3.2, "s").outcome == "pass"
    assert judge("boot time", None, "s").outcome == "unset"


def test_a_measurement_reads_as_a_sentence():
    assert str(judge("loop", 41.0, "mΩ", CONTACT)) == "loop: 41 mΩ (0 to 120, marginal above 60): pass"
    assert str(judge("rate", None, "MB/s", in_range(minimum=1))) == "rate: nothing MB/s (at least 1): unset"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: judge("", 1),
        lambda: judge("a\nb", 1),
        lambda: in_range(),
        lambda: in_range(5, 1),
        lambda: in_range(0, 10, marginal_maximum=11),
        lambda: in_range(0, 10, marginal_minimum=6, marginal_maximum=5),
        lambda: matches("("),
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(MeasurementError):
        wrong()


def test_the_worst_outcome_counts():
    assert worst([]) == "pass"
    assert worst(["pass", "marginal"]) == "marginal"
    assert worst(["marginal", "unset", "pass"]) == "unset"


class Clock:
    """A wall clock that a test sets."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


def records(folder: Path, clock: Clock) -> RunRecords:
    return RunRecords(folder, Run("lab", 7, clock.now_ms, "hardware", "lab-pc"), clock)


@pytest.mark.req("HIL-02")
def test_a_unit_gets_a_record_for_each_run(tmp_path: Path):
    clock = Clock()
    made = records(tmp_path, clock)
    made.add("DOCK-1", "contacts", [judge("bay 1 loop", 70, "mΩ", CONTACT)], board="dock-1", model="pico_dock_8")
    made.unit("DOCK-1", firmware="0.1.0").phases.append(Phase("journey", "passed", clock.now_ms, clock.now_ms + 5))
    made.add("CAM/../1", "offload", [judge("rate", 0.1, "MB/s", in_range(minimum=1))])
    clock.now_ms += 60_000
    cam, dock = made.write()
    found = read_record(dock)
    assert (found["dut_id"], found["station_id"], found["outcome"], found["marginal"]) == (
        "DOCK-1",
        "lab",
        "PASS",
        True,
    )
    assert found["end_time_millis"] - found["start_time_millis"] == 60_000
    assert found["metadata"] == {
        "board": "dock-1",
        "model": "pico_dock_8",
        "firmware_version": "0.1.0",
        "host_version": found["metadata"]["host_version"],
        "seed": 7,
        "lane": "hardware",
        "host": "lab-pc",
    }
    assert found["phases"][0]["measurements"]["bay 1 loop"] == {
        "measured_value": 70,
        "units": "mΩ",
        "outcome": "PASS",
        "marginal": True,
        "validators": ["0 to 120, marginal above 60"],
        "limits": {"minimum": 0, "maximum": 120, "marginal_maximum": 60},
    }
    assert read_record(cam)["outcome"] == "FAIL"
    assert cam.parent.parent == tmp_path / "units", "a serial number is no way out of the folder"

    later = records(tmp_path, clock)
    later.add("DOCK-1", "contacts", [])
    assert len({dock, *later.write()}) == 2, "a later run changes no earlier record"


def test_what_went_wrong_decides(tmp_path: Path):
    clock = Clock()
    made = records(tmp_path, clock)
    for serial, outcomes in {"A": ["passed", "error", "failed"], "B": ["passed", "skipped"], "C": ["skipped"]}.items():
        made.unit(serial).phases.extend(Phase(str(number), each, 0, 0) for number, each in enumerate(outcomes))
    assert [read_record(path)["outcome"] for path in made.write()] == ["ERROR", "PASS", "ABORTED"]


def test_what_is_no_record_is_told(tmp_path: Path):
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(RecordError, match="no record of format 1"):
        read_record(tmp_path / "x.json")
    (tmp_path / "file").touch()
    broken = RunRecords(tmp_path / "file", Run("lab", 1, 0), Clock())
    broken.add("A", "x", [])
    with pytest.raises(RecordError, match="cannot be written"):
        broken.write()
