"""The permission table, walked over HTTP by what OpenAPI says: the API lets nobody do what the table does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from host_tools.accounts.roles import ROLES
from host_tools.controller.permissions import ACTS, TABLE
from host_tools.web.pages import PAGES
from host_tools.web.rows import NOT_PUBLISHED, ROWS
from tests.unit.web.office import Office, problem

OPENAPI = "/api/v1/openapi.json"
OWN = {"change_own_password", "log_out_everywhere"}  # a viewer's own account is the viewer's


class Operation(NamedTuple):
    """One request of the document."""

    method: str
    path: str
    command: str
    roles: frozenset[str]


def operations(office: Office) -> list[Operation]:
    """Every request that is a command."""
    document = office.ask("GET", OPENAPI).json()
    return [
        Operation(method.upper(), path, row["operationId"], frozenset(row["x-openbwc-roles"]))
        for path, methods in document["paths"].items()
        for method, row in methods.items()
        if "x-openbwc-roles" in row
    ]


def concrete(path: str) -> Iterator[str]:
    for part in path.split("/"):
        yield "1" if part.startswith("{") else part


def request_of(office: Office, operation: Operation, role: str) -> Any:
    """It, as somebody, with arguments that fit nothing: who may not is told so before they are looked at."""
    path = "/".join(concrete(operation.path))
    content: dict[str, Any] = {} if operation.method in ("GET", "DELETE") else {"json": {"nothing": "of use"}}
    return office.ask(operation.method, path, role, headers={"If-Match": '"1"'}, **content)


@pytest.mark.req("CTRL-14")
def test_every_command_is_published_once_with_the_roles_of_the_table(office: Office):
    found = operations(office)
    assert sorted(each.command for each in found) == sorted(set(office.commands.names()) - NOT_PUBLISHED)
    for each in found:
        assert each.roles == TABLE[each.command].roles, each
    paths = [(each.method, each.path) for each in found]
    assert len(paths) == len(set(paths))


def test_a_row_is_of_a_command_that_can_be():
    assert len({(row.method, row.path) for row in ROWS}) == len(ROWS)
    assert len({row.command for row in ROWS}) == len(ROWS)


@pytest.mark.req("CTRL-14")
@pytest.mark.parametrize("role", ROLES)
def test_whoever_may_not_is_refused_before_anything_is_looked_at(office: Office, role: str):
    refused = [each for each in operations(office) if role not in each.roles]
    assert bool(refused) == (role not in ("root", "administrator"))
    before = office.town.people.audit.head().sequence
    for each in refused:
        said = problem(request_of(office, each, role), 403, "not-allowed")
        assert TABLE[each.command].meaning in said["detail"]
    told = list(office.town.people.audit.entries(before))
    assert {(entry.action, entry.outcome) for entry in told} == {
        (each.command, "refused") for each in refused if TABLE[each.command].kind == ACTS
    }


@pytest.mark.req("CTRL-14")
@pytest.mark.req("ASST-04")
def test_a_viewer_changes_nothing(office: Office):
    acts = {each.command for each in operations(office) if TABLE[each.command].kind == ACTS}
    allowed = {each.command for each in operations(office) if "viewer" in each.roles}
    assert acts & allowed == OWN
    assert acts - allowed


@pytest.mark.req("CTRL-14")
def test_nobody_gets_nothing(office: Office):
    for each in operations(office):
        problem(request_of(office, each, ""), 401, "session-ended")
    for path in ("/metrics", "/api/v1/events", "/api/v1/session"):
        problem(office.ask("GET", path), 401, "session-ended")
    for page in PAGES:
        answer = office.ask("GET", "/".join(concrete(page.path)))
        assert answer.status_code == 303, page
        assert answer.headers["location"].startswith("/login?next=")


def test_an_answer_of_the_api_is_kept_by_nobody(office: Office):
    for path in ("/api/v1/status", "/api/v1/live", "/api/v1/wearers", "/", "/login", "/metrics"):
        assert office.ask("GET", path, "viewer").headers["cache-control"] == "no-store", path
