"""The screen on the wall, and an alert that comes and goes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import TELEPHONE, WALL, check_accessibility, picture
from tests.browser.conftest import OpenTab
from tests.browser.station import Station, until

MEASURED_MAX = 8  # a machine that is busy measures with too much doubt, and says so
ALERT_MS = 45_000  # measuring takes seconds, and the boards run on the same machine
# The page's clock goes on by so much; time itself is the browser's.
LATER = "ms => { const now = Date.now; Date.now = () => now() + ms; }"


@pytest.mark.req("ASST-04")
def test_the_wall_shows_who_is_docked_and_who_is_away(open_tab: OpenTab, station: Station):
    tab = open_tab("viewer", viewport=WALL)
    tab.open("/tv")
    docked, away = tab.page.locator("#docked .tv-camera"), tab.page.locator("#away .tv-camera")
    expect(docked).to_have_count(3)
    expect(tab.page.locator(".fresh")).to_have_count(0)
    expect(tab.page.locator("#docked")).to_contain_text("Grace Hopper")
    station.bench.call("take_out", camera="camera-2")
    expect(away).to_have_count(1)
    expect(away).to_contain_text("Grace Hopper")
    expect(tab.page.locator('.fresh[data-serial="CAM-0002"]')).to_have_count(1)
    picture(tab, "wall", full=False)
    check_accessibility(tab)
    tab.page.evaluate(LATER, 11 * 3_600_000)
    expect(away).to_contain_text("Longer than a shift")
    expect(away).to_contain_text("11 h")
    tab.page.get_by_role("button", name="Hide names").click()
    expect(tab.page.locator("main")).not_to_contain_text("Grace Hopper")
    expect(away).to_contain_text("CAM-0002")
    station.bench.call("put_in", camera="camera-2", bay=2)
    expect(docked).to_have_count(3)
    tab.page.set_viewport_size(TELEPHONE)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]


@pytest.mark.req("ASST-04")
def test_the_wall_comes_back_by_itself(open_tab: OpenTab, station: Station):
    tab = open_tab("viewer", viewport=WALL)
    tab.open("/tv")
    state = tab.page.locator("#link-state")
    expect(tab.page.locator("#docked .tv-camera")).to_have_count(3)
    tab.page.context.set_offline(True)
    tab.page.evaluate("dispatchEvent(new Event('online'))")  # it opens the stream anew, which fails
    expect(state).to_have_attribute("data-state", "lost")
    expect(state).to_contain_text("Connection lost")
    expect(tab.page.locator("#docked .tv-camera")).to_have_count(3)
    station.bench.call("take_out", camera="camera-3")
    until(lambda: _online(station) == 2, "the camera to be away")
    tab.page.context.set_offline(False)
    expect(state).to_have_attribute("data-state", "live")
    expect(tab.page.locator("#away .tv-camera")).to_have_count(1)
    station.bench.call("put_in", camera="camera-3", bay=3)
    expect(tab.page.locator("#docked .tv-camera")).to_have_count(3)
    tab.log = [line for line in tab.log if "ERR_INTERNET_DISCONNECTED" not in line]


@pytest.mark.req("CTRL-12")
def test_an_alert_appears_and_clears_when_the_contact_is_cleaned(open_tab: OpenTab, station: Station):
    tab = open_tab("local_administrator")
    tab.open("/cameras/CAM-0003")
    wall = open_tab("viewer")
    wall.open("/")
    station.bench.call("put_cell", camera="camera-3", percent=40)  # a full one draws too little to judge a contact by
    worn = {"board": "dock-1", "component": "contact", "instance": 3}
    assert station.bench.call("fault", **worn, type="wrong")["outcome"] == "done"
    measure = tab.page.get_by_role("button", name="Measure now")
    alert = wall.page.locator("#alerts .alert").filter(has_text="CAM-0003")
    for _ in range(MEASURED_MAX):
        expect(measure).to_be_enabled(timeout=ALERT_MS)
        measure.click()
        with suppress(AssertionError):
            expect(alert.first).to_be_visible(timeout=ALERT_MS / MEASURED_MAX)
            break
    expect(alert.first).to_be_visible()
    expect(alert.first).to_contain_text("lean")  # what to do: clean it
    picture(wall, "dashboard-alert")
    station.bench.call("fault", **worn, type="ok")
    expect(measure).to_be_enabled(timeout=ALERT_MS)
    measure.click()
    expect(alert).to_have_count(0, timeout=ALERT_MS)
    tab.open("/controller")
    expect(tab.page.locator(".table").last).to_contain_text("CAM-0003")
    picture(tab, "controllers")


def _online(station: Station) -> int:
    return sum(1 for each in station.controller.call("status")["cameras"] if each["online"])
