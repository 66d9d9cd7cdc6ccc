"""Puts the rooms together: a controller on this machine."""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from firmware.platform.linux.files import FILE_MODE, LinuxFiles
from firmware.secure import certificates
from firmware.secure.signing import MemoryKey, P256Signer
from firmware.version import VERSION
from host_tools.cli.delivering import Chosen, attach_destination, choose_destination
from host_tools.cli.domain import opened_system
from host_tools.cli.folders import make_folder
from host_tools.cli.registry import make_registry
from host_tools.cli.telling import Telling, Told, make_telling
from host_tools.cli.trusting import open_trust
from host_tools.controller.alerting import Alerting
from host_tools.controller.contact_history import ContactHistory
from host_tools.controller.discovery import Finder
from host_tools.controller.members import Members
from host_tools.controller.pickup_desk import PickupDesk
from host_tools.controller.pickup_facts import PickupRules
from host_tools.controller.readers import ReaderFinder, ReaderPlace
from host_tools.controller.reporting import Reporting
from host_tools.controller.service import Controller, World
from host_tools.controller.settings import Settings, SettingsError
from host_tools.controller.status import take_status
from host_tools.controller.suites import suites_by_board
from host_tools.custody.belief import Belief, of_system
from host_tools.custody.blocking import SideBySide, run_in_thread
from host_tools.custody.heads import HeadSigner
from host_tools.custody.index import Index, open_index
from host_tools.custody.spool import SYNCS_AT_ONCE, Spool
from host_tools.destinations.attached import Attached
from host_tools.destinations.directory import create
from host_tools.hardware import Board, board_models, find_board
from host_tools.system.system import System
from host_tools.trust.system import SystemTrust

INDEX_NAME = "index.sqlite"


@dataclass(frozen=True, slots=True)
class Assembled:
    """A controller with what status reads beside it."""

    controller: Controller
    index: Index
    spool: Spool
    system: System
    alerting: Alerting
    reporting: Reporting
    attached: Attached | None
    belief: Belief
    folder: Path
    desk: PickupDesk
    telling: Telling


@contextmanager
def assemble_controller(settings: Settings) -> Generator[Assembled]:
    """A controller from its settings; its files are closed at the end."""
    folder = make_folder(settings.folder)
    trust = open_trust(folder, settings.certificate_weeks)
    members, boards = Members(LinuxFiles(settings.folder)), {model: find_board(model) for model in board_models()}
    belief = of_system(trust, suites_by_board(members, boards))
    index = open_own_index(folder / INDEX_NAME)
    side_by_side = SideBySide(SYNCS_AT_ONCE)
    try:
        files = LinuxFiles(make_folder(folder / "spool"))
        spool = Spool(files, index, _wall_ms, belief=belief, together=side_by_side)
        try:
            with opened_system(settings, boards) as system:
                chosen = attach_destination(settings, LinuxFiles(folder), system, members)
                world = _world(settings, index, spool, trust, belief, members, boards, system, chosen)
                controller = Controller(world)
                alerting = Alerting(controller, index, spool, system, run_in_thread)
                reporting = Reporting(
                    LinuxFiles(folder),
                    system,
                    alerting.book,
                    lambda: take_status(controller, index, spool, run_in_thread),
                    _wall_ms,
                    run_in_thread,
                )
                desk = _desk(controller, system, settings)
                told = Told(controller, spool, system, alerting, LinuxFiles(folder), trust)
                telling = make_telling(settings, told, _wall_ms, run_in_thread)
                attached = chosen.attached
                yield Assembled(
                    controller, index, spool, system, alerting, reporting, attached, belief, folder, desk, telling
                )
        finally:
            spool.close()
    finally:
        side_by_side.close()
        index.close()


def create_destination(folder: Path) -> None:
    """Make an empty folder a destination, once."""
    create(LinuxFiles(make_folder(folder)), str(folder), secrets.token_hex(8))


async def check_destination(folder: Path) -> None:
    """Whether recordings can be delivered there now; DestinationError says why not."""
    destination = choose_destination(folder)
    await destination.open()
    await destination.check()
    await destination.close()


def open_own_index(path: Path) -> Index:
    """The index, readable by its owner alone, whatever the folder's mode and whoever made the file: it names people.
    SettingsError if it is another user's."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            os.fchmod(descriptor, FILE_MODE)  # the journals beside it take their mode from it
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be opened ({error.strerror}); check its owner") from error
    return open_index(str(path))


def _world(
    settings: Settings,
    index: Index,
    spool: Spool,
    trust: SystemTrust,
    belief: Belief,
    members: Members,
    boards: dict[str, Board],
    system: System,
    chosen: Chosen,
) -> World:
    return World(
        finder=Finder(boards.values(), settings.usb_root, settings.dev, settings.urls),
        registry=make_registry(settings.capture),
        boards=boards,
        index=index,
        spool=spool,
        destination=chosen.destination,
        roster=system,
        wall_ms=_wall_ms,
        nonce=lambda: secrets.randbits(64),
        opener_of=belief.opener_of,
        run_blocking=run_in_thread,
        trust=trust,
        members=members,
        erase_signer=lambda: P256Signer(trust.controller_key()),
        chance=random.SystemRandom().random,
        head_signer=lambda: _head_signer(trust),
        around=chosen.around,
        system=system,
        contact_history=ContactHistory(settings.folder, _wall_ms()),
    )


def _desk(controller: Controller, system: System, settings: Settings) -> PickupDesk:
    named = (ReaderPlace(each.url, each.place) for each in settings.reader)
    return PickupDesk(
        controller,
        system,
        PickupRules(VERSION, settings.dock_places),
        ReaderFinder(named, settings.usb_root, settings.dev, settings.reader_place),
        make_registry(),  # what readers say is in no capture: whoever reads it could copy badges
        run_in_thread,
        lambda: time.monotonic_ns() // 1_000_000,
    )


def _head_signer(trust: SystemTrust) -> HeadSigner:
    """The controller of today, as its certificate names it."""
    own = trust.record.controller
    return HeadSigner(certificates.identify(own.chain, True).serial, P256Signer(MemoryKey(own.key)), own.chain)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
