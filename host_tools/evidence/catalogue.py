"""The destination's database: containers, objects, metadata, what may be searched for, what was declared.

Law: rows in, rows out; no rule of what may be stored. A SQLite file beside the rest, or a PostgreSQL database of its
own; every change durable when it returns. May be called from several threads.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from firmware.ports.errors import PortFault
from host_tools.evidence import database
from host_tools.evidence.database import Database, Values
from host_tools.evidence.errors import EvidenceError

APPLICATION_ID = 0x42574345  # "BWCE" in the file's header
SCHEMA_VERSION = 1
SCHEMA_FACT = "schema"  # on a server, which has no place for the two numbers above
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
# The same on a server: names are compared byte by byte there, too.
_ON_A_SERVER = ((" STRICT", ""), ("INTEGER", "BIGINT"), ("REAL", "DOUBLE PRECISION"), ("TEXT", 'TEXT COLLATE "C"'))


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

    @property
    def is_rejected(self) -> bool:
        """Whether it was refused as a recording, and somebody sent it here as rejected content: never complete."""
        return self.name.startswith(REJECTED_PREFIX)


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


REJECTED_PREFIX = "RejectedContent_"
REJECTED = f"substr(name, 1, {len(REJECTED_PREFIX)}) = '{REJECTED_PREFIX}'"  # the same of a row of containers
COMPLETE = f"completed_ms IS NOT NULL AND NOT {REJECTED}"
INCOMPLETE = f"completed_ms IS NULL AND NOT {REJECTED}"
ARRIVING = f"{INCOMPLETE} AND quarantine = ''"
SUM = "CAST(coalesce(sum(length_bytes), 0) AS BIGINT)"  # of objects: a whole number on every database
_CONTAINER_NAMES = [each.name for each in fields(Container)]
_OBJECT_NAMES = [each.name for each in fields(StoredObject)]
_CONTAINER = ", ".join(_CONTAINER_NAMES)
_OBJECT = ", ".join(_OBJECT_NAMES)


class Catalogue:
    """The open database."""

    def __init__(self, path: Path | str, url: str = "", may_make: bool = True) -> None:
        """``path``: of the file; ``url``: of the server instead, where it is not empty; ``may_make``: whether an empty
        database there becomes one. EvidenceError if it is another program's, or damaged; PortFault."""
        where, self._place = database.named(url) if url else (URL.create("sqlite", database=str(path)), str(path))
        self._database = Database(where, self._place)
        try:
            self._prepare(may_make)
        except SQLAlchemyError as error:
            self.close()
            why = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise EvidenceError(f"{self._place}: is no catalogue ({why}): restore it from a backup") from error
        except (EvidenceError, PortFault):
            self.close()
            raise

    @property
    def is_file(self) -> bool:
        """Whether it lies in the destination's folder."""
        return self._database.is_file

    def hold(self) -> None:
        """Be the only one that writes into a server's database, until it is closed. EvidenceError if another is. A file
        is held with its folder (``sole``)."""
        if not self._database.hold():
            raise EvidenceError(f"{self._place}: a server of this destination runs on it: end it first")

    def close(self) -> None:
        """Give it back; a second call does nothing."""
        self._database.close()

    def change(self) -> AbstractContextManager[None]:
        """A transaction, durable when it ends; one inside another is part of it."""
        return self._database.change()

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
        changes = ", ".join(f"{name} = excluded.{name}" for name in _OBJECT_NAMES[2:])
        self._run(
            f"INSERT INTO objects ({_OBJECT}) VALUES ({', '.join('?' * len(values))}) "
            f"ON CONFLICT (container, name) DO UPDATE SET {changes}",
            values,
        )

    def objects(self, container: str, after: str = "", rows_max: int = PAGE_ROWS_MAX) -> list[StoredObject]:
        """A container's objects by name, a page at a time."""
        rows = self.rows(
            f"SELECT {_OBJECT} FROM objects WHERE container = ? AND name > ? ORDER BY name LIMIT ?",
            (container, after, min(rows_max, PAGE_ROWS_MAX)),
        )
        return [_object(row) for row in rows]

    def all_objects(self, container: str) -> Generator[StoredObject, None, None]:
        """All of a container's objects by name, however many."""
        page = self.objects(container)
        while page:
            yield from page
            page = self.objects(container, page[-1].name) if len(page) == PAGE_ROWS_MAX else []

    def usage(self, container: str) -> tuple[int, int]:
        """How many objects a container has, and their bytes."""
        statement = f"SELECT count(*), {SUM} FROM objects WHERE container = ?"
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
            "ORDER BY started_ms DESC NULLS LAST, name LIMIT ?",
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

    def lying_in(self, first: str, last: str) -> list[StoredObject]:
        """Objects whose places are from ``first`` to ``last``, by place."""
        rows = self.rows(f"SELECT {_OBJECT} FROM objects WHERE file BETWEEN ? AND ? ORDER BY file", (first, last))
        return [_object(row) for row in rows]

    def has_between(self, first: str, last: str) -> bool:
        """Whether there is any."""
        return bool(self.rows("SELECT 1 FROM objects WHERE file BETWEEN ? AND ? LIMIT 1", (first, last)))

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
        self._run(
            "INSERT INTO facts VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
        )

    def rows(self, statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """What a question answers."""
        return self._database.rows(statement, values)

    def _run(self, statement: str, values: Values) -> None:
        self._database.run(statement, values)

    def _prepare(self, may_make: bool) -> None:
        if not self.is_file:
            self._prepare_server(may_make)
            return
        found = self.rows("PRAGMA application_id")[0][0]
        version = self.rows("PRAGMA user_version")[0][0]
        if found == 0 and version == 0 and not self._database.tables():
            numbers = (f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {SCHEMA_VERSION}")
            with self.change():
                self._database.script([*_statements(_SCHEMA), *numbers])
        elif (found, version) != (APPLICATION_ID, SCHEMA_VERSION):
            raise EvidenceError(
                f"{self._place}: has layout {version}, this software knows {SCHEMA_VERSION}: use its own"
            )

    def _prepare_server(self, may_make: bool) -> None:
        present = self._database.tables()
        if not present and not may_make:
            raise EvidenceError(f"{self._place}: has no catalogue: correct database.url, or restore it from a backup")
        if not present:
            schema = _SCHEMA
            for ours, theirs in _ON_A_SERVER:
                schema = schema.replace(ours, theirs)
            with self.change():
                self._database.script(_statements(schema))
                self.keep_fact(SCHEMA_FACT, str(SCHEMA_VERSION))
        elif "facts" not in present or self.fact(SCHEMA_FACT) != str(SCHEMA_VERSION):
            raise EvidenceError(f"{self._place}: is something else's, or of another layout: name an empty database")


def _statements(script: str) -> list[str]:
    return [each.strip() for each in script.split(";") if each.strip()]


def _values(row: Container | StoredObject) -> list[Any]:
    return [getattr(row, each.name) for each in fields(row)]


def _container(row: tuple[Any, ...]) -> Container:
    return Container(**{**dict(zip(_CONTAINER_NAMES, row, strict=True)), "metadata": json.loads(row[1])})


def _object(row: tuple[Any, ...]) -> StoredObject:
    return StoredObject(**{**dict(zip(_OBJECT_NAMES, row, strict=True)), "metadata": json.loads(row[7])})
