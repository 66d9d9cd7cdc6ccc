"""Badges in the audit trail: who tapped, which camera was offered, refused, taken and brought back, when.

Law: follows what pick-up tells, line by line in that order, and decides nothing. A badge proves nobody, so its lines
are a stranger's, ``badge:W-007``. A line comes after the fact, by milliseconds; what must be durable before a camera
flashes is its ``Holding``, and whose a recording is its manifest says. A trail that takes no line is a problem that
people see, and what it missed is counted in the next line that it takes.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from typing import Any, NamedTuple

from host_tools.accounts.audit import AuditTrail
from host_tools.accounts.errors import AccountsError
from host_tools.accounts.roles import Stranger
from host_tools.controller.happenings import Happening, Happenings
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.errors import CustodyError

WAITING_MAX = 1_000  # lines not written yet: what a reader that floods makes in a minute
AGAIN_S = 5.0  # before a trail that took no line is tried again
PROBLEM = "audit of badges"  # key of the problem
NOBODY = "badge"  # whoever took a camera without showing one, or a camera that came back

LOG = logging.getLogger("openbwc.controller")

# what is told -> action of the audit trail, outcome; a tap's own outcome decides where it was refused
ACTIONS = {
    "tap": ("tap", "asked"),
    "offered": ("offer", "asked"),
    "taken": ("pick_up", "done"),
    "may_hold": ("pick_up", "asked"),  # nobody saw it
    "offer_ended": ("offer", "failed"),
    "wrong_camera": ("pick_up", "refused"),
    "brought_back": ("bring_back", "done"),
}
KEPT = ("camera", "dock", "bay", "place", "tag", "reason", "outcome", "offered")  # of what is told


class _Line(NamedTuple):
    action: str
    who: Stranger
    outcome: str
    at_unix_ms: int
    more: dict[str, Any]


class PickupAudit:
    """``run`` is a task beside the controller. ``problems``: the controller's, by name."""

    def __init__(
        self, trail: AuditTrail, happenings: Happenings, problems: dict[str, str], run_blocking: RunBlocking
    ) -> None:
        self._trail = trail
        self._problems = problems
        self._run_blocking = run_blocking
        self._lines: deque[_Line] = deque()
        self._missed = 0
        self._came = asyncio.Event()
        self._writing = threading.Lock()
        happenings.listen(self._take)

    async def run(self) -> None:
        """Until cancelled; then what is left is written first."""
        try:
            while True:
                self._came.clear()
                await self._write_all()
                await self._came.wait()
        finally:
            self._flush()

    def _take(self, happening: Happening) -> None:
        known = ACTIONS.get(happening["what"])
        if known is None:
            return
        if len(self._lines) >= WAITING_MAX:
            self._missed += 1
            return
        action, outcome = known
        wearer = happening.get("wearer", "")
        more = {key: happening[key] for key in KEPT if happening.get(key) not in (None, "", 0)}
        refused = action == "tap" and happening["outcome"] == "refused"
        self._lines.append(
            _Line(
                action,
                Stranger(f"{NOBODY}:{wearer}" if wearer else NOBODY, happening.get("reader", "") or "pick-up"),
                "refused" if refused else outcome,
                happening["at_unix_ms"],
                more,
            )
        )
        self._came.set()

    async def _write_all(self) -> None:
        while self._lines:
            missed = self._missed
            try:
                await self._run_blocking(lambda: self._write_next(missed))  # noqa: B023  awaited before the next
                self._missed -= missed
                self._problems.pop(PROBLEM, None)
            except (CustodyError, AccountsError) as error:
                self._problems[PROBLEM] = f"taps are in no audit trail for now ({error}): check the controller's disk"
                await asyncio.sleep(AGAIN_S)

    def _write_next(self, missed: int = 0) -> None:
        """In a thread; one that is left behind at the end is waited for."""
        with self._writing:
            if self._lines:
                line = self._lines[0]
                more = {**line.more, "missed_before": missed} if missed else line.more
                self._trail.append(line.action, line.who, line.outcome, line.at_unix_ms, more)
                self._lines.popleft()

    def _flush(self) -> None:
        try:
            while self._lines:
                self._write_next()
        except (CustodyError, AccountsError) as error:
            LOG.warning("%d lines about badges are in no audit trail: %s", len(self._lines), error)
