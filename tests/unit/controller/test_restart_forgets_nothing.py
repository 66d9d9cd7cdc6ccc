"""What people rely on outlives a controller: each life opens the same store, and closes it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from host_tools.cli.compose import assemble_controller, create_destination
from host_tools.controller.alerting import CHARGED_S, SEEN_S, Alerting
from host_tools.controller.camera_memory import known_view
from host_tools.controller.cameras import CameraView
from host_tools.controller.charging import SUSPEND_HOURS_MAX, SmartCharge
from host_tools.controller.members import Member
from host_tools.controller.priorities import PRIORITY_MS, Priorities
from host_tools.controller.settings import Settings
from host_tools.controller.upkeep import left_of
from host_tools.simulation.desk import DeskWorld
from host_tools.system.alerts import AlertBook, Named
from host_tools.system.records import Device, Holding, Left, Record
from host_tools.system.sql_store import open_sql_store, sqlite_url
from host_tools.system.store import MemoryStore, Row
from host_tools.system.system import System
from tests.unit.cli.parts import system_in
from tests.unit.controller.contact_bench import ContactBench, at_once, contact_bench
from tests.unit.system.parts import ADA, EVE, NOW_MS

KEY = bytes(range(32))
HOUR_MS = 3_600_000


@contextmanager
def life(folder: Path) -> Generator[System]:
    """What a controller opens in its folder, closed when it ends."""
    system = System(open_sql_store(sqlite_url(str(folder / "system.sqlite")), "the system's data", KEY))
    try:
        yield system
    finally:
        system.close()


@pytest.mark.req("DOCK-04")
def test_a_suspension_of_smart_charge_goes_on(tmp_path: Path):
    with life(tmp_path) as system:
        until_ms = SmartCharge(lambda: True, system).suspend(NOW_MS, SUSPEND_HOURS_MAX, "ann")
    with life(tmp_path) as system:
        smart = SmartCharge(lambda: True, system)
        assert smart.shown(NOW_MS + 1) == {"wanted": True, "suspended_until_unix_ms": until_ms}
        assert not smart.is_on(until_ms - 1)
        assert smart.is_on(until_ms)
        assert smart.is_on(NOW_MS - 1), "a clock that is wrong after a power cut makes nothing longer"
        assert not smart.is_on(NOW_MS), "and ends nothing"
        smart.suspend(NOW_MS, 0, "eve")
    with life(tmp_path) as system:
        assert SmartCharge(lambda: True, system).is_on(NOW_MS)


@pytest.mark.req("DOCK-04", "CTRL-07")
def test_a_controller_goes_on_with_what_was_asked_of_the_one_before(tmp_path: Path):
    with contact_bench(tmp_path) as site, life(tmp_path) as first:
        site.system = first
        site.start()
        site.wait("checked", bay=1)
        site.command(site.controller.contacts.suspend_smart_charge(24, "ann"))
        until_ms = site.controller.priorities.begin(ADA.id, "ann")
        site.virtual.wait(lambda: smart_on(site) == 0)
        site.stop()
        first.close()
        with life(tmp_path) as second:
            site.system = second
            mark = len(site.told)
            site.start()
            site.wait("checked", after=mark, bay=1)
            site.virtual.run(15)
            assert smart_on(site) == 0
            assert site.controller.priorities.now() == {ADA.id: until_ms}
            site.stop()


@pytest.mark.req("CTRL-07")
def test_a_priority_goes_on_until_its_day_is_over(tmp_path: Path):
    now = [NOW_MS]

    def of(system: System) -> Priorities:
        return Priorities(system, lambda: now[0], system)

    with life(tmp_path) as system:
        with system.change("set-up", NOW_MS) as edit:
            edit.put(ADA)
            edit.put(EVE)
        of(system).begin(ADA.id, "ann")
        of(system).begin(EVE.id, "ann")
        of(system).end(EVE.id, "ann")
    now[0] += HOUR_MS
    with life(tmp_path) as system:
        assert of(system).now() == {ADA.id: NOW_MS + PRIORITY_MS}
        assert of(system).holds(system.wearers[ADA.id])
        assert not of(system).holds(system.wearers[EVE.id])
        now[0] = NOW_MS + PRIORITY_MS
        assert of(system).now() == {}
        of(system).begin(EVE.id, "ann")
        assert list(system.state.priorities) == [EVE.id], "what is over is not kept for ever"


@pytest.mark.req("DOCK-04", "CTRL-03", "CTRL-07")
def test_a_controller_of_its_own_folder_knows_what_the_one_before_did(tmp_path: Path):
    system_in(tmp_path / "c")
    create_destination(tmp_path / "d")
    settings = Settings(folder=tmp_path / "c", destination=tmp_path / "d", usb_root=None)
    with assemble_controller(settings) as first:
        now_ms = first.controller.happenings.wall_ms()
        with first.system.change("ann", now_ms) as edit:
            edit.put(ADA)
            left = Left(unix_ms=now_ms, battery_percent=71, recordings=2)
            edit.put(Device(serial="CAM-0001", device="camera", left=left))
        asked = first.controller.priorities.begin(ADA.id, "ann")
        until_ms = first.controller.contacts.smart.suspend(now_ms, 24, "ann")
        first.controller.membership.members.note(Member("CAM-0001", "m", now_ms, now_ms - HOUR_MS))
        first.alerting.book.see({("docking_issue", "CAM-0001"): "0.9 ohm"}, now_ms)
    with assemble_controller(settings) as second:
        assert second.controller.priorities.now() == {ADA.id: asked}
        assert second.controller.contacts.smart.shown(now_ms)["suspended_until_unix_ms"] == until_ms
        seen = second.controller.cameras["CAM-0001"]
        assert (seen.left_unix_ms, seen.status) == (now_ms, {"battery_percent": 71, "recordings": 2})
        asyncio.run(second.alerting.look())
        raised = {row["kind"]: row["raised_unix_ms"] for row in second.alerting.rows()}
        assert raised["docking_issue"] == now_ms


@pytest.mark.req("CTRL-06", "CTRL-07")
def test_what_an_older_controller_has_written_is_read(tmp_path: Path):
    bodies = {
        "holding": '{"camera":"CAM-1","place":"","tag":"","taken_unix_ms":5,"undocked_unix_ms":null,"wearer":"W-001"}',
        "device": '{"device":"camera","model":"m","serial":"CAM-1","software":[],"taken_unix_ms":7}',
    }
    store = open_sql_store(sqlite_url(str(tmp_path / "system.sqlite")), "the system's data", KEY)
    store.load()
    store.write(1, [Row(kind, "CAM-1", 1, 5, "badge", body) for kind, body in bodies.items()], [])
    store.close()
    with life(tmp_path) as system:
        assert system.holdings["CAM-1"] == Holding(camera="CAM-1", wearer="W-001", taken_unix_ms=5)
        device = system.state.of("device")["CAM-1"]
        assert isinstance(device, Device)
        assert (device.taken_unix_ms, device.left) == (7, None)


@pytest.mark.req("CTRL-06", "RFID-02")
@pytest.mark.parametrize("written", [True, False], ids=["as it is", "by an older controller"])
def test_an_offer_flashes_out_though_less_time_is_usual_when_the_controller_is_back(written: bool):
    world = DeskWorld(cameras=2)
    try:
        change_settings(world, pickup_seconds=90)
        world.tap("W-1")
        world.until(lambda: any(row["state"] == "offered" for row in offers(world)))
        (serial,) = world.flashing()
        change_settings(world, pickup_seconds=10)
        world.camera(serial).lose_link("its cable", 80_000_000)
        world.kill()
        if not written:
            without_hold(world.store, serial)
        world.start()
        world.until(lambda: any(each["what"] == "camera_ready" for each in world.happened[-20:]), 20.0)
        world.run(30.0)  # more than an offer of ten seconds could last
        assert world.flashing() == [serial]
        world.tap("W-2")
        world.run(5.0)
        assert world.flashing() == [serial], "two that flash side by side would be mixed up"
        world.until(lambda: [world.wearer_on(each) for each in world.flashing()] == ["W-2"], 150.0)
        assert world.wearer_on(serial) in ("", "W-2")
    finally:
        world.close()
    assert world.crashes == []


@pytest.mark.req("CTRL-06", "DOCK-07", "RFID-02")
@pytest.mark.parametrize("takes", [True, False], ids=["its wearer takes it", "nobody takes it"])
def test_power_that_goes_while_a_camera_flashes_leaves_it_theirs_who_took_it_or_nobodys(takes: bool):
    world = DeskWorld(cameras=2)
    try:
        world.tap("W-1")
        world.until(lambda: any(row["state"] == "offered" for row in offers(world)))
        (serial,) = world.flashing()
        for dock in world.docks:
            dock.power_off()
        world.kill()
        world.run(5.0)
        if takes:
            world.take(serial)
        world.run(120.0)
        for dock in world.docks:
            dock.power_on()
        mark = len(world.happened)
        world.start()
        here = set(world.bench.cameras) - ({serial} if takes else set())
        world.until(lambda: world.ready() == here, 60.0)
        world.until(lambda: bool(world.pickup()["pickup"]["holdings"]) == takes, 20.0)
        assert world.wearer_on(serial) == ("W-1" if takes else "")
        world.tap("W-1")
        world.until(lambda: bool(world.told("tap", mark)))
        (tapped,) = world.told("tap", mark)
        expected = ("refused", "may_hold", serial) if takes else ("accepted", "", tapped["camera"])
        assert (tapped["outcome"], tapped["reason"], tapped["camera"]) == expected
    finally:
        world.close()
    assert world.crashes == []


@pytest.mark.req("CTRL-03", "ASST-04")
def test_since_when_a_camera_is_away_and_how_it_left():
    world = DeskWorld(cameras=3, mode="fixed")
    try:
        world.run(60.0)
        world.take("CAM-0001")
        world.until(lambda: bool(world.told("undocked")))
        left_ms = world.wall_ms()
        left = dict(world.running().controller.cameras["CAM-0001"].status)
        world.run(120.0)
        world.kill()
        world.take("CAM-0002")
        world.run(5.0)
        world.start()
        world.until(lambda: world.ready() == {"CAM-0003"} and bool(world.told("left_unseen")), 30.0)
        found_ms = world.wall_ms()
        seen = world.running().controller.cameras
        assert abs(seen["CAM-0001"].left_unix_ms - left_ms) < 1_000
        for field in ("battery_percent", "recordings", "storage_free_bytes", "storage_total_bytes"):
            assert seen["CAM-0001"].status[field] == left[field], field
        assert seen["CAM-0001"].firmware == seen["CAM-0003"].firmware
        assert seen["CAM-0002"].left_unix_ms == found_ms, "it was docked until the controller died, at least"
        world.run(20.0)
        world.kill()
        world.start()
        world.until(lambda: world.ready() == {"CAM-0003"}, 30.0)
        assert world.running().controller.cameras["CAM-0002"].left_unix_ms == found_ms, "however often it begins"
    finally:
        world.close()
    assert world.crashes == []


@pytest.mark.req("CTRL-03")
def test_that_one_camera_has_left_makes_no_other_look():
    world = DeskWorld(cameras=1, mode="fixed")
    try:
        mark = len(world.happened)
        world.until(lambda: bool(world.told("camera_idle", mark)), 20.0)  # the next look by itself is far away
        mark, system = len(world.happened), world.running().controller.system
        assert system is not None
        with system.change("controller", world.wall_ms()) as edit:
            edit.put(Device(serial="CAM-9", device="camera"))
        world.run(1.0)
        assert (len(world.told("changed", mark)), world.told("camera_idle", mark)) == (1, [])
        with system.change("ann", world.wall_ms()) as edit:
            edit.put(system.wearers["W-1"].model_copy(update={"name": "Another"}))
        world.until(lambda: bool(world.told("camera_idle", mark)), 1.0)
    finally:
        world.close()


def test_a_member_that_nothing_is_kept_of_is_shown_as_of_its_last_docking():
    view = known_view(Member("CAM-1", "m", NOW_MS, NOW_MS), System(), NOW_MS + 5)
    assert (view.serial, view.model, view.left_unix_ms, view.status) == ("CAM-1", "m", 0, {})


def test_a_camera_that_says_what_cannot_be_is_noted_without_it():
    view = CameraView("CAM-1", left_unix_ms=NOW_MS, status={"battery_percent": 200, "recordings": 3})
    assert left_of(view) == Left(unix_ms=NOW_MS)
    view.status["battery_percent"] = 60
    assert left_of(view) == Left(unix_ms=NOW_MS, battery_percent=60, recordings=3)


@pytest.mark.req("CTRL-03", "CTRL-06")
def test_a_camera_that_was_taken_off_when_the_controller_died_holds_nobody_back():
    world = DeskWorld(cameras=2)
    try:
        controller = world.running().controller
        for serial in ("CAM-0001", "CAM-0002"):
            note(world, Holding(camera=serial, wearer=f"W-{serial[-1]}", taken_unix_ms=1, undocked_unix_ms=2))
            world.take(serial)
        world.until(lambda: len(world.told("undocked")) == 2)
        trust, members = controller.membership.trust, controller.membership.members
        trust.revoke("CAM-0001", world.wall_ms())  # as a forced removal does it, up to the instant of its death
        members.forget("CAM-0001")
        members.forget("CAM-0002")  # a list that was damaged counts as empty: that takes nothing from anybody
        world.kill()
        world.start()
        world.run(1.0)
        system = world.running().controller.system
        assert system is not None
        assert list(system.holdings) == ["CAM-0002"]
        note(world, Holding(camera="CAM-0001", wearer="W-3", taken_unix_ms=world.wall_ms()))
        world.kill()
        world.start()
        world.run(1.0)
        again = world.running().controller.system
        assert again is not None
        assert sorted(again.holdings) == ["CAM-0001", "CAM-0002"], "what was written since stays"
    finally:
        world.close()


@pytest.mark.req("CTRL-12", "CTRL-17")
def test_alerts_are_not_over_because_nobody_has_looked_yet(tmp_path: Path):
    lost: Named = ("destination_failed", "directory /x")
    worn: Named = ("docking_issue", "CAM-0002")
    expired: Named = ("certificate_expired", "CAM-0009")
    uncharged, gone = ("unable_to_charge", "CAM-0001"), ("unable_to_charge", "CAM-0007")
    with life(tmp_path) as system:
        AlertBook(system.store).see(dict.fromkeys((lost, worn, expired, uncharged, gone), "so it was"), NOW_MS)
    with contact_bench(tmp_path / "bench") as site, life(tmp_path) as system:
        site.system = system
        site.start()
        alerting = Alerting(site.controller, site._index, site._spool, system, at_once)

        def open_now() -> set[Named]:
            site.command(alerting.look())
            return {(row["kind"], row["device"]) for row in alerting.rows()}

        assert open_now() == {lost, worn, uncharged, gone}, "that a certificate has not expired is known at once"
        assert {row["raised_unix_ms"] for row in alerting.rows()} == {NOW_MS}
        assert not [each for each in site.told if each["what"] == "alert_raised"]
        site.wait("checked", bay=1)
        site.virtual.run(SEEN_S - 40)
        site.controller.problems["contacts of CAM-0002"] = "so it is"
        assert open_now() == {lost, worn, uncharged, gone}
        del site.controller.problems["contacts of CAM-0002"]
        assert open_now() == {lost, uncharged, gone}, "it was seen to be over"
        site.virtual.run(SEEN_S)
        assert open_now() == {uncharged}, "what is docked needs longer to show that it charges"
        site.virtual.run(CHARGED_S)
        assert open_now() == set()


def smart_on(site: ContactBench) -> int:
    """What the camera was told last."""
    told: int = site.controller.cameras["CAM-0001"].power.get("smart", 1)
    return told


def offers(world: DeskWorld) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.pickup()["pickup"]["offers"]
    return found


def note(world: DeskWorld, record: Record) -> None:
    system = world.running().controller.system
    assert system is not None
    with system.change("ann", world.wall_ms()) as edit:
        edit.put(record)


def change_settings(world: DeskWorld, **settings: Any) -> None:
    system = world.running().controller.system
    assert system is not None
    with system.change("ann", world.wall_ms()) as edit:
        edit.put(system.settings.model_copy(update=settings))


def without_hold(store: MemoryStore, camera: str) -> None:
    """Its note as a controller wrote it that knew nothing of such times."""
    revision, rows = store.load()
    (note,) = [row for row in rows if (row.kind, row.key) == ("holding", camera)]
    fields = json.loads(note.body)
    assert fields.pop("hold_ms") == 95_000
    store.write(revision, [note._replace(body=json.dumps(fields))], [])
