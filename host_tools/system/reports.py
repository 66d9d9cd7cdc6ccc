"""Reports as tables: what cameras were used for, how they are, how they are connected, what runs on them.

Law: pure; rows in, CSV out. Times are in the system's time zone, to the minute, and the heading says which; the column
beside each says how far that was from UTC then, since an hour comes twice where clocks are put back. A time that the
camera did not know is empty rather than invented.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from host_tools.system import csv_text
from host_tools.system.records import Device
from host_tools.system.state import State
from host_tools.system.store import UsageRow

USAGE_DAYS_MS = 30 * 86_400_000  # CTRL-16
UNKNOWN_PERCENT = 255  # of a battery, as the link has it
MINUTE_MS = 60_000

Status = Mapping[str, Any]


@dataclass(slots=True)
class Outing:
    """A camera from one undocking to the next docking, as its own log has it."""

    camera: str
    wearer: str
    undocked_unix_ms: int
    docked_unix_ms: int | None = None
    recordings: int = 0
    recorded_s: int = 0
    battery_undocked: int = UNKNOWN_PERCENT
    battery_docked: int = UNKNOWN_PERCENT
    empty: int = 0
    faults: int = 0


def outings(rows: Iterable[UsageRow]) -> list[Outing]:
    """Every time a camera was taken; ``rows`` as the store has them, by camera and time."""
    found: list[Outing] = []
    open_now: dict[str, Outing] = {}
    for row in rows:
        outing = open_now.get(row.camera)
        if row.event == "undocked":
            outing = Outing(row.camera, row.wearer, row.unix_ms, battery_undocked=row.value)
            found.append(outing)
            open_now[row.camera] = outing
        elif outing is not None:
            _count(outing, row)
            if row.event == "docked":
                del open_now[row.camera]
    return found


def camera_usage(rows: Iterable[UsageRow], state: State, tag: str) -> str:
    """By wearer: each time somebody had a camera, in the last 30 days; of cameras with ``tag``, or all."""
    header = (
        "Wearer ID",
        "Wearer",
        "Camera",
        "Camera name",
        *_time_columns("Undocked", state),
        *_time_columns("Docked", state),
        "Minutes away",
        "Recordings",
        "Minutes recorded",
        "Battery % undocked",
        "Battery % docked",
        "Empty shutdowns",
        "Malfunctions",
    )
    wanted = [each for each in outings(rows) if _has_tag(state, each.camera, tag)]
    wanted.sort(key=lambda each: (each.wearer, each.undocked_unix_ms, each.camera))
    return csv_text.write(header, [_usage_row(each, state) for each in wanted])


def camera_status(cameras: Iterable[Status], state: State, tag: str, search: str) -> str:
    """How each camera is now; ``search``: words as in the list of cameras."""
    header = (
        "Camera",
        "Camera name",
        "Tags",
        "Model",
        "State",
        "Dock",
        "Bay",
        "Wearer",
        "Battery %",
        "Card free MB",
        "Recordings",
        "Software",
        *_time_columns("Certificate until", state),
        "Trouble",
    )
    rows = [_status_row(each, state) for each in cameras if _has_tag(state, each["serial"], tag)]
    words = search.casefold().split()
    fitting = [row for row in rows if all(word in " ".join(map(str, row)).casefold() for word in words)]
    return csv_text.write(header, fitting)


def camera_connection(cameras: Iterable[Status], state: State, tag: str) -> str:
    """How cameras reach a network. A camera without a modem has no IMEI."""
    header = ("Camera", "Camera name", "Tags", "Model", "Network", "IMEI", "ICCID", "SIM state")
    rows = [
        (*_named(each["serial"], state), each["model"], *(_network(each, name) for name in ("kind", *_NETWORK)))
        for each in cameras
        if _has_tag(state, each["serial"], tag)
    ]
    return csv_text.write(header, rows)


def software_versions(state: State, present: Mapping[str, str], tag: str) -> str:
    """What runs on every device now, and what ran before, newest first; devices that have gone are among them.
    ``present``: the version that a device here has told, by serial."""
    header = ("Device", "Kind", "Model", "Name", "Tags", "Software", *_time_columns("Since", state), "Now")
    rows: list[tuple[object, ...]] = []
    for serial, record in sorted(state.of("device").items()):
        if not isinstance(record, Device) or (tag and not _has_tag(state, serial, tag)):
            continue
        here = record.device != "camera" or serial in state.cameras
        for number, each in enumerate(reversed(record.software)):
            now = "" if number else ("yes" if here or serial in present else "departed")
            name, tags = _named(serial, state)[1:]
            since = _time(each.since_unix_ms, state)
            rows.append((serial, record.device, record.model, name, tags, each.version, *since, now))
    return csv_text.write(header, rows)


_NETWORK = ("imei", "iccid", "sim")


def _count(outing: Outing, row: UsageRow) -> None:
    if row.event == "recording_started":
        outing.recordings += 1
    elif row.event == "recording_ended":
        outing.recorded_s += row.value
    elif row.event == "battery_empty":
        outing.empty += 1
    elif row.event == "malfunction":
        outing.faults += 1
    elif row.event == "docked":
        outing.docked_unix_ms, outing.battery_docked = row.unix_ms, row.value


def _usage_row(outing: Outing, state: State) -> tuple[object, ...]:
    wearer = state.wearers.get(outing.wearer)
    entry = state.cameras.get(outing.camera)
    docked_ms = outing.docked_unix_ms
    away_ms = docked_ms - outing.undocked_unix_ms if docked_ms and outing.undocked_unix_ms else None
    return (
        outing.wearer,
        wearer.name if wearer is not None else "",
        outing.camera,
        entry.name if entry is not None else "",
        *_time(outing.undocked_unix_ms, state),
        *_time(docked_ms or 0, state),
        "" if away_ms is None else max(away_ms, 0) // MINUTE_MS,
        outing.recordings,
        -(-outing.recorded_s // 60),
        _percent(outing.battery_undocked),
        _percent(outing.battery_docked),
        outing.empty,
        outing.faults,
    )


def _status_row(camera: Status, state: State) -> tuple[object, ...]:
    place: Status = camera["place"] or {}
    free = camera["storage_free_bytes"]
    battery = camera["battery_percent"]
    return (
        *_named(camera["serial"], state),
        camera["model"],
        camera["state"],
        place.get("dock", ""),
        place.get("bay", ""),
        camera["wearer"],
        "" if battery is None else battery,
        "" if free is None else free // 1_000_000,
        camera["recordings"],
        camera["firmware"],
        *_time(camera["expires_unix_ms"] or 0, state),
        camera["trouble"],
    )


def _named(serial: str, state: State) -> tuple[str, str, str]:
    entry = state.cameras.get(serial)
    return serial, entry.name if entry is not None else "", ", ".join(entry.tags) if entry is not None else ""


def _network(camera: Status, name: str) -> str:
    network: Status = camera.get("network") or {}
    return str(network.get(name, ""))


def _has_tag(state: State, serial: str, tag: str) -> bool:
    entry = state.cameras.get(serial)
    return not tag or (entry is not None and tag.casefold() in (each.casefold() for each in entry.tags))


def _percent(value: int) -> object:
    return "" if value == UNKNOWN_PERCENT else value


def _time_columns(name: str, state: State) -> tuple[str, str]:
    """Headings of what ``_time`` answers."""
    return f"{name} ({state.settings.time_zone})", f"{name}, offset"


def _time(unix_ms: int, state: State) -> tuple[str, str]:
    """As spreadsheets know times, and in a cell of its own, which none of them takes for a formula, the offset."""
    if not unix_ms:
        return "", ""
    moment = datetime.fromtimestamp(unix_ms / 1000, ZoneInfo(state.settings.time_zone))
    offset = f"{moment:%z}"
    return f"{moment:%Y-%m-%d %H:%M}", f"UTC{offset[:3]}:{offset[3:5]}"
