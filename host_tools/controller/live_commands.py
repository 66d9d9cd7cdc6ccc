"""Commands about what is going on now."""

from __future__ import annotations

from typing import Any

from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandGroup, Gate, command
from host_tools.controller.live import LiveView


class LiveCommands(CommandGroup):
    """A facade of one live view. Who may read it may follow ``events``, which carry its changes."""

    def __init__(self, gate: Gate, view: LiveView) -> None:
        super().__init__(gate)
        self._view = view

    @command
    async def live(self, actor: Actor) -> list[dict[str, Any]]:
        """Every row: cameras, docks, transfers, alerts, storage, destination."""
        return [change.plain() for change in self._view.rows()]
