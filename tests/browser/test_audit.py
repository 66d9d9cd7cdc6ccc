"""The audit trail: what somebody has just done is there, found by person, action and device, and saved as a table."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import TELEPHONE, check_accessibility, picture
from tests.browser.conftest import OpenTab
from tests.browser.station import PASSWORDS, Station

WHO = "pauline"  # who does nothing in any other test


@pytest.mark.req("CTRL-14")
def test_who_did_what_when_and_from_where(open_tab: OpenTab, station: Station):
    station.controller.call("add_account", name=WHO, role="local_administrator", password=PASSWORDS["administrator"])
    cookie = station.fresh_cookie("administrator", name=WHO)
    with station.client(cookie=cookie) as pauline:
        pauline.post("/api/v1/wearers", json={"id": "A-900", "name": "Jean Bartik"}).raise_for_status()
        assert pauline.delete("/api/v1/wearers/A-900", headers={"If-Match": "*"}).status_code < 300
        assert pauline.patch("/api/v1/settings", json={"changes": {}}, headers={"If-Match": '"1"'}).status_code == 403
    tab = open_tab("administrator")
    tab.open("/")
    tab.page.get_by_role("link", name="Audit trail").click()
    rows = tab.page.locator(".table-row")
    expect(rows.filter(has_text=WHO).first).to_be_visible()
    tab.page.get_by_label("Device, user or word").fill("a-900")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Remove user")
    expect(rows.nth(1)).to_contain_text("Add user")
    expect(rows.nth(1)).to_contain_text("Done")
    expect(rows.nth(1)).to_contain_text("127.0.0.1")
    rows.nth(1).click()
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Jean Bartik")
    expect(dialog).to_contain_text(f"{WHO} (Local administrator)")
    picture(tab, "audit-entry", full=False)
    dialog.get_by_role("button", name="Close").click()
    tab.page.get_by_label("Device, user or word").fill("")
    tab.page.get_by_label("Who").fill(WHO)
    tab.page.get_by_label("What", exact=True).select_option("change_settings")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("Refused")
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Export CSV").click()
    table = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    assert [(row["Account"], row["Action"], row["Outcome"]) for row in table] == [(WHO, "change_settings", "refused")]
    tab.page.get_by_label("From day").fill("2036-01-01")
    expect(tab.page.get_by_text("Nothing in the trail fits.")).to_be_visible()
    check_accessibility(tab)
    tab.open("/audit")
    expect(rows.first).to_be_visible()
    picture(tab, "audit", full=False)
    check_accessibility(tab)
    station.controller.call("remove_account", name=WHO)
    tab.page.set_viewport_size(TELEPHONE)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]


@pytest.mark.req("CTRL-14")
def test_only_administrators_see_it(open_tab: OpenTab, station: Station):
    tab = open_tab("local_administrator")
    tab.open("/")
    assert tab.page.get_by_role("link", name="Audit trail").count() == 0
    tab.page.goto(f"{station.url}/audit")
    expect(tab.page.locator("main")).to_contain_text("may not see this page")
