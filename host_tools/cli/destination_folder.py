"""A destination's folder, opened for a command or for the server."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Annotated

import typer

from firmware.platform.linux.files import LinuxFiles
from host_tools.cli.people import wall_ms
from host_tools.destinations import sntp
from host_tools.destinations.directory import MARKER
from host_tools.destinations.sntp import TimeReading
from host_tools.evidence import folder as folders
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.logbook import LogBook
from host_tools.evidence.plain_names import letters

Folder = Annotated[Path, typer.Argument(help="The destination's folder.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@contextlib.contextmanager
def opened_destination(folder: Path, is_sole: bool = False) -> Generator[folders.Destination]:
    """The destination in a folder; closed at the end. ``is_sole``: refused while its server runs. EvidenceError."""
    require_own(folder)
    files = LinuxFiles(folder)
    tell = teller(LogBook(folder))
    with folders.opened(folder, files, wall_ms, lambda: secrets.token_hex(16), tell, LinuxFiles, is_sole) as opened:
        yield opened


def opened_alone(folder: Path) -> contextlib.AbstractContextManager[folders.Destination]:
    """The same, refused while its server runs."""
    return opened_destination(folder, is_sole=True)


def private(path: str, flags: int) -> int:
    """An ``opener``: nobody else can read the file from the moment that it is there."""
    return os.open(path, flags, 0o600)


def require_own(folder: Path) -> None:
    """EvidenceError for what people take for such a destination: a file, or a folder that a controller fills."""
    if folder.exists() and not folder.is_dir():
        raise EvidenceError(f"{folder}: is a file: name the destination's folder")
    if (folder / MARKER).is_file():
        raise EvidenceError(
            f"{folder}: a controller delivers straight into this folder, and nothing serves it: "
            "look at its files; a destination that is served has a folder of its own"
        )


async def ask_time(server: str) -> TimeReading:
    """What an NTP server says of this machine's clock. NoTime."""
    return await sntp.ask(server, wall_ms, secrets.token_bytes)


def teller(log: LogBook) -> Callable[[str], None]:
    """To whoever watches the server, and into its log."""

    def tell(text: str) -> None:
        text = letters(" ".join(text.split()))
        if text:
            print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr)
            log.tell(text, wall_ms())

    return tell
