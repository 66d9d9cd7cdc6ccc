"""The screen on the wall through an hour of a station's life: times away, the warning of a long shift, what stands out,
and a manager that was restarted meanwhile. The hour is virtual, from the simulation; the page's clock goes with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from host_tools.simulation.plan import Verb
from tests.browser.browsing import WALL, opened_tab
from tests.browser.virtual_hour import MINUTE_MS, lived_hour, played_wall

# The page's clock stands where it is put; timers run on.
CLOCK = "Date.now = () => window.virtualNow ?? 0;"
SET_CLOCK = "now => { window.virtualNow = now; }"
HANDS: list[tuple[float, int, Verb]] = [
    (5.0, 0, "take"),
    (6.0, 1, "take"),
    (20.0, 0, "dock"),
    (25.0, 2, "take"),
    (45.0, 1, "dock"),
]
CUT = (
    "ERR_CONNECTION_CLOSED",
    "ERR_CONNECTION_REFUSED",
    "ERR_CONNECTION_RESET",
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
    "ERR_EMPTY_RESPONSE",
)


@pytest.mark.req("ASST-04")
def test_the_wall_lives_through_an_hour(browser: Browser, tmp_path: Path):
    hour = lived_hour(3, HANDS)
    assert {told.change.kind for told in hour.told} >= {"camera", "dock", "storage"}
    with played_wall(hour, tmp_path) as wall, opened_tab(browser, wall, "viewer", viewport=WALL) as tab:
        page = tab.page
        tab.expected += CUT
        page.add_init_script(CLOCK)

        def pass_to(minute: float) -> None:
            page.evaluate(SET_CLOCK, hour.begins_unix_ms + int(minute * MINUTE_MS))  # first: what comes then is of then
            wall.pass_to(minute)

        wall.pass_to(2.0)
        page.add_init_script(f"window.virtualNow = {hour.begins_unix_ms + 2 * MINUTE_MS};")
        tab.open("/tv")
        docked, away = page.locator("#docked .tv-camera"), page.locator("#away .tv-camera")
        first, second, third = (page.locator(f'.tv-camera[data-serial="CAM-000{number}"]') for number in (1, 2, 3))
        expect(docked).to_have_count(3)
        expect(page.locator(".fresh")).to_have_count(0)  # what is there when the page opens is nothing new

        pass_to(5.5)
        expect(away).to_have_count(1)
        expect(first).to_contain_text("just taken")
        expect(first).to_have_class("tv-camera  fresh")
        pass_to(6.75)
        expect(away).to_have_count(2)
        expect(first).not_to_have_class("tv-camera  fresh")  # after a minute it is nothing new
        expect(second).to_have_class("tv-camera  fresh")
        pass_to(15.5)
        expect(first).to_contain_text("away for 10 min")
        expect(second).to_contain_text("away for 9 min")
        expect(page.locator(".fresh")).to_have_count(0)

        pass_to(20.5)
        expect(docked).to_have_count(2)
        expect(first).not_to_contain_text("away")

        wall.restart()
        wall.pass_to(30.0)  # told to nobody
        page.evaluate(SET_CLOCK, hour.begins_unix_ms + 30 * MINUTE_MS)
        expect(page.locator("#link-state")).to_have_attribute("data-state", "live")
        expect(away).to_have_count(2)
        expect(third).to_contain_text("away for 5 min")
        expect(second).to_contain_text("away for 24 min")
        expect(away.first).to_contain_text("24 min")  # whoever is away for longest comes first
        expect(page.locator("#away strong")).to_have_count(0)

        pass_to(40.0)
        expect(second).to_contain_text("away for 34 min")
        expect(second).to_contain_text("Longer than a shift")
        expect(second).to_have_class("tv-camera warn ")
        expect(third).not_to_contain_text("Longer than a shift")
        pass_to(46.0)
        expect(docked).to_have_count(2)
        expect(second).not_to_contain_text("Longer than a shift")
        pass_to(59.0)
        expect(third).to_contain_text("away for 34 min")
        expect(third).to_contain_text("Longer than a shift")
        expect(page.locator("#counts")).to_have_text("2 docked, 1 undocked")
