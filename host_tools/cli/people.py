"""Puts the people of a controller or destination together: their database and secret in its folder, for nobody else to
read; and who gives a command on the machine itself."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from firmware.platform.linux.entropy import LinuxEntropy
from firmware.platform.linux.files import LinuxFiles
from host_tools.accounts.people import People
from host_tools.accounts.roles import LOCAL, Actor
from host_tools.accounts.secret import load_secret
from host_tools.accounts.store import open_store

PEOPLE_NAME = "people.sqlite"


@contextmanager
def opened_people(folder: Path) -> Generator[People]:
    """The people of the controller in ``folder``; the database is closed at the end."""
    path = folder / PEOPLE_NAME
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # its journals take their mode from it
    entropy = LinuxEntropy()
    secret = load_secret(LinuxFiles(folder), entropy)
    store = open_store(str(path), secret)
    try:
        yield People(store, secret, entropy)
    finally:
        store.close()


def user_of_machine(uid: int) -> Actor:
    """Whoever is that user here; by the number where it has no name."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Actor(f"{LOCAL}:{name}", "administrator", LOCAL)


def wall_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
