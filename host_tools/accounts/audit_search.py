"""Looking through the audit trail from its end: one row for each thing that somebody asked for, with what became of it.

Law: reads only. An act has two lines, ``asked`` and that of its outcome, which names the first; here they are one row.
Texts are looked for in arguments and errors, whatever their case. One search looks through a bounded part of the trail
and says where the next goes on: a rare name in a long trail costs several short searches, not one long one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from host_tools.accounts.audit import ASKED_IN, AuditEntry, AuditTrail
from host_tools.accounts.store import SEARCHED_ROWS

SEARCHED_ROWS_MAX = 16 * SEARCHED_ROWS  # of one search: some 65 000 lines, below a second
AFTER_ROWS_MAX = 4_096  # lines after a row in which its outcome is looked for: acts last seconds, not days


@dataclass(frozen=True, slots=True)
class Wanted:
    """Empty and zero: all. ``text``: part of an argument or an error, such as a device's serial."""

    account: str = ""
    action: str = ""
    text: str = ""
    since_unix_ms: int = 0
    until_unix_ms: int = 0


@dataclass(slots=True)
class Act:
    """``outcome``: of the trail; ``asked`` for what is not over or was cut short. ``details``: arguments, or whatever
    else the line told."""

    sequence: int
    at_unix_ms: int
    action: str
    account: str
    role: str
    origin: str
    outcome: str
    error: str = ""
    details: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Found:
    """``next``: before which line the search goes on; None: the trail was looked through."""

    acts: list[Act]
    next: int | None


def search(trail: AuditTrail, wanted: Wanted, before: int | None, count: int) -> Found:
    """The newest acts before line ``before`` that are wanted, newest first. Blocks; CustodyRefused names a line that is
    none."""
    head = trail.head().sequence
    end = before if before is not None else head + 1
    lowest = max(1, end - SEARCHED_ROWS_MAX)
    later = _walk(trail, wanted, end, min(head, end + AFTER_ROWS_MAX), outcomes_only=True)
    outcomes = {each.more[ASKED_IN]: each for each in later}
    acts: list[Act] = []
    for entry in _walk(trail, wanted, lowest, end - 1):
        if ASKED_IN in entry.more:
            outcomes[entry.more[ASKED_IN]] = entry
            continue
        act = _act(entry, outcomes.get(entry.sequence, entry))
        if _fits(act, wanted):
            acts.append(act)
        if len(acts) == count:
            lowest = act.sequence
            break
    return Found(acts, lowest if lowest > 1 else None)


def _walk(
    trail: AuditTrail, wanted: Wanted, lowest: int, highest: int, outcomes_only: bool = False
) -> Iterator[AuditEntry]:
    """Newest first, a statement at a time."""
    while highest >= lowest:
        first = max(lowest, highest - SEARCHED_ROWS + 1)
        yield from trail.between(first, highest, wanted.account, wanted.action, outcomes_only)
        highest = first - 1


def _act(asked: AuditEntry, outcome: AuditEntry) -> Act:
    """``outcome``: the line of it, or the same one."""
    told = {name: said for name, said in asked.more.items() if name != "error"}
    return Act(
        asked.sequence,
        asked.at_unix_ms,
        asked.action,
        asked.account,
        asked.role,
        asked.origin,
        outcome.outcome,
        str(outcome.more.get("error", "")),
        asked.more.get("arguments", told),
    )


def _fits(act: Act, wanted: Wanted) -> bool:
    if act.at_unix_ms < wanted.since_unix_ms or (wanted.until_unix_ms and act.at_unix_ms >= wanted.until_unix_ms):
        return False
    text = wanted.text.strip().casefold()
    return not text or any(text in str(said).casefold() for said in (*act.details.values(), act.error))
