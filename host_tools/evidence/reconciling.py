"""Catalogue and Swift store compared: what is nobody's goes, what is missing is told.

Law: may run while objects come and go. Nobody's is removed only when this catalogue has seen it as that for a week,
however old it is, so that a catalogue which was restored from a backup costs no evidence before people have looked.
What a listing does not have is asked for by name before anybody is alarmed: Swift's listings lag.
"""

from __future__ import annotations

from typing import NamedTuple

from host_tools.evidence.catalogue import StoredObject
from host_tools.evidence.store import Store
from host_tools.evidence.swift_objects import LARGE_PLACE, PLACE, SwiftObjects

KIND = "swift"
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
    nobodys: dict[str, str] = {}  # names, and the objects that they belong to
    missing: list[str] = []
    after = seen = ""
    while True:
        page = swift.listed(after)
        bases = {each.base for each in page}
        last = "/".join(page[-1].name.split("/")[:2]) if page else LAST_NAME
        rows = [row for kind in (PLACE, LARGE_PLACE) for row in store.catalogue.lying_in(kind + seen, kind + last)]
        known = {_base(row) for row in rows}
        for each in page:
            if each.base and each.base not in known and not _is_somebodys(store, each.base):
                nobodys[each.name] = each.base
        lost = (row for row in rows if _base(row) not in bases and _base(row) != seen)
        missing += [_told(row) for row in lost if len(missing) < MISSING_MAX and _is_lost(store, swift, row)]
        if not page:
            break
        after, seen = page[-1].name, last
    store.missing = tuple(missing)
    over = set(store.outwaited(KIND, set(nobodys.values()), now_ms))
    going = [name for name, base in nobodys.items() if base in over and not _is_somebodys(store, base)]
    for name in going:
        swift.remove_named(name)
    return Reconciled(len(going), len(nobodys) - len(going), store.missing)


def _base(row: StoredObject) -> str:
    return row.file.partition("/")[2]


def _is_somebodys(store: Store, base: str) -> bool:
    is_coming = store.is_receiving(base)  # asked before the rows: it becomes one at any moment
    return is_coming or any(store.catalogue.has_file(kind + base) for kind in (PLACE, LARGE_PLACE))


def _is_lost(store: Store, swift: SwiftObjects, row: StoredObject) -> bool:
    """Asked by name, and whether it still is that object's place."""
    if swift.holds(row):
        return False
    now = store.catalogue.object(row.container, row.name)
    return now is not None and now.file == row.file


def _told(row: StoredObject) -> str:
    return f"object {row.name} of {row.container} is not in the store any more: restore the store from a backup"
