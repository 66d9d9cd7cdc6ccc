"""The one door to SQLite: opening, durability settings, schema version, transactions, and what its errors mean.

Law: knows files and transactions, no tables. Journal mode is WAL with ``synchronous=FULL``: a commit is then one append
and one fsync (a rollback journal needs three or four), it is on the medium when COMMIT returns, and ``bwc status`` can
read beside the running controller without holding it up. WAL wants shared memory between processes; a VFS without it
(power-cut sweeps, simulation) is opened ``exclusive``, where the same journal lives without. Closing folds the journal
back, so that a closed index is one file.
"""

import os
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import apsw

from host_tools.custody.errors import CustodyFault

APPLICATION_ID = 0x42574349  # "BWCI" in the file's header: other SQLite files are told apart before they are touched
OWNER_FILE_MODE = 0o600  # nobody else may hold the lock
BUSY_MS_MAX = 5_000  # a reader beside us holds nothing for longer than one page of rows

_MEANING: tuple[tuple[type[apsw.Error], str], ...] = (
    (apsw.FullError, "no space left for it: free disk space, nothing committed is lost"),
    (apsw.ReadOnlyError, "it cannot be written: check that its folder is writable and not mounted read-only"),
    (apsw.BusyError, "another program holds it: end that one first"),
    (apsw.LockedError, "another program holds it: end that one first"),
    (apsw.NotADBError, "it is not a custody index: name another file"),
    (apsw.CorruptError, "it is damaged: keep a copy, restore it from a backup, recordings stay on camera and spool"),
    (apsw.CantOpenError, "it cannot be opened: check that its folder exists and can be read and written"),
    (apsw.IOError, "the disk failed to read or write it: check the disk"),
)


class Database:
    """One connection. Safe to call from any thread; one at a time is let in."""

    def __init__(self, path: str, connection: apsw.Connection, guard: apsw.Connection | None) -> None:
        self.path = path
        self._connection = connection
        self._guard = guard
        self._lock = threading.RLock()
        self._depth = 0

    def close(self) -> None:
        """Give everything back; a second call does nothing."""
        with self._lock, _told(self.path):
            self._connection.close()
            if self._guard is not None:
                self._guard.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing; durable when it ends. A transaction inside a transaction is part of it."""
        with self._lock, _told(self.path):
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
                if self._depth == 1:
                    self._connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some disk errors; then there is nothing left to undo.
                if self._depth == 1 and self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """Reads inside see one committed state; nothing is written."""
        with self._lock, _told(self.path):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    def rows(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows a statement answers."""
        with self._lock, _told(self.path):
            return list(self._connection.execute(sql, values))

    def row(self, sql: str, values: tuple[object, ...] = ()) -> tuple[Any, ...] | None:
        """The first row, or None."""
        found = self.rows(sql, values)
        return found[0] if found else None

    def run(self, sql: str, values: tuple[object, ...] = ()) -> int:
        """A statement without rows; returns how many rows it changed."""
        with self._lock, _told(self.path):
            self._connection.execute(sql, values)
            return self._connection.changes()

    def run_many(self, sql: str, many_values: list[tuple[object, ...]]) -> None:
        """The same statement once for each tuple of values."""
        with self._lock, _told(self.path):
            self._connection.executemany(sql, many_values)


def open_database(
    path: str,
    schema: str,
    schema_version: int,
    *,
    read_only: bool = False,
    exclusive: bool = False,
    vfs: str | None = None,
    application_id: int = APPLICATION_ID,
    upgrades: Mapping[int, str] | None = None,
) -> Database:
    """Open or (unless ``read_only``) make the index at ``path``. ``CustodyFault`` names the file and the remedy.

    ``upgrades``: the statements that lead from an older schema version to the next; they run in one transaction. A
    second writer on the same file is refused. ``read_only`` works on a copy and beside a running controller.
    """
    with _told(path):
        guard = None if read_only or vfs is not None or path == ":memory:" else _guard(path)
        flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        connection = apsw.Connection(path, flags=flags, vfs=vfs)
        try:
            connection.set_busy_timeout(BUSY_MS_MAX)
            if exclusive:
                connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            is_new = _is_new(path, connection, schema_version, application_id, read_only=read_only)
            _settle(connection, read_only=read_only)
            if is_new:
                _make_schema(connection, schema, schema_version, application_id)
            elif not read_only:
                _upgrade(connection, schema_version, upgrades or {})
        except BaseException:
            connection.close()
            if guard is not None:
                guard.close()
            raise
    return Database(path, connection, guard)


def _guard(path: str) -> apsw.Connection:
    """Hold an exclusive lock on ``path.owner`` for as long as the writer lives; the kernel frees it if it is killed."""
    with suppress(OSError):  # SQLite will say what is wrong; its journal takes its mode from the file
        os.close(os.open(path + ".owner", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_FILE_MODE))
    guard = apsw.Connection(path + ".owner")
    try:
        guard.execute("BEGIN EXCLUSIVE")
    except apsw.Error:
        guard.close()
        raise
    return guard


def _is_new(path: str, connection: apsw.Connection, version: int, application_id: int, *, read_only: bool) -> bool:
    """Whether the file is empty. Nothing is written before it is known that the file is ours and not of the future."""
    found = int(_pragma(connection, "user_version"))
    application = int(_pragma(connection, "application_id"))
    empty = next(iter(connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1")), None) is None
    if empty and not read_only:
        return True
    if application != application_id:
        raise CustodyFault(f"index {path}: it is not a custody index, or another database of ours: name another file")
    if found > version:
        raise CustodyFault(
            f"index {path}: it has schema {found}, this software knows schemas up to {version}: use the newer software"
        )
    return False


def _settle(connection: apsw.Connection, *, read_only: bool) -> None:
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    if not read_only:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _make_schema(connection: apsw.Connection, schema: str, version: int, application_id: int) -> None:
    with connection:
        connection.execute(schema)
        connection.execute(f"PRAGMA application_id={application_id}")
        connection.execute(f"PRAGMA user_version={version}")


def _upgrade(connection: apsw.Connection, version: int, upgrades: Mapping[int, str]) -> None:
    found = int(_pragma(connection, "user_version"))
    if found == version:
        return
    with connection:
        for step in range(found, version):
            connection.execute(upgrades[step])
        connection.execute(f"PRAGMA user_version={version}")


def _pragma(connection: apsw.Connection, name: str) -> Any:
    return next(iter(connection.execute(f"PRAGMA {name}")))[0]


@contextmanager
def _told(path: str) -> Generator[None]:
    """Turn what SQLite reports into one line with a remedy."""
    try:
        yield
    except apsw.Error as error:
        meaning = next((text for kind, text in _MEANING if isinstance(error, kind)), str(error))
        raise CustodyFault(f"index {path}: {meaning}") from error
