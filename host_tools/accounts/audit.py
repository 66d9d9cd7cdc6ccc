"""The audit trail: who asked for what, when, and what became of it. Append-only, one hash chain a controller.

Law: the chain is custody's (``custody.ledger``): a link covers the one before, a line is canonical JSON with schema
version, so one reader reads both. A line is durable before the act it tells of begins. No secret is ever in one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from host_tools.accounts.roles import Actor, Stranger
from host_tools.accounts.store import Store
from host_tools.custody import ledger
from host_tools.custody.ledger import Head, Verdict

# What became of an act. ``asked`` comes before it; an ``asked`` with nothing after it was cut short.
OUTCOMES = ("asked", "done", "failed", "refused")
ASKED_IN = "asked_in"  # in ``more`` of an outcome: the number of the line that was asked


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line as people read it. ``more``: arguments, or the error."""

    sequence: int
    at_unix_ms: int
    action: str
    account: str
    role: str
    origin: str
    outcome: str
    more: dict[str, Any]


class AuditTrail:
    """Grows by ``append`` alone."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(
        self, action: str, actor: Actor | Stranger, outcome: str, at_unix_ms: int, more: Mapping[str, Any] | None = None
    ) -> Head:
        """One line; durable when this returns. CustodyError if it cannot be kept, and then nothing may be done."""
        if outcome not in OUTCOMES:
            raise ValueError(f"{outcome!r} is no outcome; outcomes: {', '.join(OUTCOMES)}")
        details = {
            "account": actor.account,
            "role": actor.role,
            "origin": actor.origin,
            "outcome": outcome,
            "more": dict(more or {}),
        }
        with self._store.change():
            link = ledger.make_link(self._store.audit_head(), action, None, at_unix_ms, details, words=(action,))
            self._store.audit_append(link)
        return Head(link.sequence, link.hash)

    def head(self) -> Head:
        """Where it ends. Written down elsewhere, it shows later that nothing before was changed or cut off."""
        return self._store.audit_head()

    def entries(self, after: int | None = None) -> Iterator[AuditEntry]:
        """Entries in order, from the one that follows ``after``. CustodyRefused names a line that is none."""
        return (_read(ledger.read_entry(link)) for link in self._store.audit_links(after))

    def between(
        self, first: int, last: int, account: str = "", action: str = "", outcomes_only: bool = False
    ) -> Iterator[AuditEntry]:
        """Entries with these numbers, newest first; of one account, of one action, only what tells an outcome. At most
        ``SEARCHED_ROWS`` numbers. CustodyRefused names a line that is none."""
        asked = {"account": account, "event": action}
        words = [f"{json.dumps(name)}:{json.dumps(said, ensure_ascii=False)}" for name, said in asked.items() if said]
        words += [f"{json.dumps(ASKED_IN)}:"] if outcomes_only else []
        for link in self._store.audit_links_between(first, last, words):
            found = _read(ledger.read_entry(link))
            fits = account in ("", found.account) and action in ("", found.action)
            if fits and (ASKED_IN in found.more or not outcomes_only):
                yield found

    def verify(self, heads: Iterable[Head] = ()) -> Verdict:
        """Check the whole chain; ``heads`` were written down earlier, and the chain must contain them."""
        return ledger.verify(self._store.audit_links(), heads)


def _read(entry: ledger.Entry) -> AuditEntry:
    details = entry.details
    words = {key: str(details.get(key, "")) for key in ("account", "role", "origin", "outcome")}
    return AuditEntry(entry.sequence, entry.at_unix_ms, entry.word, **words, more=dict(details.get("more", {})))
