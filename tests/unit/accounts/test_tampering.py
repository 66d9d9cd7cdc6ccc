"""The database, edited by somebody who is not this software and has not its secret."""

from __future__ import annotations

import hmac
import json
from pathlib import Path

import pytest

from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from host_tools.accounts.errors import AccountsError, LoginRefused, PeopleTampered
from host_tools.accounts.passwords import Passwords
from host_tools.accounts.roles import Actor
from host_tools.accounts.secret import load_secret
from host_tools.accounts.store import SCHEMA_VERSION, open_copy, open_store
from host_tools.custody.errors import CustodyFault
from host_tools.custody.index import open_index
from tests.unit.accounts.parts import ADAS, CHEAP, HOME, NOW_MS, ROOTS, SECRET, Town, town

THIEF = load_secret(MemoryFiles(), SeededEntropy("a thief's own secret"))
KNOWN_HASH = Passwords(THIEF, SeededEntropy("thief"), CHEAP).hash("a password of mine")

EDITS = {
    "role granted": "UPDATE accounts SET role = 'administrator' WHERE name = 'wall'",
    "root taken over": f"UPDATE accounts SET password = '{KNOWN_HASH}' WHERE name = 'root'",
    "password copied": "UPDATE accounts SET password = (SELECT password FROM accounts WHERE name = 'wall')",
    "account added": f"INSERT INTO accounts VALUES ('eve', 'root', '{KNOWN_HASH}', 1, 1, 1)",
    "account removed": "DELETE FROM accounts WHERE name = 'ada'",
    "sessions revived": "UPDATE accounts SET epoch = epoch - 1 WHERE name = 'wall'",
    "trail cut": "DROP TRIGGER audit_keeps_length; "
    "DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)",
    "trail emptied": "DROP TRIGGER audit_keeps_length; DELETE FROM audit",
    "last line rewritten": "DROP TRIGGER audit_keeps_lines; UPDATE audit SET hash = zeroblob(32) "
    "WHERE sequence = (SELECT max(sequence) FROM audit)",
    "seal removed": "DELETE FROM seal",
    "seal replaced": "UPDATE seal SET mac = zeroblob(32)",
    "everything but the tables removed": "DROP TRIGGER audit_keeps_length; DELETE FROM audit; DELETE FROM accounts; "
    "UPDATE seal SET mac = zeroblob(32)",
}


def everything_is_refused(made: Town, cookie: str) -> None:
    """Nobody comes in, nobody stays in, nothing is changed, nothing is done."""
    for attempt in (
        lambda: made.people.login("wall", "a screen on the wall", HOME, NOW_MS),
        lambda: made.people.sessions.find(cookie, NOW_MS),
        lambda: made.people.set_role("wall", "administrator", NOW_MS),
        lambda: made.people.audit.append("anything", Actor("ada", "administrator", HOME), "asked", NOW_MS),
        made.people.list,
    ):
        with pytest.raises(PeopleTampered, match="changed from outside"):
            attempt()


@pytest.mark.req("CTRL-14")
@pytest.mark.parametrize("edit", EDITS)
def test_a_database_that_was_edited_is_not_believed(edit, tmp_path: Path):
    path = tmp_path / "people.sqlite"
    with town(path) as made:
        cookie = made.settled().people.login("wall", "a screen on the wall", HOME, NOW_MS)
        made.people.log_out_everywhere("ada", NOW_MS)
        made.store.database.run(EDITS[edit])
        everything_is_refused(made, cookie)
    with town(path, seed="restarted") as again:
        everything_is_refused(again, cookie)


def test_an_older_row_put_back_shows(tmp_path: Path):
    """Ada was made a viewer; somebody writes back the very row in which she was an administrator."""
    with town(tmp_path / "people.sqlite") as made:
        cookie = made.settled().people.login("wall", "a screen on the wall", HOME, NOW_MS)
        (old,) = made.store.database.rows("SELECT * FROM accounts WHERE name = 'ada'")
        made.people.set_role("ada", "viewer", NOW_MS)
        made.store.database.run("DELETE FROM accounts WHERE name = 'ada'")
        made.store.database.run("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)", old)
        everything_is_refused(made, cookie)


def test_a_seal_made_with_another_secret_does_not_count(tmp_path: Path):
    path = tmp_path / "people.sqlite"
    with town(path) as made:
        cookie = made.settled().people.login("wall", "a screen on the wall", HOME, NOW_MS)
    thief = open_store(str(path), THIEF)
    with pytest.raises(PeopleTampered):
        thief.accounts()
    thief.database.run("UPDATE accounts SET role = 'root' WHERE name = 'wall'")
    thief.database.run("UPDATE seal SET mac = ?", (thief._mac(),))
    assert [account.role for account in thief.accounts()].count("root") == 2  # he believes himself
    thief.close()
    with town(path, seed="restarted") as again:
        everything_is_refused(again, cookie)


@pytest.mark.req("CTRL-14")
def test_the_seal_is_keyed_with_the_secret_and_covers_what_it_says():
    """Computed here once more: a seal whose key anybody could know would hold just as well for its own software."""
    with town() as made:
        store = made.settled().store
        rows = store.database.rows("SELECT name, role, password, made_unix_ms, changed_unix_ms, epoch FROM accounts")
        head = store.audit_head()
        covered = {
            "accounts": [list(row) for row in sorted(rows)],
            "audit": [head.sequence, head.hash.hex()],
            "schema": SCHEMA_VERSION,
        }
        text = json.dumps(covered, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        expected = hmac.new(SECRET.seal_key, text.encode(), "sha256").digest()
        assert store.database.row("SELECT mac FROM seal") == (expected,)


def test_what_the_seal_does_not_cover_gives_no_rights():
    """Tries and sessions can be written to: that forgives guesses and ends sessions, and gives nobody a role."""
    with town() as made:
        people = made.settled().people
        cookie = people.login("wall", "a screen on the wall", HOME, NOW_MS)
        made.store.database.run("DELETE FROM tries")
        made.store.database.run("INSERT INTO sessions SELECT randomblob(32), 'root', 'x', 1, 1")
        assert people.sessions.find(cookie, NOW_MS).account.role == "viewer"


def test_the_whole_database_of_last_week_is_believed_and_said_so():
    """The limit that docs/security.md states: an older state with its own seal holds in itself. What was printed of the
    trail since then, and kept elsewhere, tells."""
    with town() as made:
        people = made.settled().people
        people.login("ada", ADAS, HOME, NOW_MS)
        kept = people.audit.head()
        assert people.audit.verify([kept]).holds
        with town() as older:
            older.settled()
            verdict = older.people.audit.verify([kept])
            assert not verdict.holds
            assert "cut short" in verdict.reason


def test_a_copy_is_read_and_checked_without_being_written(tmp_path: Path):
    path = tmp_path / "people.sqlite"
    with town(path) as made:
        made.settled().people.login("ada", ADAS, HOME, NOW_MS)
    for secret in (None, SECRET):
        copy = open_copy(str(path), secret)
        assert copy.audit_head().sequence == 1
        if secret is not None:
            copy.check_copy()
        with pytest.raises(CustodyFault):
            copy.database.run("DELETE FROM accounts")
        copy.close()
    wrong = open_copy(str(path), THIEF)
    with pytest.raises(PeopleTampered):
        wrong.check_copy()
    wrong.close()


def test_other_databases_are_told_apart(tmp_path: Path):
    index, people = tmp_path / "index.sqlite", tmp_path / "people.sqlite"
    open_index(str(index)).close()
    with town(people) as made:
        made.settled()
    with pytest.raises(CustodyFault, match="another database of ours"):
        open_store(str(index), SECRET)
    with pytest.raises(CustodyFault, match="not a custody index"):
        open_index(str(people))
    newer = open_store(str(people), SECRET)
    newer.database.run("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(CustodyFault, match="schema 99"):
        open_store(str(people), SECRET)


def test_a_failed_change_changes_nothing():
    with town() as made:
        people = made.settled().people
        before = made.store.accounts()
        with pytest.raises(LoginRefused):
            people.change_password("root", "a wrong guess", "another password of root", HOME, NOW_MS)

        def change() -> None:
            with made.store.change():
                made.store.remove("ada")
                people.remove("eve")

        with pytest.raises(AccountsError, match="there is no account eve"):
            change()
        assert made.store.accounts() == before
        assert people.login("root", ROOTS, HOME, NOW_MS)
