"""The destination's database: containers, objects, metadata, what may be searched for, what was declared.

Law: rows in, rows out; no rule of what may be stored. One SQLite file beside the objects, every change durable when it
returns. May be called from several threads.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from host_tools.evidence.errors import EvidenceError

APPLICATION_ID = 0x42574345  # "BWCE" in the file's header
SCHEMA_VERSION = 1
BUSY_S = 10.0  # another program may look into the file meanwhile
PAGE_ROWS_MAX = 10_000  # of one listing, as Swift has it

_SCHEMA = """
CREATE TABLE containers (
    name          TEXT PRIMARY KEY,
    metadata      TEXT NOT NULL,
    made_ms       INTEGER NOT NULL,
    changed_ms    INTEGER NOT NULL,
    completed_ms  INTEGER,
    wearer        TEXT NOT NULL DEFAULT '',
    camera        TEXT NOT NULL DEFAULT '',
    cause         TEXT NOT NULL DEFAULT '',
    started_ms    INTEGER,
    quarantine    TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX containers_by_time ON containers (started_ms);
CREATE INDEX containers_by_wearer ON containers (wearer, started_ms);
CREATE INDEX containers_by_camera ON containers (camera, started_ms);
CREATE TABLE objects (
    container     TEXT NOT NULL REFERENCES containers,
    name          TEXT NOT NULL,
    file          TEXT NOT NULL UNIQUE,
    etag          TEXT NOT NULL,
    sha256        TEXT NOT NULL,
    length_bytes  INTEGER NOT NULL,
    content_type  TEXT NOT NULL,
    metadata      TEXT NOT NULL,
    stored_ms     INTEGER NOT NULL,
    category      TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (container, name)
) STRICT;
CREATE INDEX objects_by_category ON objects (category) WHERE category <> '';
CREATE TABLE places (
    container     TEXT NOT NULL REFERENCES containers,
    latitude      REAL NOT NULL,
    longitude     REAL NOT NULL
) STRICT;
CREATE INDEX places_by_latitude ON places (latitude, longitude);
CREATE INDEX places_by_container ON places (container);
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Container:
    """One row. ``quarantine``: why it is in quarantine; empty if it is not."""

    name: str
    metadata: dict[str, str]
    made_ms: int
    changed_ms: int
    completed_ms: int | None
    wearer: str = ""
    camera: str = ""
    cause: str = ""
    started_ms: int | None = None
    quarantine: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the controller has said that everything was sent."""
        return self.completed_ms is not None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One row. ``file``: its path below the store's folder. ``category``: ID, of a bookmark that has one."""

    container: str
    name: str
    file: str
    etag: str
    sha256: str
    length_bytes: int
    content_type: str
    metadata: dict[str, str]
    stored_ms: int
    category: str = ""


_CONTAINER_NAMES = [each.name for each in fields(Container)]
_OBJECT_NAMES = [each.name for each in fields(StoredObject)]
_CONTAINER = ", ".join(_CONTAINER_NAMES)
_OBJECT = ", ".join(_OBJECT_NAMES)


class Catalogue:
    """The open database."""

    def __init__(self, path: Path | str) -> None:
        """EvidenceError if the file is another program's or damaged."""
        self._lock = threading.RLock()
        try:
            self._database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise EvidenceError(f"{path}: cannot be opened ({error}): choose a folder you may write") from error
        try:
            self._prepare(str(path))
        except sqlite3.Error as error:
            self.close()
            raise EvidenceError(f"{path}: is no catalogue ({error}): restore it from a backup") from error
        except EvidenceError:
            self.close()
            raise

    def close(self) -> None:
        """Give the file back; a second call does nothing."""
        self._database.close()

    @contextmanager
    def change(self) -> Generator[None]:
        """A transaction, durable when it ends; one inside another is part of it."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def container(self, name: str) -> Container | None:
        """The container of exactly that name."""
        rows = self.rows(f"SELECT {_CONTAINER} FROM containers WHERE name = ?", (name,))
        return _container(rows[0]) if rows else None

    def keep_container(self, row: Container) -> None:
        """Write a container, new or changed."""
        values = [json.dumps(value) if isinstance(value, dict) else value for value in _values(row)]
        changes = ", ".join(f"{name} = excluded.{name}" for name in _CONTAINER_NAMES[1:])
        self._run(
            f"INSERT INTO containers ({_CONTAINER}) VALUES ({', '.join('?' * len(values))}) "
            f"ON CONFLICT (name) DO UPDATE SET {changes}",
            values,
        )

    def object(self, container: str, name: str) -> StoredObject | None:
        """The object of exactly that name."""
        rows = self.rows(f"SELECT {_OBJECT} FROM objects WHERE container = ? AND name = ?", (container, name))
        return _object(rows[0]) if rows else None

    def keep_object(self, row: StoredObject) -> None:
        """Write an object, new or in place of one of that name."""
        values = [json.dumps(value) if isinstance(value, dict) else value for value in _values(row)]
        self._run(f"INSERT OR REPLACE INTO objects ({_OBJECT}) VALUES ({', '.join('?' * len(values))})", values)

    def objects(self, container: str, after: str = "", rows_max: int = PAGE_ROWS_MAX) -> list[StoredObject]:
        """A container's objects by name, a page at a time."""
        rows = self.rows(
            f"SELECT {_OBJECT} FROM objects WHERE container = ? AND name > ? ORDER BY name LIMIT ?",
            (container, after, min(rows_max, PAGE_ROWS_MAX)),
        )
        return [_object(row) for row in rows]

    def usage(self, container: str) -> tuple[int, int]:
        """How many objects a container has, and their bytes."""
        statement = "SELECT count(*), coalesce(sum(length_bytes), 0) FROM objects WHERE container = ?"
        count, used_bytes = self.rows(statement, (container,))[0]
        return count, used_bytes

    def containers(self, after: str = "", rows_max: int = PAGE_ROWS_MAX) -> list[Container]:
        """All containers by name, a page at a time."""
        rows = self.rows(
            f"SELECT {_CONTAINER} FROM containers WHERE name > ? ORDER BY name LIMIT ?",
            (after, min(rows_max, PAGE_ROWS_MAX)),
        )
        return [_container(row) for row in rows]

    def recordings(self, where: str, values: tuple[Any, ...], rows_max: int) -> list[Container]:
        """Containers of recordings for which ``where`` holds, newest first. ``where`` is this software's own text."""
        rows = self.rows(
            f"SELECT {_CONTAINER} FROM containers WHERE camera <> '' AND {where} "
            "ORDER BY started_ms DESC, name LIMIT ?",
            (*values, min(rows_max, PAGE_ROWS_MAX)),
        )
        return [_container(row) for row in rows]

    def drop_container(self, name: str) -> list[str]:
        """Forget a container and all in it; answers the files that are nobody's now."""
        with self.change():
            files = [row[0] for row in self.rows("SELECT file FROM objects WHERE container = ?", (name,))]
            for table, column in (("places", "container"), ("objects", "container"), ("containers", "name")):
                self._run(f"DELETE FROM {table} WHERE {column} = ?", (name,))
            return files

    def has_file(self, file: str) -> bool:
        """Whether an object lies in that file."""
        return bool(self.rows("SELECT 1 FROM objects WHERE file = ?", (file,)))

    def keep_places(self, container: str, places: list[tuple[float, float]]) -> None:
        """Where a recording was made: latitude and longitude in degrees, in place of what was known."""
        with self.change():
            self._run("DELETE FROM places WHERE container = ?", (container,))
            for latitude, longitude in places:
                self._run("INSERT INTO places VALUES (?, ?, ?)", (container, latitude, longitude))

    def fact(self, key: str) -> str:
        """Something kept about the destination itself; empty if it was never said."""
        rows = self.rows("SELECT value FROM facts WHERE key = ?", (key,))
        return rows[0][0] if rows else ""

    def keep_fact(self, key: str, value: str) -> None:
        """Keep it."""
        self._run("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, value))

    def rows(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """What a question answers."""
        with self._lock:
            return self._database.execute(statement, values).fetchall()

    def _run(self, statement: str, values: tuple[Any, ...] | list[Any]) -> None:
        with self._lock:
            self._database.execute(statement, values)

    def _prepare(self, path: str) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("PRAGMA foreign_keys = ON")
        found = self._database.execute("PRAGMA application_id").fetchone()[0]
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if found == 0 and version == 0 and not self._database.execute("SELECT 1 FROM sqlite_master").fetchone():
            script = f"{_SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
            self._database.executescript(f"BEGIN; {script} COMMIT;")
        elif (found, version) != (APPLICATION_ID, SCHEMA_VERSION):
            raise EvidenceError(f"{path}: has layout {version}, this software knows {SCHEMA_VERSION}: use its own")


def _values(row: Container | StoredObject) -> list[Any]:
    return [getattr(row, each.name) for each in fields(row)]


def _container(row: tuple[Any, ...]) -> Container:
    return Container(**{**dict(zip(_CONTAINER_NAMES, row, strict=True)), "metadata": json.loads(row[1])})


def _object(row: tuple[Any, ...]) -> StoredObject:
    return StoredObject(**{**dict(zip(_OBJECT_NAMES, row, strict=True)), "metadata": json.loads(row[7])})
