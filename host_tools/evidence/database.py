"""The database below the catalogue: SQLite in a file, or a server by its SQLAlchemy URL; statements in, tuples out.

Law: one connection, one transaction at a time, every change durable when it returns; nothing of what the rows mean.
Statements are of what SQLite and PostgreSQL share, a ``?`` for each value. A server that went away, or only lets itself
be read, is asked anew by the next statement; what was under way then is StoreAway, and whoever gave it in gives it in
again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as sql
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)

from firmware.ports.errors import IoFault
from host_tools.evidence.errors import EvidenceError, StoreAway

BUSY_S = 10.0  # another program may look into the file meanwhile
FILE_SETTINGS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON")
SERVER_SETTINGS = (  # whatever the server's own are
    "SET synchronous_commit = on",
    "SET statement_timeout = '60s'",
    "SET lock_timeout = '30s'",
    "SET TIME ZONE 'UTC'",
    # The server's own patience with a client whose machine is gone: until then nobody else can have SOLE.
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
    "SET default_transaction_isolation = 'read committed'",  # who waited for ONE_WRITER sees what that one wrote
)
SOLE = "SELECT pg_try_advisory_lock(1115112262)"  # of a destination's server, as long as its connection lives
# The same, once: a server that was ended a moment ago has it until the database has noticed.
SOLE_SOON = ("SET lock_timeout = '3s'", "SELECT pg_advisory_lock(1115112262)", "SET lock_timeout = '30s'")
ONE_WRITER = "SELECT pg_advisory_xact_lock(1115112261)"  # as a file has it: who counts licences counts alone
CONNECT_S_MAX = 10
# A server whose machine is gone says nothing: without these a statement waits for hours, and everybody for it.
SERVER_PATIENCE = {
    "connect_timeout": CONNECT_S_MAX,
    "keepalives_idle": 10,  # seconds
    "keepalives_interval": 5,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds, as the three above together
}
AWAY = (OperationalError, InterfaceError, InternalError)  # InternalError: of a standby, which does not write
NO_NUL = "\ufffd"
STATEMENTS_KEPT = 200  # there are some dozens, and search puts together others

Values = Sequence[Any]


class Database:
    """Open. ``place``: how people call it, without a secret. May be called from several threads."""

    def __init__(self, url: URL, place: str) -> None:
        """EvidenceError, which names it and the remedy."""
        self.place = place
        self._lock = threading.RLock()
        self._depth = 0
        self.is_file = url.get_backend_name() == "sqlite"
        waiting: dict[str, Any] = {"timeout": BUSY_S, "check_same_thread": False} if self.is_file else SERVER_PATIENCE
        try:
            self._engine = sql.create_engine(
                url,
                poolclass=sql.pool.StaticPool if self.is_file else None,
                connect_args=waiting,
                isolation_level="AUTOCOMMIT",  # of every connection, also after one was lost
                hide_parameters=True,  # rows name people
            )
        except (ArgumentError, NoSuchModuleError, ImportError, TypeError) as error:
            raise EvidenceError(f"{place}: is no database that can be used ({_said(error)}): name another") from error
        self._is_held = False
        event.listen(self._engine, "connect", _settle_file if self.is_file else self._settle_server)
        try:
            self._connection = self._engine.connect()
        except SQLAlchemyError as error:
            self._engine.dispose()
            raise EvidenceError(f"{place}: cannot be opened ({_said(error)}): {self._hint(error)}") from error
        # A file's statements go to the driver itself: SQLAlchemy costs more than SQLite does, and a short recording
        # takes some thirty of them. A server's connection may be another at each statement.
        self._driver = (
            cast("sqlite3.Connection", self._connection.connection.driver_connection) if self.is_file else None
        )

    def hold(self) -> bool:
        """Be the one server that writes, from now on and over each new connection; whether nobody else is."""
        if not self.is_file and not self._is_held:
            with suppress(StoreAway):
                self.script(SOLE_SOON)
            self._is_held = bool(self.rows(SOLE)[0][0])  # had twice where it was had already; gone with the connection
            return self._is_held
        return True

    def close(self) -> None:
        """Give it back; a second call does nothing."""
        with suppress(SQLAlchemyError):
            self._connection.close()
        self._engine.dispose()

    @contextmanager
    def change(self) -> Generator[None]:
        """A transaction, durable when it ends; one inside another is part of it. StoreAway; IoFault of a file."""
        with self._lock:
            if self._depth:
                yield
                return
            self._do("BEGIN IMMEDIATE" if self.is_file else "BEGIN")
            self._depth = 1
            try:
                if not self.is_file:
                    self._do(ONE_WRITER)
                yield
                self._do("COMMIT")
            except BaseException:
                with suppress(IoFault, SQLAlchemyError):
                    self._do("ROLLBACK")
                raise
            finally:
                self._depth = 0

    def rows(self, statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """What a question answers. StoreAway."""
        with self._lock, self._answering():
            if self._driver is not None:
                return self._of_file(self._driver, statement, values)
            found = self._connection.execute(_bound(statement), _named(values)).fetchall()
            return [tuple(row) for row in found]

    def run(self, statement: str, values: Values = ()) -> None:
        """A statement that answers nothing. StoreAway."""
        with self._lock, self._answering():
            if self._driver is not None:
                self._of_file(self._driver, statement, values)
            else:
                self._connection.execute(_bound(statement), _named(values))

    def script(self, statements: Sequence[str]) -> None:
        """One after the other. StoreAway."""
        for statement in statements:
            self._do(statement)

    def tables(self) -> set[str]:
        """Names of those that are there."""
        with self._lock, self._answering():
            return set(sql.inspect(self._connection).get_table_names())

    def _settle_server(self, connection: Any, _record: object) -> None:
        for statement in SERVER_SETTINGS:
            connection.execute(statement)
        is_ours = not self._is_held or connection.execute(SOLE).fetchone()[0]
        connection.commit()
        if not is_ours:
            connection.close()
            raise StoreAway(f"{self.place}: another server of this destination runs on it now: end one of the two")

    def _hint(self, error: SQLAlchemyError) -> str:
        if not self.is_file:
            return "check that it runs, the URL and its password"
        if isinstance(error, OperationalError):
            return "choose a folder you may write"
        return "restore it from a backup"

    def _do(self, statement: str) -> None:
        with self._lock, self._answering():
            if self._driver is not None:
                self._of_file(self._driver, statement, ())
            else:
                self._connection.exec_driver_sql(statement)

    def _of_file(self, driver: sqlite3.Connection, statement: str, values: Values) -> list[tuple[Any, ...]]:
        """Its errors are SQLAlchemy's, as those of a server."""
        try:
            return driver.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise DBAPIError.instance(
                statement, None, error, sqlite3.Error, True, dialect=self._engine.dialect
            ) from error

    @contextmanager
    def _answering(self) -> Generator[None]:
        try:
            yield
        except DBAPIError as error:
            is_away = isinstance(error, AWAY) and not self.is_file
            if is_away:
                self._connection.invalidate()  # the next statement connects anew, maybe to another
            self._connection.rollback()  # of SQLAlchemy's own book-keeping as well
            text = f"{self.place}: takes nothing now ({_said(error)}): check that it runs, its disk"
            if is_away:
                raise StoreAway(text) from error
            if isinstance(error, OperationalError):
                raise IoFault(text) from error
            raise
        except StatementError as error:
            if isinstance(error.orig, StoreAway):  # of ``_settle_server``
                raise error.orig from error
            raise


def named(text: str) -> tuple[URL, str]:
    """A URL, and how people call that database. EvidenceError, which does not quote it: it may hold a password."""
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise EvidenceError("database: is no URL: write postgresql+psycopg://USER:PASSWORD@HOST/NAME") from error
    if url.get_backend_name() != "postgresql":
        raise EvidenceError(f"database: {url.get_backend_name()} is not known: name a PostgreSQL server, or none")
    return url, f"database {url.host or 'here'}/{url.database}"


def _settle_file(connection: Any, _record: object) -> None:
    """A commit is on the medium when it returns; readers are not held up. The driver begins nothing of its own."""
    connection.isolation_level = None
    for statement in FILE_SETTINGS:
        connection.execute(statement)


@lru_cache(STATEMENTS_KEPT)
def _bound(statement: str) -> sql.TextClause:
    parts = statement.split("?")
    text = parts[0] + "".join(f":v{number}{part}" for number, part in enumerate(parts[1:]))
    return sql.text(text)


def _named(values: Values) -> dict[str, Any]:
    """A server takes no NUL in a text; what has one is then another text, and none that anybody has."""
    return {
        f"v{number}": value.replace("\0", NO_NUL) if isinstance(value, str) else value
        for number, value in enumerate(values)
    }


def _said(error: Exception) -> str:
    """The driver's word, one line; never SQLAlchemy's, which quotes statements and values."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__
