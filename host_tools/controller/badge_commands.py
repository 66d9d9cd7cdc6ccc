"""Commands about badges at this controller's readers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from host_tools.accounts.roles import Actor
from host_tools.controller.badge_reading import BadgeReading, NoReading
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command

WAIT_S, WAIT_S_MAX = 10.0, 30.0  # of one question: far below what ends a request; whoever goes on waiting asks again

Wait = Annotated[float, Field(gt=0, le=WAIT_S_MAX)]


class BadgeCommands(CommandGroup):
    """A facade of one controller's readers."""

    def __init__(self, gate: Gate, badges: BadgeReading) -> None:
        super().__init__(gate)
        self._badges = badges

    @command
    async def read_badge(self, actor: Actor, wait_s: Wait = WAIT_S) -> dict[str, str]:
        """The number of the next badge that is held to a reader here twice; empty if none was. Meanwhile taps pick no
        camera. Pairing it is a command of its own."""
        try:
            return {"tag": await self._badges.next_badge(actor.account, wait_s)}
        except NoReading as error:
            raise CommandError(str(error)) from error
