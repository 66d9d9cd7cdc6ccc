"""What lies on the destination's disk and is nobody's: halves go, what came whole stays until people have looked."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.errors import IoFault
from host_tools.evidence import folder, retention
from host_tools.evidence.catalogue import StoredObject
from host_tools.evidence.errors import EvidenceError, StoreAway, StoreDamaged
from host_tools.evidence.folder import Destination
from host_tools.evidence.health import health
from host_tools.evidence.store import DAY_MS
from tests.unit.evidence.running import OPEN_HOUSE, SECRET

pytestmark = pytest.mark.req("DEST-02")
BOX = "W-7_CAM-1_20260101T000000Z"
NOW_MS = 1_767_225_600_000
FILM = b"a film"
_NAMES = (f"{number:032x}"[::-1] for number in itertools.count(1))


@contextmanager
def opened(place: Path, settings: str = OPEN_HOUSE) -> Generator[Destination]:
    if not place.exists():
        folder.create(place, settings, SECRET, NOW_MS)
    with folder.opened(place, LinuxFiles(place), lambda: NOW_MS, lambda: next(_NAMES), print) as made:
        yield made


def receive(made: Destination, name: str = "a.mp4") -> StoredObject:
    made.intake.put_container(BOX, {})
    upload = made.store.begin(0)
    upload.feed(FILM)
    return made.intake.finish_object(upload, BOX, name, {}, "video/mp4")


def read(made: Destination, row: StoredObject) -> bytes:
    return b"".join(made.store.read(row, 0, row.length_bytes))


def test_another_catalogue_costs_nothing_before_a_week_of_looks(tmp_path: Path) -> None:
    """An older one from a backup, another destination's; and without any it is not opened, as all would be nobody's."""
    place = tmp_path / "d"
    with opened(place) as made:
        row = receive(made)
    (place / folder.CATALOGUE_NAME).rename(place / "newer")
    with pytest.raises(EvidenceError, match="restore it from a backup"), opened(place):
        pass
    assert not (place / folder.CATALOGUE_NAME).exists()
    with opened(tmp_path / "other"):
        pass
    (tmp_path / "other" / folder.CATALOGUE_NAME).rename(place / folder.CATALOGUE_NAME)
    with opened(place) as made:
        for day in (0, 3, 6):
            assert made.store.sweep(NOW_MS + day * DAY_MS) == 0
            assert made.store.waiting == 1
    for end in ("", "-wal", "-shm"):
        (place / f"{folder.CATALOGUE_NAME}{end}").unlink(missing_ok=True)
    (place / "newer").rename(place / folder.CATALOGUE_NAME)
    with opened(place) as made:
        assert made.store.sweep(NOW_MS + 8 * DAY_MS) == 0
        assert made.store.waiting == 0
        assert read(made, row) == FILM


def test_a_disk_of_objects_that_is_not_mounted_is_red_and_takes_nothing(tmp_path: Path) -> None:
    """Else cameras erase what is hidden as soon as it is mounted again."""
    place = tmp_path / "d"
    with opened(place) as made:
        assert health(made.intake, None, NOW_MS).light == "green"
        row = receive(made)
    (place / "objects").rename(tmp_path / "unmounted")
    with opened(place) as made:
        assert "mount its disk" in health(made.intake, None, NOW_MS).problems[0]
        with pytest.raises(StoreAway, match="mount its disk"):
            receive(made, "b.mp4")
        assert not made.store.drop(BOX), "its bytes would stay there for ever"
        assert list((place / "objects").iterdir()) == []
        (place / "objects").rmdir()
        (tmp_path / "unmounted").rename(place / "objects")
        assert health(made.intake, None, NOW_MS).light == "green", "mounted under a server that runs"
        receive(made, "b.mp4")
        assert read(made, row) == FILM


def test_a_leap_of_the_clock_is_no_week(tmp_path: Path) -> None:
    with opened(tmp_path / "d") as made:
        receive(made)
        made.store.catalogue.drop_container(BOX)
        days = (0, 4_000, 1, 2, 4)
        assert [made.store.sweep(NOW_MS + day * DAY_MS) for day in days] == [0, 0, 0, 0, 0]
        assert made.store.sweep(NOW_MS + 5 * DAY_MS) == 1


def test_a_half_goes_at_the_next_start_and_is_never_one_that_is_coming(tmp_path: Path) -> None:
    with opened(tmp_path / "d") as made:
        made.intake.put_container(BOX, {})
        coming = made.store.begin(0)
        coming.feed(FILM)
        assert made.store.sweep(NOW_MS) == 0
        with opened(tmp_path / "d") as after_a_crash:
            assert after_a_crash.store.sweep(NOW_MS) == 1
        with pytest.raises(Exception, match="no such file"):  # never acknowledged
            made.intake.finish_object(coming, BOX, "a.mp4", {}, "video/mp4")
        made.store.discard(coming)
        assert made.store.catalogue.object(BOX, "a.mp4") is None


def test_the_same_bytes_after_completion_are_kept_anew(tmp_path: Path) -> None:
    """What is acknowledged again lies there again."""
    with opened(tmp_path / "d") as made:
        row = receive(made)
        made.intake.update_container(BOX, {"Status": "Complete"})
        (tmp_path / "d" / row.file).unlink()
        again = receive(made)
        assert read(made, again) == FILM
        assert made.store.catalogue.object(BOX, "a.mp4") == again
        assert len([path for path in (tmp_path / "d" / "objects").rglob("*") if path.is_file()]) == 1


def test_what_has_changed_is_not_moved_into_the_quarantine(tmp_path: Path) -> None:
    with opened(tmp_path / "d", OPEN_HOUSE + "quarantine_days = 5\n") as made:
        row = receive(made)
        path = tmp_path / "d" / row.file
        path.write_bytes(b"a firm")
        box = made.store.update_container(BOX, {}, "its times are wrong")
        with pytest.raises(StoreDamaged, match="have changed since it came"):
            made.store.set_apart(box)
        path.write_bytes(FILM)  # out of the backup that the line names
        made.store.set_apart(box)
        moved = made.store.catalogue.object(BOX, "a.mp4")
        assert moved is not None
        assert read(made, moved) == FILM


def test_a_catalogue_that_somebody_holds_is_a_fault_of_the_disk_without_its_values(tmp_path: Path) -> None:
    place = tmp_path / "d"
    with opened(place) as made, closing(sqlite3.connect(place / folder.CATALOGUE_NAME)) as other:
        made.store.catalogue.rows("PRAGMA busy_timeout = 1")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(IoFault, match="database is locked"):
            made.intake.put_container(BOX, {})
        other.execute("ROLLBACK")
        receive(made)


@pytest.mark.req("DEST-06")
def test_a_clock_that_leaps_removes_nothing_for_a_day(tmp_path: Path) -> None:
    hour_ms = 3_600_000
    with opened(tmp_path / "d") as made:
        assert retention.is_steady(made.store, NOW_MS)
        assert retention.is_steady(made.store, NOW_MS + hour_ms)
        ahead_ms = NOW_MS + 4_000 * DAY_MS
        hours = [retention.is_steady(made.store, ahead_ms + hour * hour_ms) for hour in range(25)]
        assert hours == [False] * 24 + [True]
        assert not retention.is_steady(made.store, NOW_MS + 2 * hour_ms), "back again"
