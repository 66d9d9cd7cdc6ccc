"""``bwc board …``: the boards this software knows, from their board.toml files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from host_tools.hardware import Board, board_models, find_board, load_board

app = typer.Typer(help="Board models.", no_args_is_help=True)
console = Console()


@app.command("list")
def list_boards() -> None:
    """All board models."""
    table = Table()
    for column in ("Model", "What it is", "Processor", "USB", "Application"):
        table.add_column(column)
    for model in board_models():
        board = find_board(model)
        usb = f"{board.usb.vid:04x}:{board.usb.pid:04x}"
        table.add_row(board.model, board.title, board.soc.name, usb, board.firmware.application)
    console.print(table)


@app.command()
def show(model: Annotated[str, typer.Argument(help="A model's name, or the path of a board.toml.")]) -> None:
    """One board: what it has, and its pins."""
    board = load_board(Path(model)) if model.endswith(".toml") else find_board(model)
    console.print(f"[bold]{board.title}[/] ({board.model}), {board.soc.module}, {board.soc.python}")
    for line in _facts(board):
        console.print(f"  {line}")
    table = Table("Pin", "GPIO", "Header", "Function", "Active", title="Pins", title_justify="left")
    for pin in sorted(board.pins.soc, key=lambda pin: pin.gpio):
        table.add_row(pin.name, str(pin.gpio), str(pin.physical or "-"), pin.function, pin.active)
    console.print(table)


def _facts(board: Board) -> list[str]:
    facts = [
        f"memory {board.memory.ram_bytes // 1024} KiB, heap budget {board.memory.heap_bytes // 1024} KiB",
        f"USB {board.usb.vid:04x}:{board.usb.pid:04x} {board.usb.product}, {board.usb.speed_mbps} Mbit/s, "
        f"{sum(function.endpoints for function in board.usb.functions)} of {board.usb.endpoints_max} endpoints",
        f"application {board.firmware.application}, frames up to {board.firmware.payload_bytes} bytes",
    ]
    if board.bays:
        facts.append(f"bays {', '.join(map(str, board.bays))}")
    facts.extend(f"storage {each.name}: {each.kind}, {each.size_bytes / 1e9:.0f} GB" for each in board.storages)
    facts.extend(f"chip {chip.name}: {chip.part}" for chip in board.peripherals)
    return facts
