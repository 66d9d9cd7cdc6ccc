"""``bwc camera …``: which cameras belong to this system, and making it so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from host_tools.cli.asking import Asked, asks
from host_tools.cli.over_rest import AskError
from host_tools.cli.show import plain_table
from host_tools.cli.trusting import PassphraseFile, read_passphrase
from host_tools.transports.local import LocalError

STYLES = {"member": "green", "factory": "yellow", "safe_mode": "bold yellow", "revoked": "red", "unknown": "red"}

app = typer.Typer(help="Add cameras to the system, remove them, bring them back.", no_args_is_help=True)
console = Console()

Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Serials = Annotated[list[str], typer.Argument(help="Serials of cameras.")]


@app.command("list")
@asks
def list_cameras(controller: Asked, as_json: Json = False) -> None:
    """All cameras that belong here or are here, with what they are to this system."""
    _print(_cameras(controller), as_json)


@app.command()
@asks
def waiting(controller: Asked, as_json: Json = False) -> None:
    """Cameras that wait to be added. Compare the serial with the one on the camera."""
    _print([camera for camera in _cameras(controller) if camera["admission"] == "factory"], as_json)


@app.command()
@asks
def add(controller: Asked, serials: Serials) -> None:
    """Add waiting cameras to this system."""
    _each(serials, "added", lambda serial: controller.call("add_camera", serial=serial))


@app.command()
@asks
def remove(
    controller: Asked,
    serials: Serials,
    force: Annotated[bool, typer.Option("--force", help="Undocked cameras, at once; what they hold is lost.")] = False,
    stolen: Annotated[bool, typer.Option("--stolen", help="With --force: they can never be added again.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Do not remove it after all.")] = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Remove cameras: each is drained at its dock, then back in its factory state, and can be added anywhere."""
    if force:
        phrase = read_passphrase(passphrase_file)
        controller.call("force_remove_cameras", serials=serials, passphrase=phrase, stolen=stolen)
        for serial in serials:
            console.print(f"{serial}: taken off", highlight=False)
        return
    done = "stays" if keep else "is removed as soon as it is docked and drained"
    _each(serials, done, lambda serial: controller.call("remove_camera", serial=serial, keep=keep))


@app.command("allow-back")
@asks
def allow_back(
    controller: Asked,
    serials: Annotated[list[str] | None, typer.Argument(help="Serials of docked cameras in safe mode.")] = None,
    always: Annotated[bool, typer.Option("--always", help="All cameras, by themselves, from now on.")] = False,
    ask: Annotated[bool, typer.Option("--ask", help="No camera by itself any more.")] = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Bring cameras back from safe mode."""
    if (1 if serials else 0) + always + ask != 1:
        raise typer.BadParameter("give serials, or --always, or --ask")
    if ask:
        controller.call("ask_before_back")
    elif always:
        controller.call("allow_back_always", passphrase=read_passphrase(passphrase_file))
    else:
        controller.call("allow_cameras_back", serials=serials, passphrase=read_passphrase(passphrase_file))
    console.print("done")


@app.command()
@asks
def release(controller: Asked, serials: Serials) -> None:
    """Note that cameras are nobody's that were taken by badge, and are lost, or do not let go of their wearers."""
    _each(serials, "nobody's", lambda serial: controller.call("end_holding", camera=serial))


def _each(serials: list[str], done: str, work: Callable[[str], object]) -> None:
    """All of them, one after the other, a line each; exit code 1 if one was refused."""
    refused: list[str] = []
    for serial in dict.fromkeys(serials):
        try:
            work(serial)
        except (AskError, LocalError) as error:
            if str(error) in refused:  # nobody answers: not once more for each
                break
            refused.append(str(error))
            print(f"bwc: {error}", file=sys.stderr)
        else:
            console.print(f"{serial}: {done}", highlight=False)
    if refused:
        raise typer.Exit(1)


def _cameras(controller: Asked) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = controller.call("status")["cameras"]
    return found


def _print(cameras: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        console.print_json(data=cameras)
        return
    table = plain_table("", ("Camera", "Model", "Here", "Belongs", "Certificate until"), ("Camera", "Model"))
    for camera in cameras:
        expires_ms = camera["expires_unix_ms"]
        until = datetime.fromtimestamp(expires_ms / 1000, UTC).strftime("%Y-%m-%d") if expires_ms else ""
        belongs = camera["admission"].replace("_", " ") + (", to be removed" if camera["removing"] else "")
        here = "yes" if camera["online"] else "no"
        style = STYLES.get(camera["admission"], "red")
        table.add_row(camera["serial"], camera["model"], here, Text(belongs, style=style), until)
    if not cameras:
        table.add_row("none", *[""] * 4, style="dim")
    console.print(table)
    for camera in cameras:
        if camera["admission_text"]:
            console.print(camera["admission_text"], highlight=False)
        if camera["fingerprint"]:
            console.print(f"  its certificate's SHA-256: {camera['fingerprint']}", highlight=False, soft_wrap=True)
