"""From a box without a system to the first delivered recording, by pages alone; and back where one was, if the browser
is closed on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from host_tools.cli.folders import MAKER_FILE
from tests.browser.browsing import Tab, check_accessibility, picture
from tests.browser.conftest import MakeStation, OpenTab
from tests.browser.station import PASSPHRASE, PASSWORDS, Station, come_back
from tests.browser.taking import take_and_record

# While the assistant makes way to the manager, nobody answers.
MAKING_WAY = ("net::ERR_", "the server responded with a status of 503")


def next_step(page: Page) -> None:
    page.click("#step button[type=submit]")


def enter_code(page: Page, station: Station) -> None:
    page.goto(station.url)  # wherever one goes
    expect(page).to_have_url(f"{station.url}/setup")
    page.fill("#code", "AAAA-AAAA")
    next_step(page)
    expect(page.locator("#step [role=alert]")).to_contain_text("the code is not right")
    page.fill("#code", station.code.lower())
    next_step(page)


@pytest.mark.slow
@pytest.mark.req("CTRL-01")
def test_from_nothing_to_the_first_delivered_recording(open_tab: OpenTab, own_station: MakeStation, tmp_path: Path):
    station = own_station(cameras=1, set_up=False)
    tab = open_tab(at=station)
    page = tab.page
    enter_code(page, station)
    expect(page.locator("#heading")).to_have_text("Purpose")
    check_accessibility(tab)
    picture(tab, "setup-purpose")
    next_step(page)
    page.get_by_label("Name of the system").fill("Harbour station")
    page.get_by_label("Time zone").select_option("Europe/Paris")
    next_step(page)
    expect(page.locator("#heading")).to_have_text("Destination")
    page.close()

    tab = open_tab(at=station)  # another browser, another day
    tab.expected += MAKING_WAY
    page = tab.page
    enter_code(page, station)
    next_step(page)
    expect(page.get_by_label("Name of the system")).to_have_value("Harbour station")
    check_accessibility(tab)
    picture(tab, "setup-system")
    next_step(page)
    page.set_input_files("#maker", tmp_path / "bench" / MAKER_FILE)
    next_step(page)
    choose_secrets(tab, station)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the restore key").click()
    assert json.loads(Path(download.value.path()).read_text())["format"] == "openbwc-restore-key"
    check_accessibility(tab)
    next_step(page)
    page.wait_for_selector("#login-form")
    page.fill("#name", "root")
    page.fill("#password", PASSWORDS["root"])
    page.click("button[type=submit]")
    tab.live()
    expect(page.locator(".brand-name")).to_have_text("Harbour station")

    page.goto(f"{station.url}/cameras")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".table-row")).to_contain_text("Docked")
    station.controller.call("add_wearer", id="W-001", name="Ada Lovelace")
    station.controller.call("assign_camera", camera="CAM-0001", wearer="W-001")
    tab.open("/")
    expect(page.locator(".bay").first).to_contain_text("Ada Lovelace")
    take_and_record(station, 1)
    expect(page.locator(".bay").first).to_contain_text("Free")
    come_back(station, 1)
    expect(page.locator(".transfer").first).to_contain_text("Delivered")
    picture(tab, "dashboard-transfer")
    tab.open("/cameras/CAM-0001")
    expect(page.locator(".table-row")).to_contain_text("destination")


def another_browser(tab: Tab, station: Station, **changes: object) -> None:
    """Somebody else who has the code, too, chooses otherwise."""
    path = f"{station.url}/api/v1/setup"
    headers = {"X-OpenBWC-Setup": station.code}
    choices = tab.page.request.get(path, headers=headers).json()["choices"]
    assert tab.page.request.put(f"{path}/choices", headers=headers, data=choices | changes).ok


def choose_secrets(tab: Tab, station: Station) -> None:
    """Passphrase and root's password, with the mistakes that people make; then the system is made."""
    page = tab.page
    expect(page.locator("#heading")).to_have_text("Passphrase")
    page.get_by_label("Passphrase of the system").fill(PASSPHRASE)
    page.get_by_label("Once more").fill("something else")
    next_step(page)
    expect(page.locator("#step [role=alert]")).to_contain_text("not the same")
    page.get_by_label("Once more").fill(PASSPHRASE)
    next_step(page)
    expect(page.locator("#step [role=alert]")).to_contain_text("Write the passphrase down")
    page.get_by_label("It is written down").check()
    expect(page.locator("#step [role=alert]")).to_be_hidden()  # it was of what was there before
    picture(tab, "setup-passphrase")
    next_step(page)
    page.get_by_label("Password of root").fill("password")
    page.get_by_label("Once more").fill("password")
    next_step(page)  # too short: the browser says so
    expect(page.locator("#heading")).to_have_text("Root account")
    page.get_by_label("Password of root").fill(PASSWORDS["root"])
    page.get_by_label("Once more").fill(PASSWORDS["root"])
    next_step(page)
    check_accessibility(tab)
    picture(tab, "setup-summary")
    another_browser(tab, station, power_line_hz=60)
    next_step(page)
    expect(page.locator("#step [role=alert]")).to_contain_text("another browser has chosen otherwise")
    expect(page.locator("#step")).to_contain_text("60 Hz")
    next_step(page)
