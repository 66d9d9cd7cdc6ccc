"""``bwc system …`` and ``bwc restore-key …``: setting up a system's trust, putting its key away, getting it back."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from firmware.platform.linux.entropy import LinuxEntropy
from host_tools.cli.asking import Asked, asks
from host_tools.cli.domain import open_store
from host_tools.cli.trust_commands import is_running
from host_tools.cli.trusting import (
    PassphraseFile,
    make_trust,
    new_trust_files,
    open_trust,
    read_certificate,
    read_passphrase,
    require_no_trust,
    wall_ms,
)
from host_tools.controller.commands import CommandError
from host_tools.controller.settings import read_settings
from host_tools.trust import passphrase
from host_tools.trust.errors import TrustError
from host_tools.trust.restore import RESTORE_KEY_BYTES_MAX, make_restore_key, restore_system

app = typer.Typer(help="Set up a system: whose cameras and controllers believe each other.", no_args_is_help=True)
restore_app = typer.Typer(help="The file that gives a new controller the old one's trust.", no_args_is_help=True)
console = Console()

Folder = Annotated[Path, typer.Option(help="The controller's folder.")]
Name = Annotated[str | None, typer.Option(help="This controller's serial; else one is made.")]


@app.callback()
def system() -> None:
    """Keeps ``create`` a subcommand while it is the only one."""


@app.command()
def create(
    folder: Folder = Path("controller"),
    passphrase_file: PassphraseFile = None,
    name: Name = None,
    maker: Annotated[list[Path] | None, typer.Option(help="Root certificate of a maker of cameras.")] = None,
) -> None:
    """Set up a new system. Its passphrase can never be changed: write it down, and keep a restore key."""
    require_no_trust(folder)  # before anybody types a passphrase twice
    roots = [read_certificate(path) for path in maker or ()]
    trust = make_trust(folder, read_passphrase(passphrase_file, twice=True), name or new_serial())
    for root in roots:
        trust.trust_manufacturer(root)
    console.print(f"system {trust.system} in {folder}", highlight=False, soft_wrap=True)
    console.print(f"next: bwc restore-key make RESTORE-KEY --folder {folder}", highlight=False, soft_wrap=True)
    if not roots:
        console.print(f"and:  bwc trust maker CERTIFICATE --folder {folder}", highlight=False, soft_wrap=True)


@app.command()
@asks
def reset(
    controller: Asked,
    passphrase_file: PassphraseFile = None,
    name: Annotated[str | None, typer.Option("--name", help="The system's name, as a proof that it is meant.")] = None,
) -> None:
    """Forget wearers, profiles, assignments and settings, so that a running system can be set up again."""
    preview = controller.call("preview_reset")
    for warning in preview["warnings"]:
        console.print(warning, style="yellow", highlight=False)
    if preview["obstacles"]:
        raise CommandError("the system cannot be reset: " + "; ".join(preview["obstacles"]))
    typed = name if name is not None else typer.prompt(f"Type the system's name ({preview['name']}) to reset it")
    controller.call("reset_system", passphrase=read_passphrase(passphrase_file), name=typed)
    console.print("reset: set it up again", highlight=False)


@app.command()
def believe(
    folder: Folder = Path("controller"),
    settings: Annotated[Path | None, typer.Option(help="The controller's settings file, if it has one.")] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Believe wearers, assignments and settings that were changed from outside, after somebody has looked through
    them. The controller must not be running."""
    if is_running(folder):
        raise CommandError(f"{folder}: its controller is running: stop it first")
    chosen = read_settings(settings, folder=folder)
    passphrase.unlock(open_trust(folder), read_passphrase(passphrase_file))
    store = open_store(chosen.folder, chosen.database)
    try:
        store.believe()
    finally:
        store.close()
    console.print("believed", highlight=False)


@restore_app.command("make")
@asks
def make_key(
    controller: Asked,
    file: Annotated[Path, typer.Argument(help="Where to put it; not on this controller.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write the restore key. It opens with the passphrase alone; an old one stays good."""
    phrase = read_passphrase(passphrase_file)
    if (folder := controller.idle_folder) is None:
        key = controller.call("make_restore_key", passphrase=phrase).encode()
    else:
        key = make_restore_key(open_trust(folder), phrase, wall_ms())
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(key)
            os.fsync(descriptor)
    except OSError as error:
        raise TrustError(f"{file}: cannot be written ({error.strerror}); name a new file") from error
    console.print(f"restore key in {file}: keep it away from this controller", highlight=False, soft_wrap=True)


@restore_app.command()
def use(
    file: Annotated[Path, typer.Argument(help="The restore key.")],
    folder: Folder = Path("controller"),
    passphrase_file: PassphraseFile = None,
    name: Name = None,
) -> None:
    """Give a new controller the trust of the system that the key was made for. It brings no settings and no people."""
    require_no_trust(folder)
    try:
        with file.open("rb") as opened:
            key = opened.read(RESTORE_KEY_BYTES_MAX + 1)
    except OSError as error:
        raise TrustError(f"{file}: cannot be read ({error.strerror}); name a restore key") from error
    phrase = read_passphrase(passphrase_file)
    with new_trust_files(folder) as files:
        trust = restore_system(files, key, phrase, name or new_serial(), wall_ms(), LinuxEntropy())
    console.print(f"system {trust.system} restored in {folder}; dock its cameras", highlight=False, soft_wrap=True)


def new_serial() -> str:
    """A controller's, unlike all others'."""
    return f"controller-{secrets.token_hex(4)}"
