"""Whose recordings go first: for always by the roster, or for a day because somebody asked for it.

Law: in memory; a restart forgets what was asked for, as a day does. Nothing is starved by it (``turns``).
"""

from __future__ import annotations

from collections.abc import Callable

from host_tools.system.records import Wearer
from host_tools.system.roster import WhoWears

PRIORITY_MS = 24 * 3_600_000  # CTRL-07: it ends by itself


class Priorities:
    """One for the whole controller. ``wall_ms``: milliseconds since 1970."""

    def __init__(self, roster: WhoWears, wall_ms: Callable[[], int]) -> None:
        self._roster = roster
        self._wall_ms = wall_ms
        self._until_ms: dict[str, int] = {}

    def begin(self, wearer_id: str) -> int:
        """Prefer this wearer from now on; answers until when. KeyError: nobody has that id."""
        until_ms = self._wall_ms() + PRIORITY_MS
        self._until_ms[self._roster.wearers[wearer_id].id] = until_ms
        return until_ms

    def end(self, wearer_id: str) -> None:
        """Not any more; whoever the roster prefers stays preferred."""
        self._until_ms.pop(wearer_id, None)

    def now(self) -> dict[str, int]:
        """Who is preferred because somebody asked for it, and until when."""
        now_ms = self._wall_ms()
        # A clock that was set back does not make a day longer.
        kept = {who: until for who, until in self._until_ms.items() if now_ms < until <= now_ms + PRIORITY_MS}
        self._until_ms = kept
        return dict(kept)

    def holds(self, wearer: Wearer | None) -> bool:
        """Whether this wearer's recordings go first."""
        return wearer is not None and (wearer.prioritised or wearer.id in self.now())
