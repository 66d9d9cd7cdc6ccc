"""Every store keeps rows whole; the one on a database survives, and shows what other hands have done to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from host_tools.system.errors import SystemFault, SystemTampered
from host_tools.system.records import Wearer
from host_tools.system.sql_store import SCHEMA_VERSION, SqlStore, open_sql_store, sqlite_url
from host_tools.system.store import AlertRow, MemoryStore, Row, Store, UsageRow
from host_tools.system.system import System
from tests.unit.system.parts import ADA, EVE, NOW_MS

KEY = bytes(range(32))
ROWS = [Row("wearer", f"W-{n}", 1, NOW_MS, "ann", f'{{"n":{n}}}') for n in range(1_200)]


def sql_store(path: Path, key: bytes = KEY) -> SqlStore:
    return open_sql_store(sqlite_url(str(path)), str(path), key)


@pytest.fixture(params=["memory", "sql"])
def store(request: pytest.FixtureRequest, tmp_path: Path):
    made: Store = MemoryStore() if request.param == "memory" else sql_store(tmp_path / "system.sqlite")
    yield made
    made.close()


# -- the suite


def test_rows_are_kept_changed_and_taken_out(store: Store):
    assert store.load() == (0, [])
    store.write(1, ROWS, [])
    assert store.load() == (1, sorted(ROWS))
    changed = ROWS[7]._replace(version=2, body='{"n":"seven"}')
    store.write(2, [changed], [("wearer", "W-8"), ("wearer", "never there")])
    revision, rows = store.load()
    found = {row.key: row for row in rows}
    assert (revision, len(rows), found["W-7"]) == (2, 1_199, changed)
    assert "W-8" not in found


def test_alerts_are_a_history(store: Store):
    for number in range(1, 6):
        store.put_alert(AlertRow(number, "safe_mode", f"CAM-{number}", "", NOW_MS, None))
    store.put_alert(AlertRow(2, "safe_mode", "CAM-2", "x", NOW_MS, NOW_MS + 5))
    assert [row.id for row in store.alerts(open_only=True, before_id=None, limit=10)] == [5, 4, 3, 1]
    assert [row.id for row in store.alerts(open_only=False, before_id=4, limit=2)] == [3, 2]
    store.forget_alerts(NOW_MS + 5)
    assert len(store.alerts(open_only=False, before_id=None, limit=10)) == 5
    store.forget_alerts(NOW_MS + 6)
    assert [row.id for row in store.alerts(open_only=False, before_id=None, limit=10)] == [5, 4, 3, 1]


def test_usage_is_kept_once(store: Store):
    rows = [UsageRow("CAM-1", "aa", n, NOW_MS + n, NOW_MS + n, "docked", 80, "", "W-1") for n in range(1, 4)]
    assert store.usage_end("CAM-1") == ("", 0)
    store.add_usage(rows[:2])
    store.add_usage(rows)
    assert store.usage_end("CAM-1") == ("aa", 3)
    assert store.usage(NOW_MS) == rows
    store.add_usage([rows[0]._replace(log="bb", sequence=1, kept_unix_ms=NOW_MS + 99)])
    assert store.usage_end("CAM-1") == ("bb", 1), "the log that was read last, not the longer one"
    store.forget_usage(NOW_MS + 3)
    assert [(row.log, row.sequence) for row in store.usage(0)] == [("aa", 3), ("bb", 1)]


# -- on a database


def filled(path: Path) -> None:
    system = System(sql_store(path))
    with system.change("ann", NOW_MS) as edit:
        edit.put(ADA)
        edit.put(EVE)
    system.close()


def test_what_was_committed_is_there_after_a_restart(tmp_path: Path):
    path = tmp_path / "system.sqlite"
    filled(path)
    system = System(sql_store(path))
    assert system.wearers == {"W-001": ADA, "W-002": EVE}
    stamp = system.stamp_of("wearer", "W-001")
    assert stamp is not None
    assert (stamp.changed_by, stamp.changed_unix_ms, stamp.version) == ("ann", NOW_MS, system.revision)
    system.close()


TAMPERINGS: dict[str, str] = {
    "a row is edited": "UPDATE records SET body = replace(body, 'Ada', 'Eve') WHERE key = 'W-001'",
    "who changed it is edited": "UPDATE records SET changed_by = 'nobody' WHERE key = 'W-001'",
    "a row is taken out": "DELETE FROM records WHERE key = 'W-002'",
    "a row is added": "INSERT INTO records SELECT kind, 'W-003', version, changed_unix_ms, changed_by, body "
    "FROM records WHERE key = 'W-001'",
    "two keys are exchanged": "UPDATE records SET key = CASE key WHEN 'W-001' THEN 'W-002 ' ELSE 'W-001 ' END "
    "WHERE kind = 'wearer'",
    "the revision is set back": "UPDATE system SET revision = 1",
    "the seal is taken off": "UPDATE system SET seal = ''",
}


@pytest.mark.parametrize("statement", TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_what_other_hands_have_done_shows_and_can_be_believed(tmp_path: Path, statement: str):
    path = tmp_path / "system.sqlite"
    filled(path)
    connection = sqlite3.connect(path)
    assert connection.execute(statement).rowcount > 0
    connection.commit()
    connection.close()
    store = sql_store(path)
    with pytest.raises(SystemTampered, match=r"changed from outside.*bwc system believe"):
        System(store)
    store.believe()
    store.load()
    store.close()


def test_a_seal_of_another_key_is_none(tmp_path: Path):
    path = tmp_path / "system.sqlite"
    filled(path)
    store = sql_store(path, bytes(32))
    with pytest.raises(SystemTampered):
        store.load()
    store.close()


def test_an_older_row_that_is_put_back_shows(tmp_path: Path):
    """She had that badge last week: the row itself has a good MAC, and the sum has not."""
    path = tmp_path / "system.sqlite"
    filled(path)
    connection = sqlite3.connect(path)
    old = connection.execute("SELECT * FROM records WHERE key = 'W-001'").fetchone()
    system = System(sql_store(path))
    with system.change("ann", NOW_MS + 1) as edit:
        edit.put(ADA.model_copy(update={"tags": ()}))
    system.close()
    connection.execute("DELETE FROM records WHERE key = 'W-001'")
    connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", old)
    connection.commit()
    connection.close()
    store = sql_store(path)
    with pytest.raises(SystemTampered):
        store.load()
    store.close()


def test_a_commit_is_synchronous_and_names_nobody_to_others(tmp_path: Path):
    path = tmp_path / "system.sqlite"
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    store = sql_store(path)
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "FULL"
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    store.close()
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (lambda c: c.execute("CREATE TABLE other (x)"), "another database: name an empty one"),
        (lambda c: None, None),
    ],
)
def test_another_database_is_not_touched(
    tmp_path: Path, prepare: Callable[[sqlite3.Connection], object], expected: str | None
):
    path = tmp_path / "x.sqlite"
    connection = sqlite3.connect(path)
    prepare(connection)
    connection.commit()
    connection.close()
    if expected is None:
        sql_store(path).close()
    else:
        with pytest.raises(SystemFault, match=expected):
            sql_store(path)


def test_a_newer_schema_and_a_file_that_is_none_are_told_in_one_line(tmp_path: Path):
    path = tmp_path / "system.sqlite"
    filled(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE system SET schema_version = ?", (SCHEMA_VERSION + 1,))
    connection.commit()
    connection.close()
    with pytest.raises(SystemFault, match="use the newer one"):
        sql_store(path)
    path.write_bytes(b"this is no database, whatever its name says" * 99)
    with pytest.raises(SystemFault, match=r"system\.sqlite: .*not a database"):
        sql_store(path)
    with pytest.raises(SystemFault, match="not a database that can be used"):
        open_sql_store("nonsense://x", "settings: database", KEY)


def test_a_write_that_fails_changes_nothing_in_memory_either(tmp_path: Path):
    path = tmp_path / "system.sqlite"
    system = System(sql_store(path))
    blocker = sqlite3.connect(path)
    blocker.execute("DROP TABLE records")
    blocker.commit()
    blocker.close()
    told: list[object] = []
    system.listen(told.append)
    with pytest.raises(SystemFault, match="nothing of the change was kept"), system.change("ann", NOW_MS) as edit:
        edit.put(Wearer(id="W-9", name="Nobody"))
    assert "W-9" not in system.wearers
    assert told == []
    system.close()
