"""The index on a real file: durable, one writer, readable beside it, and clear about files that are not its own."""

import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from host_tools.custody import states
from host_tools.custody.errors import CustodyFault, CustodyRefused
from host_tools.custody.index import Announcement, Index, open_index
from host_tools.custody.ledger import Ledger
from tests.patience import LIMIT_S

A = bytes(15) + b"a"
OFFER = Announcement(A, "CAM-1", bytes(32), 900, 5_000, 1_000, 2_000, False)


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    path = str(tmp_path / "custody.db")
    index = open_index(path)
    index.announce(OFFER, 7)
    index.append("docked", A, 8, {})
    index.close()
    index.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["custody.db", "custody.db.owner"]
    again = open_index(path)
    row = again.get(A)
    assert (row.camera_serial, row.state, row.announced_unix_ms, row.interrupted) == ("CAM-1", "announced", 7, False)
    assert Ledger(again).verify().entries == 1
    again.close()


def test_a_commit_is_on_the_medium_when_it_returns(tmp_path: Path) -> None:
    index = open_index(str(tmp_path / "custody.db"))
    assert index._database.row("PRAGMA journal_mode") == ("wal",)
    assert index._database.row("PRAGMA synchronous") == (2,)  # FULL
    assert index._database.row("PRAGMA foreign_keys") == (1,)
    index.close()


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "custody.db")
    index = open_index(path)
    index.announce(OFFER, 7)
    with pytest.raises(CustodyFault, match="end that one first"):
        open_index(path)
    with index.transaction():
        index.note_trouble(A, "not committed yet")
        reader = open_index(path, read_only=True)
        assert reader.get(A).trouble == ""
    assert reader.get(A).trouble == "not committed yet"
    with pytest.raises(CustodyFault, match="cannot be written"):
        reader.note_trouble(A, "x")
    reader.close()
    index.close()


def test_a_killed_writer_loses_nothing_committed_and_frees_the_file(tmp_path: Path) -> None:
    path = str(tmp_path / "custody.db")
    program = textwrap.dedent(
        """
        import os, signal, sys
        from host_tools.custody.index import open_index
        index = open_index(sys.argv[1])
        for number in range(50):
            index.append("docked", None, number, {})
        open_transaction = index.transaction()
        open_transaction.__enter__()
        index.append("docked", None, 50, {})
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run([sys.executable, "-c", program, path], check=False, timeout=LIMIT_S)
    assert done.returncode < 0
    index = open_index(path)
    assert Ledger(index).verify().entries == 50
    index.close()


def test_a_failed_transaction_leaves_nothing(index: Index) -> None:
    def announce_and_fail() -> None:
        with index.transaction():
            index.announce(OFFER, 7)
            index.append("docked", A, 8, {})
            index.get(bytes(16))

    with pytest.raises(CustodyRefused, match="unknown here"):
        announce_and_fail()
    assert index.find(A) is None
    assert Ledger(index).verify().entries == 0


def test_a_newer_schema_is_named(tmp_path: Path) -> None:
    path = tmp_path / "custody.db"
    open_index(str(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=9")
    connection.close()
    for read_only in (False, True):
        with pytest.raises(
            CustodyFault, match=r"schema 9, this software knows schemas up to 3: use the newer software"
        ):
            open_index(str(path), read_only=read_only)


def test_an_index_of_the_first_schema_is_brought_up_to_date_and_keeps_what_it_has(tmp_path: Path) -> None:
    path = str(tmp_path / "custody.db")
    index = open_index(path)
    index.announce(OFFER, 7)
    index.append("docked", A, 8, {})
    index.close()
    with sqlite3.connect(path) as connection:  # as the first release left it
        connection.executescript(
            "DROP TABLE transfers; DROP INDEX recordings_stored; DROP INDEX recordings_by_start; "
            "DROP INDEX recordings_troubled; PRAGMA user_version=1"
        )
    connection.close()
    again = open_index(path)
    assert again.get(A).announced_unix_ms == 7
    assert Ledger(again).verify().entries == 1
    again.transfers.begin(A, "memory", "box", 10, 9)
    assert [each.outcome for each in again.transfers.history(10)] == ["sending"]
    assert again._database.row("PRAGMA user_version") == (3,)
    again.close()
    open_index(path).close()


@pytest.mark.parametrize("read_only", [False, True])
def test_files_that_are_no_index_are_left_alone(tmp_path: Path, read_only: bool) -> None:
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE somebody (elses TEXT)")
    connection.close()
    text = tmp_path / "text.db"
    text.write_text("not a database at all, but long enough to be looked at" * 20)
    for path in (foreign, text):
        before = path.read_bytes()
        with pytest.raises(CustodyFault, match="not a custody index"):
            open_index(str(path), read_only=read_only)
        assert path.read_bytes() == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CustodyFault, match=r"nowhere/custody.db: it cannot be opened"):
        open_index(str(tmp_path / "nowhere" / "custody.db"))
    with pytest.raises(CustodyFault, match="cannot be opened"):
        open_index(str(tmp_path / "custody.db"), read_only=True)


def test_an_exclusive_index_keeps_no_shared_memory(tmp_path: Path) -> None:
    index = open_index(str(tmp_path / "custody.db"), exclusive=True)
    index.announce(OFFER, 7)
    assert not list(tmp_path.glob("*-shm"))
    index.close()


def test_announcements_change_until_the_manifest_is_accepted(index: Index) -> None:
    index.announce(OFFER, 7)
    index.announce(OFFER._replace(chunks_bytes=6_000, manifest_sha256=bytes(31) + b"x"), 8)
    assert index.get(A).chunks_bytes == 6_000
    index.note_poison(A, "nobody vouches for it")
    assert index.announce(OFFER, 9).poison  # the same camera again
    claimed = index.announce(OFFER._replace(camera_serial="CAM-2"), 9)  # only claimed: it is nobody's yet
    assert (claimed.camera_serial, claimed.poison) == ("CAM-2", "")
    assert index.announce(OFFER._replace(chunks_bytes=6_000), 9).camera_serial == "CAM-1"
    index.advance(A, "accepted", 10)
    with pytest.raises(CustodyRefused, match="belongs to camera CAM-1, not to CAM-2"):
        index.announce(OFFER._replace(camera_serial="CAM-2"), 11)
    index.announce(OFFER._replace(chunks_bytes=7_000), 11)
    assert index.get(A).chunks_bytes == 6_000


def test_every_state_has_a_way_in_and_every_step_its_words() -> None:
    reached = {"announced", *states.TRANSITIONS.values()}
    assert reached == set(states.STATES)
    assert {happening for _, happening in states.TRANSITIONS} == set(states.WORDS_OF)
    assert {word for words in states.WORDS_OF.values() for word in words} | states.CHAIN_WORDS == set(states.WORDS)
