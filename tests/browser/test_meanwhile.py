"""Somebody else was faster, and a page that heard nothing of it: what is removed is what was seen, or nothing; of two
tables that are chosen one after the other the second is shown, whichever answer comes first."""

from __future__ import annotations

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.browsing import Tab
from tests.browser.conftest import OpenTab
from tests.browser.station import Station, until

HEAD = "ID,Name\n"
# Answers to previews are held back until the test lets one go; `settled` after all that its page makes of it.
HELD = """() => {
    const real = window.fetch;
    window.held = [];
    window.fetch = async (url, options) => {
        const answer = await real(url, options);
        if (String(url).includes('/imports/previews')) await new Promise(resolve => window.held.push(resolve));
        return answer;
    };
    window.release = async place => {
        window.held[place]();
        for (let turn = 0; turn < 20; turn += 1) await new Promise(resolve => setTimeout(resolve));
    };
}"""


def unaware(open_tab: OpenTab, path: str, last: str) -> Tab:
    """A page that hears nothing: its stream of events does not come through. ``last``: what it draws last."""
    tab = open_tab("root")
    tab.expected.append("net::ERR_FAILED")
    tab.page.route("**/api/v1/events*", lambda route: route.abort())
    tab.page.goto(tab.station.url + path)
    expect(tab.page.locator("main")).to_contain_text(last)
    return tab


def press(tab: Tab, name: str, again: str = "") -> None:
    """And once more where the page asks whether it is meant."""
    tab.page.get_by_role("button", name=name, exact=True).click()
    if again:
        tab.page.get_by_role("dialog").get_by_role("button", name=again, exact=True).click()


def refused(tab: Tab) -> None:
    expect(tab.page.locator("#toasts .toast.bad")).to_contain_text("Look at what it is now")


@pytest.mark.req("CTRL-14")
def test_what_was_changed_meanwhile_is_not_removed(open_tab: OpenTab, station: Station):
    call = station.controller.call
    call("add_wearer", id="M-1", name="Mavis Batey")
    tab = unaware(open_tab, "/wearers/M-1", "Remove user")
    call("change_wearer", id="M-1", version=call("get_wearer", id="M-1")["version"], name="Mavis Lever")
    press(tab, "Remove user", "Remove user")
    refused(tab)
    assert call("get_wearer", id="M-1")["name"] == "Mavis Lever"
    call("remove_wearer", id="M-1")

    made = call("put_profile", name="night", version=0, description="as it was")
    tab = unaware(open_tab, "/profiles/night", "Show settings for")
    call("put_profile", name="night", version=made["version"], description="as it is")
    press(tab, "Remove profile", "Remove profile")
    refused(tab)
    assert call("get_profile", name="night")["description"] == "as it is"
    call("remove_profile", name="night")

    made = call("put_category", name="Traffic", version=0)
    tab = unaware(open_tab, "/settings", "Traffic")
    call("put_category", name="Traffic", version=made["version"], retention_days=7)
    press(tab, "Remove category Traffic", "Remove")
    refused(tab)
    assert [row["retention_days"] for row in call("list_categories")] == [7]
    call("remove_category", name="Traffic")

    tab = unaware(open_tab, "/cameras/CAM-0001", "Nobody's from now on")
    call("assign_camera", camera="CAM-0001", wearer="W-004")
    press(tab, "Nobody's from now on")
    refused(tab)
    assert {row["camera"]: row["wearer"] for row in call("list_assignments")}["CAM-0001"] == "W-004"
    call("assign_camera", camera="CAM-0001", wearer="W-001")
    until(lambda: _wearer_of(station) == "Ada Lovelace", "the camera to know whose it is")


def _wearer_of(station: Station) -> str:
    return next(row["wearer"] for row in station.controller.call("status")["cameras"] if row["serial"] == "CAM-0001")


@pytest.mark.req("CTRL-04")
@pytest.mark.parametrize("first_to_answer", [0, 1])
def test_of_two_tables_the_one_that_was_chosen_last_is_shown(open_tab: OpenTab, first_to_answer: int):
    tab = open_tab("root")
    tab.open("/wearers")
    tab.page.evaluate(HELD)
    tab.page.get_by_role("button", name="Import table").click()
    dialog = tab.page.get_by_role("dialog")
    for number, name in enumerate(("Ida Rhodes", "Grete Hermann"), 1):
        _choose(tab.page, f"{HEAD}T-{number},{name}\n")
        tab.page.wait_for_function("count => window.held.length === count", arg=number)
    for place in (first_to_answer, 1 - first_to_answer):
        tab.page.evaluate("place => window.release(place)", place)
    expect(dialog.locator(".import-result")).to_contain_text("Grete Hermann")
    assert "Ida Rhodes" not in dialog.inner_text(), "what would be imported is not what is shown"


def _choose(page: Page, text: str) -> None:
    page.set_input_files("#import-file", FilePayload(name="people.csv", mimeType="text/csv", buffer=text.encode()))
