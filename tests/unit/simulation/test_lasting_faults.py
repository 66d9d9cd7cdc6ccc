"""Faults that stay for hours with nobody there: nothing grows, people are told once, and it goes on when they end.

Real firmware and controller at a bench that never sleeps. A world's mishaps last seconds, and its bench sleeps while
nothing happens: what is repeated without an end does not show there.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from host_tools.controller.service import VAIN_MAX
from host_tools.simulation.desk import EPOCH_UNIX_MS, DeskWorld
from host_tools.simulation.disk import Mood
from host_tools.system.records import AssignmentMode, FixedAssignment
from host_tools.system.system import System

SERIAL = "CAM-0001"
SOON_S = 60.0  # in which everything that is told once has been told
LONG_S = 180.0  # a dozen looks of the controller


class NoSleep(DeskWorld):
    """One camera that is somebody's."""

    def _set_up(self, wearers: tuple[str, ...], mode: AssignmentMode) -> None:
        super()._set_up(wearers, mode)
        with System(self.store).change("set-up", EPOCH_UNIX_MS) as edit:
            edit.put(FixedAssignment(camera=SERIAL, wearer=wearers[0]))


@contextmanager
def recorded(recordings: int = 2) -> Generator[NoSleep]:
    """A camera on somebody's belt, with recordings."""
    world = NoSleep(cameras=1, mode="fixed")
    try:
        world.until(lambda: world.wearer_on(SERIAL) == "W-1")
        world.take(SERIAL)
        world.run(1.0)
        for _ in range(recordings):
            world.record(SERIAL)
        yield world
    finally:
        world.close()
    assert world.crashes == []


def card(world: NoSleep, mood: Mood) -> None:
    world.camera(SERIAL).disk.set_mood(mood)


def held(world: NoSleep) -> int:
    app = world.camera(SERIAL).app
    assert app is not None
    return len(app.vault.recordings())


@pytest.mark.req("CTRL-24", "CAM-21")
def test_a_card_that_lets_nothing_go_adds_nothing_to_the_ledger() -> None:
    """The destination has both, the camera keeps both, and is asked again and again."""
    with recorded() as world:
        card(world, "read_only")
        world.put_back(SERIAL)
        world.until(lambda: len(world.told("delivered")) == 2, SOON_S)
        world.run(SOON_S)
        head, looks = world.running().index.ledger_head(), len(world.told("camera_idle"))
        world.run(LONG_S)
        assert len(world.told("camera_idle")) >= looks + 10
        assert world.running().index.ledger_head() == head
        card(world, "well")
        world.until(lambda: len(world.told("erased")) == 2, SOON_S)
        assert held(world) == 0


@pytest.mark.req("CTRL-12", "LINK-05")
def test_a_camera_that_cannot_show_who_it_is_is_told_of_and_is_not_asked_on_and_on() -> None:
    """Its keys are on a card that cannot be read: it stood in its bay as if all was well, met twice a second."""
    with recorded() as world:
        card(world, "failing")
        mark = len(world.happened)
        world.put_back(SERIAL)
        world.until(lambda: bool(world.told("problem", mark)), SOON_S)
        (problem,) = world.told("problem", mark)
        assert "ends each session before it has shown who it is: dock it again" in problem["text"]
        world.run(SOON_S)
        assert len(world.told("link_lost", mark)) < VAIN_MAX
        assert world.running().controller.problems == {problem["url"]: problem["text"]}
        card(world, "well")
        world.until(lambda: len(world.told("erased")) == 2, SOON_S)
        assert world.running().controller.problems == {}


@pytest.mark.req("CTRL-12", "LINK-06")
def test_an_index_that_cannot_be_read_ends_no_session() -> None:
    """Each new session took another certificate onto the camera's card: eight writes every five seconds."""
    with recorded() as world:
        world.put_back(SERIAL)
        world.until(lambda: bool(world.told("camera_ready")), SOON_S)
        world.site.disk.set_mood("failing")
        world.run(SOON_S)
        mark, changes = len(world.happened), world.camera(SERIAL).disk.changes
        world.run(LONG_S)
        assert [each for each in world.happened[mark:] if each["what"] in ("docked", "undocked", "problem")] == []
        assert world.camera(SERIAL).disk.changes == changes
        world.site.disk.set_mood("well")
        world.until(lambda: len(world.told("erased")) == 2, SOON_S)
