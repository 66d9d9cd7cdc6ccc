"""Transfers: how often each recording was tried at the destination, and how it ended.

Law: rows of the index beside the recordings; a transfer never decides what is to be delivered (the recording's state
does), it is what people are shown. Kept for three days after its end.
"""

from dataclasses import dataclass
from typing import Literal

from host_tools.custody.database import Database

HISTORY_MS = 3 * 24 * 3600 * 1000  # CTRL-09: transfer history is shown for three days
HISTORY_ROWS_MAX = 500  # shown at once, newest first

Outcome = Literal["sending", "waiting", "refused", "delivered"]

SCHEMA = """
CREATE TABLE transfers (
    recording        BLOB PRIMARY KEY REFERENCES recordings,
    destination      TEXT NOT NULL,
    container        TEXT NOT NULL,
    outcome          TEXT NOT NULL CHECK (outcome IN ('sending', 'waiting', 'refused', 'delivered')),
    attempts         INTEGER NOT NULL,
    content_bytes    INTEGER NOT NULL,
    reason           TEXT NOT NULL DEFAULT '',
    started_unix_ms  INTEGER NOT NULL,
    changed_unix_ms  INTEGER NOT NULL
) STRICT;
CREATE INDEX transfers_by_change ON transfers (changed_unix_ms);
"""


@dataclass(frozen=True, slots=True)
class Transfer:
    """``outcome``: sending now, waiting for another attempt, refused for good, or delivered. ``reason``: why the last
    attempt failed. ``content_bytes``: what is sent, 0 before it is known."""

    recording: bytes
    destination: str
    container: str
    outcome: Outcome
    attempts: int
    content_bytes: int
    reason: str
    started_unix_ms: int
    changed_unix_ms: int


_COLUMNS = ", ".join(Transfer.__slots__)


class Transfers:
    """Of one index; every method is one transaction of its own unless it is called inside one. All block."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, recording: bytes, destination: str, container: str, content_bytes: int, at_unix_ms: int) -> None:
        """Another attempt."""
        self._database.run(
            "INSERT INTO transfers (recording, destination, container, outcome, attempts, content_bytes, "
            "started_unix_ms, changed_unix_ms) VALUES (?1, ?2, ?3, 'sending', 1, ?4, ?5, ?5) "
            "ON CONFLICT (recording) DO UPDATE SET destination = ?2, container = ?3, outcome = 'sending', "
            "attempts = attempts + 1, content_bytes = ?4, changed_unix_ms = ?5",
            (recording, destination, container, content_bytes, at_unix_ms),
        )

    def end(self, recording: bytes, outcome: Outcome, reason: str, at_unix_ms: int) -> None:
        """How the attempt ended."""
        self._database.run(
            "UPDATE transfers SET outcome = ?, reason = ?, changed_unix_ms = ? WHERE recording = ?",
            (outcome, reason, at_unix_ms, recording),
        )

    def note_left(self, reason: str) -> int:
        """What was delivered stays told, but is not looked for any more, as its destination was left for ``reason``."""
        return self._database.run(
            "UPDATE transfers SET reason = ? WHERE outcome = 'delivered' AND reason = ''", (reason,)
        )

    def history(self, now_unix_ms: int) -> list[Transfer]:
        """What is going on and what ended within three days, newest change first, HISTORY_ROWS_MAX at most."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM transfers WHERE outcome IN ('sending', 'waiting') OR changed_unix_ms > ? "
            f"ORDER BY changed_unix_ms DESC, recording LIMIT {HISTORY_ROWS_MAX}",
            (now_unix_ms - HISTORY_MS,),
        )
        return [Transfer(*row) for row in rows]

    def prune(self, now_unix_ms: int) -> int:
        """Forget what ended more than three days ago; returns how many. A transfer dated after now (the clock was set
        back) stays until its own three days are over."""
        return self._database.run(
            "DELETE FROM transfers WHERE outcome IN ('refused', 'delivered') AND changed_unix_ms <= ?",
            (now_unix_ms - HISTORY_MS,),
        )
