"""Catalogue and Swift store compared: what is nobody's goes, what is missing is told.

Law: may run while objects come and go. Nobody's is removed only after a week, by Swift's clock, so that a catalogue
which was restored from a backup never costs evidence: controllers ask within three days for what was acknowledged, and
send it again. What a listing does not have is asked for by name before anybody is alarmed: Swift's listings lag.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from host_tools.evidence.catalogue import StoredObject
from host_tools.evidence.store import Store
from host_tools.evidence.swift_objects import LARGE_PLACE, PLACE, Listed, SwiftObjects

NOBODYS_MS = 7 * 86_400_000
MISSING_MAX = 1_000  # told by name: by then somebody looks anyway
LAST_NAME = "g"  # after all hexadecimal digits


class Reconciled(NamedTuple):
    """How many of Swift's objects went, how many wait for their week, and what is missing, a line each."""

    removed: int
    waiting: int
    missing: tuple[str, ...]


def reconcile(store: Store, now_ms: int) -> Reconciled:
    """Look through all of it; ``store.missing`` is what was found. Blocks. StoreAway."""
    swift = store.swift
    if swift is None:
        return Reconciled(0, 0, ())
    removed = waiting = 0
    missing: list[str] = []
    after = seen = ""
    while True:
        page = swift.listed(after)
        bases = {each.base for each in page}
        last = "/".join(page[-1].name.split("/")[:2]) if page else LAST_NAME
        rows = [row for kind in (PLACE, LARGE_PLACE) for row in store.catalogue.lying_in(kind + seen, kind + last)]
        known = {_base(row) for row in rows}
        for each in page:
            if each.base and each.base not in known:
                if now_ms - _unix_ms(each) < NOBODYS_MS or _is_somebodys(store, each):
                    waiting += 1
                else:
                    swift.remove_named(each.name)
                    removed += 1
        lost = (row for row in rows if _base(row) not in bases and _base(row) != seen)
        missing += [_told(row) for row in lost if len(missing) < MISSING_MAX and _is_lost(store, swift, row)]
        if not page:
            break
        after, seen = page[-1].name, last
    store.missing = tuple(missing)
    return Reconciled(removed, waiting, store.missing)


def _base(row: StoredObject) -> str:
    return row.file.partition("/")[2]


def _is_somebodys(store: Store, each: Listed) -> bool:
    return any(store.catalogue.has_file(kind + each.base) for kind in (PLACE, LARGE_PLACE))


def _is_lost(store: Store, swift: SwiftObjects, row: StoredObject) -> bool:
    """Asked by name, and whether it still is that object's place."""
    if swift.holds(row):
        return False
    now = store.catalogue.object(row.container, row.name)
    return now is not None and now.file == row.file


def _told(row: StoredObject) -> str:
    return f"object {row.name} of {row.container} is not in the store any more: restore the store from a backup"


def _unix_ms(each: Listed) -> int:
    return int(datetime.fromisoformat(each.modified).replace(tzinfo=UTC).timestamp() * 1000)
