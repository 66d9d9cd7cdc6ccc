"""Which destination a controller delivers to: a folder, or whatever a connection file names."""

from __future__ import annotations

import logging
import secrets
import time
from pathlib import Path
from urllib.parse import urlsplit

from firmware.platform.linux.files import LinuxFiles
from host_tools.custody.blocking import run_in_thread
from host_tools.destinations import connection_file, people
from host_tools.destinations.connecting import connect
from host_tools.destinations.connection_file import ConnectionFile, ConnectionFileError
from host_tools.destinations.directory import DirectoryDestination
from host_tools.destinations.interface import Destination
from host_tools.system.roster import Roster

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def choose_destination(place: Path, roster: Roster) -> Destination:
    """``place`` is a folder, or a connection file. ConnectionFileError."""
    if not place.is_file():
        return DirectoryDestination(lambda: LinuxFiles(place), str(place), run_in_thread)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request is no news

    def wearer_of(wearer_id: str) -> people.Wearer | None:
        known = roster.wearers.get(wearer_id)
        return people.Wearer(wearer_id, known.name, wearer_id) if known is not None else None

    connection = read_connection_file(place)
    _require_privacy(connection)
    return connect(
        connection,
        _wall_ms,
        run_in_thread,
        secrets.token_bytes,
        wearer_of,
        lambda _: None,  # cameras have no names of their own yet: the serial is the name
    )


def read_connection_file(path: Path) -> ConnectionFile:
    """A connection file, of which not more is read than one may have. ConnectionFileError, OSError."""
    with path.open("rb") as file:
        return connection_file.parse(file.read(connection_file.FILE_BYTES_MAX + 1))


def _require_privacy(connection: ConnectionFile) -> None:
    """The API allows HTTP for development: within one machine, then."""
    for uri in connection.auth_uris:
        parts = urlsplit(uri)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ConnectionFileError(
                f"AuthenticationTokenURI: {uri:.100} is not encrypted, and evidence would go in the clear: "
                "have the destination issue a file with HTTPS"
            )


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
