"""Coming in, staying in, going out."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import TELEPHONE, check_accessibility, picture
from tests.browser.conftest import OpenTab
from tests.browser.station import ACCOUNTS, PASSWORDS, Station


@pytest.mark.req("CTRL-14")
def test_a_page_leads_to_the_login_and_back_to_itself(open_tab: OpenTab, station: Station):
    tab = open_tab()
    tab.page.goto(f"{station.url}/cameras?state=docked")
    expect(tab.page).to_have_url(re.compile(r"/login\?next=%2Fcameras%3Fstate%3Ddocked$"))
    picture(tab, "login")
    check_accessibility(tab)
    tab.page.keyboard.type(ACCOUNTS["viewer"])  # the first field has the focus
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.type(PASSWORDS["viewer"])
    tab.page.keyboard.press("Enter")
    tab.live()
    expect(tab.page).to_have_url(f"{station.url}/cameras?state=docked")
    cookie = next(each for each in tab.page.context.cookies() if each.get("name") == "__Host-openbwc")
    assert (cookie.get("httpOnly"), cookie.get("secure"), cookie.get("sameSite")) == (True, True, "Strict")
    assert tab.page.evaluate("document.cookie") == ""


@pytest.mark.req("CTRL-14")
@pytest.mark.parametrize(
    "elsewhere", ["//elsewhere.invalid/live", "/.//elsewhere.invalid/live", "https:///elsewhere.invalid"]
)
def test_no_link_leads_from_the_login_to_another_server(open_tab: OpenTab, station: Station, elsewhere: str):
    tab = open_tab()
    tab.page.goto(f"{station.url}/login?next={elsewhere}")
    tab.page.fill("#name", ACCOUNTS["viewer"])
    tab.page.fill("#password", PASSWORDS["viewer"])
    with tab.page.expect_request(lambda each: each.is_navigation_request()) as gone:
        tab.page.click("button[type=submit]")
    assert gone.value.url.startswith(f"{station.url}/")


@pytest.mark.req("CTRL-14")
def test_a_wrong_password_is_told_and_not_what_was_wrong(open_tab: OpenTab, station: Station):
    tab = open_tab()
    tab.page.goto(f"{station.url}/login")
    for name in ("nobody-here", ACCOUNTS["administrator"]):
        tab.page.fill("#name", name)
        tab.page.fill("#password", "not my password")
        tab.page.click("button[type=submit]")
        expect(tab.page.locator("#login-problem")).to_have_text("name or password is wrong: try again")
        expect(tab.page.locator("#password")).to_have_value("")
    station.controller.call("unlock_account", name=ACCOUNTS["administrator"])


@pytest.mark.req("CTRL-14")
def test_a_session_that_ends_elsewhere_ends_the_page(open_tab: OpenTab, station: Station):
    cookie = station.fresh_cookie("viewer")
    tab = open_tab(cookie=cookie)
    tab.open("/wearers")
    with station.client() as client:
        client.headers["Authorization"] = f"Bearer {cookie}"
        assert client.delete("/api/v1/session").status_code == 204
    tab.page.evaluate("import('/'+document.querySelector('script[type=module]').src.split('/').slice(3,5).join('/')"
                      "+'/kit/js/api.js').then(api => api.get('/live')).catch(() => {})")  # fmt: skip
    expect(tab.page).to_have_url(re.compile(r"/login\?ended=1&next=%2Fwearers$"))
    expect(tab.page.locator("#login-notice")).to_have_text("The session has ended. Log in again to go on.")


def test_logging_out(open_tab: OpenTab, station: Station):
    tab = open_tab(cookie=station.fresh_cookie("viewer"))
    tab.open("/")
    tab.page.click("#account-menu summary")
    tab.page.click("#logout-button")
    expect(tab.page).to_have_url(f"{station.url}/login")
    tab.page.goto(station.url)
    expect(tab.page).to_have_url(re.compile("/login"))


def test_the_login_page_fits_a_telephone(open_tab: OpenTab, station: Station):
    tab = open_tab()
    tab.page.set_viewport_size(TELEPHONE)
    tab.page.goto(f"{station.url}/login")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
