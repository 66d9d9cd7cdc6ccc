"""SQLite on the files port: its writes are torn like all others, and with ``synchronous=FULL`` nothing that was
committed is lost. With less it is, under the very same cuts: so the cuts can find it."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from firmware.ports.files import Files
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles
from host_tools.custody.errors import CustodyError, CustodyFault
from host_tools.custody.files_vfs import FilesVfs
from host_tools.custody.index import Announcement, Index, open_index
from host_tools.custody.ledger import Ledger
from tests.unit.custody.conftest import wall_ms

ROWS = 6


@contextmanager
def opened(files: Files, synchronous: str = "") -> Generator[Index]:
    vfs = FilesVfs(files, SeededEntropy(1), wall_ms)
    try:
        index = open_index("custody.db", vfs=vfs.name, exclusive=True)
        try:
            if synchronous:
                index._database.run(f"PRAGMA synchronous={synchronous}")
            yield index
        finally:
            index.close()
    finally:
        vfs.close()


def announcement(number: int) -> Announcement:
    return Announcement(bytes([number]) * 16, "CAM-0001", bytes(32), 10, 20, number, 5, False)


def announce_all(files: Files, acknowledged: list[int], synchronous: str = "") -> None:
    with opened(files, synchronous) as index:
        for number in range(ROWS):
            with index.transaction():
                index.announce(announcement(number), wall_ms())
                index.append("recorded", bytes([number]) * 16, wall_ms(), {})
            acknowledged.append(number)


def announce_many(index: Index) -> None:
    for number in range(ROWS, 50):
        index.announce(announcement(number), wall_ms())


def lost_rows(phase: str, change: int, synchronous: str) -> list[int]:
    """Rows that were acknowledged before the cut and are not there after it."""
    medium, acknowledged = MemoryFiles(), list[int]()
    files = PowerCutFiles(medium, **{f"cut_{phase}": change})
    with pytest.raises((PowerCut, CustodyError)):
        announce_all(files, acknowledged, synchronous)
    assert files.dead
    try:
        with opened(medium.crash_torn(change)) as index:
            there = {row.started_unix_ms for row in index.recordings()}
            if not Ledger(index).verify().holds:
                return acknowledged
    except CustodyFault:
        return acknowledged  # not even a database is left
    assert there <= {*acknowledged, len(acknowledged)}, "a transaction is there whole or not at all"
    return [number for number in acknowledged if number not in there]


def changes_of_all(synchronous: str) -> int:
    files = PowerCutFiles(MemoryFiles())
    announce_all(files, [], synchronous)
    return files.changes


@pytest.mark.req("CTRL-09")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a dead medium fails again and again
def test_nothing_committed_is_lost_wherever_the_power_is_cut() -> None:
    changes = changes_of_all("")
    assert changes > 100
    for change in range(changes):
        for phase in ("before", "inside", "after"):
            assert lost_rows(phase, change, "") == [], f"cut {phase} change {change} of {changes}"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_with_a_weaker_setting_the_same_cuts_lose_what_was_committed() -> None:
    lost = [lost_rows("before", change, "OFF") for change in range(changes_of_all("OFF"))]
    assert any(lost)


def test_it_is_one_file_after_an_orderly_end_and_reads_back() -> None:
    files = MemoryFiles()
    announce_all(files, [])
    assert files.list_folder("") == ["custody.db"]
    with opened(files.crash()) as index:
        assert len(index.recordings()) == ROWS


def test_a_full_medium_is_told_as_such_and_loses_nothing() -> None:
    files = MemoryFiles(capacity_bytes=400_000)
    announce_all(files, [])
    ballast = files.create("ballast", files.free_bytes() - 3_000)
    with opened(files) as index:
        with pytest.raises(CustodyFault, match="no space left"):
            announce_many(index)
        files.remove("ballast")
        ballast.close()
        assert len(index.recordings()) >= ROWS
        assert index.announce(announcement(51), wall_ms()).started_unix_ms == 51


def test_a_write_protected_medium_is_told_as_such() -> None:
    files = MemoryFiles()
    announce_all(files, [])
    files.set_read_only(True)
    with pytest.raises(CustodyFault, match="cannot be"), opened(files):
        pass
