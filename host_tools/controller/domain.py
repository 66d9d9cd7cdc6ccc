"""How commands look at the domain and change it: in a thread, in the actor's name, answered as plain rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandError
from host_tools.custody.blocking import RunBlocking
from host_tools.system.records import Record
from host_tools.system.system import Edit, System

T = TypeVar("T")
Page = dict[str, Any]

PAGE_ROWS_MAX = 500  # of one answer: far from the limit of one answer over the local socket


class Domain:
    """What the groups of commands about system data have in common."""

    def __init__(self, system: System, wall_ms: Callable[[], int], run_blocking: RunBlocking) -> None:
        self.system = system
        self.wall_ms = wall_ms
        self.run_blocking = run_blocking

    async def change(self, actor: Actor, change: Callable[[Edit], T]) -> T:
        """All that ``change`` puts, or nothing. StaleWrite, SystemRefused, SystemFault."""

        def do() -> T:
            with self.system.change(actor.account, self.wall_ms()) as edit:
                return change(edit)

        return await self.run_blocking(do)

    async def put(self, actor: Actor, record: Record, seen: int | None) -> dict[str, Any]:
        """Write one record; answers it as ``row`` does."""
        await self.change(actor, lambda edit: edit.put(record, seen))
        return self.row(record)

    async def remove(self, actor: Actor, kind: str, key: str, seen: int | None) -> None:
        """Take one record out."""
        await self.change(actor, lambda edit: edit.remove(kind, key, seen))

    def row(self, record: Record) -> dict[str, Any]:
        """A record with its version, and who changed it when."""
        stamp = self.system.stamp_of(record.KIND, record.key)
        return {
            **record.model_dump(mode="json"),
            "version": stamp.version if stamp else 0,
            "changed_unix_ms": stamp.changed_unix_ms if stamp else 0,
            "changed_by": stamp.changed_by if stamp else "",
        }

    def one(self, kind: str, key: str) -> Record:
        """A record. CommandError if there is none."""
        found = self.system.state.of(kind).get(key)
        if found is None:
            raise CommandError(f"there is no {kind} {key[:60]}: look at the list again")
        return found

    def page(self, records: Iterable[Record], search: str, after: str, limit: int) -> Page:
        """Rows by key from the one that follows ``after``; those that hold all words of ``search`` somewhere."""
        words = search.casefold().split()
        fitting = [record for record in records if _holds(record, words)]
        rows = sorted((record for record in fitting if record.key > after), key=_key)
        shown = rows[: max(1, min(limit, PAGE_ROWS_MAX))]
        more = len(rows) > len(shown)
        return {
            "rows": [self.row(record) for record in shown],
            "total": len(fitting),
            "next": shown[-1].key if more else "",
        }


def _holds(record: Record, words: list[str]) -> bool:
    if not words:
        return True
    text = " ".join(_texts(record.model_dump().values())).casefold()
    return all(word in text for word in words)


def _texts(values: Iterable[Any]) -> list[str]:
    return [text for value in values for text in ([value] if isinstance(value, str) else _inner(value))]


def _inner(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, (tuple, list)) else []


def _key(record: Record) -> str:
    return record.key
