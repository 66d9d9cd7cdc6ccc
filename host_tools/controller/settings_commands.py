"""Commands about the system as a whole: its settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandGroup, Gate, command
from host_tools.controller.domain import Domain
from host_tools.system.errors import SystemRefused
from host_tools.system.records import SYSTEM_KEY, SystemSettings
from host_tools.system.system import Edit, make

Row = dict[str, Any]
CHANGES_MAX = 40  # settings there are, and some to spare
Changes = Annotated[dict[str, bool | int | str], Field(max_length=CHANGES_MAX)]


class SettingsCommands(CommandGroup):
    """A facade of the domain's settings. ``is_evaluation``: by the accounts, which were made before there were settings
    where a system was made by command."""

    def __init__(self, gate: Gate, domain: Domain, is_evaluation: Callable[[], bool] = lambda: False) -> None:
        super().__init__(gate)
        self._domain = domain
        self._is_evaluation = is_evaluation

    @command
    async def get_settings(self, actor: Actor) -> Row:
        """All settings of the system."""
        return await self._row(self._domain.system.settings)

    @command
    async def change_settings(self, actor: Actor, version: int, changes: Changes) -> Row:
        """Change those that are named. What was chosen at the setting-up stays until a reset."""

        def change(edit: Edit) -> SystemSettings:
            edit.require_seen("settings", SYSTEM_KEY, version)
            known = edit.state.settings.evaluation
            if changes.get("evaluation", known) != known:
                raise SystemRefused("evaluation mode is chosen when a system is set up, and then it is for ever")
            changed = make(SystemSettings, {**edit.state.settings.model_dump(), **changes})
            edit.put(changed, version)
            return changed

        return await self._row(await self._domain.change(actor, change))

    async def _row(self, settings: SystemSettings) -> Row:
        evaluation = settings.evaluation or await self._domain.run_blocking(self._is_evaluation)
        return {**self._domain.row(settings), "evaluation": evaluation}
