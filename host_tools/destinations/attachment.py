"""What a controller remembers of the destination it is connected to: its connection file, who we are to it, what it
said it can do, and whom it was told of.

Law: three small documents in a folder of the controller's own, each replaced as a whole; no network. The connection
file is kept here so that the one that was uploaded can be deleted. A document that is damaged is an error with a
remedy, except the list of people: that is told anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, cast
from uuid import UUID

from firmware.ports.errors import AlreadyExists, NotFound, PortFault
from firmware.ports.files import Files
from host_tools.destinations import connection_file
from host_tools.destinations.capabilities import Category
from host_tools.destinations.connection_file import ConnectionFile, ConnectionFileError
from host_tools.destinations.names import WearerNames

FOLDER = "destination"
CONNECTION_NAME = f"{FOLDER}/connection.json"
BOND_NAME = f"{FOLDER}/bond.json"
PEOPLE_NAME = f"{FOLDER}/people.json"
PARTIAL = ".partial"
DOCUMENT_BYTES_MAX = 8 << 20  # ten thousand people with the longest of names

Told = dict[str, dict[str, dict[str, str]]]  # container → name → metadata, of whom the destination holds as active


@dataclass(frozen=True, slots=True)
class Bond:
    """``system_id``: this system's UUID; ``connection_id``: drawn when it was connected; ``is_known``: the destination
    has our System object; ``capabilities``: what it declared; ``categories``: None where it leaves them to us;
    ``categories_unix_ms``: when they were read; ``is_by_uuid``: wearers are named as the API has it. What is not so
    was connected in former times, and the destination knows them by the IDs that people see."""

    system_id: str
    connection_id: str
    is_known: bool = False
    capabilities: tuple[str, ...] = ()
    categories: tuple[Category, ...] | None = None
    categories_unix_ms: int = 0
    is_by_uuid: bool = False

    @property
    def wearers(self) -> WearerNames:
        """What they are called there."""
        return WearerNames(self.system_id if self.is_by_uuid else "")


class Attachment:
    """All calls block. ``files``: the controller's folder."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def connection(self) -> ConnectionFile | None:
        """The connection file in force; None if there is none. ConnectionFileError."""
        data = self._read(CONNECTION_NAME)
        return connection_file.parse(data) if data is not None else None

    def bond(self) -> Bond | None:
        """What binds us to it; None before the first connection. ConnectionFileError."""
        data = self._read(BOND_NAME)
        if data is None:
            return None
        try:
            fields: dict[str, Any] = json.loads(data)
            rows = cast("list[list[str]] | None", fields.pop("categories"))
            fields["capabilities"] = tuple(fields["capabilities"])
            bond = Bond(**fields, categories=None if rows is None else tuple(Category(*row) for row in rows))
            if bond.is_by_uuid:
                UUID(bond.system_id)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConnectionFileError(f"{BOND_NAME}: is damaged: restore it from the controller's backup") from error
        return bond

    def told(self) -> Told:
        """Whom it holds as active, as far as we know; what cannot be read counts as nobody."""
        with suppress(ValueError, TypeError):
            return cast("Told", json.loads(self._read(PEOPLE_NAME) or b"{}"))
        return {}

    def keep_connection(self, connection: ConnectionFile) -> None:
        """In place of the one that was."""
        self._write(CONNECTION_NAME, connection_file.write(connection))

    def keep_bond(self, bond: Bond) -> None:
        """Durable when it returns."""
        self._write(BOND_NAME, _json(asdict(bond)))

    def keep_told(self, told: Told) -> None:
        """Durable when it returns."""
        self._write(PEOPLE_NAME, _json(told))

    def forget(self) -> None:
        """The system is reset: it can be connected to another destination. What is known of this one goes last."""
        for name in (CONNECTION_NAME, PEOPLE_NAME, BOND_NAME):
            with suppress(NotFound):
                self._files.remove(name)
        with suppress(NotFound):
            self._files.sync_folder(FOLDER)

    def _read(self, path: str) -> bytes | None:
        try:
            file = self._files.open(path)
        except NotFound:
            return None
        try:
            buffer = bytearray(min(file.size_bytes(), DOCUMENT_BYTES_MAX))
            return bytes(memoryview(buffer)[: file.read_at(0, buffer)])
        finally:
            file.close()

    def _write(self, path: str, data: bytes) -> None:
        try:
            with suppress(AlreadyExists):
                self._files.make_folder(FOLDER)
                self._files.sync_folder("")
            with suppress(NotFound):
                self._files.remove(path + PARTIAL)
            file = self._files.create(path + PARTIAL)
            try:
                file.write_at(0, data)
                file.sync()
            finally:
                file.close()
            self._files.rename(path + PARTIAL, path)
            self._files.sync_folder(FOLDER)
        except PortFault as fault:
            raise ConnectionFileError(f"{path}: cannot be kept ({fault}): check the controller's disk") from fault


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()
