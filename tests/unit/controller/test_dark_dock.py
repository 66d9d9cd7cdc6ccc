"""A dock that loses its power or its cable while a camera flashes: to the camera that is a hand which takes it.

Real controller, docks and cameras on virtual time. What nobody saw is not told as if somebody had.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.accounts.audit import AuditTrail
from host_tools.accounts.roles import Actor
from host_tools.accounts.secret import load_secret
from host_tools.accounts.store import open_store
from host_tools.controller.commands import CommandError, Commands, Gate
from host_tools.controller.hardware_commands import HardwareCommands
from host_tools.controller.pickup_audit import ACTIONS
from host_tools.controller.pickup_returns import UNSEEN_PROBLEM
from host_tools.custody.journey import Journey
from host_tools.simulation.desk import DeskWorld, uid_of

ANN = Actor("ann", "administrator", "local")
HOLD_S = 36.0  # that a camera holds an offer at most, and a second


@contextmanager
def desk() -> Generator[DeskWorld]:
    world = DeskWorld(cameras=2)
    try:
        yield world
    finally:
        world.close()
    assert world.crashes == []


@pytest.fixture
def world() -> Generator[DeskWorld]:
    with desk() as made:
        yield made


def offered(world: DeskWorld, wearer: str) -> str:
    world.tap(wearer)
    world.until(lambda: any(row["state"] == "offered" and row["wearer"] == wearer for row in offers(world)))
    (serial,) = world.flashing()
    return serial


def offers(world: DeskWorld) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.pickup()["pickup"]["offers"]
    return found


def holdings(world: DeskWorld) -> list[tuple[str, str, bool]]:
    rows = world.pickup()["pickup"]["holdings"]
    return [(row["camera"], row["wearer"], row["undocked_unix_ms"] is not None) for row in rows]


def power_back(world: DeskWorld) -> None:
    world.docks[0].power_on()
    here = {serial for serial, camera in world.bench.cameras.items() if camera.place is not None}
    world.until(lambda: world.ready() == here, 30.0)


@pytest.mark.req("CTRL-06", "RFID-02")
def test_a_dock_that_is_dark_for_a_moment_ends_the_offer_and_nobody_took_anything(world: DeskWorld):
    serial = offered(world, "W-1")
    world.docks[0].power_off()
    world.run(1.0)
    assert world.wearer_on(serial) == "W-1", "to the camera that was a hand"
    power_back(world)
    world.until(lambda: bool(world.told("offer_ended")))
    assert (world.wearer_on(serial), holdings(world)) == ("", [])
    assert world.told("offer_ended")[-1]["text"] == (
        f"DOCK-0001 lost its power or its cable while {serial} flashed: tap again"
    )
    assert not world.told("taken") + world.told("may_hold") + world.told("wrong_camera")
    world.run(4.0)
    again = offered(world, "W-1")
    world.take(again)
    world.until(lambda: bool(world.told("taken")))
    assert world.wearer_on(again) == "W-1"


@pytest.mark.req("CTRL-06", "RFID-02", "CTRL-12")
def test_a_camera_that_stays_in_the_dark_was_not_seen_taken_and_is_nobodys_with_the_light(world: DeskWorld):
    serial = offered(world, "W-1")
    world.docks[0].power_off()
    world.run(HOLD_S)
    (told,) = world.told("may_hold")
    assert "who may have it: nobody saw it taken; DOCK-0001 is gone too, and whoever takes it there is" in told["text"]
    assert ACTIONS["may_hold"] == ("pick_up", "asked"), "in the trail it is no pick-up that was done"
    assert not world.told("taken")
    assert holdings(world) == [(serial, "W-1", False)]
    problems = world.running().controller.problems
    assert "give that dock its power" in problems[UNSEEN_PROBLEM + serial]
    world.run(600.0)
    power_back(world)
    world.until(lambda: UNSEEN_PROBLEM + serial not in problems, 5.0)
    world.until(lambda: not holdings(world), 5.0)
    assert world.wearer_on(serial) == ""
    assert "nobody saw whether it was taken" in world.told("offer_ended")[-1]["text"]
    assert not world.told("brought_back")
    assert offered(world, "W-2")


@pytest.mark.req("CTRL-06", "RFID-02")
def test_whoever_takes_it_in_the_dark_has_it_until_it_is_docked(world: DeskWorld):
    serial = offered(world, "W-1")
    world.docks[0].power_off()
    world.run(2.0)
    world.take(serial)
    world.run(HOLD_S)
    world.record(serial)
    assert holdings(world) == [(serial, "W-1", False)]
    power_back(world)
    world.tap("W-1")
    world.until(lambda: world.told("tap")[-1]["reason"] == "may_hold")
    world.run(2.0)
    assert UNSEEN_PROBLEM + serial in world.running().controller.problems, "the dock is back, and the camera is not"
    world.put_back(serial)
    world.until(lambda: bool(world.told("erased")), 40.0)
    (row,) = world.running().index.recordings()
    assert row.wearer_id == "W-1"
    world.until(lambda: not holdings(world) and UNSEEN_PROBLEM + serial not in world.running().controller.problems)


@pytest.mark.req("CTRL-06")
def test_a_note_that_somebody_ends_ends_what_was_said_of_the_dark(world: DeskWorld):
    serial = offered(world, "W-1")
    world.docks[0].power_off()
    world.run(HOLD_S)
    world.loop.create_task(world.running().desk.pickup.end_holding(serial))  # type: ignore[union-attr]
    world.until(lambda: UNSEEN_PROBLEM + serial not in world.running().controller.problems, 3.0)


@pytest.mark.req("CTRL-06")
def test_a_camera_that_is_taken_while_only_the_docks_cable_is_out_is_not_said_to_be_seen(world: DeskWorld):
    serial = offered(world, "W-1")
    world.bench.bus.detach("DOCK-0001", "its cable is pulled")
    world.run(1.0)
    assert world.flashing() == [serial], "it has its power"
    world.take(serial)
    world.run(HOLD_S)
    assert (world.wearer_on(serial), holdings(world)) == ("W-1", [(serial, "W-1", False)])
    assert not world.told("taken")
    assert len(world.told("may_hold")) == 1


@pytest.mark.req("CTRL-06", "CTRL-11")
def test_nobody_switches_off_a_bay_that_flashes_and_no_bay_that_is_off_flashes(world: DeskWorld):
    serial = offered(world, "W-1")
    bay = next(row["bay"] for row in offers(world))
    with hardware(world) as ask:
        for name, how in (("set_bay_power", {"on": False}), ("power_cycle_bay", {})):
            with pytest.raises(
                CommandError, match=f"bay {bay} flashes for somebody: ask again when its camera is taken"
            ):
                ask(name, bay=bay, **how)
        ask("set_bay_power", bay=bay, on=True)
        other = 3 - bay
        ask("set_bay_power", bay=other, on=False)
        world.until(lambda: len(world.ready()) == 1)
        world.until(lambda: not offers(world), HOLD_S)
        assert (world.wearer_on(serial), world.told("taken"), holdings(world)) == ("", [], [])
        ask("set_bay_power", bay=bay, on=False)
        world.run(4.0)
        world.tap("W-2")
        world.until(lambda: len(world.told("tap")) == 2)
        assert world.told("tap")[-1]["reason"] == "no_camera"
        ask("set_bay_power", bay=other, on=True)
        world.until(lambda: len(world.ready()) == 1, 20.0)
        world.run(4.0)
        world.tap("W-2")
        world.until(lambda: bool(world.flashing()))


@pytest.mark.req("CTRL-06")
def test_a_bay_whose_supply_is_just_going_is_offered_to_nobody(world: DeskWorld):
    dock, pickup = world.running().controller.docks["DOCK-0001"], world.running().desk.pickup  # type: ignore[union-attr]
    badge = uid_of("W-1").hex().upper()

    async def scenario() -> None:
        going = [asyncio.create_task(dock.set_power(bay, False)) for bay in (1, 2)]
        await asyncio.sleep(0)  # it is asked, and nothing has been answered
        assert len(world.ready()) == 2
        assert pickup.tap(badge)["reason"] == "no_camera"
        for each in going:
            each.cancel()
        await asyncio.wait(going)
        assert dock.switched_off == set(), "whoever asked has gone, and the dock may not have heard of it"

    task = world.loop.create_task(scenario())
    world.until(task.done)
    task.result()


@contextmanager
def hardware(world: DeskWorld) -> Generator[Callable[..., Any]]:
    """What people may ask of docks, with virtual time passing until it is answered."""
    running, store = world.running(), open_store(":memory:", load_secret(MemoryFiles(), SeededEntropy("people")))

    async def at_once(function: Callable[[], Any], /) -> Any:
        return function()

    gate, journey = Gate(AuditTrail(store), world.wall_ms, at_once), Journey(running.index, world.wall_ms)
    group = HardwareCommands(gate, running.controller, running.index, running.spool, journey, at_once)
    commands = Commands([group])

    def ask(name: str, **arguments: Any) -> Any:
        task = world.loop.create_task(commands.call(ANN, name, arguments))
        world.until(task.done, 30.0)
        return task.result()

    yield ask
    store.close()
