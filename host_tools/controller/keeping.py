"""What status tells of the controller's own keeping: how full it is, what is being delivered, what needs a person.

Law: reads the index and the spool's figures, changes nothing; every trouble is one line with its remedy.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from host_tools.custody.index import Index, Recording
from host_tools.custody.reports import Storage
from host_tools.custody.transfers import Transfer

TROUBLES_SHOWN_MAX = 20  # recordings; whoever has more has one cause for them
LINGERING_MS = 60_000  # from acknowledgement to a free spool takes milliseconds; a minute is a fault
CARD_READY_PERCENT = 60  # CAM-21: with less of its card free a camera is not given out
MB = 1_000_000

FULL_REMEDY = "check destination, licences and clocks; what does not fit stays on its camera"


def spool_view(storage: Storage) -> dict[str, Any]:
    """The spool's figures and, in one word, its level."""
    return {**asdict(storage), "level": storage.level}


def card_level(free_bytes: int | None, total_bytes: int | None) -> str:
    """A camera's card in one word: ``ready`` to be given out, ``filled`` (it must be emptied first), ``full``."""
    if not total_bytes or free_bytes is None:
        return ""
    if free_bytes == 0:
        return "full"
    return "ready" if free_bytes * 100 >= total_bytes * CARD_READY_PERCENT else "filled"


def transfers_view(transfers: list[Transfer]) -> list[dict[str, Any]]:
    """Transfer history, newest first."""
    return [{**asdict(each), "recording": each.recording.hex()} for each in transfers]


def storage_alerts(storage: Storage) -> dict[str, str]:
    """Storage almost full, or full."""
    if storage.level == "ok":
        return {}
    left = f"{storage.free_bytes // MB} MB are left"
    if storage.refused_bytes:
        left += f", {storage.refused_bytes // MB} MB wait on docked cameras"
    return {"storage": f"storage {storage.level.replace('_', ' ')}: {left}; {FULL_REMEDY}"}


def recording_alerts(index: Index, online: Collection[str], now_unix_ms: int, keep_ms: int = 0) -> dict[str, str]:
    """Recordings that do not go on by themselves, and space that is held for nothing. ``keep_ms``: how long a copy of
    what was delivered is kept. Blocks."""
    alerts = {
        f"recording {row.recording.hex()}": f"recording {row.recording.hex()} of camera {row.camera_serial} "
        f"({row.state.replace('_', ' ')}): {row.poison or row.trouble}"
        for row in index.troubled(TROUBLES_SHOWN_MAX)
    }
    for row in index.lingering():
        if now_unix_ms - row.changed_unix_ms > LINGERING_MS + keep_ms:
            alerts[f"space of {row.recording.hex()}"] = (
                f"transfer fault: recording {row.recording.hex()} was delivered and still takes space: check the "
                "spool's disk, then restart the controller"
            )
    return alerts | _held_for_cameras(index.recordings("offloading"), online)


def _held_for_cameras(rows: list[Recording], online: Collection[str]) -> dict[str, str]:
    away: dict[str, int] = {}
    for row in rows:
        if row.camera_serial not in online:
            away[row.camera_serial] = away.get(row.camera_serial, 0) + row.chunks_bytes
    return {
        f"space for {camera}": f"transfer fault: {size // MB} MB are set aside for recordings that are only in part "
        f"here, and camera {camera} is away: dock it again"
        for camera, size in away.items()
    }
