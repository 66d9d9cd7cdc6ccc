"""Puts the domain of a controller together: its database, the seal's key, what is known of camera models."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from firmware.platform.linux.entropy import LinuxEntropy
from firmware.platform.linux.files import FILE_MODE, LinuxFiles
from host_tools.accounts.secret import load_secret
from host_tools.cli.people import wall_ms
from host_tools.controller.settings import Settings, SettingsError
from host_tools.hardware import Board
from host_tools.system.catalogue import abilities_of
from host_tools.system.records import SYSTEM_KEY, SystemSettings
from host_tools.system.roster import import_roster, load_roster
from host_tools.system.sql_store import SqlStore, open_sql_store, sqlite_url
from host_tools.system.system import FIRST, System, make

SYSTEM_NAME = "system.sqlite"
ROSTER_IMPORT = "roster file"  # who changed what came from one
IMPORTED_NAME = "roster.sha256"  # in the controller's folder: of the roster file that was imported last


@contextmanager
def opened_system(settings: Settings, boards: Mapping[str, Board]) -> Generator[System]:
    """The domain of a controller, with its roster file in it where one is named; closed at the end. A file that was
    imported already is not imported again: what people have changed since must not turn back at a restart, least of
    all whose a camera is. SystemFault, SystemTampered, RosterFileError."""
    roster = load_roster(settings.roster) if settings.roster else None
    abilities = {model: abilities_of(board) for model, board in boards.items() if board.kind == "camera"}
    with closing(open_store(settings.folder, settings.database)) as store:
        system = System(store, abilities)
        stamp = system.stamp_of("settings", SYSTEM_KEY)
        if stamp is not None and stamp.changed_by == FIRST:  # nobody has named it yet
            with system.change(FIRST, 0) as edit:
                edit.put(make(SystemSettings, {**edit.state.settings.model_dump(), "name": settings.system}))
        if roster is not None and settings.roster is not None:
            digest = hashlib.sha256(settings.roster.read_bytes()).hexdigest()
            if not system.wearers or _imported(settings.folder) != digest:
                import_roster(system, roster, ROSTER_IMPORT, wall_ms())
                with suppress(OSError):  # then it is imported once more
                    (settings.folder / IMPORTED_NAME).write_text(digest, encoding="ascii")
        yield system


def open_store(folder: Path, database: str | None) -> SqlStore:
    """The database of the controller in ``folder``. A file is for its owner alone: it names people. SettingsError,
    SystemFault."""
    key = load_secret(LinuxFiles(folder), LinuxEntropy()).system_key
    if database is not None:
        return open_sql_store(database, "settings: database", key)
    path = folder / SYSTEM_NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            os.fchmod(descriptor, FILE_MODE)  # the journals beside it take their mode from it
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be opened ({error.strerror}); check its owner") from error
    return open_sql_store(sqlite_url(str(path)), str(path), key)


def _imported(folder: Path) -> str:
    """Of the roster file that was imported last; empty for none."""
    try:
        return (folder / IMPORTED_NAME).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
