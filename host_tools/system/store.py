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


class UsageRow(NamedTuple):
    """A line of a camera's usage log. ``log``: its name, in hexadecimal; ``unix_ms``: 0 where the camera had no time;
    ``kept_unix_ms``: the same, or when it was read."""

    camera: str
    log: str
    sequence: int
    unix_ms: int
    kept_unix_ms: int
    event: str
    value: int
    cause: str
    wearer: str


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

    def usage_end(self, camera: str) -> tuple[str, int]:
        """The log of a camera that was read last, and the last number of it; ('', 0) for none."""
        ...

    def add_usage(self, rows: list[UsageRow]) -> None:
        """Keep lines of usage logs; those that are there already stay as they are. Durable."""
        ...

    def usage(self, since_unix_ms: int) -> list[UsageRow]:
        """Lines by camera and time."""
        ...

    def forget_usage(self, before_unix_ms: int) -> None:
        """Take out what is older."""
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
        self._usage: dict[tuple[str, str, int], UsageRow] = {}

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

    def usage_end(self, camera: str) -> tuple[str, int]:
        """See Store."""
        rows = [row for row in self._usage.values() if row.camera == camera]
        if not rows:
            return "", 0
        last = max(rows, key=lambda row: (row.kept_unix_ms, row.sequence))
        return last.log, max(row.sequence for row in rows if row.log == last.log)

    def add_usage(self, rows: list[UsageRow]) -> None:
        """See Store."""
        for row in rows:
            self._usage.setdefault((row.camera, row.log, row.sequence), row)

    def usage(self, since_unix_ms: int) -> list[UsageRow]:
        """See Store."""
        found = [row for row in self._usage.values() if row.kept_unix_ms >= since_unix_ms]
        return sorted(found, key=lambda row: (row.camera, row.kept_unix_ms, row.log, row.sequence))

    def forget_usage(self, before_unix_ms: int) -> None:
        """See Store."""
        for key in [key for key, row in self._usage.items() if row.kept_unix_ms < before_unix_ms]:
            del self._usage[key]

    def close(self) -> None:
        """See Store."""
