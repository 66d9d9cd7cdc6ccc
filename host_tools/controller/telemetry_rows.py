"""What telemetry says: docks, bays, cameras, alerts, storage, destination, each a topic with plain data.

Law: memory alone, and only fields that are named here: who wears what, what people have written on a camera and what
alerts say in free text goes to a broker only where the settings let it. ``VERSION`` changes when a field changes its
meaning or goes; new fields do not change it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from host_tools.controller.keeping import spool_view
from host_tools.controller.service import Controller
from host_tools.controller.status import camera_row, camera_views, dock_row
from host_tools.custody.spool import Spool

VERSION = 1

DOCK_FIELDS = ("serial", "model", "firmware", "location")
BAY_FIELDS = ("bay", "state", "powered", "lamp", "supply_uv", "current_ua", "camera", "verdict", "contacts")
CAMERA_FIELDS = (
    "serial",
    "model",
    "firmware",
    "online",
    "place",
    "state",
    "admission",
    "expires_unix_ms",
    "removing",
    "battery_percent",
    "battery",
    "storage_free_bytes",
    "storage_total_bytes",
    "storage_level",
    "recordings",
    "offloading",
)
CAMERA_NAMES = ("name", "tags", "wearer", "wearer_id")
ALERT_FIELDS = ("id", "kind", "device_kind", "severity", "title", "raised_unix_ms")
ALERT_NAMES = ("device", "details")
# Kinds whose device and details are about things: what was measured, which serial. Others may name people.
OF_THINGS = frozenset(
    {
        "certificate_expiring", "certificate_expired", "certificate_not_renewed", "empty_battery", "docking_issue",
        "unable_to_charge", "safe_mode", "malfunctioning", "slow_link", "board_problem", "destination_failed",
        "destination_full", "destination_refuses", "clocks_differ", "storage_almost_full", "storage_full",
        "clock_doubtful", "clock_not_kept", "reader_problem", "mail_failed", "telemetry_failed",
        "page_certificate_expiring", "page_certificate_ending", "page_certificate_expired",
    }
)  # fmt: skip

Row = tuple[str, dict[str, Any]]


def rows(controller: Controller, spool: Spool, names: bool) -> Iterator[Row]:
    """Topics below the controller's, with what they say now."""
    for dock in controller.docks.values():
        row = dock_row(controller, dock)
        yield f"dock/{level(dock.serial)}", _of(row, DOCK_FIELDS) | {"bays": len(row["bays"])}
        for bay in row["bays"]:
            yield f"bay/{level(dock.serial)}/{bay['bay']}", {"dock": dock.serial} | _of(bay, BAY_FIELDS)
    for view in camera_views(controller):
        row = camera_row(controller, view)
        yield f"camera/{level(view.serial)}", _of(row, CAMERA_FIELDS + CAMERA_NAMES if names else CAMERA_FIELDS)
    for alert in controller.alert_rows():
        shown = ALERT_FIELDS + ALERT_NAMES if names or alert["kind"] in OF_THINGS else ALERT_FIELDS
        yield f"alert/{alert['id']}", _of(alert, shown)
    yield "storage", spool_view(spool.storage())
    delivery = controller.delivery
    yield "destination", {"ok": not delivery.trouble, "fault": delivery.fault}


def level(name: str) -> str:
    """A name as one level of a topic: no separator, no wildcard, nothing that does not print."""
    return quote(name, safe="") or "-"


def _of(row: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in fields}
