"""Commands about how cameras were used, as they have told themselves."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandGroup, Gate, command
from host_tools.controller.domain import Domain
from host_tools.system.records import CameraSerial

DAYS, DAYS_MAX = 30, 90  # CTRL-16 keeps a month; asking for more answers what there is
DAY_MS = 86_400_000
CHARGES = ("docked", "undocked", "battery_empty")  # events of a usage log whose value is the battery's charge
SHOWN_MAX = 1_000  # points of a chart: more than it has pixels

Days = Annotated[int, Field(ge=1, le=DAYS_MAX)]


class UsageCommands(CommandGroup):
    """A facade of the domain's usage log."""

    def __init__(self, gate: Gate, domain: Domain) -> None:
        super().__init__(gate)
        self._domain = domain

    @command
    async def camera_charges(self, actor: Actor, serial: CameraSerial, days: Days = DAYS) -> list[dict[str, Any]]:
        """The battery's charge each time a camera was docked, taken out or ran empty, oldest first."""
        since_ms = self._domain.wall_ms() - days * DAY_MS
        rows = await self._domain.run_blocking(lambda: self._domain.system.store.usage(since_ms))
        found = [row for row in rows if row.camera == serial and row.event in CHARGES]
        return [
            {"at_unix_ms": row.kept_unix_ms, "event": row.event, "percent": row.value}
            for row in sorted(found, key=lambda row: (row.kept_unix_ms, row.sequence))[-SHOWN_MAX:]
            if 0 <= row.value <= 100
        ]
