"""What people do: take the camera that is theirs today, press its buttons, bring it back; and what a technician does
who puts everything right.

Law: people see lamps and names at the bay, nothing else. Whoever finds no camera ready in their name waits, and goes
without if it takes too long.
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING

from firmware.ports.errors import PortFault
from host_tools.controller.membership import MembershipError
from host_tools.controller.service import Controller
from host_tools.custody.errors import CustodyError
from host_tools.custody.journey import Journey
from host_tools.protocol.connection import RequestRefused
from host_tools.simulation.bench import SimCamera
from host_tools.simulation.destination import NOT_WANTED
from host_tools.simulation.plan import Action
from host_tools.transports.errors import LinkLost
from host_tools.trust.admission import FACTORY
from host_tools.trust.errors import TrustError

if TYPE_CHECKING:
    from host_tools.simulation.world import Simulation

US_PER_S = 1_000_000
ADD_US = 5 * US_PER_S  # from a camera's waiting until somebody has looked
PRESS_S = 0.15
DOUBLE_PRESS_S = 0.25
HOLD_MORE_S = 0.3  # beyond a button's own hold time
WAIT_US = 120 * US_PER_S  # before somebody looks again whether their camera is ready
WAITS_MAX = 15
SET_ASIDE_MAX = 1_000  # looked through at once


def act(world: Simulation, action: Action) -> bool:
    """Do it if it can be done now; whether it was done."""
    if world.badges is not None:
        return world.badges.act(action)
    camera = world.camera(action.camera)
    if action.verb == "assign":
        world.roster.assign(camera.serial, f"W-{action.who:04}")
        return True
    if action.verb == "take":
        return _take(world, camera, action.who, WAITS_MAX)
    if action.verb == "dock":
        return dock(world, camera, action.value)
    if action.verb == "snatch":
        return _snatch(world, camera)
    return press(world, camera, action.verb)


def dock(world: Simulation, camera: SimCamera, seed: int) -> bool:
    """Into some free bay; not always the one it came from."""
    free = world.bench.free_bays()
    if camera.place is not None or not free:
        return False
    world.stir()
    camera.put_in(*free[random.Random(seed).randrange(len(free))])
    return True


def add_later(world: Simulation, serial: str) -> None:
    """An administrator sees a camera that waits to be added, and adds it."""
    world.loop.bench.after(ADD_US, lambda: _add(world, serial))


def heal(world: Simulation) -> None:
    """Everything works again, every camera is docked, and the controller runs."""
    world.stir()
    undos, world.undos = world.undos, []
    for undo in undos:
        undo()
    world.network.weather = "well"
    for camera in world.bench.cameras.values():
        camera.disk.set_mood("well")
        camera.disk.cut_at_no_write()
        if camera.sensor is not None:
            camera.sensor.broken = False
        for button in camera.pins:
            camera.press(button, False)
        camera.power_on()
    world.site.disk.set_mood("well")
    world.site.disk.cut_at_no_write()
    for station in world.bench.docks:
        station.power_on()
    for number, camera in enumerate(world.bench.cameras.values()):
        cable = world.bench.bus.cable_of(camera.serial)
        if cable is not None:
            cable.damage(0)
        dock(world, camera, number)
    if world.site.running is None:
        world.start_site_after(0)


def retry_set_aside(world: Simulation) -> None:
    """Somebody has put right why the destination refused recordings, and has them tried again."""
    running = world.site.running
    if running is None:
        return
    with suppress(CustodyError):  # a disk that fails now: at the latest they are tried when everything is right
        rows = [row for row in running.index.troubled(SET_ASIDE_MAX) if NOT_WANTED in row.poison]
        for row in rows:
            world.trace.note("retried", recording=row.recording.hex())
            Journey(running.index, world.wall_ms).retry(row.recording)
        if rows:
            running.controller.look_again()


def _add(world: Simulation, serial: str) -> None:
    running = world.site.running
    if running is None:
        return
    held = running.controller.membership.held.get(serial)
    if held is not None and held.admission.state == FACTORY:
        world.loop.create_task(_try_to_add(world, running.controller, serial))


async def _try_to_add(world: Simulation, controller: Controller, serial: str) -> None:
    """What keeps it from being added now shows at its next docking, when it waits again."""
    try:
        await controller.membership.add(serial)
    except (MembershipError, TrustError, RequestRefused, LinkLost, PortFault) as error:
        world.trace.note("not_added", camera=serial, why=type(error).__name__)
        add_later(world, serial)


def _take(world: Simulation, camera: SimCamera, who: int, waits_left: int) -> bool:
    """The bay shows the camera ready in this person's name: then it is taken."""
    if world.healed:
        return False
    running = world.site.running
    view = running.controller.cameras.get(camera.serial) if running is not None else None
    shown = view is not None and view.online and view.wearer == f"Wearer {who}"
    if shown and camera.place is not None and camera.state == "docked":
        world.stir()
        camera.take_out()
        camera.wearer = f"W-{who:04}"
        return True
    if waits_left:
        world.stir()
        world.loop.world.after(WAIT_US, lambda: _take_later(world, camera, who, waits_left - 1))
    return False


def _take_later(world: Simulation, camera: SimCamera, who: int, waits_left: int) -> None:
    if not camera.wearer and _take(world, camera, who, waits_left):
        world.trace.note("take", camera=camera.serial, who=who)


def _snatch(world: Simulation, camera: SimCamera) -> bool:
    """Pulled out early by somebody who does not record with it."""
    if camera.place is None:
        return False
    world.stir()
    camera.take_out()
    return True


def press(world: Simulation, camera: SimCamera, verb: str) -> bool:
    """Only whoever wears a camera presses its button."""
    if not camera.wearer:
        return False
    hold_s = next(each.hold_ms for each in camera.board.buttons if each.name == "record") / 1000 + HOLD_MORE_S
    if verb == "stop":
        world.bench.hold(camera, "record", hold_s)
        return True
    if verb == "record" and camera.state != "ready":
        return False
    world.bench.hold(camera, "record", PRESS_S)
    if verb == "bookmark":
        camera.sim.timeline.after(round(DOUBLE_PRESS_S * US_PER_S), lambda: world.bench.hold(camera, "record", PRESS_S))
    return True
