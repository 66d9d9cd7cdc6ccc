"""A fleet whose cameras are picked up by badge: people who tap, take what flashes, and carry it through their day.

Law: as ``hands``: people see lamps, and whether a camera flashes for them at the desk; nothing else. Whoever carries a
camera is the truth by which recordings are judged (checker d): it must be attributed to whoever tapped for it last.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from host_tools.controller.happenings import Happening
from host_tools.simulation import hands
from host_tools.simulation.bench import SimCamera
from host_tools.simulation.plan import Action
from host_tools.simulation.reader import SimReader, SimReaders
from host_tools.system.records import Wearer
from host_tools.system.store import MemoryStore
from host_tools.system.system import System

if TYPE_CHECKING:
    from host_tools.simulation.world import Simulation

US_PER_S = 1_000_000
TAKE_S = (1.0, 20.0)  # from the flash until somebody's hand is at the bay
FREE_US = 2 * US_PER_S  # before somebody looks again whether the reader is free
AGAIN_US = 120 * US_PER_S  # before somebody who got no camera taps again
TRIES = 6


class Badges:
    """Everybody with a badge, and the one reader that they share."""

    def __init__(self, world: Simulation) -> None:
        self.store = MemoryStore()
        self.reader = SimReader(world.loop, "desk", seed=world.plan.seed)
        self.readers = SimReaders([self.reader])
        self.carried: dict[int, SimCamera] = {}
        self._world = world
        self._chance = random.Random(f"badges {world.plan.seed}")
        self._tries: dict[int, int] = {}
        system = System(self.store)
        with system.change("set-up", world.wall_ms()) as edit:
            edit.put(system.settings.model_copy(update={"assignment_mode": "self_single"}))
            for number in range(world.plan.cameras):
                edit.put(Wearer(id=_id_of(number), name=f"Wearer {number}", tags=(_uid_of(number).hex().upper(),)))

    def act(self, action: Action) -> bool:
        """Do it if it can be done now; whether it was done."""
        if action.verb == "assign":
            return False
        if action.verb == "take":
            self._tries[action.who] = TRIES
            return self._tap(action.who)
        if action.verb == "snatch":
            return self._snatch(action)
        camera = self.carried.get(action.who)
        if camera is None:
            return False
        if action.verb == "dock":
            if hands.dock(self._world, camera, action.value):
                del self.carried[action.who]
                return True
            return False
        return hands.press(self._world, camera, action.verb)

    def on_told(self, happening: Happening) -> None:
        """What the desk shows: whose camera flashes, and who got none."""
        if happening["what"] == "offered":
            who = _number_of(happening["wearer"])
            delay_us = round(self._chance.uniform(*TAKE_S) * US_PER_S)
            self._world.loop.world.after(delay_us, lambda: self._take(who))
        elif happening["what"] == "tap" and happening["outcome"] == "refused" and happening["wearer"]:
            self._again(_number_of(happening["wearer"]))

    def is_settled(self) -> bool:
        """Whether nobody is noted as having a camera."""
        running = self._world.site.running
        return running is not None and running.desk is not None and not running.desk.view()["pickup"]["holdings"]

    def _tap(self, who: int) -> bool:
        world = self._world
        if world.healed or who in self.carried:
            return False
        world.stir()
        if self.reader.emulated.tag is not None:
            world.loop.world.after(FREE_US, lambda: self._tap_later(who))
            return False
        self.reader.hold(_uid_of(who))
        return True

    def _tap_later(self, who: int) -> None:
        self._tap(who)

    def _again(self, who: int) -> None:
        left = self._tries.get(who, 0)
        if left and who not in self.carried:
            self._tries[who] = left - 1
            self._world.loop.world.after(AGAIN_US, lambda: self._tap_later(who))

    def _take(self, who: int) -> None:
        """A camera that flashes is taken, whichever it is."""
        world = self._world
        flashing = [each for each in world.bench.cameras.values() if _flashes(each)]
        if world.healed or who in self.carried or not flashing:
            return
        world.stir()
        camera = flashing[0]
        camera.take_out()
        camera.wearer = _id_of(who)
        self.carried[who] = camera
        world.trace.note("take", camera=camera.serial, who=who)

    def _snatch(self, action: Action) -> bool:
        """A camera that does not flash is pulled out by somebody who does not record with it."""
        camera = self._world.camera(action.camera)
        if camera.place is None or _flashes(camera) or action.who in self.carried:
            return False
        self._world.stir()
        camera.take_out()
        self.carried[action.who] = camera
        return True


def _flashes(camera: SimCamera) -> bool:
    app = camera.app
    return camera.place is not None and app is not None and app.state == "docked" and app.assignment.is_offered()


def _id_of(number: int) -> str:
    return f"W-{number:04}"


def _number_of(wearer: str) -> int:
    return int(wearer.removeprefix("W-"))


def _uid_of(number: int) -> bytes:
    return b"\x04" + number.to_bytes(6, "big")
