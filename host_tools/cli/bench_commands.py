"""``bwc bench …``: hands for an emulated bench that runs in another process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from host_tools.emulator.remote import bench_client

app = typer.Typer(help="Move the hands of a running emulated bench.", no_args_is_help=True)
console = Console()

Folder = Annotated[Path, typer.Option(help="The bench's folder.")]
BENCH = Path("bench")


@app.command()
def state(folder: Folder = BENCH) -> None:
    """What somebody standing at the bench sees."""
    found: dict[str, Any] = bench_client(folder).call("state")
    table = Table()
    for column in ("Board", "Model", "Serial", "On", "Where", "Lamps", "Battery"):
        table.add_column(column)
    for name, dock in found["docks"].items():
        table.add_row(name, dock["model"], dock["serial"], _yes(dock["on"]), "bench", "", "")
    for name, camera in found["cameras"].items():
        where = f"{camera['bay'][0]} bay {camera['bay'][1]}" if camera["bay"] else "worn"
        lamps = " ".join(lamp for lamp, lit in camera["lamps"].items() if lit) or "dark"
        battery = f"{camera['battery_percent']} %"
        table.add_row(name, camera["model"], camera["serial"], _yes(camera["on"]), where, lamps, battery)
    console.print(table)
    for name, board in [*found["docks"].items(), *found["cameras"].items()]:
        for crash in board["crashes"]:
            console.print(f"[red]{name} crashed:[/] {crash.splitlines()[-1]}")


@app.command()
def dock(camera: str, bay: int, folder: Folder = BENCH, station: str | None = None) -> None:
    """Put a camera into a bay."""
    bench_client(folder).call("put_in", camera=camera, bay=bay, dock=station)


@app.command()
def undock(camera: str, folder: Folder = BENCH) -> None:
    """Pull a camera out of its bay."""
    bench_client(folder).call("take_out", camera=camera)


@app.command()
def press(camera: str, button: str = "record", hold: float = 0.15, folder: Folder = BENCH) -> None:
    """Press a button of a camera for HOLD seconds."""
    bench_client(folder).call("press", camera=camera, button=button, hold_s=hold)


@app.command()
def power(board: str, on: Annotated[bool, typer.Argument()], folder: Folder = BENCH) -> None:
    """Switch a board's own supply on or off."""
    bench_client(folder).call("set_power", board=board, on=on)


@app.command()
def reset(board: str, folder: Folder = BENCH) -> None:
    """Reset a board."""
    bench_client(folder).call("reset", board=board)


@app.command()
def slow(
    board: str,
    bytes_per_s: Annotated[int | None, typer.Argument(help="Left out: as fast as before.")] = None,
    folder: Folder = BENCH,
) -> None:
    """Make a board's line to the host slow."""
    bench_client(folder).call("limit_link", board=board, bytes_per_s=bytes_per_s)


@app.command()
def record(board: str, capture: Path, folder: Folder = BENCH) -> None:
    """Record a board's cable into a capture (pcapng) until the bench ends; several boards may share one."""
    bench_client(folder).call("record", board=board, path=str(capture.resolve()))


@app.command()
def stop(folder: Folder = BENCH) -> None:
    """End the bench."""
    bench_client(folder).call("stop")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
