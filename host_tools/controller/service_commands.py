"""Commands about the controller as a program: starting it anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command

ANSWERED_S = 0.5  # until whoever asked has the answer, and the audit trail what became of it


class ServiceCommands(CommandGroup):
    """``restart``: asks whoever runs this controller to end it in order and start it anew; None: it is part of another
    program, which nobody ends for it."""

    def __init__(self, gate: Gate, restart: Callable[[], None] | None) -> None:
        super().__init__(gate)
        self._restart = restart

    @command
    async def restart_controller(self, actor: Actor) -> None:
        """End in order and start anew: it does not answer for some seconds. Recordings, what is on its way and sessions
        stay."""
        if self._restart is None:
            raise CommandError("this controller is part of another program: start that one anew")
        asyncio.get_running_loop().call_later(ANSWERED_S, self._restart)
