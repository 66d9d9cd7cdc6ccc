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


@pytest.mark.req("CTRL-14")
def test_what_is_typed_when_the_session_ends_stays_and_is_saved(open_tab: OpenTab, station: Station):
    cookie = station.fresh_cookie("administrator")
    tab = open_tab(cookie=cookie)
    tab.open("/wearers/W-007")
    tab.page.get_by_label("E-mail").fill("barbara@example.org")
    with station.client(cookie=cookie) as client:
        assert client.delete("/api/v1/session").status_code == 204
    tab.page.evaluate("document.querySelector('form.card').requestSubmit()")  # the dialog may be over it already
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("The session of ada has ended")
    check_accessibility(tab)
    tab.page.keyboard.press("Escape")  # whoever would rather not stays, and is asked when they do something again
    expect(dialog).to_have_count(0)
    expect(tab.page.get_by_label("E-mail")).to_have_value("barbara@example.org")
    tab.page.get_by_role("button", name="Save").click()
    password = dialog.get_by_label("Password")
    expect(password).to_be_focused()
    password.fill("not my password")
    tab.page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("wrong")
    password.fill(PASSWORDS["administrator"])
    tab.page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    tab.says("Saved")
    assert station.controller.call("get_wearer", id="W-007")["email"] == "barbara@example.org"
    tab.live()
    tab.page.get_by_label("E-mail").fill("w007@example.org")
    tab.page.get_by_role("button", name="Save").click()
    tab.page.wait_for_function("() => saidHere.filter(each => each.includes('Saved')).length === 2")
    version = station.controller.call("get_wearer", id="W-007")["version"]
    station.controller.call("change_wearer", id="W-007", version=version, email="w007@example.org")


@pytest.mark.req("CTRL-14")
def test_back_after_logging_out_shows_nothing_of_before(open_tab: OpenTab, station: Station):
    tab = open_tab(cookie=station.fresh_cookie("viewer"))
    tab.open("/wearers")
    expect(tab.page.locator("main")).to_contain_text("Ada Lovelace")
    tab.page.click("#account-menu summary")
    tab.page.click("#logout-button")
    expect(tab.page).to_have_url(f"{station.url}/login")
    tab.page.evaluate("history.back()")
    expect(tab.page).to_have_url(re.compile(r"/login\?"))
    expect(tab.page.locator("body")).not_to_contain_text("Ada Lovelace")


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
