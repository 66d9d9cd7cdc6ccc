"""The screen on the wall, and an alert that comes and goes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import TELEPHONE, WALL, check_accessibility, passes, picture
from tests.browser.conftest import OpenTab
from tests.browser.station import Station, undocked, until

MEASURED_MS = 6_000  # then it is measured once more: a busy machine measures with too much doubt, and says so
# The page's clock goes on by so much; time itself is the browser's.
LATER = "ms => { const now = Date.now; Date.now = () => now() + ms; }"
# What the destination says of somebody whom it does not take, as the live view has it.
REFUSED = {"kind": "alert", "key": "999", "value": {
    "id": 999, "kind": "person_refused", "device": "wearer Grace Hopper", "device_kind": "destination",
    "severity": "warning", "title": "Wearer or camera not taken", "details": "Grace Hopper is not known",
}}  # fmt: skip


@pytest.mark.req("ASST-04")
def test_the_wall_shows_who_is_docked_and_who_is_away(open_tab: OpenTab, station: Station):
    tab = open_tab("viewer", viewport=WALL)
    tab.open("/tv")
    docked, away = tab.page.locator("#docked .tv-camera"), tab.page.locator("#away .tv-camera")
    expect(docked).to_have_count(3)
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
    tab.page.route("**/api/v1/live", lambda route: route.fulfill(json=[*route.fetch().json(), REFUSED]))
    tab.page.evaluate("dispatchEvent(new Event('online'))")  # everything is read anew
    expect(tab.page.locator("#alerts")).to_contain_text("Wearer or camera not taken")
    expect(tab.page.locator("main")).not_to_contain_text("Grace Hopper")
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
    tab.expected.append("ERR_INTERNET_DISCONNECTED")
    tab.page.context.set_offline(True)
    tab.page.evaluate("dispatchEvent(new Event('online'))")  # it opens the stream anew, which fails
    expect(state).to_have_attribute("data-state", "lost")
    expect(state).to_contain_text("Connection lost")
    expect(tab.page.locator("#docked .tv-camera")).to_have_count(3)
    station.bench.call("take_out", camera="camera-3")
    until(lambda: undocked(station) == {"CAM-0003"}, "the camera to be away")
    tab.page.context.set_offline(False)
    expect(state).to_have_attribute("data-state", "live")
    expect(tab.page.locator("#away .tv-camera")).to_have_count(1)
    station.bench.call("put_in", camera="camera-3", bay=3)
    expect(tab.page.locator("#docked .tv-camera")).to_have_count(3)


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

    def measured(check: Callable[[], None]) -> bool:
        expect(measure).to_be_enabled()
        measure.click()
        return passes(check)

    until(lambda: measured(lambda: expect(alert.first).to_be_visible(timeout=MEASURED_MS)), "the worn one to be found")
    expect(alert.first).to_contain_text("lean")  # what to do: clean it
    attention = wall.page.locator("#figures .tile").filter(has_text="Need attention")
    expect(attention).to_contain_text("1")
    bay = wall.page.locator(".dock .bay").nth(2)
    expect(bay).to_have_class(re.compile("bad|warn"))
    expect(bay).not_to_contain_text("Ready to be taken")
    picture(wall, "dashboard-alert")
    station.bench.call("fault", **worn, type="ok")
    until(lambda: measured(lambda: expect(alert).to_have_count(0, timeout=MEASURED_MS)), "the clean one to be found")
    tab.open("/controller")
    expect(tab.page.locator(".table").last).to_contain_text("CAM-0003")
    picture(tab, "controllers")
