"""``bwc board …``: the boards this software knows, from their board.toml files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from host_tools.cli.show import plain_table
from host_tools.hardware import Board, board_models, find_board, load_board
from host_tools.hardware.files import BOARD_FILE
from host_tools.hardware.pinout import COLOURS, HeaderPin, elsewhere, header_rows

app = typer.Typer(help="Board models.", no_args_is_help=True)
console = Console()

ModelArgument = Annotated[str, typer.Argument(help="A model's name, or the path of a board.toml or its folder.")]

Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@app.command("list")
def list_boards(as_json: Json = False) -> None:
    """All board models."""
    if as_json:
        console.print_json(data=[_document(find_board(model)) for model in board_models()])
        return
    table = Table(box=None)
    for column in ("Model", "What it is", "Processor", "USB", "Application"):
        table.add_column(column, no_wrap=column != "What it is")  # names are typed again by whoever reads them
    for model in board_models():
        board = find_board(model)
        usb = f"{board.usb.vid:04x}:{board.usb.pid:04x}"
        table.add_row(board.model, board.title, board.soc.name, usb, board.firmware.application)
    console.print(table)


@app.command()
def show(model: ModelArgument, as_json: Json = False) -> None:
    """One board: what it has, and its pins."""
    board = _board(model)
    if as_json:
        console.print_json(data=_document(board))
        return
    console.print(
        f"[bold]{board.title}[/] ({board.model}, revision {board.revision}), {board.soc.module}, {board.soc.python}"
    )
    for line in _facts(board):
        console.print(f"  {line}", highlight=False)
    table = plain_table("Pins", ("Pin", "GPIO", "Header", "Function", "Active"))
    for pin in sorted(board.pins.soc, key=lambda pin: pin.gpio):
        table.add_row(pin.name, str(pin.gpio), str(pin.physical or "-"), pin.function, pin.active)
    console.print()
    console.print(table)
    console.print()
    chips = plain_table("Chips", ("Chip", "Part", "Kind", "Bus", "Address"))
    for chip in board.peripherals:
        part = chip.part if chip.count == 1 else f"{chip.count} x {chip.part}"
        address = "-" if chip.address is None else f"{chip.address:#04x}"
        chips.add_row(chip.name, part, chip.kind, chip.bus or "-", address)
    console.print(chips)


@app.command()
def pinout(model: ModelArgument) -> None:
    """The header as one looks at it, with what each pin is for."""
    board = _board(model)
    table = Table(title=board.title, title_justify="left", show_header=False, box=None, padding=(0, 1, 0, 0))
    for least in (1, 8, 4):
        table.add_column(justify="right", no_wrap=True, min_width=least)
    for least in (4, 8, 1):
        table.add_column(justify="left", no_wrap=True, min_width=least)
    for left, right in header_rows(board):
        table.add_row(
            _name(left), _label(left), _number(left), _number(right), _label(right), _name(right, reverse=True)
        )
    console.print(table)
    if any(pin.active == "low" for pin in board.pins.soc):
        console.print("! active low", highlight=False)
    for line in elsewhere(board):
        console.print(line, highlight=False)


def _board(model: str) -> Board:
    path = Path(model)
    if path.name != model and path.is_dir():  # boards/my_cam, as a shell completes it
        path /= BOARD_FILE
    if path.name == BOARD_FILE and path.is_file():
        path = path.resolve()
        return find_board(path.parent.name, path.parents[1])  # which also looks whether folder and model agree
    return load_board(path) if path.suffix == ".toml" else find_board(model)


def _document(board: Board) -> dict[str, Any]:
    return board.model_dump(mode="json")


def _number(pin: HeaderPin) -> Text:
    ink = "black" if pin.what == "free" else "white"
    return Text(f" {pin.number:>2} ", style=f"{ink} on {COLOURS[pin.what]}")


def _label(pin: HeaderPin) -> Text:
    return Text(pin.label, style="dim")


def _name(pin: HeaderPin, *, reverse: bool = False) -> Text:
    if not pin.name:
        return Text("")
    mark = "!" if "active low" in pin.notes else ""
    parts = [(pin.what + mark, "dim"), (" ", ""), (pin.name, f"bold {COLOURS[pin.what]}")]
    return Text.assemble(*(reversed(parts) if reverse else parts))


def _facts(board: Board) -> list[str]:
    memory, usb = board.memory, board.usb
    flash = f", flash {memory.flash_bytes // 1024} KiB" if memory.flash_bytes else ""
    functions = ", ".join(f"{function.name} ({function.kind}, {function.endpoints})" for function in usb.functions)
    facts = [
        f"{board.soc.name}, {board.soc.cores} cores of {board.soc.clock_mhz} MHz",
        f"memory {memory.ram_bytes // 1024} KiB, heap budget {memory.heap_bytes // 1024} KiB{flash}, "
        f"firmware budget {memory.firmware_bytes_max // 1024} KiB",
        f"USB {usb.vid:04x}:{usb.pid:04x} {usb.product}, {usb.speed_mbps} Mbit/s",
        f"USB functions {functions}: "
        f"{sum(function.endpoints for function in usb.functions)} of {usb.endpoints_max} endpoints",
        f"application {board.firmware.application}, frames up to {board.firmware.payload_bytes} bytes",
        f"updates by {board.update.method}, slots {', '.join(slot.name for slot in board.update.slots)}, "
        f"bundles for {board.update.compatible}",
    ]
    if board.bays:
        facts.append(f"bays {', '.join(map(str, board.bays))}")
    facts.extend(f"storage {each.name}: {each.kind}, {_size(each.size_bytes)}" for each in board.storages)
    if board.battery is not None:
        facts.append(f"battery {board.battery.capacity_mah} mAh, charged with {board.battery.charge_ua / 1e6:g} A")
    facts.extend(f"bus {bus.name}: {', '.join(bus.pins)}, {bus.frequency_hz / 1000:g} kHz" for bus in board.buses)
    return facts


def _size(size_bytes: int) -> str:
    """Of a medium, as its maker says it: cards in GB, flash in KiB."""
    return f"{size_bytes / 1e9:.3g} GB" if size_bytes >= 1_000_000_000 else f"{size_bytes // 1024} KiB"
