"""Files that are more than they seem: endless, packed, nested, or long where nobody looks. Whatever is uploaded is read
up to a limit and refused in one line; a few bytes never become many."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.secure.certificates import CERTIFICATE_BYTES_MAX
from host_tools.accounts.audit import AuditTrail
from host_tools.accounts.roles import Actor
from host_tools.accounts.secret import load_secret
from host_tools.accounts.store import open_store
from host_tools.cli.delivering import read_connection_file
from host_tools.cli.trusting import read_certificate, read_passphrase
from host_tools.controller.camera_commands import CameraCommands
from host_tools.controller.commands import CommandError, Commands, Gate
from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.connection_file import ConnectionFileError
from host_tools.system.roster import RosterFileError, load_roster
from host_tools.trust.errors import TrustError
from host_tools.trust.restore import restore_system
from tests.unit.controller.rig import ControllerRig
from tests.unit.destinations.test_connection_file import PEM
from tests.unit.destinations.test_connection_file import file as connection_file
from tests.unit.trust.parts import NOW_MS, PHRASE, World

SPARSE_BYTES = 1 << 36  # takes no room on the disk, and does not fit into memory
PEAK_BYTES_MAX = 48 << 20  # a limit is at most 8 MiB; text takes up to four bytes a character, and is split once


@cache
def packed(name: str) -> bytes:
    """Fifty million characters in fifty thousand bytes."""
    folded = io.BytesIO()
    with zipfile.ZipFile(folded, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"a" * 50_000_000)
    return folded.getvalue()


# For whoever reads certificates; made when a test wants one.
CERTIFICATE_BOMBS: dict[str, Callable[[], bytes]] = {
    "zip": lambda: packed("maker.pem"),
    "gzip": lambda: gzip.compress(PEM * 100_000, 1),
    "nested": lambda: b"\x30\x80" * 8_000,
    "long length": lambda: b"\x30\x84\x7f\xff\xff\xff" + b"\x00" * 100,
    "many": lambda: PEM * 10_000,
    "one after a megabyte": lambda: b"#" * (1 << 20) + PEM,
    "open": lambda: b"-----BEGIN CERTIFICATE-----\n" + b"A" * 10_000_000,
    "too long": lambda: b"\x30\x82\xff\xff" + bytes(CERTIFICATE_BYTES_MAX + 1),
    "empty": lambda: b"",
}


def small(work: Callable[[], object], error: type[Exception]) -> str:
    """It is refused with one line, and costs no memory to speak of."""
    tracemalloc.start()
    try:
        with pytest.raises(error) as refused:
            work()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < PEAK_BYTES_MAX
    text = str(refused.value)
    assert "\n" not in text
    assert len(text) < 1_000
    return text


def sparse(folder: Path) -> Path:
    """A file as long as a disk."""
    path = folder / "endless"
    with path.open("wb") as file:
        file.truncate(SPARSE_BYTES)
    return path


@pytest.mark.parametrize("name", CERTIFICATE_BOMBS)
def test_a_maker_s_certificate(name: str, tmp_path: Path):
    path = tmp_path / "maker.pem"
    path.write_bytes(CERTIFICATE_BOMBS[name]())
    world = World()
    before = world.trust.record
    small(lambda: world.trust.trust_manufacturer(read_certificate(path)), TrustError)
    assert world.trust.record is before


@pytest.mark.parametrize("name", CERTIFICATE_BOMBS)
def test_a_maker_s_certificate_by_the_command(name: str, tmp_path: Path):
    """The way round the file: hexadecimal digits over a socket or a page."""
    rig = ControllerRig(tmp_path)
    before, data = rig.trust.record, CERTIFICATE_BOMBS[name]().hex()

    store = open_store(":memory:", load_secret(MemoryFiles(), SeededEntropy("people")))
    commands = Commands([CameraCommands(Gate(AuditTrail(store), lambda: 1, run_in_thread), rig.controller.membership)])
    root = Actor("ada", "administrator", "203.0.113.9")
    small(lambda: asyncio.run(commands.call(root, "trust_maker", {"root": data})), CommandError)
    assert rig.trust.record is before
    store.close()


@pytest.mark.parametrize("name", CERTIFICATE_BOMBS)
def test_the_certificate_in_a_connection_file(name: str, tmp_path: Path):
    path = tmp_path / "connection.json"
    path.write_bytes(connection_file(HTTPSCertificate=[base64.b64encode(CERTIFICATE_BOMBS[name]() or b"x").decode()]))
    small(lambda: read_connection_file(path), ConnectionFileError)


@pytest.mark.parametrize(
    "made",
    [lambda: packed("connection.json"), lambda: gzip.compress(connection_file() * 10_000), lambda: b"[" * 60_000,
     lambda: b'{"a":' * 12_000, lambda: connection_file(AuthenticationTokenURI=["https://h/" + "a" * 500] * 1_000),
     lambda: b"\xff" * 100],
    ids=["zip", "gzip", "nested lists", "nested objects", "many addresses", "no text"],
)  # fmt: skip
def test_a_connection_file(made: Callable[[], bytes], tmp_path: Path):
    path = tmp_path / "connection.json"
    path.write_bytes(made())
    small(lambda: read_connection_file(path), ConnectionFileError)


@pytest.mark.parametrize(
    "made",
    [lambda: packed("restore-key"), lambda: b"[" * 100_000,
     lambda: b'{"format":"openbwc-restore-key","schema":1,"wrapped":' + b'{"a":' * 9_999,
     lambda: b'{"format":"openbwc-restore-key","schema":' + b"9" * 100_000 + b"}"],
    ids=["zip", "lists", "objects", "a number of 100 000 digits"],
)  # fmt: skip
def test_a_restore_key(made: Callable[[], bytes]):
    world, data = World(), made()
    small(lambda: restore_system(MemoryFiles(), data, PHRASE, "controller-2", NOW_MS, world.entropy), TrustError)


def test_files_without_end_are_read_to_their_limit(tmp_path: Path):
    path = sparse(tmp_path)
    world = World()
    small(lambda: world.trust.trust_manufacturer(read_certificate(path)), TrustError)
    small(lambda: read_connection_file(path), ConnectionFileError)
    small(lambda: load_roster(path), RosterFileError)
    small(lambda: restore_system(world.files, read_passphrase(path).encode(), PHRASE, "c", NOW_MS, world.entropy),
          TrustError)  # fmt: skip
