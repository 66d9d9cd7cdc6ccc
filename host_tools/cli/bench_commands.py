"""``bwc bench …``: hands for an emulated bench that runs in another process."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from host_tools.cli import badge_commands, bench_scan
from host_tools.emulator.errors import BenchError
from host_tools.emulator.fault_plan import read_plan
from host_tools.emulator.faults import table as fault_table
from host_tools.emulator.remote import bench_client

app = typer.Typer(
    help="Move the hands of a running emulated bench; find, check and lock the boards of a real one.",
    no_args_is_help=True,
)
console = Console()

Folder = Annotated[Path, typer.Option(help="The bench's folder.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
BENCH = Path("bench")
ACTIVITY_HELP = "standing, walking, running, sitting, stairs or fall."
UNSUPPORTED_STATUS = 3  # what the board cannot have; 1 is any other refusal


@app.command()
def state(folder: Folder = BENCH, as_json: Json = False) -> None:
    """What somebody standing at the bench sees."""
    found: dict[str, Any] = bench_client(folder).call("state")
    if as_json:
        console.print_json(data=found)
        return
    table = Table(box=None)
    for column in ("Board", "Model", "Serial", "On", "Where", "Lamps", "Battery"):
        table.add_column(column, overflow="fold", no_wrap=column in ("Board", "Model", "Serial"))
    for name, dock in found["docks"].items():
        table.add_row(name, dock["model"], dock["serial"], _yes(dock["on"]), "bench", "", "")
    for name, camera in found["cameras"].items():
        where = f"{camera['bay'][0]} bay {camera['bay'][1]}" if camera["bay"] else "worn"
        lamps = " ".join(lamp for lamp, lit in camera["lamps"].items() if lit) or "dark"
        battery = f"{camera['battery_percent']} %"
        table.add_row(name, camera["model"], camera["serial"], _yes(camera["on"]), where, lamps, battery)
    for name, reader in found["readers"].items():
        lamps = " ".join(lamp for lamp, lit in reader["lamps"].items() if lit) or "dark"
        table.add_row(name, reader["kind"], "", _yes(reader["plugged"]), "bench", lamps, "")
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
    """Press a button of a camera for HOLD seconds, and let go of it."""
    bench_client(folder).call("press", camera=camera, button=button, hold_s=hold)
    time.sleep(hold)  # the next command is for a hand that is free: a camera docked meanwhile was not stopped by it


@app.command()
def motion(camera: str, activity: Annotated[str, typer.Argument(help=ACTIVITY_HELP)], folder: Folder = BENCH) -> None:
    """What the wearer of a camera does from now on; a fall ends in lying still."""
    bench_client(folder).call("move", camera=camera, activity=activity)


@app.command(context_settings={"ignore_unknown_options": True})
def carry(
    camera: str,
    x: Annotated[float, typer.Argument(help="Metres.")],
    y: Annotated[float, typer.Argument(help="Metres.")] = 0.0,
    folder: Folder = BENCH,
) -> None:
    """Carry a camera to a spot: how far it is from others is how well its radio hears them."""
    bench_client(folder).call("carry", camera=camera, x_m=x, y_m=y)


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
def fault(
    component: Annotated[str, typer.Argument(help="card, link, usb, contact …; see `bwc bench faults --table`")],
    type: Annotated[str, typer.Argument(help="off, stuck, bitflip …; ok heals")],
    board: Annotated[str | None, typer.Option(help="Which board; may be left out where the bench has but one.")] = None,
    instance: Annotated[int, typer.Option("--instance", "-i", help="Which bay or button; 0 is all.")] = 0,
    folder: Folder = BENCH,
) -> None:
    """Give a board a fault by name, or heal it with the type ok."""
    client = bench_client(folder)
    chosen = board or _only_board(client.call("state"))
    answer: dict[str, str] = client.call("fault", board=chosen, component=component, type=type, instance=instance)
    if answer["outcome"] != "done":
        console.print(answer["text"], style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(UNSUPPORTED_STATUS)


@app.command()
def faults(
    table: Annotated[bool, typer.Option("--table", help="What there is, instead of what is on.")] = False,
    folder: Folder = BENCH,
    as_json: Json = False,
) -> None:
    """Which faults are on."""
    if as_json:
        console.print_json(data=fault_table() if table else bench_client(folder).call("faults"))
        return
    if table:
        _print_rows(("Component", "Type", "Boards", "-i", "What it does"), (
            (row["component"], row["type"], row["boards"], row["counted"], row["text"]) for row in fault_table()
        ))  # fmt: skip
        return
    active = bench_client(folder).call("faults")
    if not active:
        console.print("no faults are on")
        return
    rows = ((each["board"], each["component"], each["type"], str(each["instance"] or "")) for each in active)
    _print_rows(("Board", "Component", "Type", "-i"), rows)


@app.command()
def plan(file: Path, folder: Folder = BENCH) -> None:
    """Play a plan of faults (TOML) on the bench from now on."""
    read_plan(file)  # what is wrong with it is said with its name
    bench_client(folder).call("plan", text=file.read_text(encoding="utf-8"))


@app.command()
def played(folder: Folder = BENCH) -> None:
    """What plans of faults have done so far."""
    rows = (
        (f"{each['at_s']:.2f}", each["board"], each["component"], each["type"], each["outcome"])
        for each in bench_client(folder).call("played")
    )
    _print_rows(("At s", "Board", "Component", "Type", "Outcome"), rows)


@app.command()
def record(board: str, capture: Path, folder: Folder = BENCH) -> None:
    """Record a board's cable into a capture (pcapng) until the bench ends; several boards may share one."""
    bench_client(folder).call("record", board=board, path=str(capture.resolve()))


@app.command()
def stop(folder: Folder = BENCH) -> None:
    """End the bench."""
    bench_client(folder).call("stop")


bench_scan.register(app)
badge_commands.register_bench(app)


def _only_board(found: dict[str, Any]) -> str:
    boards = [*found["docks"], *found["cameras"], *found["readers"]]
    if len(boards) != 1:
        raise BenchError(f"which board? give --board, one of {', '.join(boards)}")
    return boards[0]


def _print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    shown = Table(box=None)
    for column in columns:
        shown.add_column(column)
    for row in rows:
        shown.add_row(*row)
    console.print(shown)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
