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

# Page, name of its picture, and the last that is drawn on it.
PICTURES = (
    ("/cameras", "cameras", "3 rows"),
    ("/cameras/CAM-0001", "camera", "Contacts at its dockings"),
    ("/wearers", "users", "12 rows"),
    ("/wearers/W-001", "user", "CAM-0001"),
    ("/profiles", "profiles", "1 row"),
    ("/profiles/default", "profile", "What starts a recording"),
    ("/settings", "settings", "Chosen at the setting-up"),
    ("/settings/accounts", "accounts", "louise"),
    ("/settings/security", "security", "The system cannot be reset now"),
    ("/reports", "reports", "System reports"),
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
    for path, name, last in PICTURES:
        tab.open(path)
        expect(tab.page.locator("main")).to_contain_text(last)
        picture(tab, name, full=name not in LONG)
    tab = open_tab("root", color_scheme="dark")
    tab.open("/")
    _settled(tab)
    picture(tab, "dashboard-dark")
    _resize(tab, TELEPHONE)
    picture(tab, "dashboard-telephone")
    _resize(tab, WALL)
    picture(tab, "dashboard-wall", full=False)


COVERED = """() => {
    const here = document.activeElement;
    if (here === document.body) return [true, ''];
    const box = here.getBoundingClientRect();
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    const labels = [...(here.labels ?? [])];
    const shown = top && (here.contains(top) || top.contains(here) || labels.some(each => each.contains(top)));
    const said = element => element?.outerHTML.slice(0, 90);
    return [false, shown ? '' : `${said(here)} lies below ${said(top)}`];
}"""
STEPS_MAX = 120  # of the Tab key, through the longest page


@pytest.mark.req("CTRL-12")
def test_what_has_the_focus_on_a_telephone_is_never_covered(open_tab: OpenTab):
    tab = open_tab("root", color_scheme="dark", viewport=TELEPHONE)
    tab.open("/profiles/default")
    expect(tab.page.get_by_label("Show settings for")).to_be_visible()
    for key in ("Tab", "Shift+Tab"):  # down below the buttons, and up below the bar
        steps = 0
        for steps in range(STEPS_MAX):
            tab.page.keyboard.press(key)
            is_over, covered = tab.page.evaluate(COVERED)
            assert not covered, f"{key} {steps}: {covered}"
            if is_over:
                break
        assert steps > 20, "the page was not walked through"


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
