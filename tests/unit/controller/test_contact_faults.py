"""What people are told of contacts that fail: shorts, contacts that come and go, lamps, and the table of a check."""

from __future__ import annotations

import io
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

from firmware.link.schema import LAMP_PATTERNS, number_of
from host_tools.cli import asking, dock_commands
from host_tools.controller.charging import DERATED_UA
from host_tools.controller.contact_alerts import amount, beyond
from host_tools.controller.contacts import LOOSE_FAIL
from host_tools.transports.local import LocalError
from tests.unit.controller.contact_bench import DOCK, ContactBench, contact_bench

TERMINAL = 80


def issue(site: ContactBench) -> str:
    """The docking issue that people see; empty for none."""
    return next((text for key, text in site.controller.contacts.problems().items() if "docking_issue" in key), "")


def check(site: ContactBench, bay: int = 1) -> dict[str, str]:
    """The verdicts of a whole check of a bay."""
    contacts = site.controller.contacts
    return {row["quantity"]: row["verdict"] for row in site.command(contacts.check(site.controller.docks[DOCK], bay))}


def reseat(site: ContactBench) -> None:
    """Out, and in again."""
    mark = len(site.told)
    site.virtual.do(lambda: site.bench.take_out("camera-1"))
    site.wait("bay", after=mark, state="free")
    site.virtual.do(lambda: site.bench.put_in("camera-1", "dock-1", 1))
    site.wait("bay", after=mark, state="checking")


@pytest.mark.req("DOCK-02", "DOCK-03", "DOCK-05")
def test_a_short_is_told_however_often_it_is_asked_for(tmp_path: Path):
    with contact_bench(tmp_path) as site:
        site.start()
        site.wait("checked", bay=1)
        site.inject("contact", "brownout", 1)
        site.wait("bay", state="fault", bay=1)
        site.virtual.do(
            lambda: site.controller.docks[DOCK].want_lamp(1, "docked")
        )  # its camera has not been missed yet
        site.virtual.run(5)
        entry = site.controller.docks[DOCK].bays[1]
        assert entry["lamp"] == number_of(LAMP_PATTERNS, "error"), "whatever the camera in it said before"
        for _ in range(2):
            verdicts = check(site)
            assert verdicts["pin_coupling"] == "fail"
            assert verdicts["contact_resistance"] == "not_measured", "that of the docking before is none of this one"
        assert "two pins are joined: no power is applied (100.00 %, at most 1.00 %)" in issue(site)
        site.inject("contact", "ok", 1)
        assert check(site)["pin_coupling"] == "pass", "asked is tried again"
        site.virtual.wait(lambda: not issue(site))


@pytest.mark.req("DOCK-02", "DOCK-03")
def test_a_contact_that_comes_and_goes_is_told_without_a_check_and_over_after_a_minute(tmp_path: Path):
    with contact_bench(tmp_path) as site:
        site.start()
        site.wait("checked", bay=1)
        for time in range(LOOSE_FAIL):
            assert not issue(site), f"told after {time} losses"
            reseat(site)
        site.virtual.wait(lambda: "comes and goes" in issue(site), limit_s=2)
        assert "CAM-0001" in issue(site)
        site.wait("checked", after=len(site.told))
        assert site.rows(1)["loose"]["value"] == LOOSE_FAIL
        site.virtual.run(80)
        assert not issue(site)
        assert site.rows(1)["loose"]["verdict"] == "pass"


@pytest.mark.req("DOCK-02")
def test_supply_and_current_are_of_now(tmp_path: Path):
    with contact_bench(tmp_path) as site:
        site.start()
        site.wait("checked", bay=1)
        bays, camera = site.controller.docks[DOCK].bays, site.controller.session_of("CAM-0001")
        assert camera is not None
        docked_ua = bays[1]["current_ua"]
        site.command(camera.power.allow(DERATED_UA, True))
        site.virtual.wait(lambda: bays[1]["current_ua"] < 0.7 * docked_ua, limit_s=15)


@pytest.mark.req("DOCK-02")
def test_the_table_of_a_check_fits_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with contact_bench(tmp_path) as site:
        site.start()
        site.wait("checked", bay=1)
        site.inject("contact", "wrong", 1)
        contacts = site.controller.contacts
        rows = site.command(contacts.check(site.controller.docks[DOCK], 1))
    rows[-1] |= {"value": 1 << 20, "verdict": "fail"}
    printed = io.StringIO()
    monkeypatch.setattr(dock_commands, "console", Console(file=printed, width=TERMINAL))
    dock_commands._print_rows("DOCK-0001 bay 1", rows)
    lines = printed.getvalue().splitlines()
    assert max(map(len, lines)) <= TERMINAL
    assert {"contact resistance", "delivery integrity"} <= {line[:18] for line in lines}


class Station:
    """A controller of three docked cameras; that in bay 2 goes while it is measured."""

    idle_folder = None

    def call(self, command: str, /, **arguments: Any) -> Any:
        if command == "status":
            bays = [{"bay": number, "state": "docked"} for number in (1, 2, 3)]
            return {"docks": [{"serial": DOCK, "bays": bays}]}
        if arguments["bay"] == 2:
            raise LocalError("the camera left bay 2 of DOCK-0001 meanwhile: dock it and ask again")
        return [{"quantity": "presence", "verdict": "pass"}]

    def happenings(self) -> Generator[dict[str, Any]]:
        yield {}


@pytest.mark.req("DOCK-02")
def test_one_camera_that_goes_does_not_cost_the_check_of_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(asking, "reach", lambda *_where: Station())
    printed = io.StringIO()
    monkeypatch.setattr(dock_commands, "console", Console(file=printed))
    with pytest.raises(typer.Exit) as ended:
        dock_commands.check(as_json=True)
    assert ended.value.exit_code == 1, "not all were measured"
    assert list(json.loads(printed.getvalue())) == ["DOCK-0001 bay 1", "DOCK-0001 bay 3"]
    assert "the camera left bay 2" in capsys.readouterr().err
    with pytest.raises(LocalError):
        dock_commands.check(bay=2, as_json=True)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(402_396, "uOhm", "402.4 mΩ"), (1_000_000, "ppm", "100.00 %"), (7, "losses a minute", "7 /min"),
     (3, "count", "3"), (90_157, "mC", "90.2 °C"), (12, "parsec", "12 parsec")],
)  # fmt: skip
def test_amounts_for_people(value: int, unit: str, text: str):
    assert amount(value, unit) == text


def test_the_limit_that_is_told_is_the_one_it_is_beyond():
    row = {"value": 4_300_000, "low": 4_750_000, "high": 5_250_000, "unit": "uV"}
    assert beyond(row).text() == "4.300 V, at least 4.750 V"
    assert beyond(row | {"value": 5_600_000}).text() == "5.600 V, at most 5.250 V"
