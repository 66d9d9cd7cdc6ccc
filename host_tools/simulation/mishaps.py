"""What goes wrong, by kind: each a function that does it to a running simulation, and often one that puts it right.

Law: a literal table. A mishap touches the world only: media, cables, contacts, power, clocks, the network. What has no
effect at its moment (a link cut of a camera that is not docked) does nothing and is counted as such.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from firmware.ports.errors import PortFault
from host_tools.simulation import hands
from host_tools.simulation.disk import Disk, Mood
from host_tools.simulation.loop import US_PER_S
from host_tools.simulation.plan import Mishap
from host_tools.simulation.site import SPOOLED
from host_tools.system.records import SettingValue

if TYPE_CHECKING:
    from host_tools.simulation.bench import SimCamera
    from host_tools.simulation.destination import Weather
    from host_tools.simulation.world import Simulation

US_PER_MS = 1_000
FLAP_US = (5_000, 400_000)  # contacts open for so long
CUT_CHANGES = 60  # a cut at a write comes within so many changes of the medium
# For good. Certificates that were made in a future that is taken back lock their cameras out until it comes, by design;
# so a clock goes back for good only by what is within the slack that certificates are judged with.
CLOCK_JUMPS_S = (-20, -1, 1, 61, 3_600, 86_400)
CLOCK_ERRORS_S = (-86_400, -3_600, -400)  # for a while: until somebody sets it right
BYTES_PER_ERROR = (2_000, 200_000)
PROFILE_SETTINGS: tuple[tuple[str, tuple[SettingValue, ...]], ...] = (
    ("audio", (True, False)),
    ("front_indicator", ("steady", "flash", "none")),
    ("video_quality", ("720p", "1080p")),
)
RESTART_US = 5 * US_PER_S  # a service manager's pause before it starts the controller again

Undo = Callable[[], None]
Effect = Callable[["Simulation", Mishap], Undo | bool]


def _camera_mood(mood: Mood) -> Effect:
    def apply(world: Simulation, mishap: Mishap) -> Undo | bool:
        return _mood(world.camera(mishap.target).disk, mood)

    return apply


def _spool_mood(mood: Mood) -> Effect:
    def apply(world: Simulation, mishap: Mishap) -> Undo | bool:
        return _mood(world.site.disk, mood)

    return apply


def _mood(disk: Disk, mood: Mood) -> Undo:
    disk.set_mood(mood)
    return lambda: disk.set_mood("well")


def _weather(weather: Weather) -> Effect:
    def apply(world: Simulation, mishap: Mishap) -> Undo | bool:
        world.network.weather = weather

        def clear() -> None:
            world.network.weather = "well"

        return clear

    return apply


def contacts_flap(world: Simulation, mishap: Mishap) -> Undo | bool:
    """Worn contacts: the camera in its bay loses touch again and again."""
    camera, chance = world.camera(mishap.target), random.Random(mishap.seed)
    if camera.place is None:
        return False
    dock, bay = camera.place
    until_us = world.loop.bench.now_us + mishap.length_ms * US_PER_MS

    def part() -> None:
        if camera.place == (dock, bay) and world.loop.bench.now_us < until_us:
            camera.take_out()
            world.loop.bench.after(chance.randint(*FLAP_US), touch)

    def touch() -> None:
        if camera.place is None and not camera.wearer and bay not in dock.occupants:
            camera.put_in(dock, bay)
            world.loop.bench.after(chance.randint(*FLAP_US), part)

    part()
    return True


def bit_errors(world: Simulation, mishap: Mishap) -> Undo | bool:
    """A worn data pair: bits flip on this camera's cable."""
    cable = world.bench.bus.cable_of(world.camera(mishap.target).serial)
    if cable is None:
        return False
    cable.damage(random.Random(mishap.seed).randint(*BYTES_PER_ERROR))
    return lambda: cable.damage(0)


def link_cut(world: Simulation, mishap: Mishap) -> Undo | bool:
    """USB goes away and comes back; power stays."""
    camera = world.camera(mishap.target)
    if not world.bench.bus.is_attached(camera.serial):
        return False
    camera.lose_link("the cable broke", mishap.length_ms * US_PER_MS)
    return True


def camera_power_cut(world: Simulation, mishap: Mishap) -> Undo | bool:
    """A camera loses its power at this instant."""
    camera = world.camera(mishap.target)
    if not camera.sim.is_on:
        return False
    camera.cut_power(mishap.seed)
    return camera.power_on


def camera_cut_at_write(world: Simulation, mishap: Mishap) -> Undo | bool:
    """A camera loses its power at one of its next changes of the card, in the middle of whatever it does."""
    camera = world.camera(mishap.target)
    if not camera.sim.is_on:
        return False
    camera.disk.cut_before(random.Random(mishap.seed).randrange(CUT_CHANGES), mishap.seed)
    _power_on_when_dead(world, camera, mishap.length_ms)
    return True


def encoder_fails(world: Simulation, mishap: Mishap) -> Undo | bool:
    """The encoder fails, and works again later."""
    sensor = world.camera(mishap.target).sensor
    if sensor is None:
        return False
    sensor.broken = True
    world.camera(mishap.target).sim.wake()

    def mend() -> None:
        sensor.broken = False

    return mend


def camera_clock_lost(world: Simulation, mishap: Mishap) -> Undo | bool:
    """The clock chip's own cell is empty: at the next boot the camera does not know the time."""
    world.camera(mishap.target).lose_clock()
    return True


def dock_power_cut(world: Simulation, mishap: Mishap) -> Undo | bool:
    """A dock's adapter is pulled."""
    dock = world.bench.docks[mishap.target]
    if not dock.sim.is_on:
        return False
    dock.power_off()
    return dock.power_on


def hub_reset(world: Simulation, mishap: Mishap) -> Undo | bool:
    """All USB devices of a dock vanish and come back; power stays."""
    dock = world.bench.docks[mishap.target]
    world.bench.bus.detach(dock.serial, "the hub was reset")
    dock.attach_later(mishap.length_ms * US_PER_MS)
    for camera in list(dock.occupants.values()):
        camera.lose_link("the hub was reset", mishap.length_ms * US_PER_MS)
    return True


def destination_refuses(world: Simulation, mishap: Mishap) -> Undo | bool:
    """It wants nothing, for good as it says: what is sent is set aside until a person has put that right."""
    world.network.weather = "refuses"

    def put_right() -> None:
        world.network.weather = "well"
        hands.retry_set_aside(world)

    return put_right


def profile_changed(world: Simulation, mishap: Mishap) -> Undo | bool:
    """An administrator turns a setting of everybody's profile over, whatever is under way; where there is a system."""
    running, chance = world.site.running, random.Random(mishap.seed)
    system = running.controller.system if running is not None else None
    if system is None:
        return False
    with system.change("administrator", world.wall_ms()) as edit:
        profile = system.profiles[system.settings.default_profile]
        name, values = chance.choice(PROFILE_SETTINGS)
        edit.put(profile.model_copy(update={"settings": {**profile.settings, name: chance.choice(values)}}))
    return True


def wearer_changed(world: Simulation, mishap: Mishap) -> Undo | bool:
    """Somebody has another name from now on, whatever camera they have or are about to get; where there is a system."""
    running = world.site.running
    system = running.controller.system if running is not None else None
    if system is None:
        return False
    wearer = system.wearers[random.Random(mishap.seed).choice(sorted(system.wearers))]
    with system.change("administrator", world.wall_ms()) as edit:
        edit.put(wearer.model_copy(update={"name": f"Wearer {mishap.seed}"}))
    return True


def clock_jump(world: Simulation, mishap: Mishap) -> Undo | bool:
    """Somebody sets the controller's clock."""
    world.jump_clock(random.Random(mishap.seed).choice(CLOCK_JUMPS_S))
    return True


def clock_wrong(world: Simulation, mishap: Mishap) -> Undo | bool:
    """The controller's clock is slow for a while: cameras may refuse it or be refused, and nothing worse."""
    seconds = random.Random(mishap.seed).choice(CLOCK_ERRORS_S)
    world.jump_clock(seconds)
    return lambda: world.jump_clock(-seconds)


def controller_restart(world: Simulation, mishap: Mishap) -> Undo | bool:
    """The controller is ended in order and started again."""
    if world.site.running is None:
        return False
    world.site.stop()
    world.start_site_after(mishap.length_ms)
    return True


def controller_power_cut(world: Simulation, mishap: Mishap) -> Undo | bool:
    """The controller's machine loses its power at this instant."""
    if world.site.running is None:
        return False
    world.site.cut(mishap.seed)
    world.start_site_after(mishap.length_ms)
    return True


def controller_cut_at_write(world: Simulation, mishap: Mishap) -> Undo | bool:
    """The controller's machine loses its power at one of its next changes of the disk."""
    if world.site.running is None:
        return False
    world.site.disk.cut_before(random.Random(mishap.seed).randrange(CUT_CHANGES), mishap.seed)
    world.start_after_death_ms = mishap.length_ms
    return True


def spool_bit_flip(world: Simulation, mishap: Mishap) -> Undo | bool:
    """A bit of a chunks file in the spool turns over."""
    files, chance = world.site.disk.files, random.Random(mishap.seed)
    try:
        paths = [f"{SPOOLED}/{name}/chunks" for name in files.list_folder(SPOOLED)]
        paths = [path for path in paths if files.exists(path)]
        if not paths:
            return False
        file = files.open(chance.choice(paths), writable=True)
    except PortFault:
        return False
    try:
        size_bytes = file.size_bytes()
        if not size_bytes:
            return False
        place, one = chance.randrange(size_bytes), bytearray(1)
        file.read_at(place, one)
        one[0] ^= 1 << chance.randrange(8)
        file.write_at(place, one)
    finally:
        file.close()
    return True


def _power_on_when_dead(world: Simulation, camera: SimCamera, length_ms: int) -> None:
    """The board is found off after some time, and switched on."""

    def look() -> None:
        if not world.healed and camera.disk.is_dead():
            camera.power_on()
        elif not world.healed and camera.disk.alert:
            world.loop.world.after(max(length_ms, 1_000) * US_PER_MS, look)

    world.loop.world.after(max(length_ms, 1_000) * US_PER_MS, look)


EFFECTS: dict[str, Effect] = {
    "contacts_flap": contacts_flap,
    "bit_errors": bit_errors,
    "link_cut": link_cut,
    "camera_power_cut": camera_power_cut,
    "camera_cut_at_write": camera_cut_at_write,
    "card_fails": _camera_mood("failing"),
    "card_read_only": _camera_mood("read_only"),
    "card_full": _camera_mood("full"),
    "encoder_fails": encoder_fails,
    "camera_clock_lost": camera_clock_lost,
    "dock_power_cut": dock_power_cut,
    "hub_reset": hub_reset,
    "destination_away": _weather("away"),
    "destination_forgets_answers": _weather("forgets_answers"),
    "destination_breaks_off": _weather("breaks_off"),
    "destination_refuses": destination_refuses,
    "profile_changed": profile_changed,
    "wearer_changed": wearer_changed,
    "clock_jump": clock_jump,
    "clock_wrong": clock_wrong,
    "controller_restart": controller_restart,
    "controller_power_cut": controller_power_cut,
    "controller_cut_at_write": controller_cut_at_write,
    "spool_fails": _spool_mood("failing"),
    "spool_full": _spool_mood("full"),
    "spool_read_only": _spool_mood("read_only"),
    "spool_bit_flip": spool_bit_flip,
}
