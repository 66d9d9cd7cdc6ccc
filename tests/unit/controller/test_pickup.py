"""Cameras picked up by badge: real controller, docks, cameras and readers' bytes, on virtual time."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from firmware.drivers import lamps
from host_tools.simulation.desk import DeskWorld, uid_of

GREEN, RED = 2, 1
TAKE_S, HOLD_S = 30.0, 35.0
AGAIN_S = 2.1  # before the same badge counts again


Worlds = Callable[..., DeskWorld]


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


@pytest.fixture
def world(make_world: Worlds) -> DeskWorld:
    return make_world()


def offered(world: DeskWorld, wearer: str, reader: int = 0) -> str:
    """Tap, and wait until reader, bay and camera agree: the camera's serial."""
    tones = world.readers[reader].emulated.tones
    heard = len(tones)
    world.tap(wearer, reader)
    world.until(lambda: any(row["state"] == "offered" and row["wearer"] == wearer for row in offers(world)))
    (serial,) = world.flashing()
    world.until(lambda: len(tones) > heard and world.readers[reader].emulated.lamps == GREEN)
    return serial


def offers(world: DeskWorld) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.pickup()["pickup"]["offers"]
    return found


def bay_lamp(world: DeskWorld, serial: str) -> str:
    camera = world.camera(serial)
    assert camera.place is not None
    dock, bay = camera.place
    word: str = lamps.LAMP_PATTERNS[dock.sim.application.lamps[bay - 1].pattern][1]  # type: ignore[union-attr]
    return word


def last(world: DeskWorld) -> dict[str, Any]:
    found: dict[str, Any] = world.pickup()["pickup"]["last"][-1]
    return found


@pytest.mark.req("RFID-02", "CTRL-06", "DOCK-05")
def test_a_tap_a_flash_a_camera_and_back(world: DeskWorld):
    serial = offered(world, "W-1")
    world.until(lambda: bay_lamp(world, serial) == "assigned")
    assert world.readers[0].emulated.tones[-1][0] == 2400
    world.take(serial)
    world.until(lambda: bool(world.told("taken")))
    world.run(0.5)
    assert (world.wearer_on(serial), world.camera(serial).state) == ("W-1", "ready")
    world.record(serial)
    world.tap("W-1")
    world.until(lambda: last(world)["reason"] == "holds")
    assert last(world)["text"] == f"Person 1 has camera {serial}: dock it before taking another one"
    world.until(lambda: world.readers[0].emulated.lamps == RED, 1.0)
    world.put_back(serial)
    world.until(lambda: bool(world.told("brought_back")), 20.0)
    world.until(lambda: bool(world.told("erased")), 30.0)
    assert world.pickup()["pickup"]["holdings"] == []
    (row,) = world.running().index.recordings()
    assert (row.wearer_id, row.wearer_name) == ("W-1", "Person 1")
    assert world.wearer_on(serial) == ""
    world.run(AGAIN_S)
    assert offered(world, "W-1") != serial, "the others have rested longer"


@pytest.mark.req("RFID-03")
def test_refusals_say_why_and_show_red(world: DeskWorld):
    world.readers[0].hold(bytes.fromhex("04FFFFFFFFFF01"))
    world.until(lambda: bool(world.told("tap")))
    assert last(world)["reason"] == "unknown_tag"
    assert last(world)["text"] == "badge …FF01 belongs to nobody: pair it with a wearer"
    world.until(lambda: world.readers[0].emulated.lamps == RED, 1.0)
    world.until(lambda: [hertz for hertz, _ms in world.readers[0].emulated.tones][-1:] == [2057], 1.0)
    world.run(3.0)
    assert world.readers[0].emulated.lamps == GREEN
    views = list(world.running().controller.cameras.values())
    views[0].status["battery_percent"] = 59
    views[1].status["storage_free_bytes"] = 0
    views[2].firmware = "0.0.9"
    views[3].trouble = "its card fails"
    world.tap("W-2")
    world.until(lambda: last(world)["reason"] == "no_camera")
    assert last(world)["text"] == (
        "no camera is ready for Person 2: 1 being prepared or not in order, 1 with other software than the system, "
        "1 below 60 % battery, 1 below 60 % free storage"
    )
    assert world.flashing() == []


@pytest.mark.req("RFID-02")
def test_what_is_not_taken_in_time_is_nobodys_again(world: DeskWorld):
    serial = offered(world, "W-1")
    world.until(lambda: bool(world.told("offer_ended")), TAKE_S + 2)
    assert (world.flashing(), world.wearer_on(serial)) == ([], "")
    world.until(lambda: world.readers[0].emulated.lamps == RED, 1.0)
    assert bay_lamp(world, serial) != "assigned"
    assert world.pickup()["pickup"]["holdings"] == []
    world.take(serial)
    world.run(1.0)
    assert world.camera(serial).state == "unassigned"


@pytest.mark.req("RFID-02", "CAM-02")
def test_the_wrong_camera_does_not_record_and_the_reader_says_so(world: DeskWorld):
    serial = offered(world, "W-1")
    other = next(each for each in world.bench.cameras if each != serial)
    world.take(other)
    world.until(lambda: bool(world.told("wrong_camera")))
    told = world.told("wrong_camera")[-1]
    assert (told["camera"], told["offered"]) == (other, serial)
    assert "was offered to nobody: it does not record, put it back" in told["text"]
    world.until(lambda: world.readers[0].emulated.lamps == RED, 1.0)
    assert world.camera(other).state == "unassigned"
    world.take(serial)
    world.until(lambda: bool(world.told("taken")))
    assert world.wearer_on(serial) == "W-1"


@pytest.mark.req("RFID-02")
def test_two_taps_at_once_are_served_one_after_the_other(make_world: Worlds):
    world = make_world(readers=2)
    world.tap("W-1", 0)
    world.tap("W-2", 1)
    world.until(lambda: len(world.flashing()) == 1)
    (first,) = world.flashing()
    one = world.wearer_on(first)
    world.run(2.0)
    assert world.flashing() == [first]
    world.take(first)
    world.until(lambda: world.flashing() not in ([], [first]))
    (second,) = world.flashing()
    world.until(lambda: any(row["state"] == "offered" for row in offers(world)))
    world.take(second)
    world.until(lambda: len(world.told("taken")) == 2)
    assert {one, world.wearer_on(second)} == {"W-1", "W-2"}
    assert world.wearer_on(first) == one


@pytest.mark.req("RFID-05")
def test_in_fixed_mode_a_badge_gives_nothing_and_the_camera_stays_its_wearers(make_world: Worlds):
    world = make_world(cameras=1, mode="fixed")
    world.tap("W-1")
    world.until(lambda: bool(world.told("tap")))
    assert last(world)["reason"] == "fixed"
    assert world.flashing() == []


@pytest.mark.req("RFID-02", "CTRL-06")
def test_pulled_at_any_instant_it_is_theirs_or_nobodys(world: DeskWorld):
    """From before the tap is seen until long after the flash, a step at a time; the hand is always that of somebody
    who showed no badge until the camera flashes."""
    outcomes: set[tuple[bool, str]] = set()
    for step_ms in (0, 60, 120, 130, 135, 140, 145, 150, 155, 160, 170, 200, 400):
        world.until(lambda: len(world.ready()) == 4 and not world.pickup()["pickup"]["holdings"], 30.0)
        rested = {view.serial for view in world.running().controller.cameras.values()}
        world.tap("W-1")
        world.run(step_ms / 1000)
        chosen = last(world)["camera"] if world.pickup()["pickup"]["last"] and offers(world) else sorted(rested)[0]
        flashed = world.flashes(world.camera(chosen))
        world.take(chosen)
        world.run(0.2)
        assert world.wearer_on(chosen) == ("W-1" if flashed else ""), f"{step_ms} ms"
        outcomes.add((flashed, world.wearer_on(chosen)))
        world.run(1.0)
        for serial in world.flashing():  # the tap found another one after that
            world.take(serial)
            world.run(1.0)
            assert world.wearer_on(serial) == "W-1"
        for serial, camera in world.bench.cameras.items():
            if camera.place is None:
                world.put_back(serial)
    assert outcomes == {(True, "W-1"), (False, "")}


@pytest.mark.req("CTRL-06")
@pytest.mark.parametrize("after_ms", [100, 145, 150, 160, 500])
def test_a_controller_that_dies_in_the_middle_leaves_no_camera_in_a_wrong_name(make_world: Worlds, after_ms: int):
    world = make_world(cameras=2)
    world.tap("W-1")
    world.run(after_ms / 1000)
    flashed = world.flashing()
    world.kill()
    assert world.flashing() == flashed, "the camera keeps its word to whoever was told"
    world.start()
    mark = len(world.happened)
    world.until(lambda: bool(world.told("dock_online", mark)))
    world.tap("W-2")
    world.run(1.5)
    assert len(world.flashing()) <= 1
    world.until(lambda: world.ready() == set(world.bench.cameras), 20.0)
    world.until(lambda: [world.wearer_on(each) for each in world.flashing()] == ["W-2"], HOLD_S + 10)
    (serial,) = world.flashing()
    world.until(lambda: any(row["state"] == "offered" for row in offers(world)))
    world.take(serial)
    world.until(lambda: bool(world.told("taken", mark)))
    assert world.wearer_on(serial) == "W-2"


@pytest.mark.req("CTRL-06")
def test_taken_while_the_controller_is_dead_it_is_known_when_it_is_back(make_world: Worlds):
    world = make_world(cameras=2)
    serial = offered(world, "W-1")
    world.kill()
    world.take(serial)
    world.run(1.0)
    assert world.wearer_on(serial) == "W-1"
    world.start()
    mark = len(world.happened)
    world.until(lambda: bool(world.told("dock_online", mark)))
    world.run(1.0)
    world.tap("W-1")
    world.until(lambda: bool(world.told("tap", mark)))
    assert last(world)["reason"] == "may_hold"
    world.put_back(serial)
    world.until(lambda: not world.pickup()["pickup"]["holdings"], 20.0)
    world.run(AGAIN_S)
    assert offered(world, "W-1")


def test_a_reader_that_is_lost_disturbs_nothing_and_comes_back(world: DeskWorld):
    world.readers[0].emulated.mute = True
    world.until(lambda: world.pickup()["readers"][0]["state"] == "lost", 10.0)
    assert "does not answer; unplug it and plug it in again" in world.pickup()["readers"][0]["text"]
    assert len(world.ready()) == 4
    problem = f"reader {world.readers[0].url}"
    assert "does not answer" in world.running().controller.problems[problem]
    world.readers[0].emulated.mute = False
    world.until(lambda: world.pickup()["readers"][0]["state"] == "ready", 10.0)
    assert problem not in world.running().controller.problems
    world.readers[0].emulated.restart()
    assert world.readers[0].emulated.lamps == 0
    world.until(lambda: world.readers[0].emulated.lamps == GREEN)
    assert offered(world, "W-1")


def test_the_number_of_a_badge_is_shown_to_nobody(world: DeskWorld):
    offered(world, "W-1")
    number = uid_of("W-1").hex().upper()
    assert number not in str(world.happened)
    assert number not in str(world.pickup())
