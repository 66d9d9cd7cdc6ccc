"""The controller as a program that runs until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from firmware.platform.linux.files import LinuxFiles
from host_tools.accounts.errors import AccountsError
from host_tools.accounts.people import People
from host_tools.accounts.roles import Actor
from host_tools.cli.compose import Assembled, assemble_controller
from host_tools.cli.domain_groups import domain_groups
from host_tools.cli.ending import on_signals
from host_tools.cli.people import opened_people, user_of_machine, wall_ms
from host_tools.cli.web import HttpsSide, serving_manager
from host_tools.controller.account_commands import AccountCommands
from host_tools.controller.badge_commands import BadgeCommands
from host_tools.controller.camera_commands import CameraCommands
from host_tools.controller.commands import CommandError, Commands, Gate
from host_tools.controller.delivery_rejected import Rejected
from host_tools.controller.destination_commands import DestinationCommands
from host_tools.controller.hardware_commands import HardwareCommands
from host_tools.controller.https_commands import HttpsCommands
from host_tools.controller.live import LiveView
from host_tools.controller.live_commands import LiveCommands
from host_tools.controller.membership import MembershipError
from host_tools.controller.pickup_audit import PickupAudit
from host_tools.controller.pickup_commands import PickupCommands
from host_tools.controller.recording_commands import RecordingCommands
from host_tools.controller.remote import SOCKET
from host_tools.controller.service_commands import ServiceCommands
from host_tools.controller.settings import Settings
from host_tools.controller.upkeep import Upkeep
from host_tools.custody.blocking import run_in_thread
from host_tools.custody.errors import CustodyError
from host_tools.custody.journey import Journey
from host_tools.protocol.connection import RequestRefused
from host_tools.system.errors import DomainError
from host_tools.transports.errors import LinkLost
from host_tools.transports.local import LocalError, LocalServer, Peer
from host_tools.trust.errors import TrustError

LOG = logging.getLogger("openbwc.controller")

# What commands raise for the person who asked: one line each.
EXPECTED = (
    AccountsError,
    CommandError,
    CustodyError,
    DomainError,
    LinkLost,
    MembershipError,
    RequestRefused,
    TrustError,
)


async def serve_controller(settings: Settings, on_ready: Callable[[RunningController], None]) -> bool:
    """Until SIGINT or SIGTERM, or until somebody asks for a fresh start: then True."""
    stop, fresh = asyncio.Event(), asyncio.Event()
    on_signals(stop.set)

    def restart() -> None:
        fresh.set()
        stop.set()

    async with running_controller(settings, restart) as running:
        on_ready(running)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running.task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
    return fresh.is_set()


class RunningController:
    """A controller at work: its parts, what may be asked of it, and the task it runs in."""

    def __init__(self, assembled: Assembled, commands: Commands, people: People) -> None:
        self.url = ""  # of the manager, as people type it
        self.fingerprint = ""  # of its certificate
        self.commands = commands
        self.controller, self.index, self.spool = assembled.controller, assembled.index, assembled.spool
        self.task = asyncio.create_task(_work(assembled, people))


@asynccontextmanager
async def running_controller(
    settings: Settings, restart: Callable[[], None] | None = None
) -> AsyncGenerator[RunningController]:
    """Start a controller and answer questions about it on a socket in its folder; stop it in order at the end.
    ``restart``: asks the caller to end this block and begin another; None where that cannot be."""
    with assemble_controller(settings) as assembled, opened_people(settings.folder) as people:
        https = HttpsSide(settings.folder)
        assembled.alerting.ask(https.alerts)
        view = LiveView(assembled.controller, assembled.spool)
        commands = make_commands(assembled, people, view, https, restart)
        server = LocalServer(settings.folder / SOCKET, LocalDoor(commands).handle)
        await server.start()
        assembled.controller.happenings.listen(server.publish)
        running = RunningController(assembled, commands, people)
        try:
            async with serving_manager(
                settings, commands, people, assembled.controller.happenings, view, assembled.system, https
            ) as running.url:
                running.fingerprint = await run_in_thread(https.fingerprint) if running.url else ""
                yield running
        finally:
            running.task.cancel()
            await asyncio.wait({running.task})
            await server.close()
            if not running.task.cancelled() and (error := running.task.exception()) is not None:
                raise error


async def _work(assembled: Assembled, people: People) -> None:
    """A controller, with what keeps alerts and system data in step with it. Until cancelled."""
    controller = assembled.controller
    upkeep = Upkeep(controller, assembled.system, run_in_thread)
    badges = PickupAudit(people.audit, controller.happenings, controller.problems, run_in_thread)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(controller.run())
            tasks.create_task(assembled.alerting.run())
            tasks.create_task(assembled.reporting.run())
            tasks.create_task(upkeep.run())
            tasks.create_task(badges.run())
            tasks.create_task(assembled.desk.run())
            tasks.create_task(assembled.telling.notifier.run())
            tasks.create_task(assembled.telling.telemetry.run())
    finally:
        upkeep.end()


def make_commands(
    assembled: Assembled,
    people: People,
    view: LiveView,
    https: HttpsSide,
    restart: Callable[[], None] | None = None,
) -> Commands:
    """All commands of a controller. A new group is one more line here."""
    gate = Gate(people.audit, wall_ms, run_in_thread)
    journey = Journey(assembled.index, wall_ms)
    return Commands(
        [
            LiveCommands(gate, view),
            ServiceCommands(gate, restart),
            RecordingCommands(gate, assembled.index, run_in_thread),
            HttpsCommands(gate, https.certificates, https.network, https.use, wall_ms, run_in_thread),
            HardwareCommands(gate, assembled.controller, assembled.index, assembled.spool, journey, run_in_thread),
            AccountCommands(gate, people, wall_ms, run_in_thread),
            CameraCommands(gate, assembled.controller.membership),
            PickupCommands(gate, assembled.desk.pickup),
            BadgeCommands(gate, assembled.desk.badges),
            *domain_groups(gate, assembled, people),
            _destination_commands(gate, assembled),
        ]
    )


def _destination_commands(gate: Gate, assembled: Assembled) -> DestinationCommands:
    controller, index = assembled.controller, assembled.index
    rejected = Rejected(
        index,
        assembled.spool,
        controller.delivery,
        assembled.belief.opener_of,
        LinuxFiles(assembled.folder),
        wall_ms,
        lambda: str(uuid.uuid4()),
        run_in_thread,
    )
    require_passphrase = controller.membership.require_passphrase
    return DestinationCommands(
        gate, controller.delivery, assembled.attached, rejected, index, require_passphrase, run_in_thread
    )


class LocalDoor:
    """The controller's own socket: whoever runs processes as the folder's owner, or as root, is an administrator."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def handle(self, verb: str, arguments: dict[str, Any], peer: Peer) -> Any:
        """One question. LocalError refuses."""
        try:
            return await self._commands.call(local_actor(peer, os.geteuid()), verb, arguments)
        except EXPECTED as error:
            raise LocalError(str(error)) from error
        except Exception as error:  # the edge of a question: whoever asked hears of it, the controller goes on
            LOG.exception("%s has failed", verb[:40])
            raise LocalError(f"{verb[:40]} failed ({type(error).__name__}): report this with the log") from error


def local_actor(peer: Peer, owner_uid: int) -> Actor:
    """Who asks on this machine, by the kernel's word. LocalError for anybody but the controller's own user and root,
    should the socket's mode ever let one through."""
    if peer.uid not in (owner_uid, 0):
        raise LocalError(f"user {peer.uid} is not the owner of this controller: ask as its owner")
    return user_of_machine(peer.uid)
