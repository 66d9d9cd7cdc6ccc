"""The audit trail over the API, and its words: nothing that people do is without a text."""

from __future__ import annotations

import csv
import io
from inspect import unwrap
from typing import get_type_hints

import pytest
from pydantic import SecretStr

from host_tools.controller.audited import AuditedAs
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


@pytest.mark.req("CTRL-14", "RFID-04")
def test_a_badge_s_whole_number_is_never_in_the_trail(office: Office):
    wearers, number, ours = "/api/v1/wearers", "04C1B2C3D4E5F6", "04D1D2D3D4D5D6"
    before = office.town.people.audit.head().sequence
    office.ask("POST", wearers, "administrator", json={"id": "B-1", "name": "Ada", "tags": [number]})
    office.ask("POST", wearers, "administrator", json={"id": "B-2", "name": "Eve"})
    paired = office.ask("PUT", f"{wearers}/B-2/tags/{ours}", "administrator", json={})
    assert paired.json()["tags"] == [ours], "whoever may see the wearer sees it all"
    for taken in (number, bytes(reversed(bytes.fromhex(number))).hex()):  # refused, and the refusal names them
        assert office.ask("PUT", f"{wearers}/B-2/tags/{taken}", "administrator", json={}).status_code == 409
    office.ask("DELETE", f"{wearers}/B-2/tags/{ours}", "administrator")
    tag = {"If-Match": office.ask("GET", f"{wearers}/B-2", "root").headers["etag"]}
    office.ask("PATCH", f"{wearers}/B-2", "administrator", json={"tags": [ours]}, headers=tag)
    table = {"csv": f"ID,Name,RFID\nB-2,Eve,{number}\n", "token": ""}
    office.ask("POST", f"{wearers}/imports", "administrator", json=table)
    told = list(office.town.people.audit.entries(before))
    assert {entry.action for entry in told} == {
        "add_wearer", "pair_tag", "unpair_tag", "change_wearer", "import_wearers",
    }  # fmt: skip
    assert {entry.outcome for entry in told} == {"asked", "done", "failed"}
    text = " ".join(str(entry.more) for entry in told)
    for secret in (number, ours, bytes(reversed(bytes.fromhex(number))).hex().upper(), "Name,RFID"):
        assert secret not in text
    assert "…E5F6" in text
    assert "…D5D6" in text
    assert "is known as …E5F6" in text, "the refusal, too"


def test_every_argument_that_is_a_badge_number_says_how_the_trail_shows_it(office: Office):
    found: dict[str, bool] = {}
    for name in office.commands.names():
        for argument, hint in get_type_hints(unwrap(office.commands.method(name)), include_extras=True).items():
            if "canonical_tag" in repr(hint):  # of the type of a number, however deep
                found[f"{name} {argument}"] = any(isinstance(each, AuditedAs) for each in hint.__metadata__)
    assert len(found) >= 5
    assert all(found.values()), found


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
