"""A destination that was down: what waits is shown with its reason, is filed meanwhile, and goes out when a person
says so."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.browsing import check_accessibility, picture
from tests.browser.conftest import OpenTab
from tests.browser.station import Station, come_back, until
from tests.browser.taking import take_and_record


@pytest.mark.req("CTRL-10")
def test_a_transfer_is_tried_again_after_the_destination_was_down(open_tab: OpenTab, station: Station):
    tab, dashboard = open_tab("administrator"), open_tab("viewer")
    tab.open("/controller")
    dashboard.open("/")
    before = {row["recording"] for row in station.controller.call("status")["transfers"]}
    there, away = station.folder / "destination", station.folder / "destination that is away"
    there.rename(away)
    try:
        take_and_record(station, 1)
        come_back(station, 1)
        state = (
            tab.page.locator(".card")
            .filter(has_text="Answers")
            .or_(tab.page.locator(".card").filter(has_text="Does not answer"))
        )
        expect(state).to_contain_text("Does not answer")
        lost = dashboard.page.locator("#alerts .alert").filter(has_text="The destination does not answer")
        expect(lost).to_contain_text("put it back")  # what to do
        expect(lost).not_to_contain_text("firewall")
        attention = dashboard.page.locator("#figures .tile").filter(has_text="Need attention")
        expect(attention).not_to_contain_text(re.compile(r"attention\s*0"))
        picture(dashboard, "dashboard-destination-lost")
        until(lambda: _held(station) == 1, "the recording to be safe on the controller")
        _file(open_tab, station)
    finally:
        away.rename(there)
    tab.page.get_by_role("button", name="Try all again").click()
    until(lambda: bool(_delivered(station) - before), "the recording to be delivered")
    (name,) = _delivered(station) - before
    expect(tab.page.locator(".table-row").filter(has_text=name[:8])).to_contain_text("Delivered")
    expect(state).to_contain_text("Answers")
    expect(lost).to_have_count(0)
    (act,) = station.controller.call("search_audit", action="retry_delivery", limit=1)["rows"]
    assert (act["account"], act["outcome"]) == ("ada", "done")


def _file(open_tab: OpenTab, station: Station) -> None:
    """An administrator makes a category, and a local one files the recording that waits under it; not where the
    destination would not take it."""
    settings, camera = open_tab("administrator"), open_tab("local_administrator")
    settings.open("/settings")
    settings.page.get_by_role("button", name="Add category").click()
    dialog = settings.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Traffic")
    dialog.get_by_label("Kept at least for").fill("90")
    dialog.get_by_role("button", name="Save").click()
    row = settings.page.locator(".card").filter(has_text="Categories").get_by_role("row").filter(has_text="Traffic")
    expect(row).to_contain_text("90 days")
    camera.open("/cameras/CAM-0001")
    (recording,) = [each for each in station.controller.call("status")["recordings"] if each["state"] == "held"]
    item = camera.page.locator(".table-row").filter(has_text="On the camera and at this controller")
    item.get_by_role("button").click()
    expect(camera.page.get_by_role("dialog")).to_contain_text("takes no category and no note")
    camera.page.keyboard.press("Escape")
    camera.page.route("**/api/v1/status", _with_bookmarks)
    item.get_by_role("button").click()
    dialog = camera.page.get_by_role("dialog")
    dialog.get_by_label("Category").select_option(label="Traffic")
    dialog.get_by_label("Note").fill("Blue van, Harbour Street")
    check_accessibility(camera)
    picture(camera, "recording", full=False)
    dialog.get_by_role("button", name="Save").click()
    camera.says("Saved")
    told = station.controller.call("recording_description", recording=recording["recording"])
    assert told.pop("version"), "whoever changes it says what was seen"
    assert told == {
        "category_id": "Traffic", "category_name": "Traffic", "note": "Blue van, Harbour Street", "open": True
    }  # fmt: skip
    settings.page.get_by_role("button", name="Remove category Traffic").click()
    settings.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)


def _with_bookmarks(route: Route) -> None:
    """As of a destination that takes categories; ours is a folder."""
    answer = route.fetch()
    status = answer.json()
    status["destination"]["capabilities"].append("StoreBookmarks")
    route.fulfill(response=answer, json=status)


def _held(station: Station) -> int:
    return sum(row["state"] == "held" for row in station.controller.call("status")["recordings"])


def _delivered(station: Station) -> set[str]:
    transfers = station.controller.call("status")["transfers"]
    return {row["recording"] for row in transfers if row["outcome"] == "delivered"}
