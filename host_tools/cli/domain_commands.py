"""``bwc profile …``, ``bwc settings …``, ``bwc alerts``, ``bwc report …``: how cameras behave, what holds for the
system, what is wrong, and what can be taken away as a file."""

from __future__ import annotations

import base64
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from host_tools.cli.asking import Asked, asks
from host_tools.cli.show import plain_table
from host_tools.controller.commands import CommandError
from host_tools.system.csv_text import file_of

UNDER_TITLE = (0, 0, 0, 2)  # columns before what belongs to a title
SEVERITY_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}

profile_app = typer.Typer(help="How cameras behave.", no_args_is_help=True)
settings_app = typer.Typer(help="What holds for the whole system.", no_args_is_help=True)
report_app = typer.Typer(help="Reports as files.", no_args_is_help=True)
console = Console()

Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Pairs = Annotated[list[str] | None, typer.Argument(help="NAME=VALUE; on, off, a number or a word.")]


@profile_app.command("list")
@asks
def list_profiles(controller: Asked, as_json: Json = False) -> None:
    """All profiles, and what models cannot do of them."""
    rows: list[dict[str, Any]] = controller.call("list_profiles")
    if as_json:
        console.print_json(data=rows)
        return
    table = plain_table("", ("Profile", "Wearers", "Models", "Settings"), ("Profile",))
    for row in rows:
        said = ", ".join(f"{name}={shown(value)}" for name, value in sorted(row["settings"].items()))
        table.add_row(row["name"], str(row["wearers"]), ", ".join(row["models"]) or "all", said or "defaults")
    console.print(table)
    for row in rows:
        for lines in row["unsupported"].values():
            for line in lines:
                console.print(f"{row['name']}: {line}", style="yellow", highlight=False)


@profile_app.command("set")
@asks
def set_profile(
    controller: Asked,
    name: str,
    pairs: Pairs = None,
    description: str | None = None,
    model: Annotated[list[str] | None, typer.Option(help="Models it is for; else all.")] = None,
    for_model: Annotated[str, typer.Option(help="The settings are for this model only.")] = "",
) -> None:
    """Make a profile, or change settings of one. NAME= takes a setting back to its default."""
    known = next((row for row in controller.call("list_profiles") if row["name"] == name), None)
    old: dict[str, Any] = known or {"version": 0, "description": "", "models": [], "settings": {}, "by_model": {}}
    settings, by_model = dict(old["settings"]), {key: dict(value) for key, value in old["by_model"].items()}
    _apply(by_model.setdefault(for_model, {}) if for_model else settings, pairs or [])
    row = controller.call(
        "put_profile",
        name=name,
        version=old["version"],
        description=old["description"] if description is None else description,
        models=old["models"] if model is None else model,
        settings=settings,
        by_model={key: value for key, value in by_model.items() if value},
    )
    console.print(f"{row['name']}: {len(row['settings'])} settings", highlight=False)
    said = {pair.partition("=")[0] for pair in pairs or []}
    kept = [each["name"] for each in controller.call("setting_catalogue")["settings"] if not each["obeyed"]]
    if idle := ", ".join(name for name in kept if name in said):
        console.print(f"kept for newer camera software, and not acted on by this one's: {idle}", style="yellow")


@profile_app.command()
@asks
def remove(controller: Asked, name: str) -> None:
    """Remove a profile that nobody has."""
    controller.call("remove_profile", name=name)
    console.print(f"{name}: removed", highlight=False)


@profile_app.command()
@asks
def catalogue(controller: Asked, as_json: Json = False) -> None:
    """Every setting that a profile can hold."""
    found = controller.call("setting_catalogue")
    if as_json:
        console.print_json(data=found)
        return
    table = plain_table("", ("Setting", "Values", "Default", "Meaning"), ("Setting",))
    for row in found["settings"]:
        name = row["name"] if row["obeyed"] else f"{row['name']} *"
        table.add_row(name, ", ".join(map(shown, row["choices"])), shown(row["default"]), row["text"])
    console.print(table)
    console.print("* kept for newer camera software: what cameras have now does not act on it", style="dim")


@settings_app.command("show")
@asks
def show_settings(controller: Asked, as_json: Json = False) -> None:
    """All settings of the system."""
    row: dict[str, Any] = controller.call("get_settings")
    if as_json:
        console.print_json(data=row)
        return
    table = plain_table("", ("Setting", "Value"), ("Setting",))
    for name, value in row.items():
        if name not in ("version", "changed_unix_ms", "changed_by"):
            table.add_row(name, shown(value))
    console.print(table)


@settings_app.command("set")
@asks
def set_settings(controller: Asked, pairs: Pairs = None) -> None:
    """Change settings of the system."""
    if not pairs:
        raise typer.BadParameter("name what to change: NAME=VALUE; bwc settings show has the names")
    changes: dict[str, Any] = {}
    _apply(changes, pairs)
    row = controller.call("change_settings", version=controller.call("get_settings")["version"], changes=changes)
    for name in changes:
        console.print(f"{name}={shown(row[name])}", highlight=False)


@settings_app.command("telling")
@asks
def show_telling(controller: Asked, as_json: Json = False) -> None:
    """Where mail and telemetry go, what waits, and what keeps it from going."""
    state: dict[str, dict[str, Any]] = controller.call("notification_state")
    if as_json:
        console.print_json(data=state)
        return
    mail, telemetry = state["mail"], state["telemetry"]
    console.print(f"mail to {mail['address'] or 'nobody'}: {mail['waiting']} wait", highlight=False)
    if telemetry["server"]:
        how = "connected" if telemetry["connected"] else "not connected"
        console.print(f"telemetry to {telemetry['server']}, {telemetry['base']}/#: {how}", highlight=False)
    else:
        console.print("telemetry: off")
    for fault in filter(None, (mail["fault"], telemetry["fault"])):
        console.print(fault, style="yellow", highlight=False)


@settings_app.command("test-mail")
@asks
def send_test_mail(controller: Asked) -> None:
    """Send a mail now to the system's notification_address."""
    sent = controller.call("send_test_mail")
    console.print(f"sent to {sent['address']}", highlight=False)


@asks
def alerts(
    controller: Asked,
    history: Annotated[bool, typer.Option("--history", help="Those that are over, too.")] = False,
    as_json: Json = False,
) -> None:
    """What is wrong now, what it means, and what to do about it, in order."""
    rows: list[dict[str, Any]] = controller.call("list_alerts", history=history)["rows"]
    if as_json:
        console.print_json(data=rows)
        return
    if not rows:
        console.print("nothing is wrong" + (", and nothing was in the last 90 days" if history else ""), style="green")
    for row in rows:
        when = datetime.fromtimestamp(row["raised_unix_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
        over = "" if row["cleared_unix_ms"] is None else ", over"
        title = Text(f"{row['title']}: {row['device']}", style=SEVERITY_STYLES[row["severity"]])
        console.print(title.append(f"  since {when}{over}", style="dim"))
        console.print(Padding(Text(row["details"] or row["meaning"]), UNDER_TITLE))
        for number, remedy in enumerate(row["remedies"], 1):
            step = Table.grid(padding=(0, 1))
            step.add_row(f"{number}.", Text(remedy))
            console.print(Padding(step, UNDER_TITLE))


@report_app.command("make")
@asks
def make_report(
    controller: Asked,
    name: Annotated[str, typer.Argument(help="camera_usage, camera_status, camera_connection, software_versions.")],
    file: Annotated[Path | None, typer.Argument(help="Where to; else the terminal.")] = None,
    tag: Annotated[str, typer.Option(help="Cameras with this tag only.")] = "",
) -> None:
    """A report as CSV."""
    text = controller.call("report", name=name, tag=tag)["csv"]
    if file is None:
        sys.stdout.write(text)
    else:
        _write(file, file_of(text))


@report_app.command("system")
@asks
def system_report(
    controller: Asked,
    file: Annotated[Path, typer.Argument(help="Where to put the archive.")],
) -> None:
    """The system report: everything a person needs who is to find out what is wrong, as one archive."""
    made = controller.call("make_system_report")
    data, offset = bytearray(), 0
    while offset < made["size_bytes"]:
        piece = base64.b64decode(controller.call("read_system_report", name=made["name"], offset=offset)["data"])
        if not piece:
            break
        data += piece
        offset += len(piece)
    _write(file, bytes(data))


def shown(value: object) -> str:
    """A setting's value as people read and write it."""
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _apply(settings: dict[str, Any], pairs: list[str]) -> None:
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise CommandError(f"{pair}: write it as NAME=VALUE")
        if text == "":
            settings.pop(name, None)
        elif text in ("on", "off"):
            settings[name] = text == "on"
        else:
            settings[name] = json.loads(text) if text.isascii() and text.isdigit() else text


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        raise CommandError(f"{file}: cannot be written ({error.strerror}); name another") from error
    console.print(f"written to {file}", highlight=False, soft_wrap=True)
