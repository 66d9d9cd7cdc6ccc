"""What a running destination looks at by itself: its disk, store and certificate, what may go, what is nobody's.

Law: tells each trouble once, and goes on; a store, a database or a disk that fails is one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from firmware.ports.errors import PortFault
from host_tools.cli.people import wall_ms
from host_tools.custody.blocking import run_in_thread
from host_tools.evidence import retention
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.folder import Destination
from host_tools.evidence.health import health
from host_tools.evidence.reconciling import reconcile

LOOK_S = 60.0  # between looks
CLEAN_UP_LOOKS = 60  # an hour: retention is counted in days
RECONCILE_LOOKS = 24 * 60  # a day: what is nobody's waits for a week


async def look_after(opened: Destination, tell: Callable[[str], None]) -> None:
    """Until it is cancelled."""
    looks, swift = Looks(opened, tell), opened.store.swift
    try:
        while True:
            await run_in_thread(looks.look)
            await asyncio.sleep(LOOK_S)
    finally:
        if swift is not None:
            await run_in_thread(swift.release)


class Looks:
    """One look after the other; each blocks."""

    def __init__(self, opened: Destination, tell: Callable[[str], None]) -> None:
        self._opened = opened
        self._tell = tell
        self._told: frozenset[str] = frozenset()
        self._clean_up_in = 0
        self._reconcile_in = 0

    def look(self) -> None:
        """Everything whose time has come."""
        try:
            problems = self._problems()
            self._tell_new(problems)
            swift = self._opened.store.swift
            if swift is None or not swift.is_away:
                self._reconcile()
                self._clean_up()
        except (PortFault, EvidenceError, OSError) as error:
            self._tell_new(frozenset({str(error)}))

    def _problems(self) -> frozenset[str]:
        swift = self._opened.store.swift
        if swift is not None:
            swift.look()
            swift.hold()
        return frozenset(health(self._opened.intake, self._opened.validity(), wall_ms()).problems)

    def _tell_new(self, problems: frozenset[str]) -> None:
        for problem in sorted(problems - self._told):
            self._tell(problem)
        self._told = problems

    def _reconcile(self) -> None:
        self._reconcile_in -= 1
        if self._reconcile_in > 0 or self._opened.store.swift is None:
            return
        found = reconcile(self._opened.store, wall_ms())
        self._reconcile_in = RECONCILE_LOOKS
        if found.removed or found.waiting:
            self._tell(
                f"of the store's objects {found.waiting} are nobody's for less than a week, {found.removed} are removed"
            )

    def _clean_up(self) -> None:
        self._clean_up_in -= 1
        if self._clean_up_in > 0:
            return
        is_steady = retention.is_steady(self._opened.store, wall_ms())
        gone = retention.clean_up(self._opened.store, self._opened.settings, wall_ms()) if is_steady else []
        self._clean_up_in = CLEAN_UP_LOOKS
        if gone:
            self._tell(f"{len(gone)} recordings were kept as long as they were to be, and are removed")
