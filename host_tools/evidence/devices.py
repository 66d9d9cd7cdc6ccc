"""How each wearer and each camera fares at the destination, in one word.

Law: reads the store and what the intake remembers, gives plain values, changes nothing. Who was turned away is known
since the server's start; controllers ask again within minutes.
"""

from __future__ import annotations

from typing import Any, Literal

from host_tools.evidence import rules
from host_tools.evidence.catalogue import StoredObject
from host_tools.evidence.intake import Intake

LIVE_MS = 5 * 60_000  # a clip of a minute arrives in less, also over a slow line
# When a recording of theirs was last told of, and when the last object of one that still arrives came.
_ARRIVED = (
    "SELECT max(changed_ms), max(CASE WHEN completed_ms IS NULL AND quarantine = '' THEN coalesce("
    "(SELECT max(stored_ms) FROM objects WHERE container = containers.name), changed_ms) END) FROM containers WHERE "
)
_LAST = {rules.USERS: f"{_ARRIVED} wearer = ?", rules.DEVICES: f"{_ARRIVED} camera = ?"}

DeviceStatus = Literal["live", "ok", "licence", "missing", "disabled"]


def devices(intake: Intake, now_ms: int) -> list[dict[str, Any]]:
    """Wearers, then cameras, by ID; and who was turned away since the start. ``key``: the ID that people know a wearer
    by, where it was told. Blocks."""
    rows = [
        _device(intake, kind, row, now_ms)
        for kind in (rules.USERS, rules.DEVICES)
        for row in intake.store.catalogue.all_objects(kind)
    ]
    known = {(each["kind"], each["id"]) for each in rows}
    for (kind, name), why in intake.turned_away.items():
        if (kind.lower(), name) not in known:
            rows.append({"kind": kind.lower(), "id": name, "key": "", "name": "", "status": why, "last_unix_ms": None})
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
    name, key = row.metadata.get("Name", ""), row.metadata.get("UserID", "")
    return {"kind": kind.lower(), "id": row.name, "key": key, "name": name, "status": status, "last_unix_ms": last_ms}
