"""``bwc bench scan | doctor | locks | look``: which boards a bench has, what stands in its way, who uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from host_tools.bench.bench_file import read_bench_file
from host_tools.bench.doctor import Finding, examine, udev_rules
from host_tools.bench.errors import BoardMissing
from host_tools.bench.inventory import Inventory
from host_tools.bench.locks import Locks
from host_tools.bench.scan import bench_text, scan, write_bench
from host_tools.cli.registry import make_registry
from host_tools.cli.show import plain
from host_tools.emulator.remote import bench_client
from host_tools.hardware.errors import nearest
from host_tools.hardware.usb import SYSFS_DEVICES

DEV = Path("/dev")
STYLES = {"fault": "red", "warning": "yellow", "note": "dim"}
DENIED = "udev rule"  # in a finding that the rules put right

console = Console()

LockFolder = Annotated[Path | None, typer.Option("--locks", help="Where boards are locked; else this machine's.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``bwc bench``."""
    app.command("scan")(scan_bench)
    for command in (doctor, locks, look):
        app.command()(command)


def scan_bench(
    write: Annotated[Path | None, typer.Option("--write", help="The bench file to make; else it is printed.")] = None,
    bench: Annotated[Path | None, typer.Option(help="Folder of an emulated bench; else this machine's USB.")] = None,
    name: Annotated[str, typer.Option(help="What the bench is called in records.")] = "lab",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Make a bench file of the boards that are plugged in."""
    if bench is not None and not (bench / "usb").is_dir():
        raise BoardMissing(f"{bench}: no emulated bench is there; name the folder that `bwc emulate --folder` got")
    usb, dev = (bench.resolve() / "usb", bench.resolve() / "ports") if bench else (SYSFS_DEVICES, DEV)
    seen = scan(usb)
    text = bench_text(seen, name, str(write or "bench.toml"), usb, dev, "emulated" if bench else "hardware")
    if write is None:
        print(text, end="")
        return
    write_bench(write, text, force)
    console.print(f"{write}: {len(seen)} boards; complete it, then `bwc bench doctor {write}`", soft_wrap=True)


def doctor(
    bench: Annotated[Path, typer.Argument(help="A bench file.")] = Path("bench.toml"),
    rules: Annotated[bool, typer.Option("--udev", help="Print the udev rules, whether needed or not.")] = False,
    folder: LockFolder = None,
    as_json: Json = False,
) -> None:
    """What stands in the way of a bench. Exit code 1: something does."""
    plan = read_bench_file(bench)
    findings = examine(plan, Locks(folder), check_url=make_registry().check)
    if as_json:
        console.print_json(data={"bench": plan.name, "findings": plain(findings)})
        raise typer.Exit(1 if any(finding.level == "fault" for finding in findings) else 0)
    for finding in findings:
        console.print(_line(finding), soft_wrap=True, highlight=False)
    if rules or any(DENIED in finding.text for finding in findings):
        known = [device for device in Inventory(plan).devices if device.ttys]
        console.print("\n" + escape(udev_rules(known)), soft_wrap=True, highlight=False, end="")
    faults = sum(finding.level == "fault" for finding in findings)
    boards = len(plan.board)
    counted = f"{boards} board{'s' * (boards != 1)}, {faults} fault{'s' * (faults != 1)}"
    console.print(f"bench {plan.name}: {counted}", highlight=False)
    raise typer.Exit(1 if faults else 0)


def locks(folder: LockFolder = None, as_json: Json = False) -> None:
    """Who holds which board now."""
    book = Locks(folder)
    held = book.all()
    if as_json:
        console.print_json(data=plain(held))
        return
    for each in held:
        console.print(f"{each.board}: {each.told(book.now_s())}", soft_wrap=True, highlight=False)
    if not held:
        console.print(f"nobody holds a board ({book.folder})", soft_wrap=True, highlight=False)


def look(
    board: str,
    bay: Annotated[int, typer.Argument(help="Of a dock; 0 for a camera's own lamps.")] = 0,
    folder: Annotated[Path, typer.Option(help="The bench's folder.")] = Path("bench"),
) -> None:
    """The names of the lamps of an emulated board that are lit at this moment."""
    state: dict[str, Any] = bench_client(folder).call("state")
    names = [*state["docks"], *state["cameras"]]
    if board not in names:
        raise BoardMissing(f"no board {board} on this bench; {nearest(board, names, 'boards')}")
    known: dict[str, Any] = state["docks"][board]["bays"] if board in state["docks"] else {}
    shown = known.get(str(bay)) if known else state["cameras"].get(board)
    if shown is None:
        raise BoardMissing(f"{board} has no bay {bay}; name one of {', '.join(known)}")
    print(" ".join(lamp for lamp, lit in shown["lamps"].items() if lit))


def _line(finding: Finding) -> str:
    board = f"{finding.board}: " if finding.board else ""
    return f"[{STYLES[finding.level]}]{finding.level}[/] {escape(board + finding.text)}"
