"""Commands about starting again: what keeps a system from being reset, and the reset itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import SecretStr

from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.controller.domain import Domain
from host_tools.system.records import KINDS, Profile, SystemSettings
from host_tools.system.reset_rules import Standing, judge_reset
from host_tools.system.system import Edit, make
from host_tools.trust.errors import TrustError

RequirePassphrase = Callable[[str], Awaitable[None]]
KEPT_KINDS = ("device",)  # what ran on devices stays known: reports tell of departed ones


class ResetCommands(CommandGroup):
    """``standing``: what there is now; ``require_passphrase`` raises unless it is the system's."""

    def __init__(
        self,
        gate: Gate,
        domain: Domain,
        standing: Callable[[], Awaitable[Standing]],
        require_passphrase: RequirePassphrase,
    ) -> None:
        super().__init__(gate)
        self._domain = domain
        self._standing = standing
        self._require_passphrase = require_passphrase

    @command
    async def preview_reset(self, actor: Actor) -> dict[str, Any]:
        """Why the system cannot be reset now, and what would go with it."""
        verdict = judge_reset(await self._standing())
        return {"obstacles": verdict.obstacles, "warnings": verdict.warnings, "name": self._domain.system.settings.name}

    @command
    async def reset_system(self, actor: Actor, passphrase: SecretStr, name: str) -> None:
        """Forget wearers, profiles, assignments and settings, so that the system can be set up again. ``name``: the
        system's, typed by whoever means it. Trust, accounts and the ledger stay."""
        try:
            await self._require_passphrase(passphrase.get_secret_value())
        except TrustError as error:
            raise CommandError(str(error)) from error
        if name != self._domain.system.settings.name:
            raise CommandError(f"that is not this system's name: type {self._domain.system.settings.name}")
        verdict = judge_reset(await self._standing())
        if verdict.obstacles:
            raise CommandError("the system cannot be reset: " + "; ".join(verdict.obstacles))
        await self._domain.change(actor, forget_all)


def forget_all(edit: Edit) -> None:
    """Everything that people have told the system, back to what every system begins with."""
    edit.allow_reset()
    for kind in KINDS:
        for key in [] if kind in KEPT_KINDS else list(edit.state.of(kind)):
            if kind != "settings":
                edit.remove(kind, key)
    fresh: SystemSettings = make(SystemSettings, {})
    edit.put(make(Profile, {"name": fresh.default_profile, "description": "What every system begins with."}))
    edit.put(fresh)
