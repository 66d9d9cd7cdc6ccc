"""Two copies of a destination's folder over one Swift container: one of them writes."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from host_tools.evidence.errors import StoreAway
from host_tools.evidence.folder import Destination
from host_tools.evidence.health import health
from host_tools.evidence.holding import HELD_S
from host_tools.evidence.reconciling import reconcile
from host_tools.evidence.store import DAY_MS
from host_tools.evidence.swift_objects import SwiftObjects
from tests.unit.evidence.swift_like import SwiftLike
from tests.unit.evidence.test_swift_objects import (
    BOX,
    FILM,
    NOW_MS,
    kept,
    objects_in,
    opened,
    receive,
    shared,
    store,
)

pytestmark = pytest.mark.req("DEST-02")
__all__ = ("shared", "store")


def test_of_two_copies_of_a_folder_one_writes_and_both_read(store: SwiftLike, tmp_path: Path) -> None:
    with kept(store, tmp_path / "d") as made:
        row = receive(made, "a", FILM)
        shutil.copytree(tmp_path / "d", tmp_path / "copy")
        with opened(tmp_path / "d") as beside:  # the command line, beside the server
            receive(beside, "b", FILM)
        with opened(tmp_path / "copy") as copy:
            assert swift_of(copy).look() == ""
            assert b"".join(copy.store.read(row, 0, row.length_bytes)) == FILM
            for _ in range(2):  # once it was asked, and once it is known
                with pytest.raises(StoreAway, match="another server with a copy of this folder, heard of"):
                    copy.store.begin(0)
            assert health(copy.intake, None, NOW_MS).light == "red"
            for later in (NOW_MS, NOW_MS + 3 * DAY_MS, NOW_MS + 6 * DAY_MS):
                assert reconcile(copy.store, later).removed == 0  # what came since the copy is nobody's, to it
            with pytest.raises(StoreAway, match="another server"):
                reconcile(copy.store, NOW_MS + 9 * DAY_MS)
            assert len(names_in(store)) == 2 * len(names_of(made, "a"))
            swift_of(made).release()
            swift_of(copy)._hold._again_s = 0.0
            assert swift_of(copy).hold() == ""
            receive(copy, "c", b"short")
            swift_of(made)._hold._again_s = 0.0
            with pytest.raises(StoreAway, match="another server"):
                made.store.begin(0)


@pytest.mark.parametrize(
    ("said", "is_held"),
    [
        ("0123456789abcdef {now}", True),
        ("0123456789abcdef {soon}", True),
        ("0123456789abcdef {old}", False),
        ("0123456789abcdef", False),
        ("0123456789abcdef soon", False),
        ("", False),
    ],
)
def test_whoever_was_not_heard_of_for_long_is_succeeded(store: SwiftLike, said: str, is_held: bool) -> None:
    with objects_in(store, "one", holder="me") as one:
        assert one.look() == ""
        now_s = int(time.time())
        text = said.format(now=now_s, soon=now_s + 60, old=now_s - HELD_S - 60)
        store.about["openbwc-evidence"]["x-container-meta-openbwc-holder"] = text
        assert ("another server" in one.hold()) == is_held


def test_after_a_crash_the_same_folder_goes_on_at_once(store: SwiftLike, tmp_path: Path) -> None:
    for name in ("a", "b"):
        with kept(store, tmp_path / "d") as made:  # never released
            receive(made, name, b"short")
    assert len(names_in(store)) == 2


def swift_of(made: Destination) -> SwiftObjects:
    assert made.store.swift is not None
    return made.store.swift


def names_in(store: SwiftLike) -> list[str]:
    return list(store.boxes["openbwc-evidence"])


def names_of(made: Destination, name: str) -> list[str]:
    """Swift's names of all parts of an object."""
    row = made.store.catalogue.object(BOX, name)
    assert row is not None
    base = row.file.partition("/")[2]
    return [each.name for each in swift_of(made).listed("") if each.base == base]
