"""A destination that was down: what waits is shown with its reason, and goes out when a person says so."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import picture
from tests.browser.conftest import OpenTab
from tests.browser.station import Station, until
from tests.browser.taking import take_and_record

SHOWN_MS = 60_000


@pytest.mark.req("CTRL-10")
def test_a_transfer_is_tried_again_after_the_destination_was_down(open_tab: OpenTab, station: Station):
    tab, dashboard = open_tab("administrator"), open_tab("viewer")
    tab.open("/controller")
    dashboard.open("/")
    before = {row["recording"] for row in station.controller.call("status")["transfers"]}
    there, away = station.folder / "destination", station.folder / "destination that is away"
    there.rename(away)
    try:
        take_and_record(tab, station, 1)
        station.bench.call("put_in", camera="camera-1", bay=1)
        state = (
            tab.page.locator(".card")
            .filter(has_text="Answers")
            .or_(tab.page.locator(".card").filter(has_text="Does not answer"))
        )
        expect(state).to_contain_text("Does not answer", timeout=SHOWN_MS)
        lost = dashboard.page.locator("#alerts .alert").filter(has_text="The destination does not answer")
        expect(lost).to_contain_text("put it back", timeout=SHOWN_MS)  # what to do
        picture(dashboard, "dashboard-destination-lost")
        until(lambda: _held(station) == 1, "the recording to be safe on the controller")
    finally:
        away.rename(there)
    tab.page.get_by_role("button", name="Try all again").click()
    until(lambda: bool(_delivered(station) - before), "the recording to be delivered")
    (name,) = _delivered(station) - before
    expect(tab.page.locator(".table-row").filter(has_text=name[:8])).to_contain_text("Delivered", timeout=SHOWN_MS)
    expect(state).to_contain_text("Answers", timeout=SHOWN_MS)
    expect(lost).to_have_count(0, timeout=SHOWN_MS)
    (act,) = station.controller.call("search_audit", action="retry_delivery", limit=1)["rows"]
    assert (act["account"], act["outcome"]) == ("ada", "done")


def _held(station: Station) -> int:
    return sum(row["state"] == "held" for row in station.controller.call("status")["recordings"])


def _delivered(station: Station) -> set[str]:
    transfers = station.controller.call("status")["transfers"]
    return {row["recording"] for row in transfers if row["outcome"] == "delivered"}
