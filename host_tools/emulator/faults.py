"""Faults by name: ``<component> <type>``, in PX4's words, on any board of a bench, and back by ``ok``.

Law: one table says what each does and to which boards; what is not in it is *unsupported*, in a line that says what is.
A fault is done to a model, a port or a cable; the firmware and the controller find out for themselves. Chance is the
bench's seed. ``fault_effects`` does it; here is who has which.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from host_tools.emulator import fault_effects as effects
from host_tools.emulator import fault_effects_ports as ports
from host_tools.emulator.errors import BenchError, FaultUnsupported
from host_tools.emulator.fault_effects import Hands, Site
from host_tools.hardware.errors import nearest

if TYPE_CHECKING:
    from host_tools.emulator.bench import EmulatedBench

OK = "ok"
DONE = "done"
TYPES = (
    "ok", "off", "stuck", "garbage", "wrong", "slow", "delayed", "intermittent", "torn", "duplicated", "reordered",
    "bitflip", "brownout", "unplug", "hot",
)  # fmt: skip
BOTH = ("camera", "dock")
CAMERA = ("camera",)
READER = ("reader",)
ALL = (*BOTH, *READER)


class Row(NamedTuple):
    """``kinds``: of boards that can have it; ``instances``: what ``-i`` counts, empty for nothing; ``text``: what it
    does, for people."""

    component: str
    type: str
    kinds: tuple[str, ...]
    instances: str
    text: str
    hands: Hands

    @property
    def counted(self) -> str:
        """``instances`` for people: only a dock has bays to choose from."""
        return f"{self.instances} (dock)" if self.instances == "bay" and "camera" in self.kinds else self.instances


TABLE: tuple[Row, ...] = (
    Row("contact", "off", BOTH, "bay", "presence pin does not touch: the dock sees no camera", effects.CONTACT_OPEN),
    Row("contact", "stuck", BOTH, "bay", "presence pin is held down: a camera seems to be there", effects.CONTACT_HELD),
    Row("contact", "wrong", BOTH, "bay", "worn power pin: 0.35 ohms more, hot under load", effects.CONTACT_WORN),
    Row("contact", "garbage", BOTH, "bay", "water: 20 kilohms from power to data pins", effects.CONTACT_WET),
    Row("contact", "brownout", BOTH, "bay", "power pin shorted: 2 ohms to ground", effects.CONTACT_SHORT),
    Row("contact", "intermittent", BOTH, "bay", "presence pin bounces open for 15 ms, again and again",
        effects.CONTACT_FLUTTER),
    Row("contact", "hot", BOTH, "bay", "something heats the block: 60 degrees within seconds", effects.CONTACT_HOT),
    Row("contact", "delayed", BOTH, "bay", "worn springs: bounces long at every docking", effects.CONTACT_LOOSE),
    Row("button", "off", CAMERA, "button", "does not reach the board", effects.button("off")),
    Row("button", "stuck", CAMERA, "button", "is held down", effects.button("stuck")),
    Row("button", "intermittent", CAMERA, "button", "worn: bounces thirty times", effects.button("intermittent")),
    Row("battery", "off", CAMERA, "", "dead cell: off at once unless docked", effects.BATTERY_DEAD),
    Row("battery", "brownout", CAMERA, "", "one dip of the cell: the board starts anew", effects.RESET_ONCE),
    Row("battery", "wrong", CAMERA, "", "an aged cell: a third of its capacity", effects.BATTERY_AGED),
    Row("battery", "intermittent", CAMERA, "", "loose spring: a dip every few seconds", effects.RESET_OFTEN),
    Row("charger", "off", CAMERA, "", "charges no more, and reports overheating", effects.CHARGER_BROKEN),
    Row("card", "off", CAMERA, "", "no card answers", effects.card("off")),
    Row("card", "stuck", CAMERA, "", "locked against writing", effects.card("stuck")),
    Row("card", "wrong", CAMERA, "", "full", effects.card("wrong")),
    Row("card", "slow", CAMERA, "", "two hundred times slower", effects.card("slow")),
    Row("card", "intermittent", CAMERA, "", "one operation in five fails", effects.card("intermittent")),
    Row("card", "torn", CAMERA, "", "syncs nothing: a power cut tears what was written last", effects.card("torn")),
    Row("card", "bitflip", CAMERA, "", "bit rot: one sector in 64 reads with a wrong bit", effects.card("bitflip")),
    Row("card", "garbage", CAMERA, "", "every sector reads as noise", effects.card("garbage")),
    Row("clock", "off", CAMERA, "", "the clock chip does not answer", effects.clock("off")),
    Row("clock", "stuck", CAMERA, "", "the clock chip stands", effects.clock("stuck")),
    Row("clock", "wrong", CAMERA, "", "the clock chip jumps an hour ahead", effects.clock("wrong")),
    Row("clock", "slow", CAMERA, "", "the clock chip loses 2 %", effects.clock("slow")),
    Row("gnss", "off", CAMERA, "", "the satellite receiver says nothing", effects.gnss("off")),
    Row("gnss", "stuck", CAMERA, "", "says the same instant again and again", effects.gnss("stuck")),
    Row("gnss", "garbage", CAMERA, "", "bytes that are no sentences", effects.gnss("garbage")),
    Row("gnss", "wrong", CAMERA, "", "lies: two kilometres off, in good sentences", effects.gnss("wrong")),
    Row("gnss", "slow", CAMERA, "", "saves power: one place in ten seconds", effects.gnss("slow")),
    Row("gnss", "intermittent", CAMERA, "", "loses the sky for 2 to 8 s, again and again",
        effects.gnss("intermittent")),
    Row("radio", "off", CAMERA, "", "the radio does not answer", effects.radio("off")),
    Row("radio", "stuck", CAMERA, "", "takes every order, and nothing goes through the air", effects.radio("stuck")),
    Row("radio", "garbage", CAMERA, "", "tells noise for what it hears", effects.radio("garbage")),
    Row("radio", "wrong", CAMERA, "", "a broken antenna: 40 dB less, both ways", effects.radio("wrong")),
    Row("radio", "delayed", CAMERA, "", "tells 15 s late what it hears", effects.radio("delayed")),
    Row("radio", "intermittent", CAMERA, "", "a loose antenna: nine frames in ten are lost, both ways",
        effects.radio("intermittent")),
    Row("radio", "duplicated", CAMERA, "", "tells twice what it hears", effects.radio("duplicated")),
    Row("link", "off", ALL, "", "cable carries nothing, though the port is there", ports.link("off")),
    Row("link", "stuck", ALL, "", "the host's driver takes and gives nothing", ports.link("stuck")),
    Row("link", "slow", ALL, "", "115200 baud, with back-pressure", ports.link("slow")),
    Row("link", "delayed", ALL, "", "0.4 s each way", ports.link("delayed")),
    Row("link", "intermittent", ALL, "", "drops out for 0.2 to 0.8 s, again and again", ports.link("intermittent")),
    Row("link", "torn", ALL, "", "runs of bytes are lost, one in 2 000 bytes", ports.link("torn")),
    Row("link", "bitflip", ALL, "", "one wrong bit in 20 000 bytes", ports.link("bitflip")),
    Row("link", "garbage", ALL, "", "bytes appear that nobody sent", ports.link("garbage")),
    Row("link", "duplicated", ALL, "", "one piece in four arrives twice", ports.link("duplicated")),
    Row("link", "reordered", ALL, "", "one piece in four is overtaken", ports.link("reordered")),
    Row("link", "unplug", ALL, "", "data pins part, power stays", ports.LINK_UNPLUG),
    Row("usb", "off", ALL, "", "its hub port is dead", ports.usb("off")),
    Row("usb", "slow", BOTH, "", "falls back to full speed, 12 Mbit/s", ports.USB_FULL_SPEED),
    Row("usb", "delayed", ALL, "", "enumerates five seconds late", ports.usb("delayed")),
    Row("usb", "intermittent", ALL, "", "leaves the bus and comes back", ports.usb("intermittent")),
    Row("usb", "stuck", ALL, "", "does not accept an address", ports.usb("stuck")),
    Row("usb", "garbage", ALL, "", "its string descriptors cannot be read", ports.usb("garbage")),
    Row("usb", "wrong", ALL, "", "does not take its configuration: no interface", ports.usb("wrong")),
    Row("usb", "brownout", ALL, "", "over-current: the hub switches the port off", ports.usb("brownout")),
    Row("power", "off", BOTH, "", "supply is cut", effects.POWER_OFF),
    Row("power", "brownout", BOTH, "", "one dip: the board starts anew", effects.RESET_ONCE),
    Row("power", "intermittent", BOTH, "", "a dip every few seconds", effects.RESET_OFTEN),
    Row("firmware", "off", BOTH, "", "crashes; its watchdog resets it", effects.FIRMWARE_CRASH),
    Row("firmware", "stuck", BOTH, "", "runs in circles; its watchdog resets it", effects.FIRMWARE_HANG),
    Row("firmware", "slow", BOTH, "", "a throttled processor: 200 ms a step", effects.FIRMWARE_SLOW),
    Row("firmware", "wrong", BOTH, "", "was left out of the last update: starts anew with an older version",
        effects.FIRMWARE_OTHER),
    Row("sensor", "off", CAMERA, "", "the image sensor does not answer", effects.sensor("off")),
    Row("sensor", "stuck", CAMERA, "", "no more pictures come", effects.sensor("stuck")),
    Row("sensor", "intermittent", CAMERA, "", "fails now and then", effects.sensor("intermittent")),
    Row("imu", "off", CAMERA, "", "the motion sensor does not answer", effects.imu("off")),
    Row("imu", "stuck", CAMERA, "", "its readings stand still", effects.imu("stuck")),
    Row("imu", "garbage", CAMERA, "", "its readings are noise", effects.imu("garbage")),
    Row("imu", "wrong", CAMERA, "", "it reads half of what it feels", effects.imu("wrong")),
    Row("imu", "slow", CAMERA, "", "it measures eight times slower", effects.imu("slow")),
    Row("adc", "off", BOTH, "bay", "the converter does not answer", effects.adc("off")),
    Row("adc", "stuck", BOTH, "bay", "readings stand still", effects.adc("stuck")),
    Row("adc", "garbage", BOTH, "bay", "readings are noise", effects.adc("garbage")),
    Row("adc", "wrong", BOTH, "bay", "readings are 15 % too high", effects.adc("wrong")),
    Row("adc", "intermittent", BOTH, "bay", "one reading in four fails", effects.adc("intermittent")),
    Row("reader", "off", READER, "", "it says nothing any more, though its port is there", ports.reader("off")),
    Row("reader", "stuck", READER, "", "the badge that is held to it stays in its field", ports.reader("stuck")),
    Row("reader", "garbage", READER, "", "noise for what it has to say; one that talks by itself never stops",
        ports.reader("garbage")),
    Row("reader", "wrong", READER, "", "somebody changed its settings: numbers come last byte first",
        ports.reader("wrong")),
    Row("reader", "slow", READER, "", "says everything 0.4 s late", ports.reader("slow")),
    Row("reader", "intermittent", READER, "", "a weak field: feels a badge one time in four",
        ports.reader("intermittent")),
    Row("reader", "bitflip", READER, "", "one wrong bit in one of four things that it says", ports.reader("bitflip")),
    Row("reader", "duplicated", READER, "", "says everything twice", ports.reader("duplicated")),
    Row("reader", "brownout", READER, "", "one dip of its port: it leaves the bus and starts anew", ports.READER_DIP),
    Row("reader", "unplug", READER, "", "pulled out of its port", ports.READER_UNPLUG),
)  # fmt: skip


def table() -> list[dict[str, str]]:
    """The table for programs (``instance``) and people (``counted``)."""
    return [
        {
            "component": row.component,
            "type": row.type,
            "boards": " ".join(row.kinds),
            "instance": row.instances,
            "counted": row.counted,
            "text": row.text,
        }
        for row in TABLE
    ]


def _lacks(row: Row, site: Site) -> bool:
    """Whether the part itself is missing; a bay that a camera is not in is no part of it."""
    if row.hands.check is None or row.hands.shared:
        return False
    try:
        row.hands.check(site)
    except FaultUnsupported:
        return True
    return False


class Active(NamedTuple):
    """A fault that is on."""

    board: str
    component: str
    type: str
    instance: int


class Faults:
    """The faults of one bench. ``listen``: called with each that comes or goes (type ``ok``)."""

    def __init__(self, bench: EmulatedBench) -> None:
        self.listen: Callable[[Active], None] = lambda fault: None
        self._bench = bench
        self._sites: dict[Active, tuple[Row, Site]] = {}
        self._timers: set[asyncio.TimerHandle] = set()

    def inject(self, board: str, component: str, kind: str, instance: int = 0) -> None:
        """Do it. ``ok`` clears all faults of that component and instance (0: of all its instances).

        FaultUnsupported, without anything done, where the board cannot have it.
        """
        site = self._site(board, instance)
        if kind == OK:
            self._check_healing(component, site)
            self._clear(board, component, instance)
            self.listen(Active(board, component, OK, instance))
            return
        row = self._row(component, kind, site)
        self._check_instance(row, site, kind)
        fault = Active(board, component, kind, instance)
        if fault in self._sites:
            return
        if row.hands.check is not None:
            row.hands.check(site)
        self._sites[fault] = (row, site)
        site.healed = lambda: self._forget(fault)
        row.hands.do(site)
        self.listen(fault)

    def try_inject(self, board: str, component: str, kind: str, instance: int = 0) -> str:
        """The same, and how it went: DONE, or the line that says why not."""
        try:
            self.inject(board, component, kind, instance)
        except BenchError as error:
            return str(error)
        return DONE

    def is_on(self, board: str, component: str, kind: str) -> bool:
        """Whether a board has that fault now, of whatever instance."""
        return any(fault[:3] == (board, component, kind) for fault in self._sites)

    def active(self) -> list[dict[str, str | int]]:
        """What is on now, in the order in which it came."""
        return [dict(fault._asdict()) for fault in self._sites]

    def lacking(self, board: str) -> list[str]:
        """Components that boards of its kind can have and this one has not."""
        site = self._site(board, 0)
        return list(dict.fromkeys(row.component for row in TABLE if site.kind in row.kinds and _lacks(row, site)))

    def clear(self, board: str, component: str, kind: str, instance: int = 0) -> None:
        """Heal that one fault. BenchError if it is not on."""
        fault = Active(board, component, kind, instance)
        if fault not in self._sites:
            raise BenchError(f"{component} {kind} of {board} is not on: nothing to heal")
        self._undo(fault)
        self.listen(Active(board, component, OK, instance))

    def try_clear(self, board: str, component: str, kind: str, instance: int = 0) -> str:
        """The same, and how it went: DONE, or the line that says why not."""
        try:
            self.clear(board, component, kind, instance)
        except BenchError as error:
            return str(error)
        return DONE

    def clear_all(self) -> None:
        """Heal the whole bench."""
        for fault in list(self._sites):
            self._undo(fault)

    def later(self, delay_s: float, act: Callable[[], None]) -> asyncio.TimerHandle:
        """An appointment that ends with the bench."""
        now_s = asyncio.get_running_loop().time()
        self._timers = {each for each in self._timers if not each.cancelled() and each.when() > now_s}
        handle = asyncio.get_running_loop().call_later(delay_s, act)
        self._timers.add(handle)
        return handle

    def stop(self) -> None:
        """The bench ends."""
        for handle in self._timers:
            handle.cancel()
        self._timers.clear()

    def _clear(self, board: str, component: str, instance: int) -> None:
        there = [fault for fault in self._sites if (fault.board, fault.component) == (board, component)]
        meant = [fault for fault in there if instance in (0, fault.instance)]
        everywhere = [fault.type for fault in there if fault.instance == 0]
        if everywhere and not meant:
            text = f"{component} {everywhere[0]} of {board} is on at all of them, not at {instance} alone"
            raise FaultUnsupported(f"unsupported: {text}; heal it without an instance")
        for fault in meant:
            self._undo(fault)

    def _undo(self, fault: Active) -> None:
        row, site = self._sites.pop(fault)
        for timer in site.timers:
            timer.cancel()
        row.hands.undo(site)
        for other, there in self._sites.values():
            if other.hands.shared and other.hands.shared == row.hands.shared:
                other.hands.do(there)

    def _forget(self, fault: Active) -> None:
        """It is over by itself."""
        self._sites.pop(fault, None)

    def _site(self, board: str, instance: int) -> Site:
        return Site(self._bench, self._bench.find_any(board), board, instance)

    def _row(self, component: str, kind: str, site: Site) -> Row:
        if kind not in TYPES:
            raise FaultUnsupported(f"unsupported: no fault type {kind}; {nearest(kind, TYPES, 'types')}")
        self._require_component(component, site)
        for row in TABLE:
            if (row.component, row.type) == (component, kind) and site.kind in row.kinds:
                return row
        there = ", ".join(row.type for row in TABLE if row.component == component and site.kind in row.kinds)
        raise FaultUnsupported(f"unsupported: {component} of {site.board} cannot be {kind}; it can be {there}, ok")

    def _require_component(self, component: str, site: Site) -> None:
        there = list(dict.fromkeys(row.component for row in TABLE if site.kind in row.kinds))
        if component not in there:
            text = nearest(component, there, "components")
            raise FaultUnsupported(f"unsupported: {site.board} is a {site.kind} and has no {component}; {text}")

    def _check_healing(self, component: str, site: Site) -> None:
        """What cannot be broken cannot be healed; but a bay that a camera has left can."""
        self._require_component(component, site)
        row = next(row for row in TABLE if row.component == component and site.kind in row.kinds)
        self._check_instance(row, site, OK)
        if row.hands.check is not None and not row.hands.shared:
            row.hands.check(site)

    def _check_instance(self, row: Row, site: Site, kind: str) -> None:
        numbers = site.instances(row.instances)
        if site.instance and site.instance not in numbers:
            known = f"{row.instances} {', '.join(map(str, numbers))}" if numbers else "no instances"
            what = f"{row.component} {kind} of {site.board}"
            raise FaultUnsupported(f"unsupported: {what} has no instance {site.instance}; it has {known}")
