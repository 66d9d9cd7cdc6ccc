"""Alerts: what each kind is of, how bad it is and what to do about it, in order; which are open; and their history.

Law: pure over a store; no clock. A thing that is wrong is one alert, from when it is first said until it is no longer
said: several a device at once, each raised once. Who says it decides nothing about words; those are the catalogue's
(``alert_texts``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from host_tools.system.alert_texts import Saying
from host_tools.system.store import AlertRow, Store

Severity = Literal["error", "warning", "note"]
DeviceKind = Literal["camera", "dock", "controller", "destination", "reader", "recording"]

DETAILS_CHARACTERS_MAX = 400  # a line or two
DEVICE_CHARACTERS_MAX = 120  # a serial, and a bay or port
OPEN_MAX = 2_000  # at once: a system in such a state has one cause for them
HISTORY_PAGE_MAX = 500  # rows of one answer
HISTORY_MS = 90 * 86_400_000  # kept: a quarter, for whoever looks into a fault that comes back


class AlertKind(NamedTuple):
    """One row of the table. ``steps``: what to do, words of the catalogue's ``remedy``, to be tried in this order, and
    never more at once than needed."""

    kind: str
    device: DeviceKind
    severity: Severity
    steps: tuple[str, ...]

    @property
    def title(self) -> str:
        """In English, as ``meaning`` and ``remedies``."""
        return Saying(f"alert.{self.kind}.title").text()

    @property
    def meaning(self) -> str:
        """One or two sentences."""
        return Saying(f"alert.{self.kind}.meaning").text()

    @property
    def remedies(self) -> tuple[str, ...]:
        """A sentence a step."""
        return tuple(step.text() for step in sayings(*self.steps))


def sayings(*steps: str) -> tuple[Saying, ...]:
    """Words of the catalogue's ``remedy`` that need no values."""
    return tuple(Saying(f"remedy.{step}") for step in steps)


_RESEAT = ("reseat", "clean", "known_good_bay")
_MAKES_ROOM = ("check_destination", "check_licences", "compare_clocks")
_PAGE = ("new_page_certificate", "activate_another")

_ROWS: tuple[AlertKind, ...] = (
    AlertKind("certificate_expiring", "camera", "warning", ("dock",)),
    AlertKind("certificate_expired", "camera", "error", ("dock", "allow_back")),
    AlertKind("certificate_not_renewed", "camera", "warning", ("dock_again", "check_disk", "replace_camera")),
    AlertKind("empty_battery", "camera", "warning", ("charge", "replace_if_empty")),
    AlertKind("docking_issue", "camera", "warning", _RESEAT),
    AlertKind("unable_to_charge", "camera", "error", _RESEAT),
    AlertKind("safe_mode", "camera", "error", ("not_stolen", "allow_back")),
    AlertKind("malfunctioning", "camera", "error", ("take_out_of_use", "replace_camera")),
    AlertKind("unknown_camera", "camera", "warning",
              ("remove_there_first", "allow_guest_back", "trust_maker", "newer_issuing_key")),
    AlertKind("not_let_go", "camera", "error", ("take_out_and_dock", "nobodys", "replace_camera")),
    AlertKind("camera_trouble", "camera", "warning", ("read_details", "dock_again", "recover_and_replace")),
    AlertKind("slow_link", "dock", "warning",
              ("power_cycle", "check_link", "swap_cable", "attach_good_dock", "restart_bad")),
    AlertKind("board_problem", "dock", "warning", ("read_details", "plug_again", "update")),
    AlertKind("destination_failed", "destination", "error", ("see_destination", "check_network", "check_ports")),
    AlertKind("destination_full", "destination", "error", ("make_room", "check_keeping")),
    AlertKind("licence_missing", "destination", "error", ("add_licences", "remove_unused")),
    AlertKind("destination_refuses", "destination", "error", ("read_details", "new_connection_file")),
    AlertKind("clocks_differ", "destination", "error", ("compare_clocks",)),
    AlertKind("problems_transferring", "controller", "warning",
              ("check_network", "check_destination_licences", "removed_there", "compare_clocks", "retry",
               "download_recording")),
    AlertKind("could_not_transfer", "recording", "error", ("read_details", "retry_once", "rejected_storage")),
    AlertKind("recording_lost", "recording", "error", ("ask_destination", "look_for_copy")),
    AlertKind("person_refused", "destination", "warning", ("check_destination_licences", "enable_there")),
    AlertKind("transfer_fault", "controller", "warning", ("dock_again", "check_disk", "restart_controller")),
    AlertKind("storage_almost_full", "controller", "warning", _MAKES_ROOM),
    AlertKind("storage_full", "controller", "error", (*_MAKES_ROOM, "no_full_cards")),
    AlertKind("clock_doubtful", "controller", "error", ("set_clock", "clock_is_right")),
    AlertKind("clock_not_kept", "destination", "warning",
              ("read_details", "destination_gives_time", "destination_answers_ntp")),
    AlertKind("reader_problem", "reader", "warning", ("plug_reader_again", "supported_reader")),
    AlertKind("system_data", "controller", "error", ("check_disk_room", "restart_controller")),
    AlertKind("mail_failed", "controller", "warning", ("read_details", "correct_mail", "test_mail")),
    AlertKind("telemetry_failed", "controller", "warning", ("read_details", "see_broker", "correct_broker")),
    AlertKind("page_certificate_expiring", "controller", "warning", _PAGE),
    AlertKind("page_certificate_ending", "controller", "error", _PAGE),
    AlertKind("page_certificate_expired", "controller", "error", _PAGE),
    AlertKind("problem", "controller", "warning", ("read_details",)),
)  # fmt: skip

KINDS: dict[str, AlertKind] = {row.kind: row for row in _ROWS}

_FOLDER_START = "directory "  # how a destination that is a folder begins to name itself
_OF_FOLDERS: dict[str, tuple[str, ...]] = {
    "destination_failed": ("read_details", "folder_disk", "folder_put_back", "folder_writable"),
}

Named = tuple[str, str]  # kind, device
Details = Saying | str  # a line that somebody else wrote is told as it is


class Words(NamedTuple):
    """What is said of one alert beyond its kind. ``details`` None: a line that somebody else wrote, as it is."""

    details: Saying | None
    remedies: tuple[Saying, ...]


def text_of(details: Details) -> str:
    """In English."""
    return details if isinstance(details, str) else details.text()


def remedies_of(kind: str, device: str) -> tuple[Saying, ...]:
    """What to do, by kind of device: no network lies between the controller and a folder. KeyError."""
    of_folder = _OF_FOLDERS.get(kind) if device.startswith(_FOLDER_START) else None
    return sayings(*(of_folder or KINDS[kind].steps))


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is or was wrong. ``device``: a serial, or what else tells it from others of its kind."""

    id: int
    kind: str
    device: str
    details: str
    raised_unix_ms: int
    cleared_unix_ms: int | None = None

    def plain(self, words: Words | None = None) -> dict[str, Any]:
        """With meaning and remedies in English, and as codes of the catalogue: ``alert.KIND.title`` and ``.meaning``,
        and those in ``words``, which measurements may have chosen for this very thing."""
        row = KINDS[self.kind]
        words = words or Words(None, remedies_of(self.kind, self.device))
        return {
            "id": self.id,
            "kind": self.kind,
            "device": self.device,
            "device_kind": row.device,
            "severity": row.severity,
            "title": row.title,
            "meaning": row.meaning,
            "remedies": [step.text() for step in words.remedies],
            "details": self.details,
            "words": {
                "details": words.details and words.details.plain(),
                "remedies": [step.plain() for step in words.remedies],
            },
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
