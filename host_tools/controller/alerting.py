"""Keeps the alerts of a controller as they are: looks at everything now and then, and tells what is new or over.

Law: looks, decides by ``alert_rules``, writes by ``AlertBook``. A database that takes nothing for a while is a problem
that people see, and no reason for the controller to end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from host_tools.controller.alert_rules import CameraFacts, Facts, alerts_of
from host_tools.controller.charging import UNABLE_MS
from host_tools.controller.contact_alerts import Alert as ContactAlert
from host_tools.controller.keeping import TROUBLES_SHOWN_MAX, recording_alerts
from host_tools.controller.service import Controller
from host_tools.controller.status import SYSTEM_DATA_PROBLEM, all_problems
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.errors import CustodyError
from host_tools.custody.index import Index
from host_tools.custody.spool import Spool
from host_tools.system.alert_texts import Saying
from host_tools.system.alerts import Alert, AlertBook, Details, Named, Words, remedies_of, text_of
from host_tools.system.errors import SystemFault
from host_tools.system.system import System

LOOK_S = 2.0  # between two looks: an alert shows while the person is still at the dock
FORGET_S = 86_400.0  # between two looks for what is so long over that nobody wants it
SEEN_S = 90.0  # from the beginning: docks and cameras are greeted and checked, readers opened, the destination asked
CHARGED_S = SEEN_S + UNABLE_MS / 1000  # the same, and charge has had its time to come

# What disk and memory say at once: what is not found at the first look is over.
KNOWN_AT_ONCE = frozenset(
    {
        "certificate_expiring", "certificate_expired", "clock_doubtful", "storage_almost_full", "storage_full",
        "problems_transferring", "could_not_transfer", "transfer_fault",
    }
)  # fmt: skip

# How contacts call what they see -> kind.
CONTACT_KINDS = {
    "docking_issue": "docking_issue",
    "unable_to_charge": "unable_to_charge",
    "docked_with_empty_battery": "empty_battery",
    "dock_connection": "slow_link",
}

LOG = logging.getLogger("openbwc.controller")


class Alerting:
    """``run`` is a task beside the controller. ``set_all``: other parts say what they see; ``ask``: they are asked."""

    def __init__(
        self, controller: Controller, index: Index, spool: Spool, system: System, run_blocking: RunBlocking
    ) -> None:
        self.book = AlertBook(system.store)
        self._controller = controller
        self._index = index
        self._spool = spool
        self._system = system
        self._run_blocking = run_blocking
        self._said: dict[str, dict[Named, Details]] = {}
        self._asked: list[Callable[[int], Mapping[Named, Details]]] = []
        self._changes: list[tuple[Alert, str]] = []
        self._words: dict[Named, Words] = {}
        # Open since before this controller began: not over because it has not looked there yet.
        self._unseen = {(alert.kind, alert.device): alert.details for alert in self.book.open()}
        self._began_s: float | None = None
        controller.alert_rows = self.rows
        self.book.on_change = lambda alert, how: self._changes.append((alert, how))

    def set_all(self, source: str, found: Mapping[Named, Details]) -> None:
        """All that one part of the controller sees to be wrong now, by kind and device, with details."""
        self._said[source] = dict(found)

    def ask(self, source: Callable[[int], Mapping[Named, Details]]) -> None:
        """Whoever knows from memory what is wrong at a time, such as that something ends: at every look."""
        self._asked.append(source)

    def rows(self) -> list[dict[str, Any]]:
        """The open ones, with meaning and remedies: the table's, or what measurements say of this very bay."""
        return [alert.plain(self._words.get((alert.kind, alert.device))) for alert in self.book.open()]

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        forget_at_s = loop.time()
        while True:
            await self.look()
            if loop.time() >= forget_at_s:
                forget_at_s = loop.time() + FORGET_S
                await self._forget()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look once."""
        now_ms = self._controller.happenings.wall_ms()
        try:
            found = alerts_of(await self._facts(now_ms))
            measured = self._of_contacts()
            found |= {named: alert.details for named, alert in measured.items()}
            for said in (*self._said.values(), *(source(now_ms) for source in self._asked)):
                found |= said
            self._words = {
                named: Words(details, remedies_of(*named))
                for named, details in found.items()
                if isinstance(details, Saying)
            } | {named: alert.words() for named, alert in measured.items()}
            found |= self._not_seen_yet(found)
            told = {named: text_of(details) for named, details in found.items()}
            if self.book.differs(told):
                await self._run_blocking(lambda: self.book.see(told, now_ms))
            self._controller.problems.pop(SYSTEM_DATA_PROBLEM, None)
        except (SystemFault, CustodyError) as fault:
            if self._controller.problems.get(SYSTEM_DATA_PROBLEM) != str(fault):
                LOG.error("%s", fault)
            self._controller.problems[SYSTEM_DATA_PROBLEM] = str(fault)
        self._tell()

    async def _facts(self, now_ms: int) -> Facts:
        controller = self._controller
        online = {view.serial for view in controller.cameras.values() if view.online}
        keep_ms = controller.delivery.around.keep_ms
        recordings, troubled = await self._run_blocking(
            lambda: (
                recording_alerts(self._index, online, now_ms, keep_ms),
                self._index.troubled(TROUBLES_SHOWN_MAX),
            )
        )
        storage = self._spool.storage()
        measured = {f"{alert.kind} of {alert.device}" for alert in controller.contacts.alerts.values()}
        told = all_problems(controller, storage, recordings)
        problems = {name: text for name, text in told.items() if name not in measured}
        views = controller.present()
        return Facts(
            now_ms,
            tuple(
                CameraFacts(
                    view.serial,
                    view.admission,
                    view.admission_text,
                    view.status.get("state", ""),
                    view.status.get("battery_percent"),
                    view.trouble,
                )
                for view in views
            ),
            {member.serial: member.expires_unix_ms for member in controller.membership.members.all()},
            problems,
            {row.recording.hex() for row in troubled if row.poison},
            storage.level,
            str(controller.delivery.destination_name),
            controller.delivery.trouble,
            controller.delivery.fault,
            self._system.settings.empty_battery_alert,
        )

    def _of_contacts(self) -> dict[Named, ContactAlert]:
        """What the measurements of bays say is wrong."""
        found: dict[Named, ContactAlert] = {}
        for alert in self._controller.contacts.alerts.values():
            kind = CONTACT_KINDS.get(alert.kind, "problem")
            if kind == "empty_battery" and not self._system.settings.empty_battery_alert:
                continue
            found[kind, alert.device] = alert
        return found

    def _not_seen_yet(self, found: Mapping[Named, Details]) -> dict[Named, str]:
        """What was wrong when the controller before this one ended, and was neither found since nor could be. It is not
        over: nobody is told that it is, and it keeps the time that it began at."""
        now_s = asyncio.get_running_loop().time()
        self._began_s = now_s if self._began_s is None else self._began_s
        here = {view.serial for view in self._controller.present()}
        for kind, device in list(self._unseen):
            waits_for_charge = kind == "unable_to_charge" and device in here
            limit_s = 0.0 if kind in KNOWN_AT_ONCE else CHARGED_S if waits_for_charge else SEEN_S
            if (kind, device) in found or now_s - self._began_s >= limit_s:
                del self._unseen[kind, device]
        return self._unseen

    async def _forget(self) -> None:
        now_ms = self._controller.happenings.wall_ms()
        try:
            await self._run_blocking(lambda: self.book.forget(now_ms))
        except SystemFault as fault:
            LOG.error("%s", fault)

    def _tell(self) -> None:
        changes, self._changes = self._changes, []
        for alert, how in changes:
            self._controller.happenings.tell(
                f"alert_{how}", id=alert.id, kind=alert.kind, device=alert.device, details=alert.details
            )
