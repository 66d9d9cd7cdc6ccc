"""``bwc transfer …``: what went to the destination within three days, what waits, and taking it up again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from host_tools.controller.remote import controller_client

STYLES = {"delivered": "green", "sending": "cyan", "waiting": "yellow", "refused": "bold red"}

app = typer.Typer(help="Deliveries of the last three days; try those again that failed.", no_args_is_help=True)
console = Console()

Folder = Annotated[Path, typer.Option(help="Where the controller keeps its index and spool.")]


@app.command("list")
def list_transfers(
    folder: Folder = Path("controller"),
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """What went to the destination, newest first."""
    transfers: list[dict[str, Any]] = controller_client(folder).call("status")["transfers"]
    if as_json:
        console.print_json(data=transfers)
    else:
        console.print(transfers_table(transfers))


@app.command()
def retry(
    recording: Annotated[str, typer.Argument(help="A recording's whole identity; all that failed, if none.")] = "",
    folder: Folder = Path("controller"),
) -> None:
    """Take up deliveries again that were set aside or are waiting."""
    names: list[str] = controller_client(folder).call("retry_delivery", recording=recording)
    for name in names:
        console.print(f"recording {name}: taken up again", highlight=False)
    if not names:
        console.print("nothing was set aside")


def transfers_table(transfers: list[dict[str, Any]]) -> Table:
    """One row a recording."""
    table = Table("When (UTC)", "Recording", "Outcome", "Attempts", "MB", "Container", "Why")
    for each in transfers:
        when = datetime.fromtimestamp(each["changed_unix_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(
            when,
            each["recording"][:12],
            Text(each["outcome"], style=STYLES[each["outcome"]]),
            str(each["attempts"]),
            f"{each['content_bytes'] / 1e6:.1f}",
            each["container"],
            Text(each["reason"], style="red"),
        )
    if not transfers:
        table.add_row("none", *[""] * 6, style="dim")
    return table
