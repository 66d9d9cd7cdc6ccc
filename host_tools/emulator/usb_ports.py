"""Where boards are plugged in: hub ports, enumeration with its time, and enumeration that fails.

Law: knows ports, not boards. What a failed enumeration looks like is what Linux shows of it: a device that does not
take its address never gets a folder, only its port's state tells; one whose strings cannot be read is there without
them; one that does not take its configuration is there without an interface; over-current is a count at the port.

Times: 0.3 s from pull-up to serial port on a healthy port; Linux tries four times, about 5 s each, before it gives up.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from host_tools.emulator.memory_bus import MemoryBus
from host_tools.emulator.usb_bus import PortState, UsbBus
from host_tools.emulator.usb_layout import HUB_PORTS, UsbIdentity, hubs_above

ENUMERATION_S = 0.3
DELAYED_S = 5.0  # more, of a hub that powers its ports slowly
RETRY_S = 5.0  # between two attempts of the kernel at a device that does not answer
ATTEMPTS = 4  # of them before it gives up until something changes at the port
FLAP_S = (1.0, 3.0)  # a bad plug: how long it stays, and stays away
FULL_SPEED_MBPS = 12
HIGH_SPEED_MBPS = 480
NO_STRINGS = ""
PULLED, DIP = "pulled", "dip"  # somebody has it in their hand; its supply is away for a moment
NOT_THERE = frozenset(("unplug", "off", PULLED, DIP))  # faults with which nothing is at the port

NOT_ATTACHED, POWERED, DEFAULT, ADDRESSED, CONFIGURED = "not-attached", "powered", "default", "addressed", "configured"


@dataclass
class Socket:
    """What a board shows at a port. ``up`` and ``down`` are called when its serial port appears and vanishes."""

    name: str
    identity: UsbIdentity
    speed_mbps: int
    tty_name: str
    up: Callable[[], None]
    down: Callable[[], None]
    location: str = ""
    is_up: bool = False
    faults: set[str] = field(default_factory=set[str])
    over_currents: int = 0
    attempts: int = 0
    timer: asyncio.TimerHandle | None = None


class UsbPorts:
    """All ports of a bench's host."""

    def __init__(self, bus: UsbBus | MemoryBus, seed: int) -> None:
        self._bus = bus
        self._random = random.Random(f"usb {seed}")
        self._sockets: dict[str, Socket] = {}

    def add(self, socket: Socket) -> None:
        """Another board, plugged in nowhere."""
        self._sockets[socket.name] = socket

    def is_plugged(self, name: str) -> bool:
        """Whether the board's pull-up is at some port."""
        return bool(self._sockets[name].location) and PULLED not in self._sockets[name].faults

    def location_of(self, name: str) -> str:
        """Where; empty if nowhere."""
        return self._sockets[name].location

    def speed_of(self, name: str) -> int:
        """What it runs at in Mbit/s; 0 while it is not there for the host."""
        socket = self._sockets[name]
        return _speed_mbps(socket) if socket.is_up else 0

    def plug(self, name: str, location: str) -> None:
        """The board pulls its line up at that port. Nothing if it does already."""
        socket = self._sockets[name]
        if socket.location:
            return
        socket.location, socket.attempts = location, 0
        self._bus.add_hub(hubs_above(location)[-1], HUB_PORTS)
        self._begin(socket)

    def unplug(self, name: str) -> None:
        """It is gone from its port. Nothing if it is at none."""
        socket = self._sockets[name]
        if not socket.location:
            return
        self._drop(socket)
        self._tell(socket, NOT_ATTACHED)
        socket.location = ""

    def fault(self, name: str, kind: str) -> None:
        """Make its enumeration fail in that way from now on; an enumeration that has succeeded is begun anew."""
        self._sockets[name].faults.add(kind)
        self._again(self._sockets[name])

    def clear(self, name: str, kind: str) -> None:
        """No more. It is enumerated anew, as when somebody plugs it in again."""
        socket = self._sockets[name]
        if kind in socket.faults:
            socket.faults.discard(kind)
            self._again(socket)

    def stop(self) -> None:
        """The host is gone."""
        for socket in self._sockets.values():
            self.unplug(socket.name)
        self._bus.clear()

    # -- enumeration

    def _again(self, socket: Socket) -> None:
        if socket.location:
            self._drop(socket)
            socket.attempts = 0
            self._begin(socket)

    def _begin(self, socket: Socket) -> None:
        if not NOT_THERE.isdisjoint(socket.faults):
            self._tell(socket, NOT_ATTACHED)
            return
        self._tell(socket, POWERED)
        self._later(socket, ENUMERATION_S + (DELAYED_S if "delayed" in socket.faults else 0.0), self._enumerate)

    def _enumerate(self, socket: Socket) -> None:
        if "brownout" in socket.faults:
            socket.over_currents += 1
            self._retry(socket, NOT_ATTACHED)
        elif "stuck" in socket.faults:
            self._retry(socket, DEFAULT)
        else:
            self._come_up(socket)

    def _come_up(self, socket: Socket) -> None:
        identity = socket.identity
        if "garbage" in socket.faults:  # its string descriptors cannot be read
            identity = identity._replace(manufacturer=NO_STRINGS, product=NO_STRINGS, serial=NO_STRINGS)
        configured = "wrong" not in socket.faults
        if configured:
            socket.is_up = True
            socket.up()
        self._bus.attach(socket.location, identity, _speed_mbps(socket), socket.tty_name or None, configured)
        self._tell(socket, CONFIGURED if configured else ADDRESSED)
        if "intermittent" in socket.faults:
            self._later(socket, self._random.uniform(*FLAP_S), self._flap)

    def _flap(self, socket: Socket) -> None:
        self._drop(socket)
        self._tell(socket, NOT_ATTACHED)
        self._later(socket, self._random.uniform(*FLAP_S), self._begin)

    def _retry(self, socket: Socket, state: str) -> None:
        socket.attempts += 1
        self._tell(socket, state)
        if socket.attempts < ATTEMPTS:
            self._later(socket, RETRY_S, self._enumerate)

    def _drop(self, socket: Socket) -> None:
        if socket.timer is not None:
            socket.timer.cancel()
            socket.timer = None
        self._bus.detach(socket.location)
        if socket.is_up:
            socket.is_up = False
            socket.down()

    def _tell(self, socket: Socket, state: str) -> None:
        self._bus.set_port(socket.location, PortState(state, socket.over_currents))

    def _later(self, socket: Socket, delay_s: float, act: Callable[[Socket], None]) -> None:
        socket.timer = asyncio.get_running_loop().call_later(delay_s, act, socket)


def _speed_mbps(socket: Socket) -> int:
    return FULL_SPEED_MBPS if "slow" in socket.faults else min(socket.speed_mbps, HIGH_SPEED_MBPS)
