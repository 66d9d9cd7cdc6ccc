"""Commands about people: accounts, roles, passwords, sessions, and reading the audit trail."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from host_tools.accounts.audit import AuditTrail
from host_tools.accounts.audit_search import Act, Wanted, search
from host_tools.accounts.people import People
from host_tools.accounts.roles import LOCAL, Actor
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.custody.blocking import RunBlocking
from host_tools.system import csv_text

AUDIT_PAGE_MAX = 500  # lines an answer: what a page shows, and far from the limit of one answer over the local socket
EXPORTED_ROWS_MAX = 10_000  # of one file: some 4 MB, what one answer carries
COLUMNS = ("Number", "Time (UTC)", "Account", "Role", "From", "Action", "Outcome", "Details", "Error")

Short = Annotated[str, Field(max_length=200)]
UnixMs = Annotated[int, Field(ge=0)]
GivenRole = Literal["administrator", "local_administrator", "viewer"]


class AccountCommands(CommandGroup):
    """A facade of one system's people."""

    def __init__(self, gate: Gate, people: People, wall_ms: Callable[[], int], run_blocking: RunBlocking) -> None:
        super().__init__(gate)
        self._people = people
        self._wall_ms = wall_ms
        self._run_blocking = run_blocking

    @command
    async def list_accounts(self, actor: Actor) -> list[dict[str, Any]]:
        """Name, role, when it was made and changed."""
        return [asdict(person) for person in await self._run_blocking(self._people.list)]

    @command
    async def set_up_accounts(self, actor: Actor, password: SecretStr, evaluation: bool = False) -> None:
        """Make the root account, once; for an evaluation the demo account too, for ever."""
        now_ms = self._wall_ms()
        await self._run_blocking(lambda: self._people.set_up(password.get_secret_value(), now_ms, evaluation))

    @command
    async def add_account(self, actor: Actor, name: str, role: GivenRole, password: SecretStr) -> dict[str, Any]:
        """A new account; answers it as ``list_accounts`` does."""
        now_ms = self._wall_ms()
        return asdict(
            await self._run_blocking(lambda: self._people.add(name, role, password.get_secret_value(), now_ms))
        )

    @command
    async def remove_account(self, actor: Actor, name: str) -> None:
        """Take an account away, with its sessions."""
        await self._run_blocking(lambda: self._people.remove(name))

    @command
    async def set_account_role(self, actor: Actor, name: str, role: GivenRole) -> None:
        """Make an account something else; its sessions end."""
        now_ms = self._wall_ms()
        await self._run_blocking(lambda: self._people.set_role(name, role, now_ms))

    @command
    async def set_account_password(
        self, actor: Actor, name: str, password: SecretStr, current: SecretStr | None = None
    ) -> None:
        """Give an account another password. Root's changes only with the ``current`` one, whoever asks, and so does
        one's own: whoever finds a page open cannot keep it."""
        now_ms, fresh = self._wall_ms(), password.get_secret_value()
        if current is None and actor.origin != LOCAL and name.lower() == actor.account:
            raise CommandError("one's own password changes only with the current one: give that too")
        if current is None:
            await self._run_blocking(lambda: self._people.set_password(name, fresh, now_ms))
        else:
            known = current.get_secret_value()
            await self._run_blocking(lambda: self._people.change_password(name, known, fresh, actor.origin, now_ms))

    @command
    async def change_own_password(self, actor: Actor, current: SecretStr, password: SecretStr) -> None:
        """Another password for whoever asks; all their sessions end."""
        name = _own(actor)
        now_ms, known, fresh = self._wall_ms(), current.get_secret_value(), password.get_secret_value()
        await self._run_blocking(lambda: self._people.change_password(name, known, fresh, actor.origin, now_ms))

    @command
    async def log_out_everywhere(self, actor: Actor) -> None:
        """End all sessions of whoever asks."""
        name, now_ms = _own(actor), self._wall_ms()
        await self._run_blocking(lambda: self._people.log_out_everywhere(name, now_ms))

    @command
    async def log_out_account(self, actor: Actor, name: str) -> None:
        """End all sessions of somebody else."""
        now_ms = self._wall_ms()
        await self._run_blocking(lambda: self._people.log_out_everywhere(name, now_ms))

    @command
    async def unlock_account(self, actor: Actor, name: str) -> None:
        """Forget wrong tries against an account."""
        await self._run_blocking(lambda: self._people.unlock(name))

    @command
    async def audit(self, actor: Actor, after: int = 0, limit: int = AUDIT_PAGE_MAX) -> list[dict[str, Any]]:
        """Lines of the audit trail, oldest first, from the one that follows ``after``."""
        count = max(0, min(limit, AUDIT_PAGE_MAX))
        return await self._run_blocking(
            lambda: [asdict(entry) for entry in islice(self._people.audit.entries(after), count)]
        )

    @command
    async def audit_head(self, actor: Actor) -> dict[str, Any]:
        """Where the audit trail ends: the last line's number, and its hash, to be kept elsewhere."""
        head = await self._run_blocking(self._people.audit.head)
        return {"sequence": head.sequence, "hash": head.hash.hex()}

    @command
    async def search_audit(
        self,
        actor: Actor,
        account: Short = "",
        action: Short = "",
        text: Short = "",
        since_unix_ms: UnixMs = 0,
        until_unix_ms: UnixMs = 0,
        before: Annotated[int, Field(ge=0)] = 0,
        limit: Annotated[int, Field(ge=1, le=AUDIT_PAGE_MAX)] = AUDIT_PAGE_MAX,
    ) -> dict[str, Any]:
        """What people did, newest first, each with what became of it: ``rows``, and in ``next`` where it goes on
        (``before``); there may be no row in an answer and more in the next. ``text``: part of an argument, such as a
        device's serial."""
        wanted = Wanted(account, action, text, since_unix_ms, until_unix_ms)
        trail = self._people.audit
        found = await self._run_blocking(lambda: search(trail, wanted, before or None, limit))
        return {"rows": [asdict(act) for act in found.acts], "next": found.next}

    @command
    async def export_audit(
        self,
        actor: Actor,
        account: Short = "",
        action: Short = "",
        text: Short = "",
        since_unix_ms: UnixMs = 0,
        until_unix_ms: UnixMs = 0,
    ) -> dict[str, Any]:
        """The same as CSV. ``more``: there was more than one file takes, and this is the newest."""
        wanted = Wanted(account, action, text, since_unix_ms, until_unix_ms)
        csv, more = await self._run_blocking(lambda: _table(self._people.audit, wanted))
        return {"file_name": "audit-trail.csv", "csv": csv, "more": more}


def _own(actor: Actor) -> str:
    if actor.origin == LOCAL:
        raise CommandError("whoever asks on the machine itself has no account: name the one that is meant")
    return actor.account


def _table(trail: AuditTrail, wanted: Wanted) -> tuple[str, bool]:
    rows: list[tuple[str, ...]] = []
    before: int | None = None
    while len(rows) < EXPORTED_ROWS_MAX:
        found = search(trail, wanted, before, EXPORTED_ROWS_MAX - len(rows))
        rows += [_cells(act) for act in found.acts]
        before = found.next
        if before is None:
            break
    return csv_text.write(COLUMNS, rows), before is not None


def _cells(act: Act) -> tuple[str, ...]:
    when = datetime.fromtimestamp(act.at_unix_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    details = json.dumps(act.details, ensure_ascii=False) if act.details else ""
    return str(act.sequence), when, act.account, act.role, act.origin, act.action, act.outcome, details, act.error
