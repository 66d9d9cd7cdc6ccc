"""The USB tree between boards and controller, in memory: what is plugged in where, under which name, and what opens it.

Law: knows ports and cables, no board. Names are never used twice, as a host numbers its terminals anew.
"""

from __future__ import annotations

from host_tools.controller.discovery import Finder, FoundPort
from host_tools.simulation.cable import BoardSocket, Cable
from host_tools.simulation.loop import VirtualLoop
from host_tools.transports.errors import PortMissing
from host_tools.transports.pipe import Pipe
from host_tools.transports.registry import Registry

SCHEME = "sim"


class SimBus(Finder):
    """The USB tree as the controller looks at it, and what opens its ports."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._ports: dict[str, FoundPort] = {}
        self._sockets: dict[str, BoardSocket] = {}
        self._plugged = 0
        self.faults: dict[str, str] = {}

    def look(self) -> list[FoundPort]:
        return list(self._ports.values())

    def registry(self) -> Registry:
        """What the controller opens ports with."""
        made = Registry()
        made.add(SCHEME, self._open)
        return made

    def attach(self, serial: str, location: str, model: str, socket: BoardSocket, seed: int) -> None:
        """A device has enumerated. Every time under another name, as Linux numbers terminals."""
        self._plugged += 1
        url = f"{SCHEME}://{serial}/{self._plugged}"
        socket.put_in(Cable(self._loop, url, f"cable {seed} {self._plugged}"))
        self._ports[serial] = FoundPort(url, location, serial, model)
        self._sockets[url] = socket

    def detach(self, serial: str, reason: str) -> None:
        """A device has gone. Nothing if it was not there."""
        port = self._ports.pop(serial, None)
        if port is not None:
            self._sockets.pop(port.url).pull_out(reason)

    def is_attached(self, serial: str) -> bool:
        """Whether a device shows itself."""
        return serial in self._ports

    def cable_of(self, serial: str) -> Cable | None:
        """What connects a board now."""
        port = self._ports.get(serial)
        return self._sockets[port.url].cable if port is not None else None

    def hang_up(self) -> None:
        """The controller is dead: whatever it still writes reaches nobody."""
        for socket in self._sockets.values():
            if socket.cable is not None:
                socket.cable.hang_up()

    def held_bytes(self) -> int:
        """Under way or unread on all cables."""
        cables = [socket.cable for socket in self._sockets.values() if socket.cable is not None]
        return sum(cable.to_host.held_bytes() + cable.to_board.held_bytes() for cable in cables)

    async def _open(self, url: str) -> Pipe:
        socket = self._sockets.get(url)
        if socket is None or socket.cable is None:
            raise PortMissing(f"{url}: nothing is plugged in there")
        return socket.cable.open_host()
