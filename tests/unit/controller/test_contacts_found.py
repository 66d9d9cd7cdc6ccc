"""Cameras that sat in their bays before their dock came online, or before they were members: their contacts are known
all the same, and one docking stays one docking."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.controller.contact_bench import DOCK, ContactBench, contact_bench
from tests.unit.system.parts import NOW_MS, make_system

MEASURED = ("presence", "supply_voltage", "charge_current", "pin_coupling", "contact_resistance", "delivery_integrity")


@pytest.mark.req("DOCK-02")
def test_a_controller_that_begins_measures_what_is_docked(tmp_path: Path):
    with contact_bench(tmp_path, cameras=2) as site:
        site.virtual.run(30)
        site.start()
        for bay in (1, 2):
            checked = site.wait("checked", bay=bay, limit_s=10)
            assert (checked["verdict"], checked["camera"]) == ("pass", f"CAM-000{bay}")
            rows = site.rows(bay)
            assert {name: rows[name]["verdict"] for name in MEASURED} == dict.fromkeys(MEASURED, "pass")


@pytest.mark.req("DOCK-02", "DOCK-03")
def test_one_docking_is_kept_once_whoever_begins_anew(tmp_path: Path):
    with contact_bench(tmp_path) as site:
        for life in range(3):
            mark = len(site.told)
            site.start()
            site.wait("checked", after=mark)
            assert site.rows(1)["contact_resistance"]["verdict"] == "pass", f"life {life}"
            site.stop()
        assert [row.camera for row in site.history.rows()] == ["CAM-0001"]
        site.start()
        mark = len(site.told)
        site.virtual.do(lambda: site.bench.take_out("camera-1"))
        site.wait("bay", after=mark, state="free")
        site.virtual.do(lambda: site.bench.put_in("camera-1", "dock-1", 1))
        site.wait("checked", after=mark)
        assert len(site.history.rows()) == 2, "that is another one"


@pytest.mark.req("DOCK-02", "CTRL-05")
def test_a_camera_that_is_added_while_docked_is_measured_from_both_sides(tmp_path: Path):
    with contact_bench(tmp_path, strangers=(1,)) as site:
        site.start()
        site.wait("stranger", camera="CAM-0001")
        site.wait("checked", bay=1, limit_s=90)
        assert site.rows(1)["contact_resistance"]["verdict"] == "not_measured", "nobody may ask the camera yet"
        assert site.rows(1)["pin_coupling"]["verdict"] == "pass"
        mark = len(site.told)
        site.command(site.controller.membership.add("CAM-0001"))
        site.wait("checked", after=mark, camera="CAM-0001")
        assert site.rows(1)["contact_resistance"]["verdict"] == "pass"
        assert site.history.rows()[-1].resistance_uohm is not None


@pytest.mark.req("DOCK-02", "DOCK-07")
def test_a_dock_whose_link_was_lost_is_asked_again(tmp_path: Path):
    with contact_bench(tmp_path) as site:
        site.start()
        site.wait("checked", bay=1)
        mark = len(site.told)
        site.inject("link", "unplug")
        site.wait("dock_offline", after=mark)
        site.inject("link", "ok")
        site.wait("dock_online", after=mark)
        site.wait("checked", after=mark, camera="CAM-0001")
        assert site.rows(1)["contact_resistance"]["verdict"] == "pass"
        assert len(site.history.rows()) == 1


@pytest.mark.req("DOCK-02", "DOCK-04")
def test_a_camera_that_an_earlier_controller_let_take_nothing_is_measured_with_a_load_again(tmp_path: Path):
    with contact_bench(tmp_path) as site:
        site.inject("contact", "wrong", 1)
        site.start()
        assert site.wait("derated")["allowed_ua"] == 0
        site.stop()
        site.inject("contact", "ok", 1)
        mark = len(site.told)
        site.start()
        assert site.wait("checked", after=mark)["verdict"] == "pass"
        assert site.rows(1)["contact_resistance"]["verdict"] == "pass"
        site.virtual.wait(lambda: site.controller.contacts.battery_of("CAM-0001").get("charging"))
        assert site.controller.contacts.battery_of("CAM-0001")["charging"] != "stopped"


@pytest.mark.req("DOCK-02")
def test_who_asks_for_a_check_in_the_middle_of_one_does_not_spoil_it(tmp_path: Path):
    with contact_bench(tmp_path) as site:
        site.start()
        site.wait("checked", bay=1)
        mark = len(site.told)
        site.virtual.do(lambda: site.bench.take_out("camera-1"))
        site.wait("bay", after=mark, state="free")
        site.virtual.do(lambda: site.bench.put_in("camera-1", "dock-1", 1))
        site.wait("bay", after=mark, state="docked")
        asked = {row["quantity"]: row for row in site.command(site.controller.docks[DOCK].check_contacts(1))}
        assert asked["charge_current"]["verdict"] == "not_measured", "its load does not flow yet"
        site.wait("checked", after=mark)
        assert site.rows(1)["supply_droop"]["verdict"] == "pass"


@pytest.mark.req("DOCK-02", "DOCK-01")
def test_a_camera_that_leaves_while_another_bay_is_checked_ends_nothing(tmp_path: Path):
    with contact_bench(tmp_path, cameras=2) as site:
        for moment in range(12):
            mark = len(site.told)
            site.start()
            site.wait("docked", after=mark, camera="CAM-0002")
            site.virtual.run(moment / 20)
            site.virtual.do(lambda: site.bench.take_out("camera-2"))
            site.wait("checked", after=mark, bay=1)
            site.wait("bay", after=mark, bay=2, state="free")
            mark = len(site.told)
            site.virtual.do(lambda: site.bench.put_in("camera-2", "dock-1", 2))
            site.wait("checked", after=mark, bay=2)
            site.stop()


@pytest.mark.req("DOCK-02", "CTRL-12")
def test_what_nobody_foresaw_at_one_bay_is_told_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with contact_bench(tmp_path) as site:

        def spoilt(_dock: str, _bay: int) -> None:
            raise KeyError("a row that nobody expects")

        with monkeypatch.context() as for_now:
            for_now.setattr(site.history, "newest", spoilt)
            site.start()
            told = site.wait("contacts_unknown", bay=1)
            assert "a row that nobody expects" in told["text"]
            assert "report this with the log" in told["text"]
        mark = len(site.told)
        site.virtual.do(lambda: site.bench.take_out("camera-1"))
        site.wait("bay", after=mark, state="free")
        site.virtual.do(lambda: site.bench.put_in("camera-1", "dock-1", 1))
        site.wait("checked", after=mark, bay=1)
        assert site.history.rows(), "its next docking is kept again"


@pytest.mark.req("DOCK-04")
def test_a_system_without_smart_charge_has_its_cameras_told_so(tmp_path: Path):
    with contact_bench(tmp_path) as site:
        site.system = make_system()
        site.start()
        site.wait("checked", bay=1)
        assert smart_on(site) == 1
        with site.system.change("ann", NOW_MS) as edit:
            edit.put(site.system.settings.model_copy(update={"smart_charge": False}))
        site.virtual.wait(lambda: smart_on(site) == 0)
        site.stop()


def smart_on(site: ContactBench) -> int:
    """What the camera was told last."""
    return site.controller.cameras["CAM-0001"].power["smart"]
