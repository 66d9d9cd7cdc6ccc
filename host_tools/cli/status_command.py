"""``bwc status``: what a running controller knows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from host_tools.cli.show import print_status
from host_tools.controller.remote import controller_client

console = Console()

Folder = Annotated[Path, typer.Option(help="Where the controller keeps its index and spool.")]


def status(
    folder: Folder = Path("controller"),
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Docks, bays, cameras, recordings, and where each recording is."""
    found = controller_client(folder).call("status")
    if as_json:
        console.print_json(data=found)
    else:
        print_status(console, found)
