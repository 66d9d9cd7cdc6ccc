"""The dashboard: it shows what is there, follows what happens, and fits a hand and a wall."""

from __future__ import annotations

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.browser.browsing import TELEPHONE, WALL, Tab, check_accessibility, picture
from tests.browser.conftest import OpenTab
from tests.browser.station import Station

PAGES = (
    "/", "/cameras", "/cameras/CAM-0001", "/wearers", "/wearers/W-001", "/profiles", "/profiles/default", "/controller",
    "/settings", "/settings/accounts", "/settings/security", "/reports", "/account",
)  # fmt: skip

PICTURES = (
    ("/cameras", "cameras"),
    ("/cameras/CAM-0001", "camera"),
    ("/wearers", "users"),
    ("/wearers/W-001", "user"),
    ("/profiles", "profiles"),
    ("/profiles/default", "profile"),
    ("/settings", "settings"),
    ("/settings/accounts", "accounts"),
    ("/settings/security", "security"),
    ("/reports", "reports"),
)
LONG = ("profile",)  # its buttons stay at the lower edge of the window


@pytest.mark.req("CTRL-12")
@pytest.mark.req("CTRL-03")
def test_it_follows_a_camera_out_of_its_bay_and_back(open_tab: OpenTab, station: Station):
    tab = open_tab("viewer")
    tab.open("/")
    bays = tab.page.locator(".dock .bay")
    expect(bays).to_have_count(8)
    expect(bays.nth(1)).to_contain_text("CAM-0002")
    expect(tab.page.locator("#figures .tile").first).to_contain_text("3 / 3")
    picture(tab, "dashboard")
    station.bench.call("take_out", camera="camera-2")
    expect(bays.nth(1)).to_contain_text("Free")
    expect(tab.page.locator("#figures .tile").first).to_contain_text("2 / 3")
    station.bench.call("put_in", camera="camera-2", bay=2)
    expect(bays.nth(1)).to_contain_text("CAM-0002")
    expect(tab.page.locator("#figures .tile").first).to_contain_text("3 / 3")


@pytest.mark.req("CTRL-12")
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_accessible_in_both_themes_and_fits_a_telephone(open_tab: OpenTab, path: str):
    for scheme in ("light", "dark"):
        tab = open_tab("root", color_scheme=scheme)
        tab.open(path)
        _settled(tab)
        check_accessibility(tab)
    _resize(tab, TELEPHONE)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"], "the page scrolls sideways"
    check_accessibility(tab)


def test_pictures_for_the_manual(open_tab: OpenTab):
    tab = open_tab("root")
    for path, name in PICTURES:
        tab.open(path)
        _settled(tab)
        picture(tab, name, full=name not in LONG)
    tab = open_tab("root", color_scheme="dark")
    tab.open("/")
    _settled(tab)
    picture(tab, "dashboard-dark")
    _resize(tab, TELEPHONE)
    picture(tab, "dashboard-telephone")
    _resize(tab, WALL)
    picture(tab, "dashboard-wall", full=False)


def test_the_keyboard_alone_is_enough(open_tab: OpenTab, station: Station):
    tab = open_tab("root")
    tab.open("/")
    tab.page.keyboard.press("Tab")
    expect(tab.page.locator(".skip-link")).to_be_focused()
    tab.page.keyboard.press("Enter")
    expect(tab.page).to_have_url(f"{station.url}/#main")
    tab.open("/cameras")
    _settled(tab)
    tab.page.locator(".table-scroll").focus()
    tab.page.keyboard.press("ArrowDown")
    tab.page.keyboard.press("ArrowDown")
    expect(tab.page.locator(".table-row:focus")).to_contain_text("CAM-0002")
    tab.page.keyboard.press("Enter")
    expect(tab.page).to_have_url(f"{station.url}/cameras/CAM-0002")


def _settled(tab: Tab) -> None:
    """Until the page has drawn what it was asked for."""
    tab.page.wait_for_selector("main .tile, main .card, main .table-row, main .empty", state="attached")


def _resize(tab: Tab, size: ViewportSize) -> None:
    tab.page.set_viewport_size(size)
