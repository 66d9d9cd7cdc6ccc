"""The audit trail: append-only, chained, and read back as it was written."""

from __future__ import annotations

import pytest

from host_tools.accounts.roles import Actor, Stranger
from host_tools.custody.errors import CustodyFault
from host_tools.custody.ledger import Head
from tests.unit.accounts.parts import ADAS, HOME, NOW_MS, town

ADA = Actor("ada", "administrator", HOME)


@pytest.mark.req("CTRL-14")
def test_it_is_read_as_it_was_written():
    with town() as made:
        trail = made.people.audit
        trail.append("set_bay_power", ADA, "asked", NOW_MS, {"arguments": {"bay": 3}})
        trail.append("set_bay_power", ADA, "done", NOW_MS + 1)
        trail.append("login", Stranger("(unknown)", HOME), "refused", NOW_MS + 2)
        told = [(e.sequence, e.at_unix_ms - NOW_MS, e.action, e.account, e.role, e.origin, e.outcome, e.more)
                for e in trail.entries()]  # fmt: skip
        assert told == [
            (1, 0, "set_bay_power", "ada", "administrator", HOME, "asked", {"arguments": {"bay": 3}}),
            (2, 1, "set_bay_power", "ada", "administrator", HOME, "done", {}),
            (3, 2, "login", "(unknown)", "nobody", HOME, "refused", {}),
        ]
        assert [entry.sequence for entry in trail.entries(after=2)] == [3]
        assert trail.verify([trail.head()]).holds
        with pytest.raises(ValueError, match="is no outcome"):
            trail.append("x", ADA, "perhaps", NOW_MS)


@pytest.mark.parametrize(
    ("edit", "bad", "why"),
    [
        ("UPDATE audit SET line = replace(line, 'ada', 'eve') WHERE sequence = 2", 2, "hash does not follow"),
        ("DELETE FROM audit WHERE sequence = 2", 2, "is not there"),
        ("DELETE FROM audit WHERE sequence = 1", 1, "is not there"),
        ("UPDATE audit SET sequence = -sequence; UPDATE audit SET sequence = 4 + sequence", 1, "hash does not follow"),
    ],
    ids=["rewritten", "dropped", "first dropped", "turned round"],
)
def test_a_changed_line_is_found_and_named(edit, bad, why):
    with town() as made:
        trail = made.people.audit
        for number in range(3):
            trail.append(f"act_{number}", ADA, "done", NOW_MS + number)
        made.store.database.run("DROP TRIGGER audit_keeps_lines; DROP TRIGGER audit_keeps_length; " + edit)
        verdict = trail.verify()
        assert (verdict.bad_sequence, why in verdict.reason) == (bad, True), verdict


def test_a_kept_head_finds_a_chain_that_was_made_anew():
    with town() as made, town() as forger:
        for number in range(3):
            made.people.audit.append(f"act_{number}", ADA, "done", NOW_MS)
            forger.people.audit.append(f"other_{number}", ADA, "done", NOW_MS)
        kept = made.people.audit.head()
        assert forger.people.audit.verify().holds
        assert "made anew" in forger.people.audit.verify([kept]).reason
        assert "cut short" in made.people.audit.verify([Head(9, bytes(32))]).reason


@pytest.mark.parametrize("statement", ["UPDATE audit SET line = ''", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_rewrite_it(statement):
    with town() as made:
        made.people.audit.append("act", ADA, "done", NOW_MS)
        with pytest.raises(CustodyFault, match="append-only"):
            made.store.database.run(statement)


def test_coming_and_going_are_in_it():
    with town() as made:
        people = made.settled().people
        cookie = people.login("ada", ADAS, HOME, NOW_MS)
        people.logout(cookie, HOME, NOW_MS + 1)
        told = [(entry.action, entry.account, entry.role, entry.outcome) for entry in people.audit.entries()]
        assert told == [("login", "ada", "administrator", "done"), ("logout", "ada", "administrator", "done")]


def test_long_trails_are_walked_in_pages():
    with town() as made:
        trail = made.people.audit
        with made.store.change():
            for number in range(1_100):
                trail.append("act", ADA, "done", NOW_MS + number)
        assert trail.verify().entries == 1_100
        assert sum(1 for _ in trail.entries(after=100)) == 1_000
