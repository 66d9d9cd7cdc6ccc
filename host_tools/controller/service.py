"""The controller: watches for boards, serves each in a task of its own, and tells what is where.

Law: a facade that delegates. One task per port, one for the group commit, one for delivery. Whatever a session with a
board meets ends that session and no other; an error that commit or delivery do not know ends the controller, which
starts again from what is on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from firmware.formats.chunk import Opener
from firmware.formats.manifest import Manifest
from firmware.link import schema
from host_tools.controller.cameras import Camera, CameraView
from host_tools.controller.committer import Committer
from host_tools.controller.delivery import Delivery
from host_tools.controller.discovery import Finder, FoundPort
from host_tools.controller.docks import Dock
from host_tools.controller.happenings import Happening, Happenings
from host_tools.controller.offload import Offload
from host_tools.controller.opening import identify, open_board
from host_tools.controller.turns import Turns
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.index import Index
from host_tools.custody.journey import Journey
from host_tools.custody.spool import Spool
from host_tools.destinations.interface import Destination
from host_tools.hardware import Board, bay_of
from host_tools.protocol.connection import Connection, RequestRefused, VersionMismatch
from host_tools.protocol.constructs import ConstructCodec
from host_tools.system.roster import Roster
from host_tools.transports.errors import LinkLost, PortError, PortMissing
from host_tools.transports.registry import Registry

LOOK_S = 0.2  # between two looks at the USB tree: docking shows within half a second
HEALTH_S = 2.0  # between two looks at how well the links do
RETRY_S = 0.5  # before a port is opened again after its link was lost
RETRY_SLOW_S = 5.0  # before a port that is held by others or speaks something else is tried again

LOG = logging.getLogger("openbwc.controller")


@dataclass(frozen=True, slots=True)
class World:
    """What a controller stands on, made by whoever composes the program."""

    finder: Finder
    registry: Registry
    boards: Mapping[str, Board]
    index: Index
    spool: Spool
    destination: Destination
    roster: Roster
    wall_ms: Callable[[], int]
    nonce: Callable[[], int]
    opener_of: Callable[[Manifest], Opener]
    run_blocking: RunBlocking


class Controller:
    """``run`` until cancelled. ``status`` may be asked at any time from the loop."""

    def __init__(self, world: World) -> None:
        self.happenings = Happenings(world.wall_ms)
        self.cameras: dict[str, CameraView] = {}
        self.docks: dict[str, Dock] = {}
        self.problems: dict[str, str] = {}
        self.delivery = Delivery(
            world.index,
            world.spool,
            world.destination,
            world.wall_ms,
            world.opener_of,
            world.run_blocking,
            self.happenings,
        )
        self._world = world
        self._codec = ConstructCodec()
        self._committer = Committer(world.spool, world.run_blocking, self.happenings)
        self._turns = Turns()
        self._journey = Journey(world.index, world.wall_ms)
        self._sessions: dict[str, Camera] = {}
        self._links: dict[str, Connection] = {}
        self._ports: dict[FoundPort, asyncio.Task[None]] = {}
        self.happenings.listen(self._react)

    async def run(self) -> None:
        """Serve until cancelled; connections are closed in order."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._committer.run())
            tasks.create_task(self.delivery.run())
            tasks.create_task(self._watch_links())
            while True:
                self._follow_ports(tasks, set(self._world.finder.look()))
                await asyncio.sleep(LOOK_S)

    def camera_in(self, dock: Dock, bay: int) -> CameraView | None:
        """The camera whose place on the USB tree is that bay."""
        for view in self.cameras.values():
            if view.online and self.bay_of(view, dock) == bay:
                return view
        return None

    def bay_of(self, view: CameraView, dock: Dock) -> int | None:
        """The bay of a dock that a camera is in, by USB topology; None if it is not in that dock."""
        board = self._world.boards.get(dock.model)
        if board is None or not view.location or not dock.location:
            return None
        return bay_of(view.location, board, dock.location)

    def place_of(self, view: CameraView) -> dict[str, Any]:
        """``{"dock": serial, "bay": number}``, empty if the camera is in no known bay. The USB tree alone tells it, so
        before the dock itself has been greeted."""
        for port in self._ports if view.online and view.location else ():
            board = self._world.boards.get(port.model)
            bay = bay_of(view.location, board, port.location) if board is not None and port.location else None
            if bay is not None:
                return {"dock": port.serial, "bay": bay}
        return {}

    def link_of(self, serial: str) -> dict[str, Any]:
        """Health of the open link to a camera; empty while there is none."""
        connection = self._links.get(serial)
        return connection.health().plain() if connection is not None else {}

    # -- ports

    def _follow_ports(self, tasks: asyncio.TaskGroup, found: set[FoundPort]) -> None:
        for port in [port for port in self._ports if port not in found]:
            self._ports.pop(port).cancel()
            self.problems.pop(port.url, None)
        for port in sorted(found - set(self._ports)):
            self._ports[port] = tasks.create_task(self._keep(port))

    async def _keep(self, port: FoundPort) -> None:
        """Hold a connection to one port for as long as it is there, one after another."""
        while True:
            pause_s = RETRY_S
            try:
                await self._connect(port)
            except PortMissing as missing:  # a configured port whose board is not plugged in now
                self._problem(port, str(missing))
            except (PortError, VersionMismatch) as error:
                self._problem(port, str(error))
                pause_s = RETRY_SLOW_S
            except RequestRefused as refused:
                self._problem(port, f"{port.url}: {refused}; update the board's firmware or this controller")
                pause_s = RETRY_SLOW_S
            except LinkLost as lost:
                self.happenings.tell("link_lost", url=port.url, text=str(lost))
            except Exception as error:  # the edge of a task: one board must not end the others
                LOG.exception("%s: the session has failed", port.url)
                self._problem(port, f"{port.url}: the session failed ({error!r}); report this with the log")
                pause_s = RETRY_SLOW_S
            await asyncio.sleep(pause_s)

    async def _connect(self, port: FoundPort) -> None:
        connection = await open_board(self._world.registry, port.url, self._world.nonce(), self._codec)
        try:
            identity = await identify(connection)
            self.problems.pop(port.url, None)
            await self._until_lost(connection, self._serve(port, connection, identity))
        finally:
            connection.close()

    async def _serve(self, port: FoundPort, connection: Connection, identity: dict[str, Any]) -> None:
        if schema.word_of(schema.BOARD_KINDS, identity["kind"]) == "dock":
            await self._serve_dock(port, connection, identity)
        else:
            await self._serve_camera(port, connection, identity)

    async def _serve_dock(self, port: FoundPort, connection: Connection, identity: dict[str, Any]) -> None:
        dock = Dock(connection, identity, port.location, self.happenings)
        self.docks[dock.serial] = dock
        self.happenings.tell("dock_online", dock=dock.serial, url=port.url)
        try:
            await dock.run()
        finally:
            if self.docks.get(dock.serial) is dock:
                del self.docks[dock.serial]
            self.happenings.tell("dock_offline", dock=dock.serial)

    async def _serve_camera(self, port: FoundPort, connection: Connection, identity: dict[str, Any]) -> None:
        world, serial = self._world, identity["serial"]
        view = self.cameras.setdefault(serial, CameraView(serial))
        view.model, view.firmware, view.location = identity["model"], identity["firmware"], port.location
        view.online = True
        wearer = world.roster.wearer_for(serial)
        offload = Offload(
            connection,
            serial,
            world.spool,
            self._committer,
            world.run_blocking,
            self.happenings,
            self._turns,
            wearer is not None and wearer.prioritised,
        )
        camera = Camera(
            connection,
            view,
            lambda: self.place_of(view),
            offload,
            world.index,
            self._journey,
            world.roster,
            world.wall_ms,
            world.run_blocking,
            self.happenings,
        )
        self._sessions[serial] = camera
        self._links[serial] = connection
        self.happenings.tell("docked", camera=serial, **self.place_of(view))
        try:
            await camera.run()
        finally:
            view.link = connection.health().plain()
            if self._sessions.get(serial) is camera:  # else it is docked again already, and this is its old session
                view.online = False
                del self._sessions[serial], self._links[serial]
            self.happenings.tell("undocked", camera=serial)

    async def _until_lost(self, connection: Connection, serving: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(serving)
        try:
            await asyncio.wait({task, connection.closed}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # what the loss of the link did to it; the loss itself is told below
        if connection.closed.done():
            raise connection.closed.result()

    async def _watch_links(self) -> None:
        """A link that is slow for its kind is a problem with a remedy, as long as it lasts."""
        slow: dict[str, str] = {}
        while True:
            await asyncio.sleep(HEALTH_S)
            links = dict(self._links) | {serial: dock.connection for serial, dock in self.docks.items()}
            now = {serial: reason for serial, link in links.items() if (reason := link.health().slow)}
            for serial in set(slow) | set(now):
                if now.get(serial) and not slow.get(serial):
                    self.happenings.tell("slow_link", board=serial, text=now[serial])
                key = f"link of {serial}"
                if serial in now:
                    self.problems[key] = f"docking station connection issue, {serial}: {now[serial]}"
                else:
                    self.problems.pop(key, None)
            slow = now

    def _problem(self, port: FoundPort, text: str) -> None:
        if self.problems.get(port.url) != text:
            self.problems[port.url] = text
            self.happenings.tell("problem", url=port.url, text=text)

    # -- reactions

    def _react(self, happening: Happening) -> None:
        if happening["what"] == "held":
            self.delivery.news.set()
        if happening["what"] in ("delivered", "damaged"):
            for camera in self._sessions.values():
                camera.news.set()
        if happening["what"] != "progress":
            self._light_bays()

    def _light_bays(self) -> None:
        for dock in self.docks.values():
            for view in self.cameras.values():
                bay = self.bay_of(view, dock) if view.online else None
                if bay is not None:
                    dock.want_lamp(bay, lamp_for(view))


def lamp_for(view: CameraView) -> str:
    """The lamp pattern that tells a person what a docked camera is doing."""
    if view.trouble:
        return "error"
    if view.offloading or view.status.get("recordings", 0):
        return "offloading"
    return "ready" if view.wearer else "docked"
