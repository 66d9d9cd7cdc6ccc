"""How the destination is, for people: health, storage, quarantine, and each wearer and camera.

Law: reads the store and what the intake remembers, gives plain values, changes nothing.
"""

from __future__ import annotations

from typing import Any

from host_tools.evidence import retention
from host_tools.evidence.catalogue import ARRIVING, SUM, Container
from host_tools.evidence.health import RUN_FREE_BYTES_MIN, START_FREE_BYTES_MIN, Health
from host_tools.evidence.intake import Intake
from host_tools.evidence.search import Query, search

QUARANTINE_MAX = 200  # shown; search finds the rest
_RECEIVING = f"SELECT count(*) FROM containers WHERE camera <> '' AND {ARRIVING}"


def overview(intake: Intake, health: Health, now_ms: int) -> dict[str, Any]:
    """All of the health page. Blocks."""
    held = intake.store.catalogue.rows(f"SELECT {SUM} FROM objects")[0][0]
    return {
        **health.as_document(),
        "receiving": intake.store.catalogue.rows(_RECEIVING)[0][0],
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
    keeping = retention.keeping(row, retention.categories_of(intake.store, row.name), intake.settings)
    left_ms = None if keeping.until_ms is None else max(0, keeping.until_ms - now_ms)
    return {
        "container": row.name,
        "camera": row.camera,
        "reason": row.quarantine,
        "days_left": None if left_ms is None else -(-left_ms // retention.DAY_MS),
    }
