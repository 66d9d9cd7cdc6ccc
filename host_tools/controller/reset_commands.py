"""Commands about starting again: what keeps a system from being reset, and the reset itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from pydantic import SecretStr

from firmware.ports.errors import PortFault
from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.controller.domain import Domain
from host_tools.custody.errors import CustodyError
from host_tools.destinations.connection_file import ConnectionFileError
from host_tools.system.records import KINDS, Profile, SystemSettings
from host_tools.system.reset_rules import Reason, Standing, Verdict, judge_leaving, judge_reset
from host_tools.system.system import Edit, make
from host_tools.trust.errors import TrustError

RequirePassphrase = Callable[[str], Awaitable[None]]
KEPT_KINDS = ("device",)  # what ran on devices stays known: reports tell of departed ones


class ResetCommands(CommandGroup):
    """``standing``: what there is now; ``require_passphrase`` raises unless it is the system's; ``leave_destination``:
    so that any other may follow; None where recordings go to a folder."""

    def __init__(
        self,
        gate: Gate,
        domain: Domain,
        standing: Callable[[], Awaitable[Standing]],
        require_passphrase: RequirePassphrase,
        leave_destination: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(gate)
        self._domain = domain
        self._standing = standing
        self._require_passphrase = require_passphrase
        self._leave_destination = leave_destination

    @command
    async def preview_reset(self, actor: Actor) -> dict[str, Any]:
        """Why the system cannot be reset now (``obstacles``; ``left``, as codes), and what would go with it
        (``warnings``; ``goes``)."""
        verdict = judge_reset(await self._standing())
        return {"name": self._domain.system.settings.name, **_shown(verdict)}

    @command
    async def preview_departure(self, actor: Actor) -> dict[str, Any]:
        """The same of leaving the destination; ``can``: there is one that can be left."""
        verdict = judge_leaving(await self._standing())
        can = self._leave_destination is not None
        return {"name": self._domain.system.settings.name, "can": can, **_shown(verdict)}

    @command
    async def reset_system(self, actor: Actor, passphrase: SecretStr, name: str) -> None:
        """Forget wearers, profiles, assignments and settings, so that the system can be set up again. ``name``: the
        system's, typed by whoever means it. Trust, accounts and the ledger stay."""
        await self._require_meant(passphrase, name)
        verdict = judge_reset(await self._standing())
        if verdict.obstacles:
            raise CommandError("the system cannot be reset: " + "; ".join(verdict.obstacles))
        await self._domain.change(actor, forget_all)
        if self._leave_destination is not None:
            await self._leave()

    @command
    async def forget_destination(self, actor: Actor, passphrase: SecretStr, name: str) -> list[str]:
        """Leave the destination, so that a connection file of any other can follow; answers what goes with it.
        ``name``: the system's, typed by whoever means it."""
        await self._require_meant(passphrase, name)
        if self._leave_destination is None:
            raise CommandError("this controller delivers to a folder: start it with another --destination")
        verdict = judge_leaving(await self._standing())
        if verdict.obstacles:
            raise CommandError("the destination cannot be left: " + "; ".join(verdict.obstacles))
        await self._leave()
        return verdict.warnings

    async def _leave(self) -> None:
        try:
            await cast("Callable[[], Awaitable[None]]", self._leave_destination)()
        except (ConnectionFileError, CustodyError, PortFault) as error:
            raise CommandError(f"the destination cannot be left ({error}): check the controller's disk") from error

    async def _require_meant(self, passphrase: SecretStr, name: str) -> None:
        try:
            await self._require_passphrase(passphrase.get_secret_value())
        except TrustError as error:
            raise CommandError(str(error)) from error
        if name != self._domain.system.settings.name:
            raise CommandError(f"that is not this system's name: type {self._domain.system.settings.name}")


def _shown(verdict: Verdict) -> dict[str, Any]:
    def codes(reasons: list[Reason]) -> list[dict[str, Any]]:
        return [{"code": each.code, "count": each.count, "names": list(each.names)} for each in reasons]

    return {
        "obstacles": verdict.obstacles,
        "warnings": verdict.warnings,
        "left": codes(verdict.left),
        "goes": codes(verdict.goes),
    }


def forget_all(edit: Edit) -> None:
    """Everything that people have told the system, back to what every system begins with. Evaluation stays what it is:
    its account stays too, and everybody knows its password."""
    edit.allow_reset()
    for kind in KINDS:
        for key in [] if kind in KEPT_KINDS else list(edit.state.of(kind)):
            if kind != "settings":
                edit.remove(kind, key)
    fresh: SystemSettings = make(SystemSettings, {"evaluation": edit.state.settings.evaluation})
    edit.put(make(Profile, {"name": fresh.default_profile, "description": "What every system begins with."}))
    edit.put(fresh)
