"""The people's database: accounts, sessions, tries, audit trail; every statement sent to it, and its seal.

Law: rows in, rows out; no rule of who may what. Accounts and the head of the audit trail are covered by one HMAC under
a key that is not in the database (``secret``). It is checked before anything is believed and made anew in the
transaction of each change, so a role that was edited in, an account that was taken out, an older row that was put back
and a cut trail all show. An older copy of the whole database with its own seal does not; see docs/security.md.
"""

from __future__ import annotations

import hmac
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from firmware.formats import canonical
from host_tools.accounts.errors import PeopleTampered
from host_tools.accounts.roles import ROLES, Role
from host_tools.accounts.secret import PeopleSecret
from host_tools.custody.database import Database, open_database
from host_tools.custody.ledger import GENESIS, Head, Link

APPLICATION_ID = 0x42574350  # "BWCP" in the file's header
SCHEMA_VERSION = 1
PAGE_ROWS = 512  # of the audit trail in memory at once while it is walked
SEARCHED_ROWS = 4_096  # of it in one statement of a search: some milliseconds, in which nobody else is let in

_SCHEMA = f"""
CREATE TABLE accounts (
    name             TEXT PRIMARY KEY,
    role             TEXT NOT NULL CHECK (role IN ({", ".join(f"'{role}'" for role in ROLES)})),
    password         TEXT NOT NULL,
    epoch            INTEGER NOT NULL,
    made_unix_ms     INTEGER NOT NULL,
    changed_unix_ms  INTEGER NOT NULL
) STRICT;
CREATE TABLE sessions (
    id               BLOB PRIMARY KEY CHECK (length(id) = 32),
    account          TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
    address          TEXT NOT NULL,
    made_unix_ms     INTEGER NOT NULL,
    seen_unix_ms     INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_account ON sessions (account);
CREATE TABLE tries (
    key              TEXT PRIMARY KEY,
    failures         INTEGER NOT NULL,
    last_unix_ms     INTEGER NOT NULL,
    closed_until_ms  INTEGER NOT NULL
) STRICT;
CREATE INDEX tries_by_age ON tries (last_unix_ms);
CREATE TABLE known_addresses (
    account          TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
    address          TEXT NOT NULL,
    last_unix_ms     INTEGER NOT NULL,
    PRIMARY KEY (account, address)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    sequence         INTEGER PRIMARY KEY,
    line             TEXT NOT NULL,
    hash             BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TABLE seal (
    one              INTEGER PRIMARY KEY CHECK (one = 1),
    mac              BLOB NOT NULL CHECK (length(mac) = 32)
) STRICT;
CREATE TRIGGER audit_keeps_lines BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_keeps_length BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
"""


@dataclass(frozen=True, slots=True)
class Account:
    """One row. ``password``: its hash in PHC form. ``epoch``: counts up when all sessions are to end."""

    name: str
    role: Role
    password: str = field(repr=False)
    epoch: int
    made_unix_ms: int
    changed_unix_ms: int


_COLUMNS = ", ".join(Account.__slots__)


class Store:
    """Made by ``open_store``. ``secret`` None: reading a copy without its seal."""

    def __init__(self, database: Database, secret: PeopleSecret | None) -> None:
        self.path = database.path
        self.database = database
        self._secret = secret
        self._changing = 0

    def close(self) -> None:
        """Give the file back; a second call does nothing."""
        self.database.close()

    @contextmanager
    def change(self) -> Generator[None]:
        """A transaction that may change what is sealed; one inside another is part of it. PeopleTampered if the seal
        does not fit before it."""
        with self.database.transaction():
            self.check_seal()
            self._changing += 1
            try:
                yield
            finally:
                self._changing -= 1
            if not self._changing:
                self.database.run("INSERT OR REPLACE INTO seal (one, mac) VALUES (1, ?)", (self._mac(),))

    def check_seal(self) -> None:
        """PeopleTampered unless accounts and the trail's head are as this software left them. Within a change it was
        checked at the change's beginning."""
        with self.database.transaction():
            if not self._changing:
                self._compare()

    def check_copy(self) -> None:
        """The same, of a database that is only read."""
        self.database.run("BEGIN")
        try:
            self._compare()
        finally:
            self.database.run("COMMIT")

    # -- accounts

    def accounts(self) -> list[Account]:
        """All, by name. PeopleTampered."""
        with self.database.transaction():
            self.check_seal()
            return self._accounts()

    def find(self, name: str) -> Account | None:
        """The account of exactly that name. PeopleTampered."""
        return next((account for account in self.accounts() if account.name == name), None)

    def put(self, account: Account) -> None:
        """Write an account, new or changed. Inside ``change``."""
        values = tuple(getattr(account, column) for column in Account.__slots__)
        marks = ", ".join("?" * len(values))
        changes = ", ".join(f"{column} = excluded.{column}" for column in Account.__slots__ if column != "name")
        self.database.run(
            f"INSERT INTO accounts ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (name) DO UPDATE SET {changes}", values
        )

    def remove(self, name: str) -> None:
        """Take an account out, with its sessions. Inside ``change``."""
        self.database.run("DELETE FROM accounts WHERE name = ?", (name,))

    # -- audit trail

    def audit_head(self) -> Head:
        """Where the trail ends."""
        row = self.database.row("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")
        return Head(*row) if row else Head(0, GENESIS)

    def audit_append(self, link: Link) -> None:
        """Add the link that follows. Inside ``change``."""
        self.database.run("INSERT INTO audit (sequence, line, hash) VALUES (?, ?, ?)",
                          (link.sequence, link.line, link.hash))  # fmt: skip

    def audit_links(self, after: int | None = None) -> Iterator[Link]:
        """Links in order, a page at a time, from the one that follows ``after``."""
        while True:
            rows = self.database.rows(
                f"SELECT sequence, line, hash FROM audit WHERE (?1 IS NULL OR sequence > ?1) ORDER BY sequence "
                f"LIMIT {PAGE_ROWS}",
                (after,),
            )
            yield from (Link(sequence, None, line, digest) for sequence, line, digest in rows)
            if len(rows) < PAGE_ROWS:
                return
            after = cast("int", rows[-1][0])

    def audit_links_between(self, first: int, last: int, words: Sequence[str]) -> list[Link]:
        """Of the links with these numbers, newest first, those whose line has all of ``words``, three at most. At most
        ``SEARCHED_ROWS`` numbers at once."""
        one, other, third = (*words, "", "", "")[:3]  # the empty word is in every line
        rows = self.database.rows(
            "SELECT sequence, line, hash FROM audit WHERE sequence BETWEEN ?1 AND ?2 "
            "AND instr(line, ?3) > 0 AND instr(line, ?4) > 0 AND instr(line, ?5) > 0 ORDER BY sequence DESC",
            (first, min(last, first + SEARCHED_ROWS - 1), one, other, third),
        )
        return [Link(sequence, None, line, digest) for sequence, line, digest in rows]

    # -- the seal

    def begin(self) -> None:
        """Seal a database that holds nothing yet; any other must have its seal."""
        with self.database.transaction():
            empty = self.audit_head().sequence == 0 and not self._accounts()
            if empty and self.database.row("SELECT 1 FROM seal") is None:
                self.database.run("INSERT INTO seal (one, mac) VALUES (1, ?)", (self._mac(),))

    def _compare(self) -> None:
        row = self.database.row("SELECT mac FROM seal")
        if not hmac.compare_digest(row[0] if row else b"", self._mac()):
            raise PeopleTampered(self.path)

    def _accounts(self) -> list[Account]:
        return [_account(row) for row in self.database.rows(f"SELECT {_COLUMNS} FROM accounts ORDER BY name")]

    def _mac(self) -> bytes:
        if self._secret is None:
            raise PeopleTampered(self.path)  # a copy that is opened without the secret is read, and never believed
        head = self.audit_head()
        rows = [[getattr(account, column) for column in Account.__slots__] for account in self._accounts()]
        document = {"accounts": rows, "audit": [head.sequence, head.hash.hex()], "schema": SCHEMA_VERSION}
        return hmac.digest(self._secret.seal_key, canonical.encode(document), "sha256")


def open_store(path: str, secret: PeopleSecret) -> Store:
    """Open or make the people's database. CustodyFault names the file and the remedy. Blocks."""
    store = Store(open_database(path, _SCHEMA, SCHEMA_VERSION, application_id=APPLICATION_ID), secret)
    store.begin()
    return store


def open_copy(path: str, secret: PeopleSecret | None = None) -> Store:
    """Open a copy, or the database beside a running controller, to read its audit trail."""
    database = open_database(path, _SCHEMA, SCHEMA_VERSION, read_only=True, application_id=APPLICATION_ID)
    return Store(database, secret)


def _account(row: tuple[Any, ...]) -> Account:
    return Account(**dict(zip(Account.__slots__, row, strict=True)))
