"""Whether the destination still has what it acknowledged: one that was restored from a backup has lost the latest.

Law: asks, and tells; sends nothing itself. Asked at the start, once an hour, and whenever the destination was away,
about everything in the transfer history. What is still in the spool can be sent again; of what is not, people are told
by name.
"""

from __future__ import annotations

from typing import NamedTuple

from host_tools.controller.delivery_around import Upkeep
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.index import Index, Recording
from host_tools.custody.states import REMOVABLE_STATES

LOOK_MS = 3_600_000  # between two looks of an idle controller at its destination that may have been put back


class Lost(NamedTuple):
    """A recording that was acknowledged and is not there any more."""

    row: Recording

    @property
    def text(self) -> str:
        """For people."""
        name = self.row.recording.hex()
        return (
            f"recording {name} of camera {self.row.camera_serial} was acknowledged by the destination as "
            f"{self.row.container} and is not there any more: restore a newer backup there"
        )


class Losses:
    """``lost``: by recording, those that cannot be sent again from here."""

    def __init__(self, index: Index, upkeep: Upkeep | None, run_blocking: RunBlocking) -> None:
        self.lost: dict[bytes, Lost] = {}
        self._looked_ms: int | None = None
        self._index = index
        self._upkeep = upkeep
        self._run_blocking = run_blocking

    def is_due(self, now_unix_ms: int) -> bool:
        """Whether it is time to look."""
        age_ms = None if self._looked_ms is None else now_unix_ms - self._looked_ms
        return self._upkeep is not None and (age_ms is None or not 0 <= age_ms < LOOK_MS)

    def look_again(self) -> None:
        """It was away, or a person asks."""
        self._looked_ms = None

    async def look(self, now_unix_ms: int) -> list[Recording]:
        """Those that are missing there and still here. DestinationUnavailable, CustodyError."""
        if self._upkeep is None or not self.is_due(now_unix_ms):
            return []
        here: list[Recording] = []
        lost: dict[bytes, Lost] = {}
        for row in await self._run_blocking(lambda: self._acknowledged(now_unix_ms)):
            if await self._upkeep.holds(row.container) is not False:
                continue
            if row.stored:
                here.append(row)
            else:
                lost[row.recording] = Lost(row)
        self.lost = lost
        self._looked_ms = now_unix_ms
        return here

    def _acknowledged(self, now_unix_ms: int) -> list[Recording]:
        """A delivery with a reason is one that a person has confirmed: it went elsewhere."""
        history = self._index.transfers.history(now_unix_ms)
        done = [each for each in history if each.outcome == "delivered" and not each.reason]
        rows = (self._index.find(each.recording) for each in done)
        return [row for row in rows if row is not None and row.state in REMOVABLE_STATES and row.container]
