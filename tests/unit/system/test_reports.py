"""Reports: every outing of every camera, filtered by tag, in the system's time zone; and when a reset may be."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from host_tools.system import reports
from host_tools.system.records import CameraEntry, Device, Software
from host_tools.system.reset_rules import Standing, judge_reset
from host_tools.system.store import UsageRow
from host_tools.system.system import System
from tests.unit.system.parts import NOW_MS, ZERO, make_system

HOUR_MS = 3_600_000


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def log(camera: str, *entries: tuple[str, int, int, str]) -> list[UsageRow]:
    """(event, hours after NOW_MS, value, wearer) each."""
    return [
        UsageRow(camera, "aa", number, NOW_MS + hours * HOUR_MS, NOW_MS + hours * HOUR_MS, event, value, "", wearer)
        for number, (event, hours, value, wearer) in enumerate(entries, 1)
    ]


SHIFT = (
    ("power_on", 0, 255, ""),
    ("docked", 0, 90, ""),
    ("undocked", 1, 95, "W-001"),
    ("recording_started", 2, 90, "W-001"),
    ("recording_ended", 2, 125, "W-001"),
    ("recording_started", 3, 80, "W-001"),
    ("recording_ended", 3, 60, "W-001"),
    ("docked", 9, 20, "W-001"),
    ("malfunction", 9, 20, ""),  # in its bay: nobody's
    ("docked", 10, 60, ""),
    ("undocked", 10, 70, "W-404"),
)


def tagged_system() -> System:
    system = make_system()
    with system.change("ann", NOW_MS) as edit:
        edit.put(CameraEntry(serial="CAM-0001", name="Front desk", tags=("North",), model=ZERO))
        edit.put(system.settings.model_copy(update={"time_zone": "Europe/Stockholm"}))
        edit.put(Device(serial="CAM-0001", device="camera", software=(software("0.1.0", 0), software("0.2.0", 5))))
        edit.put(Device(serial="CAM-GONE", device="camera", software=(software("0.0.9", 1),)))
        edit.put(Device(serial="DOCK-1", device="dock", software=(software("1.0", 1),)))
    return system


def software(version: str, hours: int) -> Software:
    return Software(version=version, since_unix_ms=NOW_MS + hours * HOUR_MS)


@pytest.mark.req("CTRL-16", "CAM-26")
def test_usage_is_a_row_an_outing():
    system = tagged_system()
    rows = log("CAM-0001", *SHIFT) + log("CAM-0002", ("undocked", 1, 50, "W-002"))
    first, *others = table(reports.camera_usage(rows, system.state, ""))
    assert first == {
        "Wearer ID": "W-001",
        "Wearer": "Ada Lovelace",
        "Camera": "CAM-0001",
        "Camera name": "Front desk",
        "Undocked (Europe/Stockholm)": "2026-01-01 02:00",
        "Undocked, offset": "UTC+01:00",
        "Docked (Europe/Stockholm)": "2026-01-01 10:00",
        "Docked, offset": "UTC+01:00",
        "Minutes away": "480",
        "Recordings": "2",
        "Minutes recorded": "4",
        "Battery % undocked": "95",
        "Battery % docked": "20",
        "Empty shutdowns": "0",
        "Malfunctions": "0",
    }
    assert [(row["Wearer ID"], row["Minutes away"], row["Docked (Europe/Stockholm)"]) for row in others] == [
        ("W-002", "", ""),
        ("W-404", "", ""),
    ], "who is still away, and who is no wearer any more"
    assert [row["Camera"] for row in table(reports.camera_usage(rows, system.state, "north"))] == ["CAM-0001"] * 2


def test_a_time_that_the_camera_did_not_know_is_not_invented():
    rows = [row._replace(unix_ms=0) for row in log("CAM-0001", ("undocked", 1, 255, "W-001"), ("docked", 2, 9, ""))]
    row = table(reports.camera_usage(rows, make_system().state, ""))[0]
    assert (row["Undocked (UTC)"], row["Minutes away"], row["Battery % undocked"]) == ("", "", "")
    assert (row["Undocked, offset"], row["Docked, offset"]) == ("", "")


@pytest.mark.req("CTRL-16")
@pytest.mark.parametrize(
    ("zone", "undocked", "docked"),
    [
        ("Europe/Stockholm", ("2026-10-25 02:30", "UTC+02:00"), ("2026-10-25 02:30", "UTC+01:00")),
        ("Asia/Kathmandu", ("2026-10-25 06:15", "UTC+05:45"), ("2026-10-25 07:15", "UTC+05:45")),
        ("Pacific/Apia", ("2026-10-25 13:30", "UTC+13:00"), ("2026-10-25 14:30", "UTC+13:00")),
        ("America/St_Johns", ("2026-10-24 22:00", "UTC-02:30"), ("2026-10-24 23:00", "UTC-02:30")),
    ],
)
def test_the_hour_that_comes_twice_is_told_apart(zone: str, undocked: tuple[str, str], docked: tuple[str, str]):
    system = make_system()
    with system.change("ann", NOW_MS) as edit:
        edit.put(system.settings.model_copy(update={"time_zone": zone}))
    at_ms = 1_792_888_200_000  # 2026-10-25 00:30 UTC; an hour later clocks in Europe show the same once more
    rows = [
        UsageRow("CAM-1", "aa", number, each_ms, each_ms, event, 50, "", "W-001")
        for number, (event, each_ms) in enumerate((("undocked", at_ms), ("docked", at_ms + HOUR_MS)), 1)
    ]
    (row,) = table(reports.camera_usage(rows, system.state, ""))
    assert (row[f"Undocked ({zone})"], row["Undocked, offset"]) == undocked
    assert (row[f"Docked ({zone})"], row["Docked, offset"]) == docked
    assert row["Minutes away"] == "60"


@pytest.mark.req("CTRL-16")
def test_every_time_of_every_report_has_its_offset():
    state = tagged_system().state
    status = table(reports.camera_status([camera("CAM-0001")], state, "", ""))[0]
    assert (status["Certificate until (Europe/Stockholm)"], status["Certificate until, offset"]) == (
        "2026-01-01 01:00",
        "UTC+01:00",
    )
    versions = table(reports.software_versions(state, {}, ""))[0]
    assert (versions["Since (Europe/Stockholm)"], versions["Since, offset"]) == ("2026-01-01 06:00", "UTC+01:00")
    cells = [cell for row in (status, versions) for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("+", "-", "=", "@", "'"))], (
        "no cell is a formula, or was one"
    )


def camera(serial: str, **more: Any) -> dict[str, Any]:
    return {
        "serial": serial,
        "model": ZERO,
        "state": "docked",
        "place": {"dock": "DOCK-1", "bay": 3},
        "wearer": "Ada",
        "battery_percent": 84,
        "storage_free_bytes": 5_000_000_000,
        "recordings": 0,
        "firmware": "0.1.0",
        "expires_unix_ms": NOW_MS,
        "trouble": "",
        **more,
    }


@pytest.mark.req("CTRL-16")
def test_status_follows_the_list_s_filter_and_computes_nothing():
    state = tagged_system().state
    cameras = [camera("CAM-0001"), camera("CAM-0002", place={}, battery_percent=None, trouble="=HYPERLINK(1)")]
    rows = table(reports.camera_status(cameras, state, "", ""))
    assert [(row["Camera"], row["Dock"], row["Battery %"]) for row in rows] == [
        ("CAM-0001", "DOCK-1", "84"),
        ("CAM-0002", "", ""),
    ]
    assert rows[1]["Trouble"] == "'=HYPERLINK(1)"
    assert [row["Camera"] for row in table(reports.camera_status(cameras, state, "", "front dock-1"))] == ["CAM-0001"]
    assert [row["Camera"] for row in table(reports.camera_status(cameras, state, "NORTH", ""))] == ["CAM-0001"]
    assert [row["IMEI"] for row in table(reports.camera_connection(cameras, state, ""))] == ["", ""]


@pytest.mark.req("CTRL-16")
def test_software_tells_what_ran_before_and_of_those_that_have_gone():
    rows = table(reports.software_versions(tagged_system().state, {}, ""))
    assert [(row["Device"], row["Software"], row["Now"]) for row in rows] == [
        ("CAM-0001", "0.2.0", "yes"),
        ("CAM-0001", "0.1.0", ""),
        ("CAM-GONE", "0.0.9", "departed"),
        ("DOCK-1", "1.0", "yes"),
    ]


HERE, AWAY = "CAM-0001", "CAM-0002"


@pytest.mark.req("CTRL-22", "CTRL-02")
@pytest.mark.parametrize(
    ("standing", "obstacles", "warnings"),
    [
        (Standing(False, [], [], 0, 0), [], []),
        (Standing(False, [HERE], [HERE], 0, 0), ["CAM-0001): remove them first"], []),
        (Standing(False, [AWAY], [], 0, 0), ["dock and remove them, or force-remove them"], []),
        (Standing(False, [], [], 3, 0), ["3 recordings are not delivered: wait"], []),
        (Standing(False, [], [], 0, 1), ["1 recordings were set aside"], []),
        (Standing(True, [AWAY], [], 3, 1), [], ["they stay as they are", "3 recordings are not delivered"]),
        (Standing(True, [HERE, AWAY], [HERE], 0, 0), ["CAM-0001): remove"], ["1 cameras are away (CAM-0002)"]),
        (Standing(False, [], ["stranger"], 0, 0), [], []),
    ],
)
def test_a_reset_loses_nothing_in_a_standard_system(standing: Standing, obstacles: list[str], warnings: list[str]):
    verdict = judge_reset(standing)
    assert [part in line for part, line in zip(obstacles, verdict.obstacles, strict=True)] == [True] * len(obstacles)
    assert [part in line for part, line in zip(warnings, verdict.warnings, strict=True)] == [True] * len(warnings)
