"""``bwc transfer …``: what went to the destination within three days, what waits, taking it up again, and what becomes
of recordings that the destination refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from host_tools.cli.asking import Asked, asks
from host_tools.cli.prompting import ask_secret
from host_tools.cli.recordings import Recording, whole
from host_tools.cli.show import SHOWN_DIGITS, containers_table, moment, plain_table, print_whole
from host_tools.cli.trusting import PassphraseFile, read_passphrase
from host_tools.controller.delivery_notes import FIXES_MAX
from host_tools.destinations.archive import ArchiveError
from host_tools.destinations.extras import Fix, read_track

STYLES = {"delivered": "green", "sending": "cyan", "waiting": "yellow", "refused": "bold red"}

app = typer.Typer(help="Deliveries of the last three days; try those again that failed.", no_args_is_help=True)
rejected_app = typer.Typer(
    help="Recordings that the destination refused: send or archive each, look that it is safe, then confirm.",
    no_args_is_help=True,
)
app.add_typer(rejected_app, name="rejected")
console = Console()


@app.command("list")
@asks
def list_transfers(
    controller: Asked,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """What went to the destination, newest first."""
    transfers: list[dict[str, Any]] = controller.call("status")["transfers"]
    if as_json:
        console.print_json(data=transfers)
    else:
        print_whole(console, transfers_table(transfers))
        if named := [each for each in transfers if each["container"]]:
            console.print()
            print_whole(console, containers_table(named))


@app.command()
@asks
def retry(
    controller: Asked,
    recording: Annotated[str, typer.Argument(help="A recording, by its first digits; all that failed, if none.")] = "",
) -> None:
    """Take up deliveries again that were set aside or are waiting."""
    names: list[str] = controller.call("retry_delivery", recording=whole(controller, recording) if recording else "")
    for name in names:
        console.print(f"recording {name}: taken up again", highlight=False)
    if not names:
        console.print("nothing was set aside")


@app.command()
@asks
def describe(
    controller: Asked,
    recording: Recording,
    category: Annotated[str, typer.Option(help="ID of a category.")] = "",
    category_name: Annotated[str, typer.Option(help="Its name, where the destination does not say.")] = "",
    note: Annotated[str, typer.Option(help="Free text.")] = "",
) -> None:
    """Give a recording category and note before it is delivered."""
    name = whole(controller, recording)
    controller.call("describe_recording", recording=name, category_id=category, category_name=category_name, note=note)
    console.print(f"recording {name}: described", highlight=False)


@app.command()
@asks
def locate(
    controller: Asked,
    recording: Recording,
    track: Annotated[Path, typer.Argument(help="Where it was made: a GPX file, or JSON of the API's form.")],
) -> None:
    """Say where a recording was made, before it is delivered."""
    name = whole(controller, recording)
    fixes: list[Fix] = read_track(track.read_bytes())[:FIXES_MAX]
    controller.call("locate_recording", recording=name, fixes=[each._asdict() for each in fixes])
    console.print(f"{len(fixes)} places")


@rejected_app.command("list")
@asks
def list_rejected(
    controller: Asked,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """What the destination has refused, and what was done with it."""
    rows: list[dict[str, Any]] = controller.call("rejected_recordings")
    if as_json:
        console.print_json(data=rows)
        return
    table = plain_table("", ("Recording", "Camera", "Wearer", "MB", "Why", "Done"), ("Recording", "Camera"))
    for row in rows:
        done = f"{row['done']['how']}: {row['done']['where']}" if row["done"].get("how") else ""
        size = f"{row['bytes'] / 1e6:.1f}"
        name = row["recording"][:SHOWN_DIGITS]
        table.add_row(name, row["camera"], row["wearer"], size, Text(row["reason"], style="red"), done)
    if rows:
        print_whole(console, table)
    else:
        console.print("nothing was refused")


@rejected_app.command()
@asks
def send(controller: Asked, recording: Recording) -> None:
    """Send one to the destination's rejected storage."""
    name = whole(controller, recording)
    _print_done(name, controller.call("send_rejected_recording", recording=name))


@rejected_app.command()
@asks
def archive(
    controller: Asked,
    recording: Recording,
    drive: Annotated[Path, typer.Option(help="Where an exFAT drive is mounted on the controller.")],
    any_drive: Annotated[
        bool, typer.Option("--any-drive", help="Also a folder that is not on an exFAT drive.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    archive_passphrase_file: Annotated[Path | None, typer.Option(help="A file with the archive's passphrase.")] = None,
) -> None:
    """Write one onto a drive as an AES-256 encrypted zip, which 7-Zip opens."""
    name = whole(controller, recording)
    phrase = read_passphrase(passphrase_file)
    secret, again = _archive_passphrase(archive_passphrase_file)
    done = controller.call(
        "archive_rejected_recording",
        recording=name,
        drive=str(drive.absolute()),
        passphrase=phrase,
        archive_passphrase=secret,
        archive_passphrase_again=again,
        any_drive=any_drive,
    )
    _print_done(name, done)


@rejected_app.command()
@asks
def confirm(controller: Asked, recording: Recording) -> None:
    """Say that you have looked and it is safe where it went; here and on its camera it may go then."""
    name = whole(controller, recording)
    controller.call("confirm_rejected_recording", recording=name)
    console.print(f"recording {name}: let go", highlight=False)


def _print_done(recording: str, done: dict[str, Any]) -> None:
    console.print(f"{done['how']}: {done['where']}", highlight=False, soft_wrap=True)
    console.print(
        f"look that it opens, then: bwc transfer rejected confirm {recording}", highlight=False, soft_wrap=True
    )


def _archive_passphrase(file: Path | None) -> tuple[str, str]:
    if file is None:
        option = "--archive-passphrase-file"
        return ask_secret("Passphrase of the archive", option), ask_secret("Again", option)
    try:
        secret = file.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ArchiveError(f"{file}: cannot be read: name a file with the archive's passphrase") from error
    return secret, secret


def transfers_table(transfers: list[dict[str, Any]]) -> Table:
    """One row a recording."""
    columns = ("When (UTC)", "Recording", "Outcome", "Tries", "MB", "Why")
    table = plain_table("", columns, ("When (UTC)", "Recording", "Outcome"))
    for each in transfers:
        table.add_row(
            moment(each["changed_unix_ms"]),
            each["recording"][:SHOWN_DIGITS],
            Text(each["outcome"], style=STYLES[each["outcome"]]),
            str(each["attempts"]),
            f"{each['content_bytes'] / 1e6:.1f}",
            Text(each["reason"], style="red"),
        )
    if not transfers:
        table.add_row("none", *[""] * 5, style="dim")
    return table
