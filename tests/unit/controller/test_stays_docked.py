"""A controller that ends says nothing of cameras that stay; the next one finds them, or tells between when they left.

Real firmware of docks and cameras on virtual time; the controller is stopped in order, or killed, and begins anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from host_tools.controller.cameras import CameraView
from host_tools.controller.found_docked import FOUND_S, FoundDocked, Seat, seats_of
from host_tools.controller.happenings import Happenings
from host_tools.controller.members import Member
from host_tools.controller.upkeep import SEEN_S, UNSEEN_MS, Upkeep
from host_tools.simulation.desk import DeskWorld
from host_tools.system.records import Device, Docked, Left
from host_tools.system.store import MemoryStore
from host_tools.system.system import System
from tests.unit.controller.rig import ControllerRig
from tests.unit.controller.virtual import run_virtually

COMINGS = ("docked", "undocked", "still_docked", "left_unseen", "dock_offline")


@contextmanager
def desk(cameras: int = 2, docks: int = 1) -> Generator[DeskWorld]:
    world = DeskWorld(cameras=cameras, docks=docks, mode="fixed")
    try:
        yield world
    finally:
        world.close()
    assert world.crashes == []


def comings(world: DeskWorld, after: int) -> list[tuple[str, str]]:
    return sorted((each["what"], each.get("camera", "")) for each in world.happened[after:] if each["what"] in COMINGS)


def device(world: DeskWorld, serial: str) -> Device:
    found = System(world.store).state.of("device")[serial]
    assert isinstance(found, Device)
    return found


def usage(world: DeskWorld, serial: str) -> list[Any]:
    app = world.camera(serial).app
    assert app is not None
    return list(app.usage._entries)


@pytest.mark.req("CTRL-03", "CTRL-12")
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_camera_that_stays_over_a_restart_neither_left_nor_came(how: str):
    with desk() as world:
        world.run(60.0)
        docked = {serial: device(world, serial).docked for serial in world.bench.cameras}
        noted = {serial: usage(world, serial) for serial in world.bench.cameras}
        mark = len(world.happened)
        world.stop() if how == "stop" else world.kill()
        ended_ms = world.wall_ms()
        assert comings(world, mark) == []
        kept = device(world, "CAM-0001").docked
        assert kept is not None
        if how == "stop":
            assert ended_ms - 100 <= kept.seen.unix_ms + UNSEEN_MS <= ended_ms
            assert kept.seen.battery_percent is not None
        world.run(600.0)
        world.start()
        world.until(lambda: world.ready() == set(world.bench.cameras), 30.0)
        world.run(FOUND_S + 5)
        assert comings(world, mark) == [("still_docked", "CAM-0001"), ("still_docked", "CAM-0002")]
        for serial in world.bench.cameras:
            now, before = device(world, serial), docked[serial]
            assert now.docked is not None
            assert before is not None
            assert (now.docked.unix_ms, now.docked.dock, now.docked.bay) == (before.unix_ms, before.dock, before.bay)
            assert now.left is None, "nobody has seen it leave"
            assert usage(world, serial) == noted[serial]


@pytest.mark.req("CTRL-03")
def test_a_camera_that_left_while_nobody_looked_is_told_with_both_ends_of_that_time():
    with desk() as world:
        world.run(60.0)
        status = dict(world.running().controller.cameras["CAM-0001"].status)
        mark = len(world.happened)
        world.stop()
        ended_ms = world.wall_ms()
        world.run(600.0)
        world.take("CAM-0001")
        world.run(600.0)
        world.start()
        began_ms = world.wall_ms()
        world.until(lambda: bool(world.told("left_unseen", mark)), 10.0)
        (told,) = world.told("left_unseen", mark)
        assert ended_ms - UNSEEN_MS - 100 <= told["after_unix_ms"] <= ended_ms
        assert began_ms <= told["until_unix_ms"] <= began_ms + 10_000
        assert "CAM-0001 was taken out while the controller was away, between 2026-01-01 0" in told["text"]
        view = world.running().controller.cameras["CAM-0001"]
        assert view.left_unix_ms == told["until_unix_ms"]
        assert view.status["battery_percent"] == status["battery_percent"]
        left = device(world, "CAM-0001").left
        assert left is not None
        assert (left.after_unix_ms, left.unix_ms) == (told["after_unix_ms"], told["until_unix_ms"])
        assert left.battery_percent == status["battery_percent"]
        world.stop()
        world.start()
        world.run(FOUND_S + 5)
        assert len(world.told("left_unseen", mark)) == 1, "however often it begins"
        assert device(world, "CAM-0001").left == left
        mark = len(world.happened)
        world.put_back("CAM-0001")
        world.until(lambda: "CAM-0001" in world.ready())
        assert comings(world, mark) == [("docked", "CAM-0001")]


@pytest.mark.req("CTRL-03")
def test_a_camera_that_is_found_in_another_bay_has_left_in_between():
    with desk() as world:
        world.stop()
        world.take("CAM-0001")
        world.camera("CAM-0001").put_in(world.docks[0], 5)
        mark = len(world.happened)
        world.start()
        world.until(lambda: world.ready() == set(world.bench.cameras), 30.0)
        assert comings(world, mark) == [
            ("docked", "CAM-0001"),
            ("left_unseen", "CAM-0001"),
            ("still_docked", "CAM-0002"),
        ]
        world.run(1.0)
        now = device(world, "CAM-0001")
        assert now.left is not None
        assert now.docked is not None
        assert (now.docked.bay, now.docked.unix_ms >= now.left.unix_ms) == (5, True)


@pytest.mark.req("CTRL-03")
def test_of_cameras_whose_dock_is_away_too_the_controller_waits_before_it_says_that_they_left():
    with desk(cameras=1) as world:
        world.stop()
        world.docks[0].power_off()
        mark = len(world.happened)
        world.start()
        world.run(FOUND_S - 5)
        assert comings(world, mark) == []
        world.run(10)
        assert comings(world, mark) == [("left_unseen", "CAM-0001")]
        world.docks[0].power_on()
        world.until(lambda: world.ready() == {"CAM-0001"}, 30.0)
        assert comings(world, mark) == [("docked", "CAM-0001"), ("left_unseen", "CAM-0001")]


@pytest.mark.req("CTRL-03", "DOCK-07")
def test_a_dock_that_gets_its_power_with_the_controller_has_its_camera_still():
    with desk(cameras=1) as world:
        world.docks[0].power_off()
        world.kill()
        world.run(5.0)
        mark = len(world.happened)
        world.docks[0].power_on()
        world.start()
        world.until(lambda: world.ready() == {"CAM-0001"}, 30.0)
        assert comings(world, mark) == [("still_docked", "CAM-0001")]


@pytest.mark.req("CTRL-03")
def test_a_bay_that_is_empty_for_a_moment_tells_nothing_yet():
    with desk(cameras=1) as world:
        world.stop()
        world.take("CAM-0001")
        mark = len(world.happened)
        world.start()
        world.until(lambda: bool(world.told("dock_online", mark)))
        world.run(1.0)
        world.put_back("CAM-0001")
        world.until(lambda: world.ready() == {"CAM-0001"}, 30.0)
        assert comings(world, mark) == [("still_docked", "CAM-0001")]


@pytest.mark.req("CTRL-03")
def test_a_port_that_goes_before_its_link_is_a_departure():
    with desk(cameras=1) as world:
        mark = len(world.happened)
        port = world.bench.bus._ports.pop("CAM-0001")
        world.until(lambda: bool(world.told("undocked", mark)), 5.0)
        world.bench.bus._ports["CAM-0001"] = port


@pytest.mark.req("CTRL-03")
def test_what_was_told_just_before_the_end_is_noted():
    with desk() as world:
        world.run(10.0)
        world.take("CAM-0001")
        while not world.told("undocked"):
            world.run(0.001)
        world.stop()
        found = device(world, "CAM-0001")
        assert found.docked is None
        assert found.left is not None
        assert found.left.after_unix_ms is None, "it was seen"


@pytest.mark.req("CTRL-03")
def test_a_power_cut_costs_no_more_than_an_hour_of_knowing_that_it_was_there(tmp_path: Path):
    system = System(MemoryStore())
    rig = ControllerRig(tmp_path, system=system)
    controller, began_ms = rig.controller, rig.trust_world.now_ms

    async def at_once(function: Callable[[], Any], /) -> Any:
        return function()

    async def scenario() -> None:
        upkeep = Upkeep(controller, system, at_once)
        task = asyncio.create_task(upkeep.run())
        view = controller.cameras["CAM-1"] = CameraView("CAM-1", "m", status={"battery_percent": 62}, online=True)
        controller.happenings.tell("docked", camera="CAM-1")
        await asyncio.sleep(1)
        rig.trust_world.now_ms += 3_600_000
        await asyncio.sleep(SEEN_S + 1)
        seen = Left(unix_ms=rig.trust_world.now_ms - UNSEEN_MS, battery_percent=62)
        assert kept().docked == Docked(unix_ms=began_ms, seen=seen)
        view.online = False
        controller.happenings.tell("undocked", camera="CAM-1")
        await asyncio.sleep(SEEN_S + 1)
        assert kept().docked is None
        task.cancel()
        await asyncio.wait({task})

    def kept() -> Device:
        found = system.state.of("device")["CAM-1"]
        assert isinstance(found, Device)
        return found

    try:
        run_virtually(scenario())
    finally:
        rig.spool.close()
        rig.index.close()


def test_who_was_docked_is_read_from_what_older_controllers_have_written_too():
    system = System(MemoryStore())
    with system.change("x", 1) as edit:
        edit.put(Device(serial="C-1", device="camera", left=Left(unix_ms=50)))
        edit.put(Device(serial="C-2", device="camera", left=Left(unix_ms=150)))
        edit.put(Device(serial="C-3", device="camera"))
        edit.put(
            Device(serial="C-4", device="camera", docked=Docked(unix_ms=90, seen=Left(unix_ms=170), dock="D", bay=3))
        )
        edit.put(Device(serial="C-5", device="camera"))
    members = {serial: Member(serial, "m", 1_000, 100) for serial in ("C-1", "C-2", "C-3", "C-4")}
    assert seats_of(members, system) == {"C-1": ("", 0, 100), "C-3": ("", 0, 100), "C-4": ("D", 3, 170)}
    assert seats_of(members, None) == {}


def test_a_clock_that_begins_in_the_past_makes_nobody_leave_before_they_were_seen():
    told: list[dict[str, Any]] = []
    happenings = Happenings(lambda: 5)
    happenings.listen(told.append)
    view = CameraView("C-1")
    run_virtually(FoundDocked({"C-1": Seat("", 0, 90)}, {"C-1": view}, {}, happenings).run())
    (gone,) = told
    assert (gone["after_unix_ms"], gone["until_unix_ms"], view.left_unix_ms) == (90, 90, 90)
