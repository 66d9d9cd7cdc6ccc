"""What each fault of ``faults.TABLE`` does, and how it is undone: pairs of small functions over a site.

Law: only what can happen to a real board. Nothing here talks to firmware, but by power, pins, ports and cables.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from firmware.version import VERSION
from host_tools.emulator.camera_world import CameraWorld
from host_tools.emulator.dock_world import DockWorld
from host_tools.emulator.errors import FaultUnsupported
from host_tools.emulator.models import BayContacts, Node
from host_tools.emulator.models.imu_chip import MotionChip
from host_tools.emulator.reader_world import ReaderWorld

if TYPE_CHECKING:
    from host_tools.emulator.bench import EmulatedBench

WORN_OHM = 0.35  # ten times a new pair: a corroded or bent pin that still charges
WET_OHM = 20_000.0
SHORT_OHM = 2.0
FLUTTER_MS = 900.0  # mean time between two openings
DIP_S = 0.05  # how long a supply is away in a brownout
HOT_W = 5.0  # 60 degrees at the block after four seconds
LOOSE_TIMES = 6.0  # more bounces than a new spring's, each so many times as long
DIPS_S = (3.0, 8.0)  # between two dips of a loose spring
AGED_PART = 1 / 3
OLDER_VERSION = "0.0.9"  # of no release: there never was one before ours


@dataclass
class Site:
    """Where a fault is. ``healed`` is called by a fault that is over by itself; ``bays``: those whose contacts it is
    at, found when it is done, for cameras are carried about."""

    bench: EmulatedBench
    world: CameraWorld | DockWorld | ReaderWorld
    board: str
    instance: int
    healed: Callable[[], None] = lambda: None
    timers: list[asyncio.TimerHandle] = field(default_factory=list[asyncio.TimerHandle])
    bays: list[BayOf] = field(default_factory=lambda: list[BayOf]())

    @property
    def kind(self) -> str:
        """``camera``, ``dock`` or ``reader``."""
        return "reader" if isinstance(self.world, ReaderWorld) else self.world.board.kind

    @property
    def station(self) -> CameraWorld | DockWorld:
        """The board, one with firmware of ours."""
        assert not isinstance(self.world, ReaderWorld), f"{self.board} is a reader: the table is wrong"
        return self.world

    @property
    def reader(self) -> ReaderWorld:
        """The board, a reader."""
        assert isinstance(self.world, ReaderWorld), f"{self.board} is no reader: the table is wrong"
        return self.world

    @property
    def camera(self) -> CameraWorld:
        """The board, a camera."""
        assert isinstance(self.world, CameraWorld), f"{self.board} is no camera: the table is wrong"
        return self.world

    def instances(self, what: str) -> tuple[int, ...]:
        """The numbers that an instance can have."""
        if what == "bay" and isinstance(self.world, DockWorld):
            return tuple(self.world.bays)
        if what == "button":
            return tuple(range(1, len(self.camera.board.buttons) + 1))
        return ()

    def chance(self, what: str) -> random.Random:
        """Of the bench's seed, the same for the same fault at the same board."""
        return random.Random(f"fault {self.bench.bench.seed} {self.board} {what} {self.instance}")


class Hands(NamedTuple):
    """``check`` raises FaultUnsupported where the fault makes no sense now. ``shared``: the word of what it sets and
    other faults set too; ``do`` of such a one may be called again, and is when another one of that word is healed."""

    do: Callable[[Site], None]
    undo: Callable[[Site], None]
    check: Callable[[Site], None] | None = None
    shared: str = ""


# -- contacts


class BayOf(NamedTuple):
    """A bay of a dock."""

    dock: DockWorld
    number: int
    contacts: BayContacts


def _bays(site: Site) -> list[BayOf]:
    """The bays that are meant: of a dock the one with that number, or all; of a camera the one that it is in."""
    if isinstance(site.world, DockWorld):
        numbers = [site.instance] if site.instance else list(site.world.bays)
        return [BayOf(site.world, number, site.world.bays[number]) for number in numbers]
    if site.camera.bay is None:
        return []
    dock, number = site.camera.bay
    return [BayOf(site.bench.docks[dock], number, site.bench.docks[dock].bays[number])]


def _needs_bay(site: Site) -> None:
    if not _bays(site):
        raise FaultUnsupported(f"unsupported: {site.board} is in no bay and touches no contacts; dock it first")


def _contact(act: Callable[[BayContacts], None], undo: Callable[[BayContacts], None], restless: bool = False) -> Hands:
    def do_it(site: Site) -> None:
        site.bays = site.bays or _bays(site)
        _each(site, act)
        for dock, number, _contacts in site.bays if restless else ():
            dock.restless.add(number)

    def undo_it(site: Site) -> None:
        _each(site, undo)
        for dock, number, _contacts in site.bays if restless else ():
            dock.restless.discard(number)

    return Hands(do_it, undo_it, _needs_bay, "contact")


def _each(site: Site, act: Callable[[BayContacts], None]) -> None:
    for dock, number, contacts in site.bays:
        contacts.advance(site.bench.world_ms())
        act(contacts)
        dock.move()
        site.bench.look_at_bay(dock.part.name, number)


def _wear(ohm: float) -> Callable[[BayContacts], None]:
    def act(contacts: BayContacts) -> None:
        contacts.extra_ohm = ohm

    return act


def _flutter(mean_ms: float | None) -> Callable[[BayContacts], None]:
    def act(contacts: BayContacts) -> None:
        contacts.flutter_ms = mean_ms

    return act


def _heat(watt: float) -> Callable[[BayContacts], None]:
    def act(contacts: BayContacts) -> None:
        contacts.hot_w = watt

    return act


def _loosen(times: float) -> Callable[[BayContacts], None]:
    def act(contacts: BayContacts) -> None:
        contacts.loose = times

    return act


def _join(first: Node, second: Node, ohm: float) -> Callable[[BayContacts], None]:
    return lambda contacts: contacts.short(first, second, ohm)


def _part(first: Node, second: Node) -> Callable[[BayContacts], None]:
    return lambda contacts: contacts.clear_short(first, second)


CONTACT_OPEN = _contact(lambda contacts: contacts.stick("open"), lambda contacts: contacts.stick(None))
CONTACT_HELD = _contact(lambda contacts: contacts.stick("closed"), lambda contacts: contacts.stick(None))
CONTACT_WORN = _contact(_wear(WORN_OHM), _wear(0.0))
CONTACT_WET = _contact(_join(Node.POWER, Node.DATA, WET_OHM), _part(Node.POWER, Node.DATA))
CONTACT_SHORT = _contact(_join(Node.POWER, Node.GROUND, SHORT_OHM), _part(Node.POWER, Node.GROUND))
CONTACT_HOT = _contact(_heat(HOT_W), _heat(0.0))
CONTACT_LOOSE = _contact(_loosen(LOOSE_TIMES), _loosen(1.0))
CONTACT_FLUTTER = _contact(_flutter(FLUTTER_MS), _flutter(None), restless=True)


# -- parts with faults of their own


def button(kind: str) -> Hands:
    """Instance: the button's number in the board file, from 1; 0 all."""

    def parts(site: Site) -> list[set[str]]:
        buttons = list(site.camera.buttons.values())
        chosen = buttons if not site.instance else buttons[site.instance - 1 : site.instance]
        return [each.faults for each in chosen]

    def do_it(site: Site) -> None:
        for faults in parts(site):
            faults.add(kind)
        site.camera.follow()

    def undo(site: Site) -> None:
        for faults in parts(site):
            faults.discard(kind)
        site.camera.follow()

    return Hands(do_it, undo, shared="button")


def card(kind: str) -> Hands:
    """See models.card."""

    def do_it(site: Site) -> None:
        site.camera.card.set_fault(kind)

    def undo(site: Site) -> None:
        site.camera.card.clear_fault(kind)

    return Hands(do_it, undo)


def clock(kind: str) -> Hands:
    """See models.oscillator."""

    def do_it(site: Site) -> None:
        site.camera.rtc_oscillator.set_fault(kind, site.bench.world_ms())

    def undo(site: Site) -> None:
        site.camera.rtc_oscillator.clear_fault(kind, site.bench.world_ms())

    return Hands(do_it, undo)


def gnss(kind: str) -> Hands:
    """See models.gnss. What was said before is not changed."""

    def faults_of(site: Site) -> set[str]:
        if site.camera.gnss is None:
            raise FaultUnsupported(f"unsupported: {site.board} is a {site.station.board.model} and has no receiver")
        site.camera.gnss.line.look()
        return site.camera.gnss.receiver.faults

    def do_it(site: Site) -> None:
        faults_of(site).add(kind)

    def undo(site: Site) -> None:
        faults_of(site).discard(kind)

    def check(site: Site) -> None:
        faults_of(site)

    return Hands(do_it, undo, check)


def radio(kind: str) -> Hands:
    """See air."""

    def do_it(site: Site) -> None:
        check(site)
        site.camera.radio_faults.add(kind)
        site.camera.retune()

    def undo(site: Site) -> None:
        site.camera.radio_faults.discard(kind)
        site.camera.retune()

    def check(site: Site) -> None:
        if not site.camera.has_radio:
            raise FaultUnsupported(f"unsupported: {site.board} is a {site.station.board.model} and has no radio")

    return Hands(do_it, undo, check)


def sensor(kind: str) -> Hands:
    """See port_faults."""

    def do_it(site: Site) -> None:
        site.camera.sensor_faults.add(kind)
        site.camera.emulated.wake()

    def undo(site: Site) -> None:
        site.camera.sensor_faults.discard(kind)
        site.camera.emulated.wake()

    return Hands(do_it, undo)


def imu(kind: str) -> Hands:
    """See models.imu_chip; ``off``: nothing answers at its address."""

    def chip_of(site: Site) -> MotionChip:
        if site.camera.motion_chip is None:
            raise FaultUnsupported(f"unsupported: {site.board} is a {site.camera.board.model} and has no motion sensor")
        return site.camera.motion_chip

    def do_it(site: Site) -> None:
        chip = chip_of(site)
        if kind == "off":
            site.camera.chips.bus.unplug(site.camera.motion_address)
        else:
            chip.set_faults(chip.faults | {kind})

    def undo(site: Site) -> None:
        chip = chip_of(site)
        if kind == "off":
            chip.power_on()
            site.camera.chips.bus.plug(site.camera.motion_address, chip)
        else:
            chip.set_faults(chip.faults - {kind})

    def check(site: Site) -> None:
        chip_of(site)

    return Hands(do_it, undo, check)


def adc(kind: str) -> Hands:
    """See port_faults. Instance: a dock's bay, 0 all channels."""

    def do_it(site: Site) -> None:
        site.station.adc_faults.add((kind, site.instance))
        _look_again(site, True)

    def undo(site: Site) -> None:
        site.station.adc_faults.discard((kind, site.instance))
        _look_again(site, bool(site.station.adc_faults))

    return Hands(do_it, undo)


def _look_again(site: Site, restless: bool) -> None:
    """A converter whose readings change by themselves must be read as often as on a real board."""
    if isinstance(site.world, DockWorld):
        site.world.restless = site.world.restless | {0} if restless else site.world.restless - {0}
        site.world.move()
    else:
        site.station.emulated.wake()


# -- power and processor


def _dead(site: Site) -> None:
    site.camera.dead_cell = True
    site.bench.look_at_camera(site.board)


def _alive(site: Site) -> None:
    site.camera.dead_cell = False
    site.bench.look_at_camera(site.board)


def _aged(part: float) -> Callable[[Site], None]:
    def act(site: Site) -> None:
        site.camera.battery.age(part)
        site.bench.look_at_camera(site.board)

    return act


def _break_charger(broken: bool) -> Callable[[Site], None]:
    def act(site: Site) -> None:
        site.camera.chips.charger.break_down(broken)
        site.bench.look_at_camera(site.board)

    return act


def _dip(site: Site) -> None:
    """The supply is away for a moment."""
    if site.station.emulated.is_on:
        site.bench.set_power(site.board, False)
        site.timers.append(site.bench.faults.later(DIP_S, lambda: _power_back(site)))


def _dip_once(site: Site) -> None:
    _dip(site)
    site.timers.append(site.bench.faults.later(DIP_S, site.healed))


def _dip_often(site: Site) -> None:
    chance = site.chance("dips")

    def next_dip() -> None:
        _dip(site)
        site.timers.append(site.bench.faults.later(DIP_S + chance.uniform(*DIPS_S), next_dip))

    next_dip()


def _power_away(site: Site) -> None:
    site.bench.set_power(site.board, False)


def _power_back(site: Site) -> None:
    if not site.bench.faults.is_on(site.board, "power", "off"):
        site.bench.set_power(site.board, True)


def _crash(site: Site) -> None:
    site.station.emulated.crash_next()
    site.timers.append(site.bench.faults.later(0.0, site.healed))


def _over(site: Site) -> None:
    """Nothing to undo: what is left of it ends with the watchdog's reset."""


def _let_go(site: Site) -> None:
    site.station.emulated.hang(False)


def _hang(site: Site) -> None:
    site.station.emulated.hang()
    _until_reset(site)


def _until_reset(site: Site) -> None:
    """A hang is over when the watchdog has bitten: the board's next boot."""
    boots = site.station.emulated.boots

    def look() -> None:
        if site.station.emulated.boots != boots:
            site.healed()
        else:
            site.timers.append(site.bench.faults.later(1.0, look))

    site.timers.append(site.bench.faults.later(1.0, look))


def _slow(is_slow: bool) -> Callable[[Site], None]:
    def act(site: Site) -> None:
        site.station.emulated.is_slow = is_slow

    return act


def _other_version(version: str) -> Callable[[Site], None]:
    def act(site: Site) -> None:
        site.station.emulated.install(version)
        if site.station.emulated.is_on:
            site.bench.reset(site.board)

    return act


BATTERY_DEAD = Hands(_dead, _alive)
BATTERY_AGED = Hands(_aged(AGED_PART), _aged(1.0))
CHARGER_BROKEN = Hands(_break_charger(True), _break_charger(False))
POWER_OFF = Hands(_power_away, _power_back)
RESET_ONCE = Hands(_dip_once, _power_back)
RESET_OFTEN = Hands(_dip_often, _power_back)
FIRMWARE_CRASH = Hands(_crash, _over)
FIRMWARE_HANG = Hands(_hang, _let_go)
FIRMWARE_SLOW = Hands(_slow(True), _slow(False))
FIRMWARE_OTHER = Hands(_other_version(OLDER_VERSION), _other_version(VERSION))
