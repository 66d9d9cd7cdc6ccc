"""What people see of recordings: rows to choose from, and one recording with its bookmarks, track and custody.

Law: reads the store and gives plain values; changes nothing. What cannot be read of an object (encrypted, another
maker's form) is left out, never an error.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, cast

from host_tools.destinations.headers import spelled
from host_tools.destinations.names import NOBODIES
from host_tools.evidence import retention, rules
from host_tools.evidence.catalogue import Container, StoredObject
from host_tools.evidence.places import TRACK_BYTES_MAX, TRACK_END, track_points
from host_tools.evidence.settings import ServerSettings
from host_tools.evidence.store import BOOKMARK_START, Store

TRACK_POINTS_MAX = 2_000  # drawn on a map; more do not show
BOOKMARK_BYTES_MAX = 64 << 10
CUSTODY_START = "custody_"
CUSTODY_BYTES_MAX = 96 << 20
CLIP_ENDS = (".mp4", ".mkv")


class Known(NamedTuple):
    """What wearers and cameras are called, by ID or serial; and the ID that people know a wearer by, where his
    controller's own is another (``StoreUserIDKey``)."""

    names: dict[str, str]
    keys: dict[str, str]


def recording_row(store: Store, row: Container, settings: ServerSettings, known: Known) -> dict[str, Any]:
    """A recording in a list."""
    keeping = retention.keeping(row, retention.categories_of(store, row.name), settings)
    stop_ms = rules.unix_ms(row.metadata.get("StopTime", ""))
    start_ms = row.started_ms
    return {
        "container": row.name,
        "wearer": "" if row.wearer in NOBODIES else row.wearer,
        "wearer_name": known.names.get(row.wearer, ""),
        "wearer_key": known.keys.get(row.wearer, ""),
        "camera": row.camera,
        "camera_name": known.names.get(row.camera, ""),
        "cause": row.cause,
        "started_unix_ms": start_ms,
        "duration_ms": max(0, stop_ms - start_ms) if stop_ms is not None and start_ms is not None else None,
        "time_zone": row.metadata.get("TimeZone", ""),
        "state": state_of(row),
        "quarantine": row.quarantine,
        "rejected": row.metadata.get("RejectedContentReason", "") if row.is_rejected else "",
        "received_unix_ms": row.made_ms,
        "keep_until_unix_ms": keeping.until_ms,
        "locked_by": keeping.locked,
        "categories": sorted(retention.categories_of(store, row.name)),
    }


def recording(store: Store, row: Container, settings: ServerSettings) -> dict[str, Any]:
    """All that there is to see of one. Blocks."""
    objects = list(store.catalogue.all_objects(row.name))
    names = {each.name for each in objects}
    return {
        **recording_row(store, row, settings, known_people(store)),
        "metadata": row.metadata,
        "clips": [_clip(each, names) for each in objects if each.name.endswith(CLIP_ENDS)],
        "objects": [{"name": each.name, "bytes": each.length_bytes, "sha256": each.sha256} for each in objects],
        "bookmarks": [_bookmark(store, each) for each in objects if each.name.startswith(BOOKMARK_START)],
        "track": _track(store, objects),
        "custody": _custody(store, objects),
        "ledger_head": {key: value for key, value in row.metadata.items() if key.startswith("Ledger")},
    }


def state_of(row: Container) -> str:
    """One word, as ``search`` takes them."""
    if row.is_rejected:
        return "rejected"
    return "quarantine" if row.quarantine else "complete" if row.is_complete else "arriving"


def known_people(store: Store) -> Known:
    """As controllers have told them."""
    users = list(store.catalogue.all_objects(rules.USERS))
    names = {row.name: row.metadata.get("Name", "") for row in (*users, *store.catalogue.all_objects(rules.DEVICES))}
    return Known(names, {row.name: row.metadata.get("UserID", "") for row in users})


def choices(store: Store, settings: ServerSettings) -> dict[str, Any]:
    """What can be searched for: wearers, cameras, categories, causes."""

    def listed(container: str) -> list[dict[str, Any]]:
        rows = {rules.person(row.name, row.metadata): row for row in store.catalogue.all_objects(container)}.values()
        return [
            {
                "id": row.name,
                "name": row.metadata.get("Name", ""),
                "key": row.metadata.get("UserID", ""),
                "active": rules.is_active(row.metadata),
            }
            for row in rows
        ]

    causes = store.catalogue.rows("SELECT DISTINCT cause FROM containers WHERE cause <> '' ORDER BY cause")
    return {
        "wearers": listed(rules.USERS),
        "cameras": listed(rules.DEVICES),
        "categories": [each.model_dump() for each in settings.category],
        "causes": [row[0] for row in causes],
        "mode": settings.mode,
    }


def _clip(row: StoredObject, names: set[str]) -> dict[str, Any]:
    return {
        "name": row.name,
        "bytes": row.length_bytes,
        "content_type": row.content_type,
        "started_unix_ms": rules.unix_ms(row.metadata.get("StartTime", "")),
        "stopped_unix_ms": rules.unix_ms(row.metadata.get("StopTime", "")),
        "encrypted": row.name.rpartition(".")[0] + ".key" in names,
    }


def _bookmark(store: Store, row: StoredObject) -> dict[str, Any]:
    about = {spelled(key): value for key, value in row.metadata.items()}
    text = b"".join(store.read(row, 0, min(row.length_bytes, BOOKMARK_BYTES_MAX))).decode(errors="replace")
    tags = dict(pair.split(":", 1) for pair in about.get("Tags", "").split(";") if ":" in pair)
    return {
        "name": row.name,
        "started": about.get("StartTime", ""),
        "ended": about.get("EndTime", ""),
        "category_id": about.get("CategoryID", ""),
        "category": about.get("CategoryName", ""),
        "location": about.get("Location", ""),
        "tags": tags,
        "text": text,
    }


def _track(store: Store, objects: list[StoredObject]) -> list[dict[str, Any]]:
    """Evenly thinned to what a map shows."""
    found: list[dict[str, Any]] = []
    for row in objects:
        if row.name.endswith(TRACK_END) and row.length_bytes <= TRACK_BYTES_MAX:
            found += track_points(b"".join(store.read(row, 0, row.length_bytes)))
    step = -(-len(found) // TRACK_POINTS_MAX) or 1
    return found[::step]


def _custody(store: Store, objects: list[StoredObject]) -> list[dict[str, Any]]:
    """The ledger's entries that came along, without what only a program reads."""
    row = next((each for each in objects if each.name.startswith(CUSTODY_START)), None)
    if row is None or row.length_bytes > CUSTODY_BYTES_MAX:
        return []
    try:
        document: Any = json.loads(b"".join(store.read(row, 0, row.length_bytes)))
        lines = [cast("dict[str, Any]", json.loads(entry["line"])) for entry in document["entries"]]
        return [
            {
                "sequence": int(each["sequence"]),
                "event": str(each["event"]).encode(errors="replace").decode(),
                "at_unix_ms": min(max(0, int(each["at_unix_ms"])), rules.FOREVER_UNIX_S * 1000),
            }
            for each in lines
        ]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return []
