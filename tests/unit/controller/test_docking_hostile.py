"""Docking at its worst: everything at once, clocks that step, docks that talk nonsense, and a controller that ends.

Real controller, docks, cameras and readers on virtual time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from host_tools.controller.contact_check import FULL
from host_tools.controller.found_docked import FOUND_S
from host_tools.simulation.desk import DeskWorld, uid_of
from tests.unit.controller.contact_bench import DOCK, contact_bench

GREEN = 2
HOUR_MS = 3_600_000
SLACK_MS = 240_000  # back by more, and certificates that were renewed meanwhile are not valid yet (decision 0037)
HOLD_S = 36.0

Worlds = Callable[..., DeskWorld]


class SteppedWorld(DeskWorld):
    """Its controller's wall clock can be set. Certificates are some hours old: one that is not valid yet is refused."""

    step_ms = -3 * HOUR_MS

    def wall_ms(self) -> int:
        return super().wall_ms() + self.step_ms


@pytest.fixture
def make_world() -> Generator[Worlds]:
    made: list[DeskWorld] = []

    def make(**how: Any) -> DeskWorld:
        world = SteppedWorld(**how)
        made.append(world)
        world.step_ms = 0
        return world

    yield make
    for each in made:
        each.close()
        assert each.crashes == []


def offered(world: DeskWorld, wearer: str) -> str:
    world.tap(wearer)
    world.until(lambda: [world.wearer_on(each) for each in world.flashing()] == [wearer])
    (serial,) = world.flashing()
    return serial


def offers(world: DeskWorld) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.pickup()["pickup"]["offers"]
    return found


def recorded(world: DeskWorld, serial: str, seconds: float = 3.0) -> None:
    """Taken, recorded with, and put back."""
    camera = world.camera(serial)
    assert camera.place is not None
    dock, bay = camera.place
    world.take(serial)
    world.run(1.0)
    world.record(serial, seconds)
    camera.put_in(dock, bay)


@pytest.mark.req("DOCK-02")
def test_a_check_in_the_middle_of_an_offload_costs_neither(make_world: Worlds):
    world = make_world(cameras=2, fragment_bytes=1 << 20)
    serial = offered(world, "W-1")
    recorded(world, serial, 5.0)
    world.until(lambda: bool(world.told("offload_started")), 20.0)
    mark = len(world.happened)
    controller = world.running().controller
    place = controller.place_of(controller.cameras[serial])
    dock = controller.docks[place["dock"]]
    checks = [world.loop.create_task(controller.contacts.check(dock, place["bay"], FULL)) for _ in range(2)]
    assert not world.told("offloaded")
    world.until(lambda: all(each.done() for each in checks), 60.0)
    for each in checks:
        rows = {row["quantity"]: row["verdict"] for row in each.result()}
        assert rows["delivery_integrity"] == "pass"
    world.until(lambda: bool(world.told("erased")), 60.0)
    assert not [each for each in world.happened[mark:] if each["what"] in ("trouble", "chunk_rejected", "link_lost")]
    (row,) = world.running().index.recordings()
    assert (row.wearer_id, row.trouble) == ("W-1", "")


@pytest.mark.req("DOCK-02", "DOCK-04")
def test_what_charging_is_told_during_a_check_counts_when_it_is_over(tmp_path: Path):
    with contact_bench(tmp_path) as site:
        site.start()
        site.wait("checked", bay=1)
        contacts, view = site.controller.contacts, site.controller.cameras["CAM-0001"]
        asked = site.virtual.loop.create_task(contacts.check(site.controller.docks[DOCK], 1, FULL))
        site.virtual.run(0.5)
        site.command(contacts.suspend_smart_charge(24, "ann"))
        site.virtual.wait(asked.done, limit_s=60)
        verdicts = {row["quantity"]: row["verdict"] for row in asked.result()}
        assert verdicts["contact_resistance"] == "pass"
        site.virtual.wait(lambda: view.power.get("smart") == 0, limit_s=5)
        charged_permille = view.power["charge_permille"]
        site.virtual.wait(lambda: view.power["charge_permille"] > charged_permille, limit_s=300)


@pytest.mark.req("DOCK-06")
def test_one_dock_of_five_that_talks_nonsense_disturbs_no_other(make_world: Worlds):
    world = make_world(cameras=4, docks=5)
    chance = random.Random("nonsense 5")
    cable = world.bench.bus.cable_of("DOCK-0003")
    assert cable is not None
    for _ in range(8):
        cable.to_host.send(chance.randbytes(4_000))
        world.run(0.25)
    cable.damage(60)
    serial = offered(world, "W-1")
    world.take(serial)
    world.until(lambda: bool(world.told("taken")))
    assert {f"DOCK-000{number}" for number in (1, 2, 4, 5)} <= set(world.running().controller.docks)
    world.run(30.0)
    world.put_back(serial, 4)
    world.until(lambda: serial in world.ready(), 30.0)
    cable = world.bench.bus.cable_of("DOCK-0003")
    assert cable is not None
    cable.damage(0)
    world.until(lambda: len(world.running().controller.docks) == 5, 30.0)
    world.until(lambda: not [each for each in world.running().controller.problems if "DOCK-0003" in each], 60.0)


@pytest.mark.req("CTRL-06")
@pytest.mark.parametrize("after_ms", [145, 500])
def test_a_controller_that_is_stopped_in_the_middle_leaves_no_camera_in_a_wrong_name(make_world: Worlds, after_ms: int):
    world = make_world(cameras=2)
    pickup = world.running().desk.pickup  # type: ignore[union-attr]
    world.tap("W-1")
    world.run(after_ms / 1000)
    flashed = world.flashing()
    mark = len(world.happened)
    world.stop()
    assert not [each for each in world.happened[mark:] if each["what"] in ("taken", "undocked", "offer_ended")]
    assert world.flashing() == flashed, "the camera keeps its word to whoever was told"
    row = pickup.tap(uid_of("W-2").hex().upper())
    assert (row["outcome"], row["reason"]) == ("refused", "starting"), "a tap on a controller that ends"
    world.start()
    world.until(lambda: world.ready() == set(world.bench.cameras), 20.0)
    world.tap("W-2")
    world.run(1.5)
    assert len(world.flashing()) <= 1
    world.until(lambda: [world.wearer_on(each) for each in world.flashing()] == ["W-2"], HOLD_S + 10)


@pytest.mark.req("RFID-02", "RFID-03")
@pytest.mark.parametrize("late_ms", [0, 400])
def test_one_number_at_two_readers_is_one_offer_and_no_lamp_stays(make_world: Worlds, late_ms: int):
    world = make_world(cameras=2, readers=2)
    world.tap("W-1", 0)
    world.run(late_ms / 1000)
    world.tap("W-1", 1)
    world.until(lambda: len(world.told("tap")) == 2)
    assert sorted(told["outcome"] for told in world.told("tap")) == ["accepted", "again"]
    world.until(lambda: len(world.flashing()) == 1)
    world.until(lambda: [each.emulated.lamps for each in world.readers] == [GREEN, GREEN], 3.0)
    (serial,) = world.flashing()
    world.take(serial)
    world.until(lambda: bool(world.told("taken")))
    world.run(3.0)
    assert [each.emulated.lamps for each in world.readers] == [GREEN, GREEN]
    assert len(world.pickup()["pickup"]["holdings"]) == 1


@pytest.mark.req("RFID-02", "RFID-03")
@pytest.mark.parametrize("taken", [True, False])
def test_one_number_at_two_readers_in_the_same_instant_leaves_no_lamp_behind(make_world: Worlds, taken: bool):
    world = make_world(cameras=2, readers=2)
    pickup, badge = world.running().desk.pickup, uid_of("W-1").hex().upper()  # type: ignore[union-attr]
    rows = [pickup.tap(badge, "", reader.url) for reader in world.readers]
    assert [row["outcome"] for row in rows] == ["accepted", "again"]
    world.until(lambda: len(world.flashing()) == 1)
    world.until(lambda: [each.emulated.lamps for each in world.readers] == [GREEN, GREEN], 3.0)
    if taken:
        world.take(world.flashing()[0])
    world.until(lambda: bool(world.told("taken") + world.told("offer_ended")), HOLD_S)
    world.run(3.0)
    assert [each.emulated.lamps for each in world.readers] == [GREEN, GREEN]


@pytest.mark.req("DOCK-06")
def test_a_bay_whose_power_is_cycled_again_and_again_in_an_offload_costs_time_alone(make_world: Worlds):
    world = make_world(cameras=2, fragment_bytes=1 << 20)
    serial = offered(world, "W-1")
    recorded(world, serial, 6.0)
    controller = world.running().controller
    for _ in range(2):
        mark = len(world.happened)
        world.until(lambda: bool(world.told("offload_started", mark)), 40.0)  # noqa: B023
        world.run(0.7)
        place = controller.place_of(controller.cameras[serial])
        cycling = world.loop.create_task(controller.docks[place["dock"]].power_cycle(place["bay"], 500))
        world.until(cycling.done, 10.0)
    world.until(lambda: bool(world.told("erased")), 120.0)
    assert not world.told("trouble") + world.told("wrong_camera")
    (row,) = world.running().index.recordings()
    assert (row.wearer_id, row.state) == ("W-1", "erased")


@pytest.mark.req("CTRL-06", "RFID-02")
@pytest.mark.parametrize("step_ms", [-HOUR_MS, HOUR_MS])
def test_a_clock_that_steps_while_a_camera_flashes_changes_no_ones_time(make_world: Worlds, step_ms: int):
    world = make_world(cameras=2)
    assert isinstance(world, SteppedWorld)
    first = offered(world, "W-1")
    began_us = world.now_us()
    world.step_ms = step_ms
    world.until(lambda: bool(world.told("offer_ended")), 40.0)
    assert 29.5 < (world.now_us() - began_us) / 1e6 < 31.0
    assert world.wearer_on(first) == ""
    world.run(4.0)
    serial = offered(world, "W-2")
    world.step_ms = 0
    world.take(serial)
    world.until(lambda: bool(world.told("taken")))
    assert world.wearer_on(serial) == "W-2"
    world.record(serial)
    world.step_ms = step_ms
    world.put_back(serial)
    world.until(lambda: bool(world.told("erased")), 40.0)
    (row,) = world.running().index.recordings()
    assert row.wearer_id == "W-2"


@pytest.mark.req("CTRL-03")
def test_a_clock_that_steps_back_while_cameras_come_and_go_says_of_nobody_that_they_left_unseen(make_world: Worlds):
    world = make_world(cameras=2, mode="fixed")
    assert isinstance(world, SteppedWorld)
    for now_ms in (0, -HOUR_MS):
        mark = len(world.happened)
        world.step_ms = now_ms
        world.take("CAM-0001")
        world.until(lambda: bool(world.told("undocked", mark)))  # noqa: B023  waited for here
        if not now_ms:
            world.put_back("CAM-0001")
            world.until(lambda: len(world.ready()) == 2, 30.0)
    world.run(1.0)
    mark = len(world.happened)
    world.stop()
    world.start()
    world.until(lambda: world.ready() == {"CAM-0002"}, 30.0)
    world.run(FOUND_S + 5)
    assert not world.told("left_unseen", mark)
    world.step_ms = 0
    world.put_back("CAM-0001")
    world.until(lambda: len(world.ready()) == 2, 30.0)
    world.stop()
    world.start()
    world.until(lambda: len(world.ready()) == 2, 30.0)
    assert len(world.told("still_docked", mark)) == 3
    assert not world.told("left_unseen", mark)


@pytest.mark.req("DOCK-01")
def test_a_clock_that_steps_while_contacts_settle_and_charge_is_kept_changes_nothing(tmp_path: Path):
    with contact_bench(tmp_path) as site:
        site.start()
        site.wait("checked", bay=1)
        for step_ms in (HOUR_MS, -SLACK_MS):
            mark = len(site.told)
            site.virtual.do(lambda: site.bench.take_out("camera-1"))
            site.wait("bay", after=mark, state="free")
            site.virtual.do(lambda: site.bench.put_in("camera-1", "dock-1", 1))
            site.virtual.run(0.03)
            site.world.now_ms += step_ms
            assert site.wait("checked", after=mark, bay=1)["verdict"] == "pass"
            site.virtual.run(70)  # what was lost within a minute is a loose contact
        assert site.controller.contacts.smart.is_on(site._wall_ms())
        assert not site.controller.contacts.alerts
        assert len(site.history.rows()) == 3
