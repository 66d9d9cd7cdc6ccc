"""Mail from the settings page: where it goes, what keeps it from going, and a test mail that says so at once."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import check_accessibility, picture
from tests.browser.conftest import OpenTab
from tests.browser.station import Station


@pytest.mark.req("CTRL-17")
def test_a_test_mail_says_what_keeps_mail_from_going(open_tab: OpenTab, station: Station):
    settings = station.controller.call("get_settings")
    station.controller.call("change_settings", version=settings["version"], changes={"notification_address": ""})
    tab = open_tab("administrator")
    tab.open("/settings")
    card = tab.page.locator("section.card").filter(has_text="Mail and telemetry")
    expect(card).to_contain_text("Off")
    expect(card.get_by_role("button", name="Send a test mail")).to_be_disabled()
    form = tab.page.locator("form.card").filter(has_text="E-mail address")
    form.get_by_label("E-mail address").fill("desk@example.org")
    form.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("desk@example.org")
    card.get_by_role("button", name="Send a test mail").click()
    expect(tab.page.locator(".toast.bad")).to_contain_text("mail_server")
    check_accessibility(tab)
    picture(tab, "notifications", of=card)
    viewer = open_tab("viewer")
    viewer.open("/settings")
    expect(viewer.page.get_by_text("desk@example.org")).to_be_visible()
    assert viewer.page.get_by_role("button", name="Send a test mail").count() == 0
    version = station.controller.call("get_settings")["version"]
    station.controller.call("change_settings", version=version, changes={"notification_address": ""})
