"""What was said of a bay ends with the camera, the dock or the moment it was said of, though nobody says so.

Real dock and camera firmware on virtual time.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.controller.contact_bench import DOCK, ContactBench, contact_bench


def alerts(site: ContactBench) -> list[str]:
    return sorted(kind for _key, kind in site.controller.contacts.alerts)


@pytest.mark.req("CTRL-12", "DOCK-03")
def test_an_alert_of_a_dock_ends_when_the_dock_is_replaced(tmp_path: Path):
    with contact_bench(tmp_path) as site:
        site.inject("contact", "wrong", 1)
        site.start()
        site.wait("contact_alert", kind="docking_issue")
        site.inject("link", "unplug")
        site.wait("dock_offline")
        site.virtual.run(30)
        assert "docking_issue" in alerts(site), "it may come back"
        site.virtual.run(55)
        assert alerts(site) == [], "its remedy was to replace the dock"
        site.inject("link", "ok")
        site.wait("contact_alert", after=len(site.told), kind="docking_issue")


@pytest.mark.req("CTRL-12", "DOCK-04")
def test_an_alert_of_a_camera_ends_with_its_docking_though_its_bay_is_loose(tmp_path: Path):
    with contact_bench(tmp_path, percent=3.0) as site:
        site.start()
        site.wait("contact_alert", kind="docked_with_empty_battery")
        for _ in range(2):
            mark = len(site.told)
            site.virtual.do(lambda: site.bench.take_out("camera-1"))
            site.wait("bay", after=mark, state="free")
            site.virtual.do(lambda: site.bench.put_in("camera-1", "dock-1", 1))
            site.wait("checked", after=mark)
        mark = len(site.told)
        site.virtual.do(lambda: site.bench.take_out("camera-1"))
        site.wait("bay", after=mark, state="free")
        site.virtual.run(90)
        assert alerts(site) == [], "its camera has gone"


@pytest.mark.req("DOCK-02", "CTRL-06")
def test_charge_and_card_of_a_docked_camera_are_of_now(tmp_path: Path):
    with contact_bench(tmp_path, percent=58.5) as site:
        site.start()
        site.wait("camera_ready")
        view = site.controller.cameras["CAM-0001"]
        assert view.status["battery_percent"] < 60, "who taps now is refused"
        site.virtual.wait(lambda: view.power.get("charge_permille", 0) >= 600, limit_s=1_200)
        site.virtual.run(31)
        assert view.status["battery_percent"] >= 60


@pytest.mark.req("DOCK-02")
@pytest.mark.parametrize("after_s", [0.01, 4.0])
def test_a_bay_that_empties_while_it_is_checked_is_not_said_to_pass(tmp_path: Path, after_s: float):
    with contact_bench(tmp_path) as site:
        site.start()
        site.wait("checked", bay=1)
        dock = site.controller.docks[DOCK]
        asked = site.virtual.loop.create_task(site.controller.contacts.check(dock, 1))
        site.virtual.run(after_s)
        site.virtual.do(lambda: site.bench.take_out("camera-1"))
        site.virtual.wait(asked.done, limit_s=30)
        assert "bay 1" in str(asked.exception())
        assert dock.rows(1) == []
