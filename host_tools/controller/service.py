"""The controller: watches for boards, serves each in a task of its own, and tells what is where.

Law: a facade that delegates. One task per port, one for the group commit, one for delivery. Whatever a session with a
board meets ends that session and no other; an error that commit or delivery do not know ends the controller, which
starts again from what is on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from firmware.formats.authorisation import Signer, UnsignedSigner
from firmware.formats.chunk import Opener
from firmware.formats.manifest import Manifest
from firmware.link import schema
from firmware.ports.errors import PortFault
from firmware.secure.certificates import PeerIdentity
from firmware.secure.channel import SecureChannel
from host_tools.controller import adoption
from host_tools.controller.bay_lamps import lamp_for
from host_tools.controller.camera_memory import known_view
from host_tools.controller.cameras import Camera, CameraView, ended
from host_tools.controller.charging import SmartCharge
from host_tools.controller.committer import Committer
from host_tools.controller.contact_history import ContactHistory
from host_tools.controller.contacts import Contacts
from host_tools.controller.delivery import Delivery, always_half, unsigned
from host_tools.controller.delivery_around import Around
from host_tools.controller.discovery import Finder, FoundPort
from host_tools.controller.docks import Dock
from host_tools.controller.found_docked import FoundDocked, seats_of
from host_tools.controller.happenings import Happening, Happenings
from host_tools.controller.link_watch import watch_links
from host_tools.controller.members import Members
from host_tools.controller.membership import Held, Membership
from host_tools.controller.offload import Offload
from host_tools.controller.opening import identify, open_board
from host_tools.controller.priorities import Priorities
from host_tools.controller.scrubbing import Scrubbing
from host_tools.controller.security import ChannelMaker, MakeChannel
from host_tools.controller.turns import Turns
from host_tools.controller.usage_fetch import read_usage
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.heads import HeadSigner
from host_tools.custody.index import Index
from host_tools.custody.journey import Journey
from host_tools.custody.spool import Spool
from host_tools.destinations.interface import Destination
from host_tools.hardware import Board, bay_of
from host_tools.protocol.connection import ChannelRefused, Connection, RequestRefused, VersionMismatch
from host_tools.protocol.constructs import ConstructCodec
from host_tools.system.roster import WhoWears
from host_tools.system.system import Changed, System
from host_tools.transports.errors import LinkLost, PortError, PortMissing
from host_tools.transports.registry import Registry
from host_tools.trust.admission import FACTORY, MEMBER, REFUSED, SAFE_MODE, TEXTS, Admission, turn_away
from host_tools.trust.errors import TrustError
from host_tools.trust.system import SystemTrust

LOOK_S = 0.2  # between two looks at the USB tree: docking shows within half a second
CERTIFICATE_S = 3600.0  # between two looks at whether this controller's own certificate is to be renewed
RETRY_S = 0.5  # before a port is opened again after its link was lost
USB_PROBLEM = "usb "  # key of a problem, before the location
NO_CAMERAS = ("device", "priority", "suspension", "category")  # kinds of records that change nothing on a camera
RETRY_SLOW_S = 5.0  # before a port that is held by others or speaks something else is tried again
VAIN_MAX = 6  # times in a row that a board ends before it has shown who it is, then people are told: some seconds

MUTE_REMEDY = "dock it again; if that does not help, do not use it: recover its card, then replace it"

LOG = logging.getLogger("openbwc.controller")


@dataclass(frozen=True, slots=True)
class World:
    """What a controller stands on, made by whoever composes the program. ``members``: in memory unless given;
    ``make_channel``: in place of real TLS; ``erase_signer``: asked once a session; ``chance``, ``head_signer``: see
    Delivery; ``system``: the domain that ``roster`` is of, where there is one: what changes in it is told."""

    finder: Finder
    registry: Registry
    boards: Mapping[str, Board]
    index: Index
    spool: Spool
    destination: Destination
    roster: WhoWears
    wall_ms: Callable[[], int]
    nonce: Callable[[], int]
    opener_of: Callable[[Manifest], Opener]
    run_blocking: RunBlocking
    trust: SystemTrust
    members: Members = field(default_factory=Members)
    make_channel: MakeChannel = SecureChannel
    erase_signer: Callable[[], Signer] = UnsignedSigner
    chance: Callable[[], float] = always_half
    head_signer: Callable[[], HeadSigner] = unsigned
    around: Around = field(default_factory=Around)
    system: System | None = None
    contact_history: ContactHistory = field(default_factory=lambda: ContactHistory(None, 0))


class TurnedAway(Exception):
    """Nothing is asked of whoever came. ``serial``: what it claims to be; the text says why, and what can be done."""

    def __init__(self, serial: str, admission: Admission) -> None:
        super().__init__(admission.text)
        self.serial = serial
        self.admission = admission


def refused(serial: str, why: str) -> TurnedAway:
    """A camera that this controller does not take, for a reason of its own."""
    return TurnedAway(serial, Admission(REFUSED, "", f"{serial}: {TEXTS[REFUSED]}: {why}"))


class Controller:
    """``run`` until cancelled. ``status`` may be asked at any time from the loop."""

    def __init__(self, world: World) -> None:
        self.happenings = Happenings(world.wall_ms)
        self.cameras: dict[str, CameraView] = {}
        self.docks: dict[str, Dock] = {}
        self.problems: dict[str, str] = {}
        self.alert_rows: Callable[[], list[dict[str, Any]]] = list  # of whoever keeps alerts
        self.may_flash: Callable[[str, int], bool] = lambda _dock, _bay: False  # of the same: whether one may there
        self.desk_view: Callable[[], dict[str, Any]] = dict  # of whoever serves badges: readers, offers, taps
        self.delivery = Delivery(
            world.index,
            world.spool,
            world.destination,
            world.wall_ms,
            world.opener_of,
            world.run_blocking,
            self.happenings,
            world.chance,
            world.head_signer,
            world.around,
        )
        self.strangers: dict[FoundPort, CameraView] = {}
        self.membership = Membership(
            world.trust,
            world.members,
            world.wall_ms,
            world.run_blocking,
            self.happenings,
            self.is_online,
            lambda details: world.index.append("force_removed", None, world.wall_ms(), details),
        )
        members = {member.serial: member for member in world.members.all()}
        seats = seats_of(members, world.system)
        for serial, member in members.items():
            self.cameras[serial] = known_view(member, world.system, world.wall_ms(), serial in seats)
        self._found_docked = FoundDocked(seats, self.cameras, self.docks, self.happenings)
        self.priorities = Priorities(world.roster, world.wall_ms, world.system)
        self._world = world
        self.system = world.system
        self._codec = ConstructCodec()
        self._committer = Committer(world.spool, world.run_blocking, self.happenings)
        self._scrubbing = Scrubbing(world.index, world.spool, world.run_blocking, self.happenings)
        self._turns = Turns()
        self._journey = Journey(world.index, world.wall_ms)
        self._sessions: dict[str, Camera] = {}
        self._links: dict[str, Connection] = {}
        self._ports: dict[FoundPort, asyncio.Task[None]] = {}
        self.contacts = Contacts(
            self.docks,
            self.camera_in,
            self.session_of,
            world.boards,
            world.contact_history,
            world.wall_ms,
            world.run_blocking,
            self.happenings,
            SmartCharge(lambda: world.system is None or world.system.settings.smart_charge, world.system),
        )
        self.happenings.listen(self._react)
        if world.system is not None:
            world.system.listen(self._on_change)

    async def run(self) -> None:
        """Serve until cancelled; connections are closed in order."""
        if self._world.system is not None:  # changes are made in threads, and told here
            self._world.system.deliver_with(asyncio.get_running_loop().call_soon_threadsafe)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._committer.run())
            tasks.create_task(self.delivery.run())
            tasks.create_task(self._scrubbing.run())
            tasks.create_task(watch_links(lambda: self._links, lambda: self.docks, self.problems, self.happenings))
            tasks.create_task(self._keep_certificate())
            tasks.create_task(self.contacts.run())
            tasks.create_task(self._found_docked.run())
            while True:
                self._follow_ports(tasks, set(self._world.finder.look()))
                self._follow_usb(self._world.finder.faults)
                await asyncio.sleep(LOOK_S)

    def camera_in(self, dock: Dock, bay: int) -> CameraView | None:
        """The camera whose place on the USB tree is that bay."""
        return next((view for view in self.present() if self.bay_of(view, dock) == bay), None)

    def present(self) -> list[CameraView]:
        """Everything that is docked now: members, and those that are none."""
        return [view for view in self.cameras.values() if view.online] + list(self.strangers.values())

    def is_online(self, serial: str) -> bool:
        """Whether a member has a session now."""
        return serial in self._sessions

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

    def session_of(self, serial: str) -> Camera | None:
        """The session with a camera, while there is one."""
        return self._sessions.get(serial)

    def look_again(self) -> None:
        """Something was changed in the index: delivery and all cameras look at it anew."""
        self.delivery.retry()
        for camera in self._sessions.values():
            camera.news.set()

    # -- ports

    def _follow_ports(self, tasks: asyncio.TaskGroup, found: set[FoundPort]) -> None:
        for port in [port for port in self._ports if port not in found]:
            self._ports.pop(port).cancel()
            self.problems.pop(port.url, None)
            self.strangers.pop(port, None)
        for port in sorted(found - set(self._ports)):
            self._ports[port] = tasks.create_task(self._keep(port))

    def _follow_usb(self, faults: Mapping[str, str]) -> None:
        """What is wrong on the USB tree is a problem as long as it lasts."""
        for key in [key for key in self.problems if key.startswith(USB_PROBLEM)]:
            if key.removeprefix(USB_PROBLEM) not in faults:
                del self.problems[key]
        for location, text in faults.items():
            key = USB_PROBLEM + location
            if self.problems.get(key) != text:
                self.problems[key] = text
                self.happenings.tell("usb_fault", location=location, text=text)

    async def _keep(self, port: FoundPort) -> None:
        """Hold a connection to one port for as long as it is there, one after another."""
        vain = 0
        while True:
            pause_s = RETRY_S
            try:
                await self._connect(port)
            except PortMissing as missing:  # a configured port whose board is not plugged in now
                self._problem(port, str(missing))
            except TurnedAway as turned:
                self._show_stranger(port, turned.serial, turned.admission)
                pause_s = RETRY_SLOW_S
            except (PortError, PortFault, VersionMismatch, TrustError) as error:
                self._problem(port, str(error))
                pause_s = RETRY_SLOW_S
            except RequestRefused as error:
                self._problem(port, f"{port.url}: {error}; update the board's firmware or this controller")
                pause_s = RETRY_SLOW_S
            except LinkLost as lost:
                vain = vain + 1 if isinstance(lost, ChannelRefused) else 0
                if vain < VAIN_MAX:
                    self.happenings.tell("link_lost", url=port.url, text=str(lost))
                else:  # it goes on until somebody takes it out: its keys are on a card that cannot be read
                    self._problem(port, f"{port.url}: ends each session before it has shown who it is: {MUTE_REMEDY}")
                    pause_s = RETRY_SLOW_S
            except Exception as error:  # the edge of a task: one board must not end the others
                LOG.exception("%s: the session has failed", port.url)
                self._problem(port, f"{port.url}: the session failed ({error!r}); report this with the log")
                pause_s = RETRY_SLOW_S
            await asyncio.sleep(pause_s)

    async def _connect(self, port: FoundPort) -> None:
        world = self._world
        maker = ChannelMaker(self.membership.channel_trust(), port.serial, world.make_channel)
        signer = world.erase_signer()  # of the key that the camera is about to meet
        try:
            connection = await open_board(world.registry, port.url, world.nonce(), self._codec, maker)
        except ChannelRefused:
            if maker.fault is None:
                raise
            serial = maker.serial or port.url
            raise TurnedAway(serial, turn_away(serial, maker.fault)) from None
        try:
            self.problems.pop(port.url, None)
            if isinstance(connection.peer, PeerIdentity):
                serving = self._serve_proved(port, connection, connection.peer, signer)
            else:
                serving = self._serve_bare(port, connection)
            await self._until_lost(connection, serving)
        finally:
            connection.close()

    async def _serve_bare(self, port: FoundPort, connection: Connection) -> None:
        """Whoever proves nothing can be a dock, which is trusted for electrical facts and lamps. A camera always can:
        the bit that says so is not protected, and its absence must not help anybody."""
        board = self._world.boards.get(port.model)
        if board is None or board.kind == "dock":
            identity = await identify(connection)
            if schema.word_of(schema.BOARD_KINDS, identity["kind"]) == "dock":
                await self._serve_dock(port, connection, identity)
                return
        raise refused(port.serial or port.url, "it is a camera and does not speak securely; update its firmware")

    async def _serve_proved(self, port: FoundPort, connection: Connection, peer: PeerIdentity, signer: Signer) -> None:
        admission = self.membership.admit(peer)
        if admission.state == MEMBER:
            self.strangers.pop(port, None)
            await self._serve_member(port, connection, peer, signer)
        elif admission.state in (FACTORY, SAFE_MODE):
            self._show_stranger(port, peer.serial, admission, peer.fingerprint)
            try:
                await self.membership.hold(Held(connection, peer, admission, port.model))
            finally:
                self.strangers.pop(port, None)
        else:
            raise TurnedAway(peer.serial, admission)

    async def _serve_member(self, port: FoundPort, connection: Connection, peer: PeerIdentity, signer: Signer) -> None:
        try:
            await adoption.set_time(connection, self._world.wall_ms())
        except RequestRefused as error:
            why = f"it does not follow this controller ({error.text}); set its clock, if it is the time that it refuses"
            raise refused(peer.serial, why) from error
        await self.membership.welcome(connection, peer, port.model)
        identity = await identify(connection)
        if identity["serial"] != peer.serial:
            raise refused(peer.serial, f"it says that it is {identity['serial'][:40]!r}; provision it anew")
        await self._serve_camera(port, connection, identity, signer)

    async def _serve_dock(self, port: FoundPort, connection: Connection, identity: dict[str, Any]) -> None:
        board = self._world.boards.get(identity["model"])
        dock = Dock(connection, identity, port.location, self.happenings, board)
        self.docks[dock.serial] = dock
        self.happenings.tell("dock_online", dock=dock.serial, url=port.url)
        try:
            await dock.run()
        finally:
            if self.docks.get(dock.serial) is dock:
                del self.docks[dock.serial]
            if self._has_gone(port, connection):
                self.happenings.tell("dock_offline", dock=dock.serial)

    async def _serve_camera(
        self, port: FoundPort, connection: Connection, identity: dict[str, Any], signer: Signer
    ) -> None:
        world, serial = self._world, identity["serial"]
        view = self.cameras.setdefault(serial, CameraView(serial))
        view.model, view.firmware, view.location = identity["model"], identity["firmware"], port.location
        view.online = True
        offload = Offload(
            connection,
            serial,
            world.spool,
            self._committer,
            world.run_blocking,
            self.happenings,
            self._turns,
            lambda: self.priorities.holds(world.roster.wearer_for(serial)),
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
            signer,
            lambda: self.membership.drained(connection, serial),
            lambda: read_usage(connection, serial, world.system, world.run_blocking, self.happenings),
            world.trust.broadcast_key,
        )
        self._sessions[serial] = camera
        self._links[serial] = connection
        self._found_docked.greet(serial, self.place_of(view))
        try:
            await camera.run()
        finally:
            view.link = connection.health().plain()
            gone = self._has_gone(port, connection)
            if self._sessions.get(serial) is camera:  # else it is docked again already, and this is its old session
                view.online = False
                view.left_unix_ms = self.happenings.wall_ms() if gone else view.left_unix_ms
                del self._sessions[serial], self._links[serial]
                if self._world.members.find(serial) is None:  # it was let go
                    self.cameras.pop(serial, None)
            if gone:
                self.happenings.tell("undocked", camera=serial)

    def _has_gone(self, port: FoundPort, connection: Connection) -> bool:
        """Why a session ends: its board has gone, or does not serve any more. Of one that stays where it is while this
        controller ends nothing is told: the next one finds it there."""
        task = asyncio.current_task()
        ends = task is not None and task.cancelling() > 0
        return not ends or connection.closed.done() or port not in self._ports

    async def _until_lost(self, connection: Connection, serving: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(serving)
        try:
            await asyncio.wait({task, connection.closed}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
        finally:
            task.cancel()
            await ended(task)
        if connection.closed.done():
            raise connection.closed.result()

    async def _keep_certificate(self) -> None:
        """This controller's own certificate is renewed in time, though no camera comes for weeks."""
        while True:
            self.membership.channel_trust()
            await asyncio.sleep(CERTIFICATE_S)

    def _show_stranger(self, port: FoundPort, serial: str, admission: Admission, fingerprint: str = "") -> None:
        known = self.strangers.get(port)
        if known is None or known.admission_text != admission.text:
            view = CameraView(serial, port.model, location=port.location, online=True)
            view.admission, view.admission_text, view.fingerprint = admission.state, admission.text, fingerprint
            self.strangers[port] = view
            self.happenings.tell("stranger", camera=serial, admission=admission.state, text=admission.text)

    def _problem(self, port: FoundPort, text: str) -> None:
        if self.problems.get(port.url) != text:
            self.problems[port.url] = text
            self.happenings.tell("problem", url=port.url, text=text)

    # -- reactions

    def _react(self, happening: Happening) -> None:
        if happening["what"] == "held":
            self.delivery.more()
        if happening["what"] in ("delivered", "damaged"):
            for camera in self._sessions.values():
                camera.news.set()
        if happening["what"] == "force_removed":
            self.cameras.pop(happening["camera"], None)
        if happening["what"] != "progress":
            self._light_bays()

    def _on_change(self, changed: Changed) -> None:
        """Something in the domain is different: who follows events is told what, not whose; cameras that are here take
        what concerns them."""
        self.happenings.tell(
            "changed",
            kind=changed.kind,
            key=changed.key,
            version=changed.version,
            by=changed.by,
            removed=changed.after is None,
        )
        for camera in self._sessions.values() if changed.kind not in NO_CAMERAS else ():
            camera.look_at_change()

    def _light_bays(self) -> None:
        for dock in self.docks.values():
            for view in self.present():
                bay = self.bay_of(view, dock)
                if bay is not None:
                    dock.want_lamp(bay, lamp_for(view))
