"""Records in a database: SQLite in the controller's folder, or PostgreSQL by URL; every statement sent to it, its seal.

Law: rows in, rows out. With a key, all records are covered by one HMAC: the sum of a MAC of each row, so that a change
of one row among ten thousand costs one MAC. It is checked when the database is read, and written in the transaction of
each change: a row that was edited, added, taken out or put back from before shows at the next start (decision 0099).
Alerts are a history for people and are not sealed.
"""

from __future__ import annotations

import hmac
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sql
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from firmware.formats import canonical
from host_tools.system.errors import SystemFault, SystemTampered
from host_tools.system.store import AlertRow, Row, UsageRow

SCHEMA_VERSION = 1
SUM_BITS = 256  # of a MAC, and of their sum
WRITE_ROWS_MAX = 500  # in one statement, far below what a database takes
KEY_CHARACTERS_MAX = 120
_MODULUS = 1 << SUM_BITS
_LONG = sql.BigInteger().with_variant(sql.Integer, "sqlite")

_META = sql.MetaData()
_RECORDS = sql.Table(
    "records",
    _META,
    sql.Column("kind", sql.String(16), primary_key=True),
    sql.Column("key", sql.String(KEY_CHARACTERS_MAX), primary_key=True),
    sql.Column("version", _LONG, nullable=False),
    sql.Column("changed_unix_ms", _LONG, nullable=False),
    sql.Column("changed_by", sql.Text, nullable=False),
    sql.Column("body", sql.Text, nullable=False),
)
_ALERTS = sql.Table(
    "alerts",
    _META,
    sql.Column("id", _LONG, primary_key=True, autoincrement=False),
    sql.Column("kind", sql.String(64), nullable=False),
    sql.Column("device", sql.Text, nullable=False),
    sql.Column("details", sql.Text, nullable=False),
    sql.Column("raised_unix_ms", _LONG, nullable=False),
    sql.Column("cleared_unix_ms", _LONG, nullable=True),
)
_USAGE = sql.Table(
    "usage",
    _META,
    sql.Column("camera", sql.String(KEY_CHARACTERS_MAX), primary_key=True),
    sql.Column("log", sql.String(16), primary_key=True),
    sql.Column("sequence", _LONG, primary_key=True, autoincrement=False),
    sql.Column("unix_ms", _LONG, nullable=False),
    sql.Column("kept_unix_ms", _LONG, nullable=False),
    sql.Column("event", sql.String(32), nullable=False),
    sql.Column("value", _LONG, nullable=False),
    sql.Column("cause", sql.Text, nullable=False),
    sql.Column("wearer", sql.Text, nullable=False),
)
_USAGE_BY_TIME = sql.Index("usage_by_time", _USAGE.c.kept_unix_ms)
_OPEN_ALERTS = sql.Index("alerts_by_clearing", _ALERTS.c.cleared_unix_ms)
_SYSTEM = sql.Table(
    "system",
    _META,
    sql.Column("one", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("schema_version", sql.Integer, nullable=False),
    sql.Column("revision", _LONG, nullable=False),
    sql.Column("seal", sql.String(SUM_BITS // 4), nullable=False),
)

# The statements that lead from an older schema version to the next, by the older one's number.
UPGRADES: dict[int, tuple[str, ...]] = {}


class SqlStore:
    """Made by ``open_sql_store``. ``seal_key`` empty: not sealed."""

    def __init__(self, engine: sql.Engine, place: str, seal_key: bytes) -> None:
        self._engine = engine
        self._place = place
        self._key = seal_key
        self._sum = 0
        self._macs: dict[tuple[str, str], int] = {}

    def load(self) -> tuple[int, list[Row]]:
        """See Store."""
        with self._transaction() as connection:
            found = connection.execute(sql.select(_RECORDS).order_by(_RECORDS.c.kind, _RECORDS.c.key))
            rows = [Row(*row) for row in found]
            revision, seal = connection.execute(sql.select(_SYSTEM.c.revision, _SYSTEM.c.seal)).one()
        self._macs = {(row.kind, row.key): self._mac(row) for row in rows}
        self._sum = sum(self._macs.values()) % _MODULUS
        fresh = not seal and not rows and not revision
        if self._key and not fresh and not hmac.compare_digest(seal, self._seal(revision, self._sum)):
            raise SystemTampered(self._place)
        return revision, rows

    def write(self, revision: int, rows: list[Row], gone: list[tuple[str, str]]) -> None:
        """See Store."""
        fresh = {(row.kind, row.key): self._mac(row) for row in rows}
        old = sum(self._macs.get(place, 0) for place in (*fresh, *gone))
        total = (self._sum - old + sum(fresh.values())) % _MODULUS
        places = [*gone, *fresh]
        with self._transaction() as connection:
            for start in range(0, len(places), WRITE_ROWS_MAX):
                some = places[start : start + WRITE_ROWS_MAX]
                connection.execute(sql.delete(_RECORDS).where(sql.tuple_(_RECORDS.c.kind, _RECORDS.c.key).in_(some)))
            for start in range(0, len(rows), WRITE_ROWS_MAX):
                some_rows = [row._asdict() for row in rows[start : start + WRITE_ROWS_MAX]]
                connection.execute(sql.insert(_RECORDS), some_rows)
            connection.execute(sql.update(_SYSTEM).values(revision=revision, seal=self._seal(revision, total)))
        self._sum = total
        self._macs.update(fresh)
        for place in gone:
            self._macs.pop(place, None)

    def believe(self) -> None:
        """Seal what is there now, whoever wrote it: for a person who has looked through it."""
        with self._transaction() as connection:
            rows = [Row(*row) for row in connection.execute(sql.select(_RECORDS))]
            revision = connection.execute(sql.select(_SYSTEM.c.revision)).scalar_one()
            total = sum(self._mac(row) for row in rows) % _MODULUS
            connection.execute(sql.update(_SYSTEM).values(seal=self._seal(revision, total)))

    def put_alert(self, row: AlertRow) -> None:
        """See Store."""
        with self._transaction() as connection:
            connection.execute(sql.delete(_ALERTS).where(_ALERTS.c.id == row.id))
            connection.execute(sql.insert(_ALERTS), [row._asdict()])

    def alerts(self, *, open_only: bool, before_id: int | None, limit: int) -> list[AlertRow]:
        """See Store."""
        wanted = sql.select(_ALERTS).order_by(_ALERTS.c.id.desc()).limit(limit)
        if open_only:
            wanted = wanted.where(_ALERTS.c.cleared_unix_ms.is_(None))
        if before_id is not None:
            wanted = wanted.where(_ALERTS.c.id < before_id)
        with self._transaction() as connection:
            return [AlertRow(*row) for row in connection.execute(wanted)]

    def forget_alerts(self, cleared_before_unix_ms: int) -> None:
        """See Store."""
        with self._transaction() as connection:
            connection.execute(sql.delete(_ALERTS).where(_ALERTS.c.cleared_unix_ms < cleared_before_unix_ms))

    def usage_end(self, camera: str) -> tuple[str, int]:
        """See Store."""
        mine = sql.select(_USAGE.c.log).where(_USAGE.c.camera == camera)
        with self._transaction() as connection:
            last = mine.order_by(_USAGE.c.kept_unix_ms.desc(), _USAGE.c.sequence.desc()).limit(1)
            log = connection.execute(last).scalar()
            if log is None:
                return "", 0
            highest = sql.select(sql.func.max(_USAGE.c.sequence)).where(_USAGE.c.camera == camera, _USAGE.c.log == log)
            return log, connection.execute(highest).scalar_one()

    def add_usage(self, rows: list[UsageRow]) -> None:
        """See Store."""
        numbers = sql.select(_USAGE.c.sequence)
        with self._transaction() as connection:
            for camera, log in sorted({(row.camera, row.log) for row in rows}):
                of_log = numbers.where(_USAGE.c.camera == camera, _USAGE.c.log == log)
                known = set(connection.execute(of_log).scalars())
                mine = {row.sequence: row for row in rows if (row.camera, row.log) == (camera, log)}
                fresh = [row._asdict() for number, row in sorted(mine.items()) if number not in known]
                if fresh:
                    connection.execute(sql.insert(_USAGE), fresh)

    def usage(self, since_unix_ms: int) -> list[UsageRow]:
        """See Store."""
        ordered = (_USAGE.c.camera, _USAGE.c.kept_unix_ms, _USAGE.c.log, _USAGE.c.sequence)
        wanted = sql.select(_USAGE).where(_USAGE.c.kept_unix_ms >= since_unix_ms).order_by(*ordered)
        with self._transaction() as connection:
            return [UsageRow(*row) for row in connection.execute(wanted)]

    def forget_usage(self, before_unix_ms: int) -> None:
        """See Store."""
        with self._transaction() as connection:
            connection.execute(sql.delete(_USAGE).where(_USAGE.c.kept_unix_ms < before_unix_ms))

    def close(self) -> None:
        """See Store."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise _fault(self._place, error) from error

    def _mac(self, row: Row) -> int:
        if not self._key:
            return 0
        document = canonical.encode({"schema": SCHEMA_VERSION, "row": list(row)})
        return int.from_bytes(hmac.digest(self._key, b"row" + document, "sha256"), "big")

    def _seal(self, revision: int, total: int) -> str:
        if not self._key:
            return ""
        document = canonical.encode({"revision": revision, "schema": SCHEMA_VERSION, "sum": f"{total:064x}"})
        return hmac.digest(self._key, b"all" + document, "sha256").hex()


def open_sql_store(url: str | URL, place: str, seal_key: bytes = b"") -> SqlStore:
    """Open or make the tables. ``place``: how people call it in errors. SystemFault names it and the remedy. Blocks."""
    try:
        engine = sql.create_engine(url, future=True)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise SystemFault(f"{place}: not a database that can be used ({error}): name another") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _settle_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        with engine.begin() as connection:
            _make_or_check(connection, place)
    except SQLAlchemyError as error:
        engine.dispose()
        raise _fault(place, error) from error
    except SystemFault:
        engine.dispose()
        raise
    return SqlStore(engine, place, seal_key)


def sqlite_url(path: str) -> URL:
    """The URL of a file, whatever is in its name."""
    return URL.create("sqlite", database=path)


def _make_or_check(connection: Connection, place: str) -> None:
    present = set(sql.inspect(connection).get_table_names())
    if present and "system" not in present:
        raise SystemFault(f"{place}: it is another database: name an empty one")
    _META.create_all(connection)
    row = connection.execute(sql.select(_SYSTEM.c.schema_version)).first()
    if row is None:
        connection.execute(
            sql.insert(_SYSTEM), [{"one": 1, "schema_version": SCHEMA_VERSION, "revision": 0, "seal": ""}]
        )
        return
    found = int(row[0])
    if found > SCHEMA_VERSION:
        raise SystemFault(f"{place}: it has schema {found}, this software knows {SCHEMA_VERSION}: use the newer one")
    for version in range(found, SCHEMA_VERSION):
        for statement in UPGRADES[version]:
            connection.execute(sql.text(statement))
    connection.execute(sql.update(_SYSTEM).values(schema_version=SCHEMA_VERSION))


def _settle_sqlite(connection: Any, _record: object) -> None:
    """A commit is on the medium when it returns; readers are not held up. The driver begins no transaction of its own:
    making the tables is one, too."""
    connection.isolation_level = None
    for statement in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {statement}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _fault(place: str, error: SQLAlchemyError) -> SystemFault:
    why = str(getattr(error, "orig", None) or error).splitlines()[0]
    return SystemFault(f"{place}: {why}: check disk, owner and space; nothing of the change was kept")
