"""Where records are kept: the interface, and the one in memory. ``sql_store`` is the other; both pass one suite.

Law: rows in, rows out, all of a write or nothing; no rule about what is in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class Row(NamedTuple):
    """A record as it is kept. ``version``: of the change that wrote it; ``body``: canonical JSON."""

    kind: str
    key: str
    version: int
    changed_unix_ms: int
    changed_by: str
    body: str


class AlertRow(NamedTuple):
    """An alert as it is kept; ``cleared_unix_ms`` None while it is open."""

    id: int
    kind: str
    device: str
    details: str
    raised_unix_ms: int
    cleared_unix_ms: int | None


class Store(Protocol):
    """What the domain needs of a database. Each call may raise SystemFault, ``load`` SystemTampered too."""

    def load(self) -> tuple[int, list[Row]]:
        """The revision, and all rows as the last whole write left them."""
        ...

    def write(self, revision: int, rows: list[Row], gone: list[tuple[str, str]]) -> None:
        """Write rows and take others out (kind, key), durably and all at once."""
        ...

    def put_alert(self, row: AlertRow) -> None:
        """Write an alert, new or changed; durable."""
        ...

    def alerts(self, *, open_only: bool, before_id: int | None, limit: int) -> list[AlertRow]:
        """Alerts, newest first; those with an id below ``before_id``."""
        ...

    def forget_alerts(self, cleared_before_unix_ms: int) -> None:
        """Take out what was cleared before then."""
        ...

    def close(self) -> None:
        """Give the file back; a second call does nothing."""
        ...


class MemoryStore:
    """Nothing outlives it: for simulation and tests."""

    def __init__(self) -> None:
        self._revision = 0
        self._rows: dict[tuple[str, str], Row] = {}
        self._alerts: dict[int, AlertRow] = {}

    def load(self) -> tuple[int, list[Row]]:
        """See Store."""
        return self._revision, sorted(self._rows.values())

    def write(self, revision: int, rows: list[Row], gone: Iterable[tuple[str, str]]) -> None:
        """See Store."""
        for place in gone:
            self._rows.pop(place, None)
        for row in rows:
            self._rows[row.kind, row.key] = row
        self._revision = revision

    def put_alert(self, row: AlertRow) -> None:
        """See Store."""
        self._alerts[row.id] = row

    def alerts(self, *, open_only: bool, before_id: int | None, limit: int) -> list[AlertRow]:
        """See Store."""
        found = [
            row
            for row in sorted(self._alerts.values(), reverse=True)
            if not (open_only and row.cleared_unix_ms is not None) and (before_id is None or row.id < before_id)
        ]
        return found[:limit]

    def forget_alerts(self, cleared_before_unix_ms: int) -> None:
        """See Store."""
        for row in list(self._alerts.values()):
            if row.cleared_unix_ms is not None and row.cleared_unix_ms < cleared_before_unix_ms:
                del self._alerts[row.id]

    def close(self) -> None:
        """See Store."""
