"""What pick-up and readers keep in mind ends with what it is of, though nobody says so. Real parts on virtual time."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from firmware.camera import states
from host_tools.controller.alert_rules import Facts, alerts_of
from host_tools.controller.status import camera_row
from host_tools.emulator.reader_twn4 import EmulatedTwn4
from host_tools.simulation.desk import DeskWorld, uid_of

Worlds = Callable[..., DeskWorld]
GREEN, RED, YELLOW = 2, 1, 4


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


def tell(world: DeskWorld, what: str, **values: Any) -> None:
    async def do() -> None:
        world.running().controller.happenings.tell(what, **values)

    world.loop.create_task(do())
    world.run(0.02)


@pytest.mark.req("RFID-02", "RFID-03")
def test_whoever_waits_behind_the_longest_offer_is_served(make_world: Worlds):
    world = make_world(cameras=2, readers=2)
    system = world.running().controller.system
    assert system is not None
    with system.change("admin", world.wall_ms()) as edit:
        edit.put(edit.state.settings.model_copy(update={"pickup_seconds": 120}))
    world.tap("W-1", 0)
    world.until(lambda: len(world.flashing()) == 1)
    world.tap("W-2", 1)
    world.until(lambda: world.readers[1].emulated.lamps == YELLOW)
    world.until(lambda: [world.wearer_on(each) for each in world.flashing()] == ["W-2"], 140.0, 500_000)
    world.until(lambda: world.readers[1].emulated.lamps == GREEN)


@pytest.mark.req("RFID-03")
def test_whoever_goes_to_another_reader_leaves_no_lamp_behind(make_world: Worlds):
    world = make_world(cameras=2, readers=3)
    world.tap("W-1", 0)
    world.until(lambda: len(world.flashing()) == 1)
    for reader in (1, 2):
        world.tap("W-2", reader)
        world.until(lambda: world.readers[reader].emulated.lamps == YELLOW)  # noqa: B023  waited for here
    world.until(lambda: world.readers[1].emulated.lamps == GREEN, 2.0)


@pytest.mark.req("RFID-01")
def test_a_reader_that_restarts_right_after_it_was_set_up_is_set_up_anew(make_world: Worlds):
    world = make_world(cameras=1)
    mark = len(world.happened)
    world.readers[0].emulated = EmulatedTwn4(lambda: world.now_us() // 1_000)
    world.until(lambda: [each["state"] for each in world.told("reader", mark)] == ["restarted"], 5.0)
    assert world.readers[0].emulated.lamps == GREEN
    world.run(30.0)
    assert len(world.told("reader", mark)) == 1, "once"


class NoBuzzer(EmulatedTwn4):
    """A TWN4 that was built without one."""

    def _peripheral(self, function: int, rest: bytes) -> bytes:
        return b"\x01" if function == 0x07 else super()._peripheral(function, rest)


@pytest.mark.req("RFID-01", "RFID-03")
def test_a_reader_without_a_buzzer_goes_on_showing_lamps(make_world: Worlds):
    world = make_world(cameras=1)
    world.readers[0].emulated = NoBuzzer(lambda: world.now_us() // 1_000)
    world.run(3.0)
    world.readers[0].hold(bytes.fromhex("04FFFFFFFFFF01"))
    world.until(lambda: world.readers[0].emulated.lamps == RED)
    world.until(lambda: world.readers[0].emulated.lamps == GREEN, 4.0)
    world.tap("W-1")
    world.until(lambda: len(world.flashing()) == 1)


@pytest.mark.req("RFID-02")
def test_a_camera_that_went_while_its_dock_was_away_is_not_named_for_another(make_world: Worlds):
    world = make_world(cameras=2)
    place = world.camera("CAM-0001").place
    assert place is not None
    dock, bay = place
    dock.power_off()
    world.until(lambda: bool(world.told("dock_offline")))
    world.take("CAM-0001")
    dock.power_on()
    world.until(lambda: bool(world.told("dock_online", len(world.happened) - 20)) and len(world.ready()) == 1, 20.0)
    serial = next(iter(world.running().controller.docks))
    tell(world, "bay", dock=serial, bay=bay, state="free")
    assert not world.told("wrong_camera")
    world.take("CAM-0002")
    world.until(lambda: bool(world.told("wrong_camera")))


@pytest.mark.req("CTRL-06", "RFID-02")
def test_who_has_docked_a_camera_that_broke_gets_another_one(make_world: Worlds):
    world = make_world(cameras=2)
    world.tap("W-1")
    world.until(lambda: len(world.flashing()) == 1)
    (serial,) = world.flashing()
    world.take(serial)
    world.until(lambda: bool(world.told("taken")))
    app = world.camera(serial).app
    assert app is not None
    app._happen(states.FAULT)
    world.put_back(serial)
    world.until(lambda: world.running().controller.cameras[serial].status.get("state") == "malfunctioning", 20.0)
    world.until(lambda: not world.pickup()["pickup"]["holdings"], 5.0)
    world.run(2.5)  # the same badge counts again
    world.tap("W-1")
    world.until(lambda: len(world.flashing()) == 1)
    assert world.flashing() != [serial]


def bring_back_read_only(world: DeskWorld) -> str:
    """Somebody takes a camera and docks it, and its card takes nothing any more. Answers which."""
    world.tap("W-1")
    world.until(lambda: len(world.flashing()) == 1)
    (serial,) = world.flashing()
    world.take(serial)
    world.until(lambda: bool(world.told("taken")))
    world.camera(serial).disk.set_mood("read_only")
    world.put_back(serial)
    return serial


@pytest.mark.req("CTRL-06", "CTRL-12", "RFID-03")
def test_a_camera_that_does_not_let_go_says_so_and_somebody_who_may_ends_it(make_world: Worlds):
    world = make_world(cameras=2)
    serial = bring_back_read_only(world)
    controller = world.running().controller
    problem = f"note of {serial}"
    world.until(lambda: problem in controller.problems, 40.0)
    text = controller.problems[problem]
    assert "Person 1 gets no other camera" in text
    assert f"bwc camera release {serial}" in text
    (found,) = alerts_of(Facts(0, problems=controller.problems)).items()
    assert found == (("not_let_go", serial), text)
    assert camera_row(controller, controller.cameras[serial])["not_let_go"]
    mark = len(world.happened)
    world.tap("W-1")
    world.until(lambda: bool(world.told("tap", mark)))
    assert (world.told("tap", mark)[0]["reason"], world.flashing()) == ("not_let_go", [])
    desk = world.running().desk
    assert desk is not None
    ended = world.loop.create_task(desk.pickup.end_holding(serial))
    world.until(lambda: problem not in controller.problems, 5.0)
    assert ended.result()
    world.run(2.5)  # the same badge counts again
    world.tap("W-1")
    world.until(lambda: len(world.flashing()) == 1)
    assert world.flashing() != [serial], "nobody gets that one"


@pytest.mark.req("CTRL-06")
def test_a_camera_that_lets_go_after_all_is_no_problem_any_more(make_world: Worlds):
    world = make_world(cameras=2)
    serial = bring_back_read_only(world)
    controller = world.running().controller
    world.until(lambda: f"note of {serial}" in controller.problems, 40.0)
    world.camera(serial).disk.set_mood("well")
    world.until(lambda: not world.pickup()["pickup"]["holdings"], 5.0)
    assert f"note of {serial}" not in controller.problems


@pytest.mark.req("CTRL-06")
def test_a_tap_before_pick_up_runs_is_refused_and_leaves_nothing_open(make_world: Worlds):
    world = make_world(cameras=1)
    desk = world.running().desk
    assert desk is not None
    running, desk.pickup._tasks = desk.pickup._tasks, None
    told = desk.pickup.tap(uid_of("W-1").hex().upper())
    desk.pickup._tasks = running
    assert (told["reason"], world.pickup()["pickup"]["offers"]) == ("starting", [])
