"""Status as people read it: Rich tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

VERDICT_STYLES = {"pass": "green", "marginal": "yellow", "fail": "bold red", "not_measured": "dim"}
ADMISSION_STYLES = {"member": "", "factory": "yellow", "safe_mode": "bold yellow"}
LEVEL_STYLES = {"ok": "", "almost_full": "yellow", "full": "bold red"}
FOLDED_CHARACTERS_MIN = 7  # narrower, a column is no longer read
SHOWN_DIGITS = 12  # of a recording's identity: as many as fit, and enough that two hardly ever begin alike
LINE_CHARACTERS_MAX = 1000  # of a table that is longer than its terminal
STATE_STYLES = {"erased": "green", "delivered": "green", "held": "cyan", "offloading": "yellow", "delivering": "cyan"}


def print_status(console: Console, status: dict[str, Any]) -> None:
    """Docks, cameras, recordings, storage, and what is wrong."""
    for table in _tables(status):
        print_whole(console, table)
        console.print()
    for line in _lines(status):
        console.print(line)


def plain_table(title: str, columns: Sequence[str], kept: Collection[str] = ()) -> Table:
    """A table without lines: eight columns fit a terminal of 80. Columns in ``kept`` are never cut or wrapped."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, header_style="dim", overflow="fold", no_wrap=column in kept)
    return table


def print_whole(console: Console, table: Table) -> None:
    """Print a table that people copy from: where its kept columns need more than the terminal has, lines are longer."""
    unbound = console.options.update(max_width=LINE_CHARACTERS_MAX)
    for column in table.columns:
        widest = max((console.measure(cell, options=unbound).maximum for cell in column.cells), default=0)
        column.min_width = widest if column.no_wrap else min(widest, FOLDED_CHARACTERS_MIN)
    least = console.measure(table, options=unbound).minimum
    shown = console.width
    console.width = max(shown, least)  # Rich takes no wider ``width=`` than the console's own
    console.print(table, crop=False)
    console.width = shown


def plain(value: Any) -> Any:
    """A value of ours as JSON has it: named values by name, bytes in hexadecimal, paths as texts."""
    if callable(dump := getattr(value, "model_dump", None)):
        return dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple) and (names := getattr(value, "_fields", None)):
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in cast("dict[object, object]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in cast("Collection[object]", value)]
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def moment(unix_ms: int) -> str:
    """A time as tables show it: UTC, to the minute, in 16 characters."""
    return datetime.fromtimestamp(unix_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _tables(status: dict[str, Any]) -> list[Table]:
    tables = [docks_table(status), cameras_table(status)]
    if status["recordings"]:
        tables.append(recordings_table(status))
    if delivered := [row for row in status["recordings"] if row["container"]]:
        tables.append(containers_table(delivered))
    return tables


def _lines(status: dict[str, Any]) -> list[Text]:
    """What stands below the tables."""
    parts = [storage_line(status)]
    parts += [line for camera in status["cameras"] if (line := _remark(camera)) is not None]
    parts += [Text(f"! {text}", style="red") for text in status["problems"].values()]
    if status["problems"]:
        parts.append(Text("what each means and what to do about it, in order: bwc alerts", style="dim"))
    return parts


def docks_table(status: dict[str, Any]) -> Table:
    """One row a bay in use, and a count of the free ones."""
    columns = ("Dock", "Bay", "State", "Lamp", "Supply", "Charge", "Contacts", "Camera")
    table = plain_table("Docks", columns, ("Dock", "Camera"))
    for dock in status["docks"]:
        used = [bay for bay in dock["bays"] if bay["state"] != "free"]
        for bay in used:
            verdict = bay["verdict"]
            table.add_row(
                dock["serial"],
                str(bay["bay"]),
                bay["state"],
                bay["lamp"],
                f"{bay['supply_uv'] / 1e6:.2f} V",
                f"{bay['current_ua'] / 1e3:.0f} mA",
                Text(verdict.replace("_", " "), style=VERDICT_STYLES[verdict]),
                bay["camera"] or "-",
            )
        free = len(dock["bays"]) - len(used)
        counted = f"{free} bays free" if free != 1 else "1 bay free"
        table.add_row(dock["serial"], "", counted, *[""] * 5, style="dim")
    if not status["docks"]:
        table.add_row("none connected", *[""] * 7, style="dim")
    return table


def cameras_table(status: dict[str, Any]) -> Table:
    """One row a camera that has been seen."""
    columns = ("Camera", "Where", "State", "Wearer", "Battery", "Card free", "Kept", "Link")
    table = plain_table("Cameras", columns, ("Camera", "Battery", "Card free"))
    for camera in status["cameras"]:
        place = camera["place"]
        where = f"{place['dock']} bay {place['bay']}" if place else ("connected" if camera["online"] else "undocked")
        battery, free_bytes = camera["battery_percent"], camera["storage_free_bytes"]
        table.add_row(
            camera["serial"],
            where,
            Text(camera["state"].replace("_", " "), style=ADMISSION_STYLES.get(camera["admission"], "bold red")),
            camera["wearer"] or Text("nobody", style="yellow"),
            f"{battery} %" if battery is not None else "?",
            _size(free_bytes) if free_bytes else "?",
            str(camera["recordings"]),
            _link(camera["link"]),
        )
    if not status["cameras"]:
        table.add_row("none seen", *[""] * 7, style="dim")
    return table


def recordings_table(status: dict[str, Any]) -> Table:
    """One row a recording, newest first."""
    columns = ("Recording", "Camera", "Wearer", "Length", "Size", "State", "Where it is")
    table = plain_table("Recordings", columns, ("Recording", "Camera", "Length", "Size"))
    for row in status["recordings"]:
        state = Text(row["state"], style=STATE_STYLES.get(row["state"], ""))
        if row["state"] == "offloading":
            state.append(f" {row['chunks_committed']}/{row['chunks']}")
        if row["trouble"]:
            state.append(f"\n{row['trouble']}", style="red")
        table.add_row(
            row["recording"][:SHOWN_DIGITS],
            row["camera"],
            row["wearer"] or "?",
            f"{row['duration_ms'] / 1000:.1f} s" + ("\ninterrupted" if row["interrupted"] else ""),
            _size(row["bytes"]),
            state,
            row["place"],
        )
    return table


def containers_table(delivered: list[dict[str, Any]]) -> Table:
    """What recordings are called at their destination, whole: it is copied from here."""
    table = plain_table("At the destination", ("Recording", "Name there"), ("Recording", "Name there"))
    for row in delivered:
        table.add_row(row["recording"][:SHOWN_DIGITS], row["container"])
    return table


def storage_line(status: dict[str, Any]) -> Text:
    """Spool and destination, a line each."""
    spool, destination = status["spool"], status["destination"]
    line = Text(f"Spool {_size(spool['used_bytes'])} used, {_size(spool['reserved_bytes'])} reserved, ")
    level = spool["level"].replace("_", " ")
    line.append(f"{_size(spool['free_bytes'])} free", style=LEVEL_STYLES[spool["level"]])
    line.append("" if level == "ok" else f" ({level})", style=LEVEL_STYLES[spool["level"]])
    line.append("\nDestination: ")
    line.append(destination["trouble"] or "ready", style="red" if destination["trouble"] else "green")
    line.append(f" ({destination['name']})", style="dim")
    return line


def _remark(camera: dict[str, Any]) -> Text | None:
    """What people should know of it first: why it is no member, what went wrong; None for nothing."""
    serial = camera["serial"]
    if camera["admission_text"]:
        style = ADMISSION_STYLES.get(camera["admission"], "red")
        return Text(f"! {serial}: {camera['admission_text'].removeprefix(f'{serial}: ')}", style=style)
    if camera["trouble"]:
        return Text(f"! {serial}: {camera['trouble']}", style="red")
    if camera["removing"]:
        return Text(f"! {serial}: is removed as soon as it is drained", style="yellow")
    return None


def _link(link: dict[str, Any]) -> Text:
    """Goodput, latency, what was damaged; red when the link is slow for its kind."""
    if not link:
        return Text("")
    goodput = link["goodput_bytes_per_s"]
    parts = [f"{goodput / 1e6:.1f} MB/s"] if goodput else []
    if link["latency_ms"] >= 0:
        parts.append(f"{link['latency_ms']} ms")
    if link["bad_frames"]:
        parts.append(f"{link['bad_frames']} bad frames")
    if link["slow"]:
        return Text("slow", style="bold red")  # why, and what to do, is among the alerts
    return Text(", ".join(parts))


def _size(count: int) -> str:
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable: the last unit always fits")
