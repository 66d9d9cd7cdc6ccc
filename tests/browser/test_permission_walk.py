"""The permission table, walked in a browser: every request of the OpenAPI document by whoever may not, and nothing is
any different afterwards; and every button of every page, pressed by each role, asks for what the table lets it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Response, expect

from host_tools.controller.permissions import ACTS, TABLE
from host_tools.web.pages import PAGES
from host_tools.web.rows import PREFIX
from tests.browser.browsing import Tab
from tests.browser.clicking import HOLD_BACK, Offer, press_all
from tests.browser.conftest import OpenTab
from tests.browser.station import Station
from tests.unit.web.offering import Sent, everything_sent

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
# Acts whose buttons are there only while something is so, or after what a press here does not do; for whom they are is
# read out of the scripts: tests/unit/web/test_offered.py.
IN_SOME_STATE = {
    "activate_certificate", "install_certificate", "remove_certificate",  # of a second certificate
    "add_camera", "allow_cameras_back", "end_holding", "force_remove_cameras",  # of a camera that is not docked as ours
    "archive_rejected_recording", "confirm_rejected_recording", "send_rejected_recording",
    "ask_before_back",
    "connect_destination", "forget_destination",  # the shared station delivers to a folder
    "describe_recording",
    "import_wearers", "judge_badge",
    "reset_system",
    "send_test_mail",  # where an address is named
    "set_bay_power", "unpair_tag",
}  # fmt: skip
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
    for row in PAGES:
        if role not in row.roles:
            answer = tab.page.goto(station.url + concrete(row.path))
            assert answer is not None
            assert answer.status == 403, row
            expect(tab.page.locator("main")).to_contain_text("may not see this page")
    assert everything(station, requests) == before
    acts = {each[2] for each in refused if TABLE[each[2]].kind == ACTS}
    told = station.controller.call("audit", after=head)
    assert {row["action"] for row in told if (row["role"], row["outcome"]) == (role, "refused")} == acts


@pytest.mark.req("CTRL-14")
def test_every_button_of_every_page_is_there_for_whom_the_table_has_it(open_tab: OpenTab, station: Station):
    """What pages offer to root is all there is; others are offered exactly what of that the table lets them do."""
    station.controller.call("put_category", name="Traffic", version=0)
    pressed = {role: press_pages(open_tab(role), role) for role in ("root", "local_administrator", "viewer")}
    station.controller.call("remove_category", name="Traffic")
    for role, pages in pressed.items():
        for page, commands in pages.items():
            allowed = {name for name in pressed["root"][page] if role in TABLE[name].roles}
            assert commands == allowed, (role, page)
    assert {row.name for row in PAGES} == set(pressed["root"])
    assert all(("root" in row.roles) == ("administrator" in row.roles) for row in (*PAGES, *TABLE.values())), "one role"
    got = set[str]().union(*pressed["root"].values())
    assert len(got) > 35
    offered = {each.command for each in everything_sent()}
    assert offered >= IN_SOME_STATE
    assert offered - got <= IN_SOME_STATE, "a button that nothing presses, and nothing says when it is there"


def press_pages(tab: Tab, role: str) -> dict[str, set[str]]:
    """All pages that somebody of that role may see, with the acts that their buttons ask for. Nothing that a page does
    by itself is refused."""
    refused: list[str] = []

    def answered(answer: Response) -> None:
        if PREFIX in answer.url and answer.status >= 400:
            refused.append(f"{answer.status} {answer.request.method} {answer.url}")

    tab.page.add_init_script(HOLD_BACK)
    tab.page.on("response", answered)
    found: dict[str, set[str]] = {}
    for row in PAGES:
        if role in row.roles:
            tab.open(concrete(row.path))
            offers = press_all(tab.page)
            found[row.name] = acts_of(offers, role)
    assert refused == [], role
    return found


def acts_of(offers: list[Offer], role: str) -> set[str]:
    """What changes something; the role may do all of it, and see whatever else was asked for."""
    acts: set[str] = set()
    for offer in offers:
        for method, path in offer.asked:
            address = path.removeprefix(PREFIX)
            command = Sent(offer.way[-1], method, address).command
            if address != "/session":
                assert command, (offer, "is no command")
                assert role in TABLE[command].roles, (role, offer)
            acts |= {command} if method != "GET" else set()
    return acts


def _head(station: Station) -> int:
    """The last line of the audit trail, page by page."""
    head = 0
    while rows := station.controller.call("audit", after=head):
        head = rows[-1]["sequence"]
    return head
