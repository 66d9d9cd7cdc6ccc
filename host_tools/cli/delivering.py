"""Which destination a controller delivers to: a folder, or the one that its connection file leads to."""

from __future__ import annotations

import logging
import secrets
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.files import Files
from host_tools.controller.delivery_around import Around
from host_tools.controller.delivery_notes import NoteBook
from host_tools.controller.members import Members
from host_tools.controller.settings import Settings
from host_tools.custody.blocking import run_in_thread
from host_tools.destinations import connection_file, people, sntp
from host_tools.destinations.attached import Attached, Connected, attach
from host_tools.destinations.attachment import Attachment
from host_tools.destinations.capabilities import Category
from host_tools.destinations.connecting import connected
from host_tools.destinations.connection_file import ConnectionFile, ConnectionFileError
from host_tools.destinations.directory import DirectoryDestination
from host_tools.destinations.interface import Destination
from host_tools.destinations.metadata import DEVICES, USERS
from host_tools.destinations.swift import SwiftDestination, SwiftOptions
from host_tools.system import records
from host_tools.system.errors import DomainError
from host_tools.system.system import System

UPLOAD_NAME = "setup-connection.json"  # what was uploaded to the setup assistant

LOOPBACK = ("127.0.0.1", "::1", "localhost")
LOG = logging.getLogger("openbwc.controller")
BY = "destination"  # who changed the domain's categories
HOUR_MS = 3_600_000


class Chosen(NamedTuple):
    """``attached``: None where it is a folder."""

    destination: Destination
    around: Around
    attached: Attached | None


def choose_destination(place: Path) -> Destination:
    """``place`` is a folder, or a connection file: to look whether it can be reached. ConnectionFileError."""
    if not place.is_file():
        return DirectoryDestination(lambda: LinuxFiles(place), str(place), run_in_thread)
    connection = read_connection_file(place)
    require_privacy(connection)
    return SwiftDestination(connection, _wall_ms, run_in_thread)


def attach_destination(settings: Settings, files: Files, system: System, members: Members) -> Chosen:
    """Where this controller delivers. Once it was connected, the connection file in its folder (``files``) is in force;
    another one named at the start takes its place under the rules. ConnectionFileError."""
    domain = DomainPeople(system, members)
    attachment = Attachment(files)
    given = read_connection_file(settings.destination) if settings.destination.is_file() else None
    attached = None
    if given is not None or attachment.connection() is not None:
        attached = _attached(attachment, given, domain)
    around = Around(
        notes=NoteBook(files),
        upkeep=attached,
        time_zone=lambda: system.settings.time_zone,
        camera_name=domain.camera_name,
        keep_ms=settings.keep_delivered_hours * HOUR_MS,
    )
    return Chosen(attached or choose_destination(settings.destination), around, attached)


def read_connection_file(path: Path) -> ConnectionFile:
    """A connection file, of which not more is read than one may have. ConnectionFileError, OSError."""
    with path.open("rb") as file:
        return connection_file.parse(file.read(connection_file.FILE_BYTES_MAX + 1))


def require_privacy(connection: ConnectionFile) -> None:
    """The API allows HTTP for development: within one machine, then."""
    for uri in connection.auth_uris:
        parts = urlsplit(uri)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ConnectionFileError(
                f"AuthenticationTokenURI: {uri:.100} is not encrypted, and evidence would go in the clear: "
                "have the destination issue a file with HTTPS"
            )


class DomainPeople:
    """Wearers and cameras of the system, as a destination is told of them."""

    def __init__(self, system: System, members: Members) -> None:
        self.system = system
        self._members = members

    def wearers(self) -> Iterable[people.Wearer]:
        """All of them."""
        return [people.Wearer(each.id, each.name, each.id) for each in self.system.wearers.values()]

    def devices(self) -> Iterable[people.Device]:
        """All members."""
        return [self._device(each.serial, each.model) for each in self._members.all()]

    def wearer(self, wearer_id: str) -> people.Wearer | None:
        """One of them."""
        known = self.system.wearers.get(wearer_id)
        return people.Wearer(known.id, known.name, known.id) if known is not None else None

    def device(self, serial: str) -> people.Device | None:
        """One of them."""
        known = self._members.find(serial)
        return self._device(serial, known.model) if known is not None else None

    def camera_name(self, serial: str) -> str:
        """What people have called it; its serial if nobody has."""
        entry = self.system.cameras.get(serial)
        return entry.name if entry is not None and entry.name else serial

    def keep_categories(self, found: tuple[Category, ...] | None) -> None:
        """The destination's categories are the system's; where it leaves them to us, ours stay. Blocks."""
        if found is None:
            return
        try:
            with self.system.change(BY, _wall_ms()) as edit:
                names = {each.name for each in found}
                for name in [name for name in self.system.categories if name not in names]:
                    edit.remove("category", name)
                for name in sorted(names - set(self.system.categories)):
                    edit.put(records.Category(name=name))
        except (DomainError, ValueError) as error:
            LOG.warning("the destination's categories cannot be taken over (%s): correct them there", error)

    def _device(self, serial: str, model: str) -> people.Device:
        return people.Device(serial, self.camera_name(serial), model)


def forget_upload(folder: Path) -> None:
    """Of the setup assistant: the controller keeps the connection file itself once it was connected."""
    if (folder / UPLOAD_NAME).exists() and Attachment(LinuxFiles(folder)).connection() is not None:
        (folder / UPLOAD_NAME).unlink()


def _attached(attachment: Attachment, given: ConnectionFile | None, domain: DomainPeople) -> Attached:
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request is no news
    if given is not None:
        require_privacy(given)
    options = SwiftOptions(time_zone=lambda: domain.system.settings.time_zone)

    def wearer_of(wearer_id: str) -> people.Wearer | None:
        return domain.wearer(wearer_id) or cast("people.Wearer | None", made.gone(USERS, wearer_id))

    def device_of(serial: str) -> people.Device | None:
        return domain.device(serial) or cast("people.Device | None", made.gone(DEVICES, serial))

    def build(connection: ConnectionFile) -> Connected:
        require_privacy(connection)
        return connected(
            connection, _wall_ms, run_in_thread, secrets.token_bytes, wearer_of, device_of, options,
            lambda: made.wearer_names(),
        )  # fmt: skip

    made = attach(
        attachment,
        given,
        lambda: str(uuid.uuid4()),
        build,
        domain,
        lambda: domain.system.settings.name,
        _wall_ms,
        run_in_thread,
        lambda server: sntp.ask(server, _wall_ms, secrets.token_bytes),
        domain.keep_categories,
    )
    return made


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
