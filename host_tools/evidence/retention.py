"""How long recordings stay, and which may go.

Law: pure rules over rows, and one hand that removes. Retention counts from when a recording was made; the guarantee
from when it arrived, so that an old recording is not gone on the day it comes. A category's days lock: they only
lengthen, also in quarantine. What is not complete is never removed: its controller still has it to send. Rejected
content, which is never complete, is kept as any other from when it came. What somebody takes out stays until he has it.
"""

from __future__ import annotations

from typing import NamedTuple

from host_tools.evidence.catalogue import Container
from host_tools.evidence.rules import EARLIEST_UNIX_S
from host_tools.evidence.settings import ServerSettings
from host_tools.evidence.store import Store

DAY_MS = 86_400_000
EARLIEST_MS = EARLIEST_UNIX_S * 1000
STEADY_FACT = "steady"  # of the catalogue: when a clean-up was last thought of, and since when the clock goes evenly
BATCH = 1_000  # containers looked at in one transactionless pass


class Keeping(NamedTuple):
    """``until_ms``: None: for ever. ``locked``: name of the category that keeps it longest; empty if none does."""

    until_ms: int | None
    locked: str = ""

    def may_go(self, now_ms: int) -> bool:
        """Whether its time is over."""
        return self.until_ms is not None and self.until_ms <= now_ms


def keeping(row: Container, categories: frozenset[str], settings: ServerSettings) -> Keeping:
    """How long a recording with these categories stays."""
    days = settings.quarantine_days if row.quarantine and settings.quarantine_days is not None else settings.keep_days
    if days is None:
        return Keeping(None)
    # What was rejected or is in quarantine counts from when it came: its own times may be what is wrong with it.
    has_times = not row.is_rejected and not row.quarantine and (row.started_ms or 0) >= EARLIEST_MS
    made_ms = row.started_ms if has_times and row.started_ms is not None else row.made_ms
    until_ms, locked = made_ms + days * DAY_MS, ""
    for rule in settings.category:
        if rule.id in categories and rule.retention_days is not None:
            rule_ms = made_ms + rule.retention_days * DAY_MS
            if rule_ms > until_ms:
                until_ms, locked = rule_ms, rule.name
    return Keeping(max(until_ms, row.made_ms + settings.keep_days_min * DAY_MS), locked)


def categories_of(store: Store, container: str) -> frozenset[str]:
    """IDs of the categories among a recording's bookmarks."""
    statement = "SELECT DISTINCT category FROM objects WHERE container = ? AND category <> ''"
    return frozenset(row[0] for row in store.catalogue.rows(statement, (container,)))


def arrival_warning(store: Store, row: Container, settings: ServerSettings, now_ms: int) -> str:
    """What a person is told when a recording arrives whose time is over already; empty if it is not."""
    if not keeping(row, categories_of(store, row.name), settings).may_go(now_ms):
        return ""
    return (
        f"recording {row.name} is older than it would be kept and goes at the next clean-up: "
        "lengthen keep_days, or set keep_days_min"
    )


def shortest_warning(settings: ServerSettings) -> str:
    """Before any recording comes: what these settings will do to old ones. Empty if nothing."""
    if settings.keep_days is None or settings.keep_days_min > 0:
        return ""
    return (
        f"keep_days is {settings.keep_days} and keep_days_min is 0: a recording that was made more than "
        f"{settings.keep_days} days before it arrives is deleted at once"
    )


def is_steady(store: Store, now_ms: int) -> bool:
    """Whether the clock has gone on evenly for a day, asked every hour; after a leap, or a day without a server,
    nothing is removed on its word before people could see it."""
    with store.catalogue.change():
        before_ms, since_ms = map(int, (store.catalogue.fact(STEADY_FACT) or f"{now_ms} 0").split())
        if not 0 <= now_ms - before_ms <= DAY_MS:
            since_ms = now_ms
        store.catalogue.keep_fact(STEADY_FACT, f"{now_ms} {since_ms}")
    return now_ms - since_ms >= DAY_MS


def clean_up(store: Store, settings: ServerSettings, now_ms: int) -> list[str]:
    """Remove what may go; answers the names."""
    gone: list[str] = []
    after = ""
    while rows := store.catalogue.containers(after, BATCH):
        after = rows[-1].name
        for row in rows:
            is_over = row.camera and keeping(row, categories_of(store, row.name), settings).may_go(now_ms)
            may_go = is_over and (row.is_complete or row.quarantine or row.is_rejected)
            if may_go and store.drop(row.name):
                gone.append(row.name)
    return gone
