"""How a recording could get into the wrong person's name, each way tried: changes, moves and removals in the middle.

Real controller, docks and cameras on virtual time. What holds is on the camera: nobody, or whom it was offered to.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from host_tools.controller.upkeep import note_device
from host_tools.simulation.desk import DeskWorld, uid_of
from host_tools.system.records import Device, FixedAssignment
from host_tools.system.system import Edit, System

Worlds = Callable[..., DeskWorld]
HOLD_S = 36.0  # that a camera holds an offer at most, and a second


@pytest.fixture
def make_world() -> Generator[Worlds]:
    made: list[DeskWorld] = []

    def make(**how: Any) -> DeskWorld:
        made.append(DeskWorld(**how))
        return made[-1]

    yield make
    for each in made:
        each.close()
        assert each.crashes == []


def system_of(world: DeskWorld) -> System:
    system = world.running().controller.system
    assert system is not None
    return system


def change(world: DeskWorld, edit: Callable[[Edit], None]) -> None:
    """As an administrator does, whose change is told on the loop."""

    async def do() -> None:
        with system_of(world).change("admin", world.wall_ms()) as made:
            edit(made)

    world.loop.create_task(do())
    world.run(0.02)


def give_tag(world: DeskWorld, giver: str, taker: str | None) -> None:
    """A badge was paired with the wrong person, and somebody puts that right."""
    tag = uid_of(giver).hex().upper()

    def edit(made: Edit) -> None:
        old = made.state.wearers[giver]
        made.put(old.model_copy(update={"tags": tuple(each for each in old.tags if each != tag)}))
        if taker is not None:
            new = made.state.wearers[taker]
            made.put(new.model_copy(update={"tags": (*new.tags, tag)}))

    change(world, edit)


def tell(world: DeskWorld, what: str, **values: Any) -> None:
    """Something is told that is not so."""

    async def do() -> None:
        world.running().controller.happenings.tell(what, **values)

    world.loop.create_task(do())
    world.run(0.02)


def offered(world: DeskWorld, wearer: str, reader: int = 0) -> str:
    mark = len(world.happened)
    world.tap(wearer, reader)
    world.until(lambda: bool(world.told("offered", mark)))
    assert world.told("offered", mark)[-1]["wearer"] == wearer
    (serial,) = world.flashing()
    return serial


def holdings(world: DeskWorld) -> dict[str, str]:
    return {row["camera"]: row["wearer"] for row in world.pickup()["pickup"]["holdings"]}


def settled(world: DeskWorld) -> None:
    """Nothing flashes, nothing is noted, nobody waits."""
    world.until(
        lambda: (
            not world.flashing()
            and not holdings(world)
            and not world.pickup()["pickup"]["offers"]
            and not world.pickup()["pickup"]["waiting"]
        ),
        HOLD_S + 30,
    )


@pytest.mark.req("CTRL-05", "CAM-02")
def test_a_camera_that_is_reassigned_while_it_is_offloaded_is_the_other_ones_at_once(make_world: Worlds):
    world = make_world(cameras=1, mode="fixed", fragment_bytes=1 << 18)
    change(world, lambda edit: edit.put(FixedAssignment(camera="CAM-0001", wearer="W-1")))
    world.until(lambda: world.wearer_on("CAM-0001") == "W-1")
    world.take("CAM-0001")
    world.run(1.0)
    world.record("CAM-0001", 20.0)
    world.put_back("CAM-0001")
    mark = len(world.happened)
    world.until(lambda: bool(world.told("offload_started", mark)), 30.0)
    change(world, lambda edit: edit.put(FixedAssignment(camera="CAM-0001", wearer="W-2")))
    world.until(lambda: world.wearer_on("CAM-0001") == "W-2", 1.0)
    change(world, lambda edit: edit.remove("assignment", "CAM-0001"))
    world.until(lambda: world.wearer_on("CAM-0001") == "", 2.0)
    assert not world.told("offloaded", mark), "else this shows nothing"
    world.until(lambda: bool(world.told("erased", mark)), 60.0)


@pytest.mark.req("RFID-02", "RFID-05")
@pytest.mark.parametrize("taker", ["W-2", None])
def test_a_badge_that_becomes_anothers_while_its_camera_flashes_ends_the_offer(make_world: Worlds, taker: str | None):
    world = make_world()
    serial = offered(world, "W-1")
    give_tag(world, "W-1", taker)
    world.until(lambda: not world.flashing(), 1.0)
    world.take(serial)
    world.run(1.0)
    assert (world.wearer_on(serial), world.camera(serial).state) == ("", "unassigned")
    settled(world)
    assert "belongs to somebody else now" in world.told("offer_ended")[-1]["text"]


@pytest.mark.req("RFID-02", "RFID-05")
def test_a_badge_that_becomes_anothers_while_somebody_waits_flashes_for_neither(make_world: Worlds):
    world = make_world(readers=2)
    first = offered(world, "W-1")
    world.tap("W-2", 1)
    world.until(lambda: bool(world.pickup()["pickup"]["waiting"]))
    give_tag(world, "W-2", "W-3")
    world.take(first)
    world.run(5.0)
    assert world.flashing() == []
    assert world.pickup()["pickup"]["last"][-1]["reason"] == "changed_tag"
    assert holdings(world) == {first: "W-1"}


@pytest.mark.req("RFID-02", "CTRL-06")
def test_a_camera_whose_removal_is_asked_for_while_it_flashes_is_offered_no_more(make_world: Worlds):
    world = make_world()
    serial = offered(world, "W-1")
    world.loop.create_task(world.running().controller.membership.remove(serial))
    world.until(lambda: serial not in world.flashing(), 2.0)
    world.take(serial)
    world.run(1.0)
    assert world.wearer_on(serial) == ""
    world.put_back(serial)
    world.until(lambda: bool(world.told("removed")), 40.0)
    world.until(lambda: serial not in holdings(world), 5.0)
    world.run(3.0)
    assert offered(world, "W-1"), "nobody is kept from a camera by one that is gone"


@pytest.mark.req("CTRL-06", "CAM-02")
def test_a_camera_that_is_force_removed_on_loan_holds_nobody_back(make_world: Worlds):
    world = make_world()
    serial = offered(world, "W-1")
    world.take(serial)
    world.until(lambda: bool(world.told("taken")))
    world.run(5.0)
    controller = world.running().controller
    task = world.loop.create_task(controller.membership.force_remove([serial], "a simulated passphrase"))
    world.until(task.done, 10.0)
    task.result()
    world.until(lambda: serial not in holdings(world), 5.0)
    world.run(3.0)
    assert offered(world, "W-1") != serial


@pytest.mark.req("CTRL-06", "RFID-02")
def test_taken_and_put_into_another_dock_at_once_it_is_nobodys(make_world: Worlds):
    world = make_world(docks=2)
    serial = offered(world, "W-1")
    world.take(serial)
    world.run(0.4)
    assert world.wearer_on(serial) == "W-1"
    world.put_back(serial, dock=1)
    world.run(0.4)
    assert world.wearer_on(serial) == ""
    settled(world)
    world.take(serial)
    world.run(1.0)
    assert world.camera(serial).state == "unassigned"


@pytest.mark.req("CTRL-06", "RFID-02")
@pytest.mark.parametrize("away_ms", [5, 20, 45, 60, 80, 120, 250])
def test_moved_from_bay_to_bay_in_no_time_while_it_flashes(make_world: Worlds, away_ms: int):
    """However short it was out: theirs while it flashes or was taken, else nobody's; never two that flash."""
    world = make_world(docks=2, cameras=2)
    serial = offered(world, "W-1")
    world.take(serial)
    world.run(away_ms / 1000)
    world.put_back(serial, dock=1)
    world.tap("W-2")
    for _ in range(400):
        world.run(0.1)
        assert len(world.flashing()) <= 1
        for each in world.flashing():
            assert world.wearer_on(each) in ("W-1", "W-2")
        if world.flashing() and world.wearer_on(world.flashing()[0]) == "W-2":
            break
    assert [world.wearer_on(each) for each in world.flashing()] == ["W-2"], "in the end it is their turn"


@pytest.mark.req("CTRL-06")
def test_a_dock_that_is_unplugged_with_a_flashing_camera_and_plugged_in_elsewhere(make_world: Worlds):
    world = make_world(cameras=2)
    serial = offered(world, "W-1")
    dock = world.docks[0]
    dock.power_off()
    world.run(2.0)
    world.tap("W-2")
    world.run(1.0)
    dock.power_on()
    world.until(lambda: len(world.flashing()) <= 1 and bool(world.told("dock_online")), 20.0)
    world.until(lambda: world.ready() == {"CAM-0001", "CAM-0002"}, 60.0)
    for _ in range(500):
        world.run(0.1)
        assert len(world.flashing()) <= 1
        if [world.wearer_on(each) for each in world.flashing()] == ["W-2"]:
            break
    (flashing,) = world.flashing()
    world.take(flashing)
    world.run(1.0)
    assert world.wearer_on(flashing) == "W-2"
    assert world.wearer_on(serial) in ("", "W-2")


@pytest.mark.req("CTRL-06")
@pytest.mark.parametrize("after_s", [0.02, 1.0, 20.0])
def test_a_camera_whose_power_is_cut_while_it_is_offered_is_nobodys(make_world: Worlds, after_s: float):
    world = make_world()
    serial = offered(world, "W-1")
    world.run(after_s)
    world.camera(serial).cut_power(7)
    world.run(0.5)
    world.take(serial)
    world.camera(serial).power_on()
    world.run(1.0)
    assert world.wearer_on(serial) == ""
    assert world.camera(serial).state == "unassigned"


@pytest.mark.req("CTRL-06")
@pytest.mark.parametrize("at_s", [29.9, 30.0, 30.05, 30.2, 34.9, 35.0, 35.1, 36.0])
def test_taken_around_the_end_of_its_time_while_the_controller_is_gone(make_world: Worlds, at_s: float):
    """The camera's clock alone decides, and its lamp says the same."""
    world = make_world()
    serial = offered(world, "W-1")
    began_us = world.now_us()
    world.kill()
    world.run(at_s - (world.now_us() - began_us) / 1e6)
    flashed = serial in world.flashing()
    world.take(serial)
    world.run(0.3)
    name = world.wearer_on(serial)
    assert name == "W-1" if flashed and at_s < 34.5 else name in ("", "W-1" if flashed else "")
    world.start()
    world.until(lambda: "pickup" in world.pickup())
    if name:
        assert holdings(world) == {serial: "W-1"}


@pytest.mark.req("CTRL-06")
def test_the_end_of_an_old_session_does_not_end_the_offer_of_the_new_one(make_world: Worlds):
    world = make_world()
    serial = offered(world, "W-1")
    tell(world, "undocked", camera=serial)  # of the session before this one
    (row,) = world.pickup()["pickup"]["offers"]
    assert row["state"] == "offered"
    world.take(serial)
    world.until(lambda: bool(world.told("taken")))
    assert holdings(world) == {serial: "W-1"}


@pytest.mark.req("CTRL-06", "RFID-02")
def test_a_dock_that_says_a_bay_is_free_though_its_camera_stands_there(make_world: Worlds):
    """A binding that is wrong, or a dock that lies: the camera goes on flashing, so nobody else gets one beside it."""
    world = make_world(cameras=2)
    serial = offered(world, "W-1")
    (row,) = world.pickup()["pickup"]["offers"]
    tell(world, "bay", dock=row["dock"], bay=row["bay"], state="free")
    world.tap("W-2")
    for _ in range(60):
        world.run(0.1)
        assert len(world.flashing()) <= 1
    assert "check which hub port" in world.told("bay_mismatch")[-1]["text"]
    assert serial not in holdings(world) or holdings(world)[serial] == "W-2"
    assert [world.wearer_on(each) for each in world.flashing()] == ["W-2"]


@pytest.mark.req("RFID-02")
def test_who_has_rested_longest_outlives_a_controller(make_world: Worlds):
    world = make_world(cameras=3)
    taken: list[str] = []
    for wearer in ("W-1", "W-2"):
        serial = offered(world, wearer)
        world.take(serial)
        world.until(lambda: len(world.told("taken")) == len(taken) + 1)
        taken.append(serial)
    for serial in taken:
        world.put_back(serial)
    settled(world)
    world.run(5.0)
    world.kill()
    world.start()
    world.until(lambda: world.ready() == set(world.bench.cameras), 30.0)
    world.run(HOLD_S)
    order: list[str] = []
    for wearer in ("W-3", "W-1", "W-2"):
        serial = offered(world, wearer)
        world.take(serial)
        world.run(1.0)
        order.append(serial)
    assert order == ["CAM-0003", *taken]


@pytest.mark.req("RFID-02")
def test_how_long_a_camera_is_offered_is_the_systems_setting(make_world: Worlds):
    world = make_world()
    change(world, lambda edit: edit.put(edit.state.settings.model_copy(update={"pickup_seconds": 12})))
    serial = offered(world, "W-1")
    began_us = world.now_us()
    world.run(2.0)
    change(world, lambda edit: edit.put(edit.state.settings.model_copy(update={"pickup_seconds": 90})))
    world.until(lambda: serial not in world.flashing(), 14.0)
    assert 11.5 < (world.now_us() - began_us) / 1e6 < 12.5, "an offer keeps the time that it began with"
    world.until(lambda: bool(world.told("offer_ended")))
    world.run(4.0)
    serial = offered(world, "W-2")
    world.kill()
    world.run(88.0)
    assert serial in world.flashing()
    world.run(8.0)
    assert world.flashing() == []


@pytest.mark.req("CTRL-06")
def test_a_note_is_not_ended_while_its_camera_may_still_flash(make_world: Worlds):
    world = make_world()
    serial = offered(world, "W-1")
    world.camera(serial).lose_link("its cable", 20_000_000)
    world.until(lambda: world.pickup()["pickup"]["offers"][0]["state"] == "unsure", 5.0)
    desk = world.running().desk
    assert desk is not None
    task = world.loop.create_task(desk.pickup.end_holding(serial))
    world.run(0.1)
    assert (task.result(), desk.pickup.is_in_hand(serial), holdings(world)) == (False, True, {serial: "W-1"})
    settled(world)
    assert not desk.pickup.is_in_hand(serial)


@pytest.mark.req("RFID-02")
def test_an_update_of_its_software_does_not_make_a_camera_rested():
    system = System()
    with system.change("controller", 1) as edit:
        note_device(edit, "CAM-0001", "camera", "pi_zero_2w_camera", "0.1.0", 1)
        device = edit.find("device", "CAM-0001")
        assert device is not None
        edit.put(device.model_copy(update={"taken_unix_ms": 77}))
        note_device(edit, "CAM-0001", "camera", "pi_zero_2w_camera", "0.2.0", 2)
    kept = system.state.of("device")["CAM-0001"]
    assert isinstance(kept, Device)
    assert (kept.taken_unix_ms, kept.version, len(kept.software)) == (77, "0.2.0", 2)
