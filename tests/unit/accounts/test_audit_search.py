"""Looking through the audit trail: what was asked and what became of it are one row, and nothing is missed or told
twice however the trail is cut into pages."""

from __future__ import annotations

import random

import pytest

from host_tools.accounts import audit_search, store
from host_tools.accounts.audit import ASKED_IN, AuditTrail
from host_tools.accounts.audit_search import Wanted, search
from host_tools.accounts.roles import Actor, Role
from tests.unit.accounts.parts import HOME, NOW_MS, town

ADA = Actor("ada", "administrator", HOME)
EVE = Actor("eve", "local_administrator", "192.0.2.66")
SEED = 20261121


def act(trail: AuditTrail, who: Actor, action: str, at_ms: int, outcome: str = "done", **arguments: object) -> int:
    """Asked, and over."""
    number = trail.append(action, who, "asked", at_ms, {"arguments": arguments}).sequence
    error = {"error": "it was away"} if outcome == "failed" else {}
    trail.append(action, who, outcome, at_ms + 1, {ASKED_IN: number, **error})
    return number


@pytest.mark.req("CTRL-14")
def test_an_act_is_one_row_with_what_became_of_it():
    with town() as made:
        trail = made.people.audit
        act(trail, ADA, "remove_camera", NOW_MS, serial="CAM-0001")
        act(trail, EVE, "pair_tag", NOW_MS + 10, "failed", wearer="W-1", tag="04AA")
        trail.append("add_account", EVE, "refused", NOW_MS + 20)
        trail.append("reset_system", ADA, "asked", NOW_MS + 30, {"arguments": {}})
        found = search(trail, Wanted(), None, 10)
        assert [(each.action, each.outcome, each.error, each.account) for each in found.acts] == [
            ("reset_system", "asked", "", "ada"),
            ("add_account", "refused", "", "eve"),
            ("pair_tag", "failed", "it was away", "eve"),
            ("remove_camera", "done", "", "ada"),
        ]
        assert found.next is None
        assert found.acts[-1].details == {"serial": "CAM-0001"}


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(account="eve"), [3]),
        (Wanted(action="remove_camera"), [5, 1]),
        (Wanted(text="cam-0001"), [1]),
        (Wanted(text="AWAY"), [3]),
        (Wanted(since_unix_ms=NOW_MS + 10), [5, 3]),
        (Wanted(until_unix_ms=NOW_MS + 10), [1]),
        (Wanted(account="ada", text="CAM-"), [5, 1]),
        (Wanted(account="ad"), []),
        (Wanted(account='ada","role":"x'), []),
    ],
)
def test_it_is_looked_for_by_who_what_which_device_and_when(wanted: Wanted, numbers: list[int]):
    with town() as made:
        trail = made.people.audit
        act(trail, ADA, "remove_camera", NOW_MS, serial="CAM-0001")
        act(trail, EVE, "pair_tag", NOW_MS + 10, "failed", wearer="W-1")
        act(trail, ADA, "remove_camera", NOW_MS + 20, serials=["CAM-0002", "CAM-0003"])
        act(trail, ADA, "export_audit", NOW_MS - 1, account="eve", event="remove_camera")  # looks like another's line
        numbers = [7, *numbers] if wanted.until_unix_ms else numbers
        assert [each.sequence for each in search(trail, wanted, None, 10).acts] == numbers


def test_pages_hold_everything_once_and_outcomes_across_their_edges(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "SEARCHED_ROWS", 5)
    monkeypatch.setattr(audit_search, "SEARCHED_ROWS", 5)
    monkeypatch.setattr(audit_search, "SEARCHED_ROWS_MAX", 15)
    draw = random.Random(SEED)
    with town() as made:
        trail = made.people.audit
        open_acts: list[tuple[int, Actor]] = []
        wanted: dict[int, str] = {}
        for number in range(60):
            who = draw.choice((ADA, EVE))
            if open_acts and draw.random() < 0.5:
                asked, whose = open_acts.pop(draw.randrange(len(open_acts)))
                wanted[asked] = draw.choice(("done", "failed"))
                trail.append("x", whose, wanted[asked], NOW_MS + number, {ASKED_IN: asked})
            else:
                asked = trail.append("x", who, "asked", NOW_MS + number, {"arguments": {"n": number}}).sequence
                open_acts.append((asked, who))
                wanted[asked] = "asked"
        for size in (1, 3, 7, 100):
            told: list[tuple[int, str]] = []
            before = None
            while True:
                found = search(trail, Wanted(), before, size)
                told += [(each.sequence, each.outcome) for each in found.acts]
                if found.next is None:
                    break
                assert before is None or found.next < before
                before = found.next
            assert told == sorted(wanted.items(), reverse=True), (SEED, size)


def test_what_nobody_did_is_looked_for_in_bounded_steps(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audit_search, "SEARCHED_ROWS_MAX", 10)
    role: Role = "viewer"
    with town() as made:
        for number in range(30):
            act(made.people.audit, ADA, "x", NOW_MS + number)
        steps = [search(made.people.audit, Wanted(account="nobody"), before, 5).next for before in (None, 51, 11)]
        assert steps == [51, 41, None]
        made.people.audit.append("login", Actor("nobody", role, HOME), "done", NOW_MS)
        assert len(search(made.people.audit, Wanted(account="nobody"), None, 5).acts) == 1
