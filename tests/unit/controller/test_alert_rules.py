"""From what status knows to alerts, each rule by itself; what no rule knows is told all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from host_tools.controller.alert_rules import CameraFacts, Facts, alerts_of, of_page
from host_tools.system.alerts import KINDS, text_of
from host_tools.trust.admission import FACTORY, REFUSED, SAFE_MODE

NOW_MS = 1_767_225_600_000
DAY_MS = 86_400_000
HERE = CameraFacts("CAM-1", battery_percent=80, state="docked")


def found(**facts: object) -> dict[tuple[str, str], str]:
    return {named: text_of(details) for named, details in alerts_of(replace(Facts(NOW_MS), **facts)).items()}


def test_nothing_is_wrong():
    assert found(cameras=(HERE,), expires={"CAM-1": NOW_MS + 50 * DAY_MS}) == {}


@pytest.mark.req("CTRL-12", "CTRL-13")
@pytest.mark.parametrize(
    ("camera", "expected"),
    [
        (replace(HERE, admission=SAFE_MODE, admission_text="it has lapsed"), {("safe_mode", "CAM-1"): "it has lapsed"}),
        (replace(HERE, admission=REFUSED, admission_text="who?"), {("unknown_camera", "CAM-1"): "who?"}),
        (replace(HERE, admission=FACTORY, admission_text="waits"), {}),
        (replace(HERE, state="malfunctioning"), {("malfunctioning", "CAM-1"): ""}),
        (replace(HERE, battery_percent=3), {("empty_battery", "CAM-1"): "3 % are left"}),
        (replace(HERE, battery_percent=4), {}),
        (replace(HERE, battery_percent=None), {}),
        (replace(HERE, trouble="bad chunk"), {("camera_trouble", "CAM-1"): "bad chunk"}),
        (
            replace(HERE, state="malfunctioning", battery_percent=0),
            {("malfunctioning", "CAM-1"): "", ("empty_battery", "CAM-1"): "0 % are left"},
        ),
    ],
)
def test_a_camera_that_is_here(camera: CameraFacts, expected: dict[tuple[str, str], str]):
    assert found(cameras=(camera,)) == expected


@pytest.mark.req("CTRL-12")
def test_the_empty_battery_alert_can_be_switched_off():
    assert found(cameras=(replace(HERE, battery_percent=0),), empty_battery_alert=False) == {}


@pytest.mark.req("CTRL-12", "CAM-22")
def test_certificates_are_told_before_and_after_their_end():
    assert found(expires={"CAM-9": NOW_MS + 3 * DAY_MS + 5}) == {("certificate_expiring", "CAM-9"): "3 days are left"}
    assert found(expires={"CAM-9": NOW_MS - 1}) == {("certificate_expired", "CAM-9"): ""}
    held = replace(HERE, serial="CAM-9", admission=SAFE_MODE)
    docked = found(expires={"CAM-9": NOW_MS - 1}, cameras=(held,))
    assert set(docked) == {("safe_mode", "CAM-9")}, "docked: the other one"


@pytest.mark.req("CTRL-15")
@pytest.mark.parametrize(
    ("left_ms", "kind", "text"),
    [
        (30 * DAY_MS + 1, "", ""),
        (30 * DAY_MS, "page_certificate_expiring", "30 days are left"),
        (7 * DAY_MS + 1, "page_certificate_expiring", "7 days are left"),
        (7 * DAY_MS, "page_certificate_ending", "7 days are left"),
        (2 * DAY_MS - 1, "page_certificate_ending", "1 day is left"),
        (DAY_MS - 1, "page_certificate_ending", "less than a day is left"),
        (1, "page_certificate_ending", "less than a day is left"),
        (0, "page_certificate_expired", ""),
        (-400 * DAY_MS, "page_certificate_expired", ""),
    ],
)
def test_the_certificate_of_the_pages_is_told_a_month_a_week_and_at_its_end(left_ms: int, kind: str, text: str):
    told = {named: text_of(details) for named, details in of_page("harbour", NOW_MS + left_ms, NOW_MS).items()}
    assert told == ({(kind, "harbour"): text} if kind else {})


@pytest.mark.req("CTRL-12", "DOCK-03")
@pytest.mark.parametrize(
    ("name", "kind", "device"),
    [
        ("contacts of DOCK-1 bay 3", "docking_issue", "DOCK-1 bay 3"),
        ("charging of CAM-1", "unable_to_charge", "CAM-1"),
        ("link of DOCK-1", "slow_link", "DOCK-1"),
        ("renewal of CAM-1", "certificate_not_renewed", "CAM-1"),
        ("space for CAM-1", "transfer_fault", "CAM-1"),
        ("lost abcd", "recording_lost", "abcd"),
        ("destination: Ada", "person_refused", "Ada"),
        ("clock", "clock_doubtful", "controller"),
        ("time server 192.0.2.7", "clock_not_kept", "192.0.2.7"),
        ("reader usb-1", "reader_problem", "usb-1"),
        ("/dev/ttyACM0", "board_problem", "/dev/ttyACM0"),
        ("bench/ports/dock-1", "board_problem", "bench/ports/dock-1"),
        ("emu://demo/dock-1", "board_problem", "emu://demo/dock-1"),
        ("something new", "problem", "something new"),
    ],
)
def test_every_problem_of_status_is_an_alert(name: str, kind: str, device: str):
    assert found(problems={name: "text"}) == {(kind, device): "text"}
    assert kind in KINDS


@pytest.mark.req("CTRL-08", "CTRL-09", "CTRL-10", "CTRL-12")
def test_storage_destination_and_recordings():
    assert found(storage_level="almost_full", problems={"storage": "9 MB"}) == {
        ("storage_almost_full", "controller"): "9 MB"
    }
    assert found(storage_level="full") == {("storage_full", "controller"): ""}
    assert found(destination="store", destination_trouble="refused", destination_fault="unreachable") == {
        ("destination_failed", "store"): "refused"
    }
    assert found(destination="store", destination_trouble="62 s apart", destination_fault="clock") == {
        ("clocks_differ", "store"): "62 s apart"
    }
    for fault, kind in (("licence", "licence_missing"), ("full", "destination_full"), ("x", "destination_failed")):
        assert set(found(destination="s", destination_trouble="no", destination_fault=fault)) == {(kind, "s")}
    problems = {"recording aa": "later", "recording bb": "damaged"}
    assert found(problems=problems, set_aside={"bb"}) == {
        ("problems_transferring", "aa"): "later",
        ("could_not_transfer", "bb"): "damaged",
    }
