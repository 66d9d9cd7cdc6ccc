"""``bwc dock …``: measure a bay, take its power away for a moment, see its history, and what the measuring is worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from host_tools.cli.asking import Asked, asks
from host_tools.cli.over_rest import AskError
from host_tools.cli.show import VERDICT_STYLES, moment, plain_table, print_whole
from host_tools.controller.commands import CommandError
from host_tools.controller.contact_alerts import amount, number
from host_tools.controller.contact_readings import NOT_YET
from host_tools.simulation.contact_sweep import Case, Found, drawn_cases, histogram, sweep
from host_tools.transports.local import LocalError

SEEDS = 200

app = typer.Typer(help="Docks and their bays: contacts, power, charging.", no_args_is_help=True)
console = Console()
progress = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
DockSerial = Annotated[str, typer.Option(help="Serial of the dock; may be left out where one is connected.")]
Bay = Annotated[int, typer.Option(min=1, max=8, help="Number of the bay.")]


@app.command()
@asks
def check(
    controller: Asked,
    dock: DockSerial = "",
    bay: Annotated[int | None, typer.Option(min=1, max=8, help="Number of the bay; all that are in use else.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="As at every docking; else longer and repeated.")] = False,
    as_json: Json = False,
) -> None:
    """Measure the contacts of docked cameras: value, uncertainty, limits, verdict and confidence of every quantity."""
    found: dict[str, list[dict[str, Any]]] = {}
    missed: list[str] = []
    for serial, one in _bays(controller, dock, bay):
        title = f"{serial} bay {one}"
        try:
            with progress.status(f"measuring {title}"):
                found[title] = controller.call("check_contacts", dock=serial, bay=one, quick=quick)
        except (AskError, LocalError) as error:
            if bay is not None:
                raise
            missed.append(title)  # its camera has gone meanwhile: the others are measured all the same
            progress.print(f"{title}: {error}", style="yellow", highlight=False)
            continue
        if not as_json:
            _print_rows(title, found[title])
    if as_json:
        console.print_json(data=found)
    elif not found and not missed:
        console.print("no camera is docked", style="dim")
    if missed or any(row["verdict"] == "fail" for rows in found.values() for row in rows):
        raise typer.Exit(1)


@app.command("power-cycle")
@asks
def power_cycle(
    controller: Asked,
    bay: Bay,
    dock: DockSerial = "",
    off_ms: Annotated[int, typer.Option(help="How long the power stays away.")] = 2000,
) -> None:
    """Take a bay's power away for a moment; its contacts are checked anew before it comes back."""
    state = controller.call("power_cycle_bay", dock=_dock(controller, dock), bay=bay, off_ms=off_ms)
    console.print(f"bay {bay} is {state}", highlight=False)


@app.command("smart-charge")
@asks
def smart_charge(
    controller: Asked,
    suspend: Annotated[
        int | None, typer.Option(min=0, max=168, help="Hours in which all are charged to full; 0: not any more.")
    ] = None,
) -> None:
    """Whether smart charge is on: it keeps cameras short of full that stand docked for long. Or suspend it."""
    if suspend is not None:
        controller.call("suspend_smart_charge", hours=suspend)
    state = controller.call("status")["smart_charge"]
    if not state["wanted"]:
        console.print("smart charge is off: bwc settings set smart_charge=on")
    elif state["suspended_until_unix_ms"]:
        until = moment(state["suspended_until_unix_ms"])
        console.print(f"smart charge is suspended until {until} UTC; sooner: bwc dock smart-charge --suspend 0")
    else:
        console.print("smart charge is on")


@app.command()
@asks
def history(
    controller: Asked,
    dock: DockSerial = "",
    bay: Annotated[int, typer.Option(min=0, max=8, help="Number of the bay; 0: all.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=20_000)] = 20,
    as_json: Json = False,
) -> None:
    """What was measured at dockings, newest first."""
    rows = controller.call("contact_history", dock=dock, bay=bay, limit=limit)
    if as_json:
        console.print_json(data=rows)
        return
    columns = ("When (UTC)", "Dock", "Bay", "Camera", "Verdict", "Contacts", "Settled", "Bounces")
    table = plain_table("Dockings", columns, ("When (UTC)", "Dock", "Camera", "Contacts"))
    for row in rows:
        table.add_row(
            moment(row["at_unix_ms"]),
            row["dock"],
            str(row["bay"]),
            row["camera"] or "-",
            Text(row["verdict"].replace("_", " "), style=VERDICT_STYLES[row["verdict"]]),
            amount(row["resistance_uohm"], "uOhm") if "resistance_uohm" in row else "-",
            f"{row['settle_ms']} ms" if "settle_ms" in row else "-",
            str(row.get("bounces", "-")),
        )
    print_whole(console, table)


@app.command("sweep")
def sweep_command(
    seeds: Annotated[int, typer.Option(min=1, max=100_000, help="How many pairs of dock and camera.")] = SEEDS,
    first: Annotated[int, typer.Option(help="Seed of the first.")] = 0,
) -> None:
    """Measure emulated pairs whose truth is known, each with its own offsets, wiring and diode, and compare."""
    found: list[Found] = []
    for one in _told(seeds, first):
        found.append(one)
    measured = [one for one in found if not isinstance(one.found, str)]
    inside = sum(abs(one.in_units) <= 1 for one in measured)
    console.print(f"error / stated uncertainty (95 %), seeds {first} to {first + seeds - 1}:", highlight=False)
    print(histogram(one.in_units for one in measured))
    missing = len(found) - len(measured)
    console.print(f"{inside} of {len(measured)} within the stated uncertainty; {missing} not measured", highlight=False)
    if inside < 0.95 * len(measured):
        raise typer.Exit(1)


def _told(seeds: int, first: int) -> Iterator[Found]:
    cases: list[Case] = drawn_cases(first, seeds)
    with console.status(f"measuring {seeds} pairs"):
        yield from sweep(cases)


def _bays(controller: Asked, dock: str, bay: int | None) -> list[tuple[str, int]]:
    """Which bays are meant: the one named, or all that hold a camera. CommandError."""
    if bay is not None:
        return [(_dock(controller, dock), bay)]
    docks = controller.call("status")["docks"]
    if dock and dock not in [each["serial"] for each in docks]:
        raise _no_dock(dock, docks)
    return [
        (each["serial"], row["bay"])
        for each in docks
        for row in each["bays"]
        if dock in ("", each["serial"]) and row["state"] in ("docked", "fault", "off")
    ]


def _dock(controller: Asked, serial: str) -> str:
    """The one that is meant: where one is connected, it need not be named."""
    docks = controller.call("status")["docks"]
    if serial:
        if serial not in [each["serial"] for each in docks]:
            raise _no_dock(serial, docks)
        return serial
    if not docks:
        raise CommandError("no dock is connected: connect one")
    if len(docks) > 1:
        raise CommandError(f"which dock? name one with --dock: {_serials(docks)}")
    return str(docks[0]["serial"])


def _no_dock(serial: str, docks: list[dict[str, Any]]) -> CommandError:
    there = f"there is {_serials(docks)}" if docks else "none is connected"
    return CommandError(f"no dock {serial}; {there}")


def _serials(docks: list[dict[str, Any]]) -> str:
    return ", ".join(sorted(each["serial"] for each in docks))


def _print_rows(title: str, rows: list[dict[str, Any]]) -> None:
    columns = ("Quantity", "Value", "+-", "Limits", "Verdict", "Sure")
    table = plain_table(title, columns, columns)
    for row in rows:
        measured = row["verdict"] != "not_measured"
        unit = row["unit"]
        confidence, uncertainty = row.get("confidence"), row.get("uncertainty")
        table.add_row(
            row["quantity"].replace("_", " "),
            amount(row["value"], unit) if measured else "-",
            number(uncertainty, unit) if measured and uncertainty else "",
            f"{number(row['low'], unit)} to {number(row['high'], unit)}",
            Text(row["verdict"].replace("_", " "), style=VERDICT_STYLES[row["verdict"]]),
            f"{confidence:g} %" if confidence is not None else "",
        )
    print_whole(console, table)
    for row in rows:
        if row.get("note") and row["note"] != NOT_YET:
            text = Text(f"{row['quantity'].replace('_', ' ')}: {row['note']}", style="dim")
            console.print(Padding(text, (0, 0, 0, 2)))
    console.print()
