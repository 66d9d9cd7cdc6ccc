"""Where everything is: one plain value that the command line prints and other programs read."""

from __future__ import annotations

from typing import Any

from firmware.link import schema
from host_tools.controller.cameras import CameraView
from host_tools.controller.delivery_view import destination_alerts, destination_view
from host_tools.controller.docks import Dock, worst_verdict
from host_tools.controller.keeping import (
    card_level,
    recording_alerts,
    spool_view,
    storage_alerts,
    transfers_view,
)
from host_tools.controller.panel import PanelFacts, panel
from host_tools.controller.pickup_returns import NOTE_PROBLEM
from host_tools.controller.service import Controller
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.index import Index, Recording
from host_tools.custody.reports import Storage
from host_tools.custody.spool import Spool
from host_tools.hardware.said import printable
from host_tools.trust.admission import FACTORY, MEMBER, REVOKED, SAFE_MODE

PROVED = (FACTORY, SAFE_MODE, REVOKED)  # admissions of those who are no members, but have proved who they are
SYSTEM_DATA_PROBLEM = "system data"  # the name of the problem that its database takes nothing
RECORDINGS_SHOWN_MAX = 200  # newest first; a page of history, not an archive


async def take_status(controller: Controller, index: Index, spool: Spool, run_blocking: RunBlocking) -> dict[str, Any]:
    """Docks with bays, cameras, recordings with their place, spool, destination, problems. CustodyError."""
    online = {view.serial for view in controller.cameras.values() if view.online}
    now_ms = controller.happenings.wall_ms()
    recordings, counts, transfers, alerts = await run_blocking(
        lambda: (
            _recordings(index),
            index.count_by_state(),
            index.transfers.history(now_ms),
            recording_alerts(index, online, now_ms, controller.delivery.around.keep_ms),
        )
    )
    storage = spool.storage()
    for row in recordings:
        row["fault"] = controller.delivery.faults.get(bytes.fromhex(row["recording"]), "")
    return {
        "docks": [dock_row(controller, dock) for dock in controller.docks.values()],
        "cameras": [camera_row(controller, view) for view in sorted(camera_views(controller), key=_serial)],
        "recordings": recordings,
        "counts": counts,
        "spool": spool_view(storage),
        "transfers": transfers_view(transfers),
        "destination": destination_view(controller.delivery),
        "prioritised": controller.priorities.now(),
        "smart_charge": controller.contacts.smart.shown(now_ms),
        "alerts": controller.alert_rows(),
        **controller.desk_view(),
        "panel": panel(
            PanelFacts(
                destination_lost=bool(controller.delivery.trouble),
                storage_failed=SYSTEM_DATA_PROBLEM in controller.problems,
                storage_low=storage.level != "ok",
                storage_busy=any(view.offloading for view in controller.cameras.values()),
            )
        ),
        "problems": all_problems(controller, storage, alerts),
    }


def all_problems(controller: Controller, storage: Storage, recordings: dict[str, str]) -> dict[str, str]:
    """What needs a person, by a name for it. ``recordings``: what ``recording_alerts`` has found."""
    return (
        controller.problems
        | controller.contacts.problems()
        | controller.membership.alerts()
        | storage_alerts(storage)
        | recordings
        | destination_alerts(controller.delivery)
    )


def place_of(row: Recording) -> str:
    """Where the only copies that count of a recording are now, in words."""
    return {
        "announced": "camera",
        "offloading": "camera, partly spool",
        "held": "camera and spool",
        "delivering": "camera and spool",
        "delivered": "destination and camera",
        "erase_authorised": "destination and camera",
        "erased": "destination",
    }[row.state]


def dock_row(controller: Controller, dock: Dock) -> dict[str, Any]:
    """A dock with its bays."""
    bays: list[dict[str, Any]] = []
    for number, entry in sorted(dock.bays.items()):
        view = controller.camera_in(dock, number)
        contacts = controller.contacts.rows(dock, number)
        bays.append(
            {
                "bay": number,
                "state": dock.state_of(number),
                "powered": entry.get("powered", False),
                "lamp": schema.word_of(schema.LAMP_PATTERNS, entry.get("lamp", 0)),
                "supply_uv": entry.get("supply_uv", 0),
                "current_ua": entry.get("current_ua", 0),
                "camera": view.serial if view else "",
                "verdict": worst_verdict(contacts),
                "contacts": contacts,
            }
        )
    about = {"serial": dock.serial, "model": dock.model, "firmware": dock.firmware, "location": dock.location}
    return {**about, "bays": bays}


def camera_views(controller: Controller) -> list[CameraView]:
    """A member that is here as something else is one row; whoever only claims its serial is another."""
    strangers = list(controller.strangers.values())
    proved = {view.serial for view in strangers if view.admission in PROVED}
    members = [view for view in controller.cameras.values() if view.online or view.serial not in proved]
    return members + strangers


def _state(view: CameraView) -> str:
    if view.admission != MEMBER:
        return view.admission
    return view.status.get("state", "") if view.online else "undocked"


def camera_row(controller: Controller, view: CameraView) -> dict[str, Any]:
    """A camera, docked or not, member or not."""
    member = controller.membership.members.find(view.serial) if view.admission == MEMBER else None
    return {
        "serial": view.serial,
        **_written(controller, view),
        "model": view.model,
        "firmware": view.firmware,
        "online": view.online,
        "place": controller.place_of(view),
        "state": _state(view),
        "admission": view.admission,
        "admission_text": view.admission_text,
        "fingerprint": view.fingerprint,
        "expires_unix_ms": member.expires_unix_ms if member is not None else None,
        "seen_unix_ms": max(member.seen_unix_ms, view.left_unix_ms) if member is not None else None,
        "removing": member is not None and member.removing,
        "battery_percent": view.status.get("battery_percent"),
        "battery": controller.contacts.battery_of(view.serial) or view.power,
        "storage_free_bytes": view.status.get("storage_free_bytes"),
        "storage_total_bytes": view.status.get("storage_total_bytes"),
        "storage_level": card_level(view.status.get("storage_free_bytes"), view.status.get("storage_total_bytes")),
        "recordings": view.status.get("recordings", 0),
        "not_let_go": NOTE_PROBLEM + view.serial in controller.problems,
        "offloading": view.offloading,
        "mb_per_s": round(view.mb_per_s, 2),
        "trouble": view.trouble,
        "link": controller.link_of(view.serial) or view.link,
    }


def _written(controller: Controller, view: CameraView) -> dict[str, Any]:
    """What people have said of a camera: its name, its tags, whose it is. One that is away is whoever's has taken it;
    one that is docked is whose the camera itself has been told that it is."""
    system = controller.system if view.admission == MEMBER else None
    entry = system.cameras.get(view.serial) if system is not None else None
    wearer = system.wearer_for(view.serial) if system is not None else None
    shown = view.wearer if view.online or wearer is None else wearer.name
    return {
        "name": entry.name if entry is not None else "",
        "tags": list(entry.tags) if entry is not None else [],
        "wearer": shown,
        "wearer_id": wearer.id if wearer is not None and shown == wearer.name else "",
    }


def _recordings(index: Index) -> list[dict[str, Any]]:
    return [recording_row(index, row) for row in index.newest(RECORDINGS_SHOWN_MAX)]


def recording_row(index: Index, row: Recording) -> dict[str, Any]:
    """A recording and where it is. Blocks."""
    committed = len(index.committed_chunks(row.recording)) if row.state == "offloading" else row.chunk_count
    return {
        "recording": row.recording.hex(),
        "camera": row.camera_serial,
        "wearer": printable(row.wearer_name),  # as a camera has it
        "state": row.state,
        "place": place_of(row),
        "started_unix_ms": row.started_unix_ms,
        "duration_ms": row.duration_ms,
        "bytes": row.chunks_bytes,
        "chunks": row.chunk_count,
        "chunks_committed": committed,
        "interrupted": row.interrupted,
        "container": row.container,
        "trouble": row.poison or row.trouble,
    }


def _serial(view: CameraView) -> str:
    return view.serial
