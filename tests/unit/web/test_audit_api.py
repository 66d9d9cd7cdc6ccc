"""The audit trail over the API, and its words: nothing that people do is without a text."""

from __future__ import annotations

import csv
import io

import pytest
from pydantic import SecretStr

from host_tools.controller.permissions import ACTS, TABLE
from host_tools.controller.pickup_audit import ACTIONS, KEPT
from host_tools.web.app import HERE, KIT
from host_tools.web_kit.texts import Texts
from tests.unit.web.office import Office

BY_PEOPLE = {"login", "logout"}
BADGES = {action for action, _ in ACTIONS.values()}


@pytest.mark.req("CTRL-14")
def test_what_somebody_did_is_found_and_taken_away_as_a_table(office: Office):
    office.ask("POST", "/api/v1/wearers", "local_administrator", json={"id": "W-7", "name": "=Ada"})
    office.ask("POST", "/api/v1/wearers", "administrator", json={"id": "W-8", "name": "Eve"})
    office.ask("PUT", "/api/v1/wearers/W-8/tags/04", "administrator", json={})  # far too short to be one
    found = office.ask("GET", "/api/v1/audit-acts?account=louise&text=w-7", "administrator").json()
    assert [(row["action"], row["outcome"], row["origin"]) for row in found["rows"]] == [
        ("add_wearer", "done", "192.0.2.7")
    ]
    assert found["rows"][0]["details"]["name"] == "=Ada"
    newest = office.ask("GET", "/api/v1/audit-acts?limit=1", "root").json()
    assert newest["rows"][0]["sequence"] == newest["next"]
    made = office.ask("POST", "/api/v1/audit-exports", "administrator", json={"action": "add_wearer"}).json()
    rows = list(csv.DictReader(io.StringIO(made["csv"])))
    assert [(row["Account"], row["Outcome"]) for row in rows] == [("ada", "done"), ("louise", "done")]
    assert made["more"] is False
    last = office.ask("GET", "/api/v1/audit-acts?limit=1", "root").json()["rows"][0]
    assert (last["action"], last["account"]) == ("export_audit", "ada")


def test_every_action_and_every_argument_of_one_has_a_text(office: Office):
    names = Texts([KIT / "texts", HERE / "texts"]).names()
    acts = {name for name, row in TABLE.items() if row.kind == ACTS}
    assert {name.removeprefix("act.") for name in names if name.startswith("act.")} == acts | BY_PEOPLE | BADGES
    known = {name.removeprefix("argument.") for name in names if name.startswith("argument.")}
    asked = {
        name
        for command in acts & set(office.commands.names())
        for name, field in office.commands.form(command).model_fields.items()
        if SecretStr not in (field.annotation, *getattr(field.annotation, "__args__", ()))  # never in the trail
    }
    assert known == asked | set(KEPT)
