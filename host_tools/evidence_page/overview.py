"""How the destination is, as its page shows it: health, storage, quarantine, and each wearer and camera.

Law: reads the store and what the intake remembers, gives plain values, changes nothing.
"""

from __future__ import annotations

from typing import Any, Literal

from host_tools.evidence import retention, rules
from host_tools.evidence.catalogue import Container, StoredObject
from host_tools.evidence.health import RUN_FREE_BYTES_MIN, START_FREE_BYTES_MIN, Health
from host_tools.evidence.intake import Intake
from host_tools.evidence.search import Query, search

LIVE_MS = 5 * 60_000  # a clip of a minute arrives in less, also over a slow line
QUARANTINE_MAX = 200  # shown; search finds the rest
_RECEIVING = "SELECT count(*) FROM containers WHERE camera <> '' AND completed_ms IS NULL AND quarantine = ''"
# When a recording of theirs was last told of, and when the last object of one that still arrives came.
_ARRIVED = (
    "SELECT max(changed_ms), max(CASE WHEN completed_ms IS NULL AND quarantine = '' THEN coalesce("
    "(SELECT max(stored_ms) FROM objects WHERE container = containers.name), changed_ms) END) FROM containers WHERE "
)
_LAST = {rules.USERS: f"{_ARRIVED} wearer = ?", rules.DEVICES: f"{_ARRIVED} camera = ?"}

DeviceStatus = Literal["live", "ok", "licence", "missing", "disabled"]


def overview(intake: Intake, health: Health, now_ms: int) -> dict[str, Any]:
    """All of the health page. Blocks."""
    held = intake.store.catalogue.rows("SELECT coalesce(sum(length_bytes), 0) FROM objects")[0][0]
    return {
        **health.as_document(),
        "receiving": intake.store.catalogue.rows(_RECEIVING)[0][0],
        "devices": _devices(intake, now_ms),
        "quarantined": [_quarantined(intake, row, now_ms) for row in _quarantine(intake)],
        "storage": {
            "free_bytes": health.free_bytes,
            "held_bytes": held,
            "warn_below_bytes": RUN_FREE_BYTES_MIN,
            "advised_bytes": START_FREE_BYTES_MIN,
        },
        "keeping": {
            "days": intake.settings.keep_days,
            "days_min": intake.settings.keep_days_min,
            "quarantine_days": intake.settings.quarantine_days,
        },
        "mode": intake.settings.mode,
        "now_unix_ms": now_ms,
    }


def _quarantine(intake: Intake) -> list[Container]:
    return search(intake.store.catalogue, Query(state="quarantine"), QUARANTINE_MAX)


def _quarantined(intake: Intake, row: Container, now_ms: int) -> dict[str, Any]:
    keeping = retention.keeping(row, frozenset(), intake.settings)
    left_ms = None if keeping.until_ms is None else max(0, keeping.until_ms - now_ms)
    return {
        "container": row.name,
        "camera": row.camera,
        "reason": row.quarantine,
        "days_left": None if left_ms is None else -(-left_ms // retention.DAY_MS),
    }


def _devices(intake: Intake, now_ms: int) -> list[dict[str, Any]]:
    """Wearers, then cameras, by ID; and who was turned away since the start."""
    rows = [
        _device(intake, kind, row, now_ms)
        for kind in (rules.USERS, rules.DEVICES)
        for row in intake.store.catalogue.objects(kind)
    ]
    known = {(each["kind"], each["id"]) for each in rows}
    for (kind, name), why in intake.turned_away.items():
        if (kind.lower(), name) not in known:
            rows.append({"kind": kind.lower(), "id": name, "name": "", "status": why, "last_unix_ms": None})
    return rows


def _device(intake: Intake, kind: str, row: StoredObject, now_ms: int) -> dict[str, Any]:
    last_ms, live_ms = intake.store.catalogue.rows(_LAST[kind], (row.name,))[0]
    status: DeviceStatus = "ok"
    if (kind, row.name) in intake.turned_away:
        status = intake.turned_away[kind, row.name]
    elif not rules.is_active(row.metadata):
        status = "disabled"
    elif live_ms is not None and now_ms - live_ms < LIVE_MS:
        status = "live"
    name = row.metadata.get("Name", "")
    return {"kind": kind.lower(), "id": row.name, "name": name, "status": status, "last_unix_ms": last_ms}
