"""Commands about what is wrong: the open alerts with their remedies, and those that are over."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from host_tools.accounts.roles import Actor
from host_tools.controller.alerting import Alerting
from host_tools.controller.commands import CommandGroup, Gate, command
from host_tools.custody.blocking import RunBlocking
from host_tools.system.alerts import HISTORY_PAGE_MAX

Limit = Annotated[int, Field(ge=1, le=HISTORY_PAGE_MAX)]


class AlertCommands(CommandGroup):
    """A facade of one controller's alerts."""

    def __init__(self, gate: Gate, alerting: Alerting, run_blocking: RunBlocking) -> None:
        super().__init__(gate)
        self._alerting = alerting
        self._run_blocking = run_blocking

    @command
    async def list_alerts(
        self, actor: Actor, history: bool = False, before: int | None = None, limit: Limit = 100
    ) -> dict[str, Any]:
        """Open alerts, oldest first; with ``history`` all, newest first, from the one before the id ``before``."""
        if not history:
            rows = self._alerting.rows()
            return {"rows": rows, "next": None}
        found = await self._run_blocking(lambda: self._alerting.book.history(before, limit))
        more = found[-1].id if len(found) == limit else None
        return {"rows": [alert.plain() for alert in found], "next": more}
