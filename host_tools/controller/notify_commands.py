"""Commands about how people and other programs are told: by mail, by telemetry."""

from __future__ import annotations

from typing import Any

from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.controller.notify import Notifier
from host_tools.controller.notify_mail import MailFault
from host_tools.controller.telemetry import Telemetry


class NotifyCommands(CommandGroup):
    """A facade of one controller's messengers."""

    def __init__(self, gate: Gate, notifier: Notifier, telemetry: Telemetry) -> None:
        super().__init__(gate)
        self._notifier = notifier
        self._telemetry = telemetry

    @command
    async def notification_state(self, actor: Actor) -> dict[str, Any]:
        """Where mail and telemetry go, what waits, and what keeps it from going."""
        return {"mail": self._notifier.state(), "telemetry": self._telemetry.state()}

    @command
    async def send_test_mail(self, actor: Actor) -> dict[str, str]:
        """Send a mail now to the address in the settings; answers when the server has taken it."""
        try:
            return {"address": await self._notifier.test()}
        except MailFault as fault:
            raise CommandError(str(fault)) from fault
