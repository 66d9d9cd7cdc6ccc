"""Whose recordings go first: for always by the roster, or for a day because somebody asked for it.

Law: what somebody asked for is kept with the system's data, so that a restart changes nothing of it (decision 0145).
Nothing is starved by it (``turns``).
"""

from __future__ import annotations

from collections.abc import Callable

from host_tools.system.records import Priority, Wearer
from host_tools.system.roster import WhoWears
from host_tools.system.system import System

PRIORITY_MS = 24 * 3_600_000  # CTRL-07: it ends by itself


class Priorities:
    """One for the whole controller. ``wall_ms``: milliseconds since 1970; ``system``: where it is kept, in memory alone
    where there is none."""

    def __init__(self, roster: WhoWears, wall_ms: Callable[[], int], system: System | None = None) -> None:
        self._roster = roster
        self._wall_ms = wall_ms
        self._system = system or System()

    def begin(self, wearer_id: str, by: str) -> int:
        """Prefer this wearer from now on; answers until when. Blocks. KeyError: nobody has that id; SystemFault."""
        now_ms = self._wall_ms()
        wearer, until_ms = self._roster.wearers[wearer_id].id, now_ms + PRIORITY_MS
        with self._system.change(by, now_ms) as edit:
            for priority in list(edit.state.priorities.values()):
                if priority.until_unix_ms <= now_ms:
                    edit.remove(Priority.KIND, priority.wearer)
            edit.put(Priority(wearer=wearer, until_unix_ms=until_ms))
        return until_ms

    def end(self, wearer_id: str, by: str) -> None:
        """Not any more; whoever the roster prefers stays preferred. Blocks. SystemFault."""
        with self._system.change(by, self._wall_ms()) as edit:
            if wearer_id in edit.state.priorities:
                edit.remove(Priority.KIND, wearer_id)

    def now(self) -> dict[str, int]:
        """Who is preferred because somebody asked for it, and until when."""
        now_ms = self._wall_ms()
        kept = self._system.state.priorities.values()
        return {each.wearer: each.until_unix_ms for each in kept if _is_in_force(each, now_ms)}

    def holds(self, wearer: Wearer | None) -> bool:
        """Whether this wearer's recordings go first."""
        return wearer is not None and (wearer.prioritised or wearer.id in self.now())


def _is_in_force(priority: Priority, now_ms: int) -> bool:
    """A clock that was set back does not make a day longer; one that is wrong for a while after a power cut ends
    nothing, for what is kept stays as it is."""
    return now_ms < priority.until_unix_ms <= now_ms + PRIORITY_MS
