"""``bwc status``: what a running controller knows."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from host_tools.cli.asking import Asked, asks
from host_tools.cli.show import print_status

console = Console()


@asks
def status(
    controller: Asked,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Docks, bays, cameras, recordings, and where each recording is."""
    found = controller.call("status")
    if as_json:
        console.print_json(data=found)
    else:
        print_status(console, found)
