"""``bwc wearer …`` and ``bwc assign …``: people, their badges, and which camera is always theirs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from host_tools.cli.asking import Asked, asks
from host_tools.cli.show import moment, plain_table
from host_tools.controller.commands import CommandError
from host_tools.system.csv_text import file_of

CSV_BYTES_MAX = 8 << 20  # as a roster's

app = typer.Typer(help="Add wearers, change them, import and export them.", no_args_is_help=True)
assign_app = typer.Typer(help="Which camera is always whose.", no_args_is_help=True)
console = Console()

Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Id = Annotated[str, typer.Argument(help="The wearer's id.")]
Row = dict[str, Any]


@app.command("list")
@asks
def list_wearers(
    controller: Asked,
    search: Annotated[str, typer.Argument(help="Words that are somewhere in them.")] = "",
    as_json: Json = False,
) -> None:
    """All wearers, or those that a search finds."""
    rows = all_rows(controller, "list_wearers", search)
    if as_json:
        console.print_json(data=rows)
        return
    table = plain_table("", ("ID", "Name", "Profile", "Camera", "Tags", "E-mail"), ("ID", "Name"))
    for row in rows:
        cameras, tags = ", ".join(row["cameras"]), ", ".join(row["tags"])
        table.add_row(row["id"], row["name"], row["profile"], cameras, tags, row["email"])
    if not rows:
        table.add_row("none", *[""] * 5, style="dim")
    console.print(table)


@app.command()
@asks
def add(
    controller: Asked,
    id: Id,
    name: str,
    profile: Annotated[str | None, typer.Option(help="Else the system's default.")] = None,
    email: str = "",
    tag: Annotated[list[str] | None, typer.Option(help="An RFID tag, in hexadecimal.")] = None,
) -> None:
    """Add a wearer."""
    arguments = {"id": id, "name": name, "profile": profile, "email": email, "tags": tag or []}
    row = controller.call("add_wearer", **arguments)
    console.print(f"{row['id']}: {row['name']}, profile {row['profile']}", highlight=False)


@app.command()
@asks
def change(
    controller: Asked,
    id: Id,
    name: str | None = None,
    profile: str | None = None,
    email: str | None = None,
    prioritised: Annotated[bool | None, typer.Option("--prioritised/--not-prioritised")] = None,
) -> None:
    """Change what is named of a wearer."""
    given = {"name": name, "profile": profile, "email": email, "prioritised": prioritised}
    changes = {key: value for key, value in given.items() if value is not None}
    if not changes:
        raise typer.BadParameter("name what to change: --name, --profile, --email, --prioritised")
    version = controller.call("get_wearer", id=id)["version"]
    row = controller.call("change_wearer", id=id, version=version, **changes)
    console.print(f"{row['id']}: {row['name']}, profile {row['profile']}", highlight=False)


@app.command()
@asks
def remove(controller: Asked, id: Id) -> None:
    """Remove a wearer. Recordings stay in their name."""
    controller.call("remove_wearer", id=id)
    console.print(f"{id}: removed", highlight=False)


@app.command()
@asks
def pair(controller: Asked, id: Id, tag: str) -> None:
    """Give a wearer an RFID tag, by what a reader shows of it in hexadecimal."""
    row = controller.call("pair_tag", wearer=id, tag=tag)
    console.print(f"{id}: {', '.join(row['tags'])}", highlight=False)


@app.command()
@asks
def unpair(controller: Asked, id: Id, tag: str) -> None:
    """Take an RFID tag from a wearer."""
    row = controller.call("unpair_tag", wearer=id, tag=tag)
    console.print(f"{id}: {', '.join(row['tags']) or 'no tags'}", highlight=False)


@app.command("import")
@asks
def import_csv(
    controller: Asked,
    file: Annotated[Path, typer.Argument(help="A CSV file in UTF-8; see bwc wearer template.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
) -> None:
    """Show what a CSV file would change, ask, and do all of it or nothing."""
    text = read_csv(file)
    preview = controller.call("preview_wearer_import", csv=text)
    for conflict in preview["conflicts"]:
        console.print(f"line {conflict['line']}: {conflict['text']}", style="red", highlight=False)
    for row in preview["changed"][:20]:
        console.print(f"{row['id']}: {row['text']}", highlight=False)
    said = f"{preview['added_count']} new, {preview['changed_count']} changed, {preview['same']} as they are"
    console.print(said, highlight=False)
    if preview["conflicts"]:
        raise CommandError(f"{file}: {len(preview['conflicts'])} conflicts: nothing was imported; correct those lines")
    if not yes and not typer.confirm("Import?"):
        raise typer.Abort
    controller.call("import_wearers", csv=text, token=preview["token"])
    console.print("imported")


@app.command()
@asks
def export(
    controller: Asked,
    file: Annotated[Path | None, typer.Argument(help="Where to; else the terminal.")] = None,
) -> None:
    """All wearers as CSV. Importing it again changes nothing."""
    _write(file, controller.call("export_wearers")["csv"])


@app.command()
@asks
def template(
    controller: Asked,
    file: Annotated[Path | None, typer.Argument(help="Where to; else the terminal.")] = None,
) -> None:
    """A CSV file with the columns and an example."""
    _write(file, controller.call("wearer_template")["csv"])


@assign_app.command("list")
@asks
def list_assignments(controller: Asked, as_json: Json = False) -> None:
    """Cameras that are always somebody's."""
    rows: list[Row] = controller.call("list_assignments")
    if as_json:
        console.print_json(data=rows)
        return
    table = plain_table("", ("Camera", "Wearer", "Since (UTC)", "By"), ("Camera", "Wearer"))
    for row in rows:
        table.add_row(row["camera"], row["wearer"], moment(row["changed_unix_ms"]), row["changed_by"])
    if not rows:
        table.add_row("none", "", "", "", style="dim")
    console.print(table)


@assign_app.command("set")
@asks
def assign(
    controller: Asked,
    camera: str,
    wearer: str,
    to_come: Annotated[bool, typer.Option("--to-come", help="Also a camera that was never here.")] = False,
) -> None:
    """Make a camera always this wearer's."""
    if not to_come and camera not in [each["serial"] for each in controller.call("status")["cameras"]]:
        raise CommandError(f"{camera}: no camera of that serial is known here; before it comes: --to-come")
    controller.call("assign_camera", camera=camera, wearer=wearer)
    console.print(f"{camera}: {wearer}'s", highlight=False)


@assign_app.command("clear")
@asks
def unassign(controller: Asked, camera: str) -> None:
    """Make a camera nobody's."""
    controller.call("unassign_camera", camera=camera)
    console.print(f"{camera}: nobody's", highlight=False)


def all_rows(controller: Asked, command: str, search: str = "") -> list[Row]:
    """All pages of a list."""
    rows, after = list[Row](), ""
    while True:
        page = controller.call(command, search=search, after=after)
        rows += page["rows"]
        after = page["next"]
        if not after:
            return rows


def read_csv(file: Path) -> str:
    """A CSV file that people made. CommandError in one line."""
    try:
        with file.open("rb") as opened:
            data = opened.read(CSV_BYTES_MAX + 1)
    except OSError as error:
        raise CommandError(f"{file}: cannot be read ({error.strerror}); name a CSV file") from error
    if len(data) > CSV_BYTES_MAX:
        raise CommandError(f"{file}: more than {CSV_BYTES_MAX >> 20} MiB: this is no list of wearers")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{file}: not in UTF-8: save it as CSV UTF-8") from error


def _write(file: Path | None, text: str) -> None:
    if file is None:
        sys.stdout.write(text)
        return
    try:
        file.write_bytes(file_of(text))
    except OSError as error:
        raise CommandError(f"{file}: cannot be written ({error.strerror}); name another") from error
    console.print(f"written to {file}", highlight=False, soft_wrap=True)
