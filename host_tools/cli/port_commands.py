"""``bwc ports`` and ``bwc identify``: which boards are there, and what one of them says of itself."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from firmware.link import schema
from host_tools.cli.compose import make_registry
from host_tools.controller.opening import identify as ask_identity
from host_tools.controller.opening import open_board
from host_tools.hardware import board_models, find_board, find_device, read_usb_tree
from host_tools.protocol.constructs import ConstructCodec

USB_ROOT = Path("/sys/bus/usb/devices")

console = Console()

BenchFolder = Annotated[Path | None, typer.Option(help="Folder of an emulated bench; else this machine's USB.")]
Url = Annotated[str, typer.Argument(help="/dev/tty…, socket://HOST:PORT, emu://BENCH/BOARD")]


def ports(bench: BenchFolder = None) -> None:
    """Which boards are connected, and as which ports."""
    devices = read_usb_tree(bench / "usb" if bench else USB_ROOT)
    dev = bench / "ports" if bench else Path("/dev")
    table = Table("Port", "Board", "Serial", "Where on the bus")
    for model in board_models():
        for device in find_device(devices, find_board(model)):
            for tty in device.ttys:
                table.add_row(str(dev / tty), model, device.serial, device.location)
    if not table.row_count:
        console.print("no board is connected; plug one in, or name an emulated bench with --bench FOLDER")
        return
    console.print(table)


def identify(url: Url) -> None:
    """Ask the board at a port who it is."""
    found = asyncio.run(_identify(url))
    kind = schema.word_of(schema.BOARD_KINDS, found["kind"])
    console.print(
        f"{url}: {kind} [bold]{found['serial']}[/], model {found['model']}, firmware {found['firmware']}, "
        f"up for {found['uptime_ms'] / 1000:.0f} s",
        soft_wrap=True,
        highlight=False,
    )


async def _identify(url: str) -> dict[str, Any]:
    connection = await open_board(make_registry(), url, secrets.randbits(64), ConstructCodec())
    try:
        return await ask_identity(connection)
    finally:
        connection.close()
