"""Alerts: what each kind means and what to do about it, in order; which are open; and their history.

Law: pure over a store; no clock. A thing that is wrong is one alert, from when it is first said until it is no longer
said: several a device at once, each raised once. Who says it decides nothing about words; those are the catalogue's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from host_tools.system.store import AlertRow, Store

Severity = Literal["error", "warning", "note"]
DeviceKind = Literal["camera", "dock", "controller", "destination", "reader", "recording"]

DETAILS_CHARACTERS_MAX = 400  # a line or two
DEVICE_CHARACTERS_MAX = 120  # a serial, and a bay or port
OPEN_MAX = 2_000  # at once: a system in such a state has one cause for them
HISTORY_PAGE_MAX = 500  # rows of one answer
HISTORY_MS = 90 * 86_400_000  # kept: a quarter, for whoever looks into a fault that comes back


class AlertKind(NamedTuple):
    """One row of the catalogue. ``remedies``: to be tried in this order, and never more at once than needed."""

    kind: str
    device: DeviceKind
    severity: Severity
    title: str
    meaning: str
    remedies: tuple[str, ...]


_RESEAT = (
    "Take the camera out and put it back.",
    "Clean the camera's contacts and the bay's pins.",
    "Put the camera in a bay that is known to be good: if the alert goes, the bay is bad, replace the dock; "
    "if it stays, replace the camera.",
)
_CLOCKS = "Compare the clocks and time zones of the system and the destination, and correct the one that is wrong."

_ROWS: tuple[AlertKind, ...] = (
    AlertKind("certificate_expiring", "camera", "warning", "Certificate about to expire",
              "The camera has been away for weeks; when its certificate has expired it goes into safe mode.",
              ("Dock the camera.",)),
    AlertKind("certificate_expired", "camera", "error", "Certificate expired",
              "The camera was away for too long; it is in safe mode as soon as it is docked.",
              ("Dock the camera.", "Allow it back with the passphrase.")),
    AlertKind("certificate_not_renewed", "camera", "warning", "Certificate not renewed",
              "The camera is docked and could not take a new certificate; recordings are taken from it all the same.",
              ("Dock the camera again.", "Check the controller's disk.", "Replace the camera.")),
    AlertKind("empty_battery", "camera", "warning", "Docked with empty battery",
              "The camera came back with nothing left: it may have switched off before the end of the shift.",
              ("Let it charge.", "If it comes back empty after short shifts, replace the camera.")),
    AlertKind("docking_issue", "camera", "warning", "Docking issue",
              "The contacts between camera and bay are worn, dirty or not well seated.", _RESEAT),
    AlertKind("unable_to_charge", "camera", "error", "Unable to charge",
              "The camera is docked and its battery gets no current.", _RESEAT),
    AlertKind("safe_mode", "camera", "error", "In safe mode",
              "The camera's certificate has lapsed. It keeps what it holds and does nothing else.",
              ("Make sure that the camera was not stolen or lent.", "Allow it back with the passphrase.")),
    AlertKind("malfunctioning", "camera", "error", "Malfunctioning",
              "The camera's sensor or card does not work.", ("Take the camera out of use.", "Replace the camera.")),
    AlertKind("unknown_camera", "camera", "warning", "Unknown camera",
              "The camera belongs to another system, or this system does not know who made it.",
              ("If it is another system's, remove it there first.",
               "If it is a guest, allow it back in its home system.", "If it is new, trust its maker, then add it.",
               "If it is this system's and has met a newer issuing key, this controller is from an older copy: "
               "bwc trust rotate --issuing, with the passphrase.")),
    AlertKind("not_let_go", "camera", "error", "Does not let go of its wearer",
              "Whoever had the camera has docked it, and its card does not take that it is nobody's: "
              "its wearer gets no other one.",
              ("Take the camera out and dock it again.",
               "Note that it is nobody's: its page, or bwc camera release.", "Replace the camera.")),
    AlertKind("camera_trouble", "camera", "warning", "Recording not taken",
              "Something that the camera holds cannot be taken over now; it stays on the camera.",
              ("Read the details.", "Dock the camera again.", "Recover its recordings and replace it.")),
    AlertKind("slow_link", "dock", "warning", "Docking station connection issue",
              "The link between controller and dock or camera is slow, or loses data.",
              ("Switch the dock off and on.", "Check the link's lamps and plugs.", "Swap the cable.",
               "Attach a dock that is known to be good: if the alert goes, the old dock is bad.",
               "Restart the controller; if the alert stays, the controller is bad.")),
    AlertKind("board_problem", "dock", "warning", "Board cannot be used",
              "Something is plugged in that the controller cannot talk to.",
              ("Read the details.", "Plug it in again.", "Update its firmware or the controller.")),
    AlertKind("destination_failed", "destination", "error", "Destination lost",
              "The destination does not answer; recordings wait on the controller and on cameras.",
              ("See that the destination runs.", "Check the network.", "Check its ports and firewall.")),
    AlertKind("destination_full", "destination", "error", "Destination full",
              "The destination has no room left; recordings wait on the controller and on cameras.",
              ("Make room at the destination.", "Check how long it keeps recordings.")),
    AlertKind("licence_missing", "destination", "error", "Licences used up",
              "The destination has no licence left for a wearer or camera; their recordings wait.",
              ("Add licences at the destination.", "Remove wearers or cameras that are not used any more.")),
    AlertKind("destination_refuses", "destination", "error", "Destination refuses this system",
              "The destination is there, and its certificate, credentials or rights do not fit this system.",
              ("Read the details.", "Have the destination issue a new connection file, and upload it.")),
    AlertKind("clocks_differ", "destination", "error", "Cannot transfer: clocks differ",
              "Clock or time zone of system and destination differ; evidence would carry a wrong time.", (_CLOCKS,)),
    AlertKind("problems_transferring", "controller", "warning", "Problems transferring",
              "A recording has not reached the destination.",
              ("Check the network.", "Check the destination's licences.",
               "See whether wearer or camera were removed at the destination.", _CLOCKS,
               "Retry the transfer.", "If it fails again, download the recording.")),
    AlertKind("could_not_transfer", "recording", "error", "Could not be transferred",
              "The destination refuses this recording for good, or it is damaged; it was set aside.",
              ("Read the details.", "Retry the transfer once.", "Send it to the destination's rejected storage, or "
               "download it to an encrypted archive.")),
    AlertKind("recording_lost", "recording", "error", "Lost at the destination",
              "The destination has acknowledged a recording and does not have it any more.",
              ("Ask whoever runs the destination.", "Look for a copy that the controller still keeps.")),
    AlertKind("person_refused", "destination", "warning", "Wearer or camera not taken",
              "The destination does not take this wearer or camera; their recordings wait.",
              ("Check the destination's licences.", "Enable it at the destination.")),
    AlertKind("transfer_fault", "controller", "warning", "Transfer fault",
              "Space is held for a recording and is not given back.",
              ("Dock the camera again.", "Check the controller's disk.", "Restart the controller.")),
    AlertKind("storage_almost_full", "controller", "warning", "Storage almost full",
              "The controller's storage is nearly used up; soon cameras keep what they hold.",
              ("Check the destination: what is delivered makes room.", "Check its licences.", _CLOCKS)),
    AlertKind("storage_full", "controller", "error", "Storage full",
              "The controller takes nothing more; recordings stay on their cameras.",
              ("Check the destination: what is delivered makes room.", "Check its licences.", _CLOCKS,
               "Do not hand out cameras whose cards are full.")),
    AlertKind("clock_doubtful", "controller", "error", "Clock doubtful",
              "The controller's clock may be wrong; cameras are not told its time.",
              ("Look at the clock and set it.", "Say that it is right.")),
    AlertKind("clock_not_kept", "destination", "warning", "Clock does not follow the time server",
              "The destination is to be this system's time server, and the controller's clock does not follow it.",
              ("Read the details.", "Have the controller's machine take its time from the destination.",
               "See that the destination answers NTP, or have it issue a connection file that does not say so.")),
    AlertKind("reader_problem", "reader", "warning", "Reader cannot be used",
              "An RFID reader is plugged in that cannot be read.",
              ("Plug it in again and wait 15 seconds.", "Use a reader of the list of supported ones.")),
    AlertKind("system_data", "controller", "error", "System data cannot be written",
              "The database of wearers and settings takes no changes.",
              ("Check the controller's disk and its free space.", "Restart the controller.")),
    AlertKind("mail_failed", "controller", "warning", "Mail does not go",
              "Notifications wait on the controller; nobody is told by mail of what is wrong.",
              ("Read the details.", "Correct address, server or password.", "Send a test mail.")),
    AlertKind("telemetry_failed", "controller", "warning", "Telemetry does not go",
              "The MQTT broker is not told what is going on; everything else works.",
              ("Read the details.", "See that the broker runs.", "Correct server, password or certificate.")),
    AlertKind("problem", "controller", "warning", "Problem", "Something needs a person.", ("Read the details.",)),
)  # fmt: skip

KINDS: dict[str, AlertKind] = {row.kind: row for row in _ROWS}

_FOLDER_START = "directory "  # how a destination that is a folder begins to name itself
_OF_FOLDERS: dict[str, tuple[str, ...]] = {
    "destination_failed": (
        "Read the details.",
        "See that the folder's disk is plugged in and mounted.",
        "Put the folder back; it is not made anew by itself.",
        "See that the controller may write to it.",
    ),
}

Named = tuple[str, str]  # kind, device


def remedies_of(kind: str, device: str) -> tuple[str, ...]:
    """What to do, by kind of device: no network lies between the controller and a folder. KeyError."""
    of_folder = _OF_FOLDERS.get(kind) if device.startswith(_FOLDER_START) else None
    return of_folder or KINDS[kind].remedies


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is or was wrong. ``device``: a serial, or what else tells it from others of its kind."""

    id: int
    kind: str
    device: str
    details: str
    raised_unix_ms: int
    cleared_unix_ms: int | None = None

    def plain(self) -> dict[str, Any]:
        """With meaning and remedies, for people and programs."""
        row = KINDS[self.kind]
        return {
            "id": self.id,
            "kind": self.kind,
            "device": self.device,
            "device_kind": row.device,
            "severity": row.severity,
            "title": row.title,
            "meaning": row.meaning,
            "remedies": list(remedies_of(self.kind, self.device)),
            "details": self.details,
            "raised_unix_ms": self.raised_unix_ms,
            "cleared_unix_ms": self.cleared_unix_ms,
        }


class AlertBook:
    """All alerts of a controller. ``on_change`` is told of each that is raised, changed or cleared."""

    def __init__(self, store: Store) -> None:
        self.on_change: Callable[[Alert, str], object] = _nobody
        self._store = store
        self._lock = threading.RLock()
        newest = store.alerts(open_only=False, before_id=None, limit=1)
        self._next = newest[0].id + 1 if newest else 1
        rows = store.alerts(open_only=True, before_id=None, limit=OPEN_MAX)
        self._open = {(row.kind, row.device): Alert(*row) for row in reversed(rows) if row.kind in KINDS}

    def open(self) -> list[Alert]:
        """What is wrong now, oldest first."""
        return sorted(self._open.values(), key=lambda alert: alert.id)

    def history(self, before_id: int | None = None, limit: int = HISTORY_PAGE_MAX) -> list[Alert]:
        """What is and was wrong, newest first. Blocks."""
        rows = self._store.alerts(open_only=False, before_id=before_id, limit=min(limit, HISTORY_PAGE_MAX))
        return [Alert(*row) for row in rows if row.kind in KINDS]

    def see(self, found: Mapping[Named, str], now_ms: int) -> None:
        """All that is wrong now, with details: what is new is raised, what is not there any more is cleared. Blocks
        when something differs. KeyError for a kind that the catalogue has not; SystemFault."""
        wanted = {
            (kind, device[:DEVICE_CHARACTERS_MAX]): details[:DETAILS_CHARACTERS_MAX]
            for (kind, device), details in list(found.items())[:OPEN_MAX]
        }
        with self._lock:
            for named in [named for named in self._open if named not in wanted]:
                self._clear(named, now_ms)
            for (kind, device), details in wanted.items():
                self._raise(KINDS[kind].kind, device, details, now_ms)

    def differs(self, found: Mapping[Named, str]) -> bool:
        """Whether ``see`` would change anything; from memory."""
        return {named: alert.details for named, alert in self._open.items()} != {
            (kind, device[:DEVICE_CHARACTERS_MAX]): details[:DETAILS_CHARACTERS_MAX]
            for (kind, device), details in list(found.items())[:OPEN_MAX]
        }

    def forget(self, now_ms: int) -> None:
        """Take out what has been over for a quarter. Blocks."""
        self._store.forget_alerts(now_ms - HISTORY_MS)

    def _raise(self, kind: str, device: str, details: str, now_ms: int) -> None:
        known = self._open.get((kind, device))
        if known is None:
            self._keep(Alert(self._next, kind, device, details, now_ms), "raised")
            self._next += 1
        elif known.details != details:
            self._keep(replace(known, details=details), "changed")

    def _clear(self, named: Named, now_ms: int) -> None:
        alert = replace(self._open[named], cleared_unix_ms=max(now_ms, self._open[named].raised_unix_ms))
        self._store.put_alert(_row(alert))
        del self._open[named]
        self.on_change(alert, "cleared")

    def _keep(self, alert: Alert, how: str) -> None:
        self._store.put_alert(_row(alert))
        self._open[alert.kind, alert.device] = alert
        self.on_change(alert, how)


def _row(alert: Alert) -> AlertRow:
    return AlertRow(alert.id, alert.kind, alert.device, alert.details, alert.raised_unix_ms, alert.cleared_unix_ms)


def _nobody(alert: Alert, how: str) -> None:
    """Nobody has asked to be told."""
