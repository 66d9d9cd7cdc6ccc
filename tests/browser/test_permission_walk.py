"""Every page and every request of the OpenAPI document, tried in a browser by whoever may not: the permission table is
walked, and nothing is any different afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Response, expect

from host_tools.controller.permissions import ACTS, TABLE
from host_tools.web.pages import PAGES
from host_tools.web.rows import PREFIX
from tests.browser.conftest import OpenTab
from tests.browser.station import Station

# What stands in an address: things that are there, so that a request that came through would change them.
EXAMPLES = {
    "serial": "CAM-0001",
    "camera": "CAM-0001",
    "wearer": "W-001",
    "id": "W-001",
    "dock": "DOCK-0001",
    "bay": "1",
    "tag": "04A1B2C3",
    "recording": "ab" * 16,
}
NAMES = {"profiles": "default", "certificates": "self-signed", "accounts": "ada", "categories": "patrol"}
STEADY = (
    "accounts", "assignments", "camera-entries", "categories", "certificates", "network-login", "profiles", "settings",
    "wearers",
)  # fmt: skip
# A page that somebody has opened, asking as its own scripts do: cookie, and the token against foreign sites.
ASK_ALL = """async (requests) => {
    const session = await (await fetch('/api/v1/session')).json();
    const answers = [];
    for (const [method, path] of requests) {
        const headers = {'Content-Type': 'application/json', 'X-OpenBWC-CSRF': session.csrf, 'If-Match': '"1"'};
        const body = ['GET', 'DELETE'].includes(method) ? undefined : '{}';
        const answer = await fetch(path, {method, headers, body});
        const said = await answer.json().catch(() => ({}));
        answers.push([method, path, answer.status, said.type ?? '']);
    }
    return answers;
}"""
REFUSED = [403, "urn:openbwc:problem:not-allowed"]


def requests_of(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Method, address and command of everything that is a command."""
    return [
        (method.upper(), concrete(path), row["operationId"])
        for path, methods in document["paths"].items()
        for method, row in methods.items()
        if "x-openbwc-roles" in row
    ]


def concrete(path: str) -> str:
    """With what is there in place of its arguments."""
    parts = path.split("/")
    for at, part in enumerate(parts):
        name = part.strip("{}").partition(":")[0]
        if part.startswith("{"):
            parts[at] = EXAMPLES.get(name) or NAMES.get(parts[at - 1], "none")
    return "/".join(parts)


def everything(station: Station, requests: list[tuple[str, str, str]]) -> dict[str, Any]:
    """What can be read of the system's data: a change of any of it would show."""
    steady = (
        "wearers",
        "assignments",
        "profiles",
        "categories",
        "settings",
        "accounts",
        "certificates",
        "camera-entries",
    )
    with station.client("root") as client:
        names = {path.removeprefix(f"{PREFIX}/") for method, path, _ in requests if method == "GET"}
        assert set(steady) <= names
        found = {name: client.get(f"{PREFIX}/{name}").json() for name in (*steady, "network-login")}
        found["members"] = sorted(
            (row["serial"], row["admission"]) for row in client.get(f"{PREFIX}/status").json()["cameras"]
        )
    return found


@pytest.mark.req("CTRL-14")
@pytest.mark.parametrize("role", ["viewer", "local_administrator"])
def test_whoever_may_not_changes_nothing_by_page_or_request(open_tab: OpenTab, station: Station, role: Any):
    tab = open_tab(role)
    with station.client(role) as client:
        requests = requests_of(client.get(f"{PREFIX}/openapi.json").json())
    assert len(requests) > 80
    before = everything(station, requests)
    head = _head(station)
    tab.open("/")
    refused = [each for each in requests if role not in TABLE[each[2]].roles]
    assert {method for method, _, _ in refused} >= {"GET", "POST", "PUT", "PATCH", "DELETE"}
    answers = tab.page.evaluate(ASK_ALL, [each[:2] for each in refused])
    assert [
        (*each[:2], *answer[2:]) for each, answer in zip(refused, answers, strict=True) if answer[2:] != REFUSED
    ] == []
    walk_pages(tab.page, station, role)
    assert everything(station, requests) == before
    acts = {each[2] for each in refused if TABLE[each[2]].kind == ACTS}
    told = station.controller.call("audit", after=head)
    assert {row["action"] for row in told if (row["role"], row["outcome"]) == (role, "refused")} == acts


def walk_pages(page: Any, station: Station, role: str) -> None:
    """Each page opens or says whose it is, and none asks for what this role may not have."""
    asked: list[str] = []

    def note(answer: Response) -> None:
        if PREFIX in answer.url and answer.status >= 400:
            asked.append(f"{answer.status} {answer.request.method} {answer.url.removeprefix(station.url)}")

    page.on("response", note)
    for row in PAGES:
        path = concrete(row.path)
        answer = page.goto(station.url + path)
        if role in row.roles:
            assert answer.status == 200, path
            page.wait_for_selector("#link-state[data-state=live]")
        else:
            assert answer.status == 403, path
            expect(page.locator("main")).to_contain_text("may not see this page")
    page.remove_listener("response", note)
    assert asked == [], role


def _head(station: Station) -> int:
    """The last line of the audit trail, page by page."""
    head = 0
    while rows := station.controller.call("audit", after=head):
        head = rows[-1]["sequence"]
    return head
