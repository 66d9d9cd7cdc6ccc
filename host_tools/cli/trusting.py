"""Where a controller's trust lies on this machine, and how passphrases get into a program: never as an argument."""

from __future__ import annotations

import ssl
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from firmware.platform.linux.entropy import LinuxEntropy
from firmware.platform.linux.files import LinuxFiles
from firmware.ports.files import Files
from host_tools.cli.prompting import ask_secret
from host_tools.trust import folder as trust_folder
from host_tools.trust.authority import LDEVID_WEEKS_DEFAULT
from host_tools.trust.errors import TrustError
from host_tools.trust.system import SystemTrust, create_system, open_system
from host_tools.trust.wrapping import DEFAULT_COST, PASSPHRASE_BYTES_MAX, ArgonCost

TRUST_NAME = "trust"
FOLDER_MODE = 0o700
MAKER_FILE_BYTES_MAX = 16_384

PassphraseFile = Annotated[
    Path | None, typer.Option(help="A file with the passphrase, for programs; else it is asked for.")
]


def trust_files(folder: Path) -> Files:
    """Where the controller in ``folder`` keeps its trust; made if it is not there, for nobody else to read."""
    path = folder / TRUST_NAME
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)  # parents take no mode: each for itself
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)
    except OSError as error:
        raise TrustError(f"{path}: cannot be made ({error.strerror}); choose a folder you may write") from error
    return LinuxFiles(path)


def has_trust(folder: Path) -> bool:
    """Whether the controller in ``folder`` has a system."""
    path = folder / TRUST_NAME
    return path.is_dir() and trust_folder.exists(LinuxFiles(path))


def open_trust(folder: Path, weeks: int = LDEVID_WEEKS_DEFAULT) -> SystemTrust:
    """The trust of the controller in ``folder``. TrustError tells how to get one."""
    if not has_trust(folder):
        raise TrustError(
            f"{folder}: this controller has no system; make one with `bwc system create --folder {folder}`, "
            f"or restore one with `bwc restore-key use KEY --folder {folder}`"
        )
    return open_system(LinuxFiles(folder / TRUST_NAME), LinuxEntropy(), weeks)


def make_trust(folder: Path, passphrase: str, controller: str, cost: ArgonCost = DEFAULT_COST) -> SystemTrust:
    """Set up a system for the controller in ``folder``. TrustError if it has one; what is refused leaves nothing."""
    with new_trust_files(folder) as files:
        return create_system(files, passphrase, controller, wall_ms(), LinuxEntropy(), cost)


def require_no_trust(folder: Path) -> None:
    """TrustError if the controller in ``folder`` has a system. Makes nothing."""
    if has_trust(folder):
        trust_folder.require_empty(LinuxFiles(folder / TRUST_NAME))


@contextmanager
def new_trust_files(folder: Path) -> Generator[Files]:
    """``trust_files`` for whoever fills them; folders that were made for it go again if that fails."""
    made = [each for each in (folder / TRUST_NAME, folder) if not each.exists()]
    try:
        yield trust_files(folder)
    except BaseException:
        for each in made:
            with suppress(OSError):  # one that holds something stays
                each.rmdir()
        raise


def read_passphrase(file: Path | None, twice: bool = False) -> str:
    """The passphrase, from a file or from whoever sits here."""
    if file is None:
        return ask_secret("Passphrase", "--passphrase-file", twice)
    try:
        with file.open("rb") as opened:
            data = opened.read(PASSPHRASE_BYTES_MAX + 2)
        return data.decode().rstrip("\r\n")
    except OSError as error:
        raise TrustError(f"{file}: cannot be read ({error.strerror}); name a file with the passphrase") from error
    except UnicodeDecodeError:
        raise TrustError(f"{file}: not text in UTF-8; name a file with the passphrase") from None


def read_certificate(path: Path) -> bytes:
    """A certificate from a file, PEM or DER, as DER. TrustError if it is neither."""
    try:
        with path.open("rb") as file:
            data = file.read(MAKER_FILE_BYTES_MAX)
    except OSError as error:
        raise TrustError(f"{path}: cannot be read ({error.strerror}); name a maker's root certificate") from error
    try:
        return ssl.PEM_cert_to_DER_cert(data.decode().strip()) if data.startswith(b"-----") else data
    except ValueError as error:
        raise TrustError(f"{path}: not a certificate; name a maker's root certificate") from error


def wall_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
