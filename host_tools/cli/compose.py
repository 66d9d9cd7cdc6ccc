"""Puts the rooms together: a controller on this machine, an emulated bench on this machine."""

from __future__ import annotations

import os
import secrets
import ssl
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.files import Files
from firmware.ports.limited_files import LimitedFiles
from firmware.secure.signing import P256Signer
from host_tools.cli.trusting import open_trust
from host_tools.controller.discovery import Finder
from host_tools.controller.members import Members
from host_tools.controller.service import Controller, World
from host_tools.controller.settings import Settings, SettingsError
from host_tools.custody.belief import Belief, of_system
from host_tools.custody.blocking import run_in_thread
from host_tools.custody.index import Index, open_index
from host_tools.custody.spool import Spool
from host_tools.destinations.directory import DirectoryDestination, create
from host_tools.emulator import rendezvous
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import Bench
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import board_models, find_board
from host_tools.system.roster import Roster, load_roster
from host_tools.transports.registry import Registry
from host_tools.trust.system import SystemTrust

INDEX_NAME = "index.sqlite"
MAKER_FILE = "maker.pem"  # in a bench's folder: whom a system must trust before it can add the bench's cameras


@dataclass(frozen=True, slots=True)
class Assembled:
    """A controller with what status reads beside it."""

    controller: Controller
    index: Index
    spool: Spool


def make_registry() -> Registry:
    """All transports that this program knows, the emulator's among them."""
    registry = Registry()
    registry.add(rendezvous.SCHEME, rendezvous.open_emulated)
    return registry


@contextmanager
def assemble_controller(settings: Settings) -> Generator[Assembled]:
    """A controller from its settings; its files are closed at the end."""
    folder = make_folder(settings.folder)
    trust = open_trust(folder, settings.certificate_weeks)
    belief = of_system(trust)
    index = open_index(str(folder / INDEX_NAME))
    try:
        spool = Spool(LinuxFiles(make_folder(folder / "spool")), index, _wall_ms, belief=belief)
        try:
            yield Assembled(Controller(_world(settings, index, spool, trust, belief)), index, spool)
        finally:
            spool.close()
    finally:
        index.close()


def create_destination(folder: Path) -> None:
    """Make an empty folder a destination, once."""
    create(LinuxFiles(make_folder(folder)), str(folder), secrets.token_hex(8))


async def check_destination(folder: Path) -> None:
    """Whether recordings can be delivered there now; DestinationError says why not."""
    destination = _destination(folder)
    await destination.open()
    await destination.check()
    await destination.close()


def assemble_bench(bench: Bench, folder: Path) -> EmulatedBench:
    """An emulated bench whose cards are folders below ``folder``, beside the workshop that made its cameras."""

    def files_of(name: str, capacity_bytes: int) -> Files:
        return LimitedFiles(LinuxFiles(make_folder(folder / "cards" / name)), capacity_bytes)

    made = make_folder(folder)
    workshop = Workshop(lambda name: LinuxFiles(make_folder(folder / "workshop" / name)))
    root = workshop.maker.root
    (folder / MAKER_FILE).write_text(ssl.DER_cert_to_PEM_cert(root), encoding="ascii")
    return EmulatedBench(bench, made, files_of, workshop)


def make_folder(folder: Path) -> Path:
    """The folder, made if it is not there. SettingsError names one that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{folder}: cannot be made ({error.strerror}); choose a folder you may write") from error
    if not os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise SettingsError(f"{folder}: cannot be written; choose a folder you may write")
    return folder


def _world(settings: Settings, index: Index, spool: Spool, trust: SystemTrust, belief: Belief) -> World:
    boards = {model: find_board(model) for model in board_models()}
    return World(
        finder=Finder(boards.values(), settings.usb_root, settings.dev, settings.urls),
        registry=make_registry(),
        boards=boards,
        index=index,
        spool=spool,
        destination=_destination(settings.destination),
        roster=load_roster(settings.roster) if settings.roster else Roster(),
        wall_ms=_wall_ms,
        nonce=lambda: secrets.randbits(64),
        opener_of=belief.opener_of,
        run_blocking=run_in_thread,
        trust=trust,
        members=Members(LinuxFiles(settings.folder)),
        erase_signer=lambda: P256Signer(trust.controller_key()),
    )


def _destination(folder: Path) -> DirectoryDestination:
    return DirectoryDestination(lambda: LinuxFiles(folder), str(folder), run_in_thread)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
