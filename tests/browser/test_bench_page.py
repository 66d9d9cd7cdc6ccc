"""The bench page in a browser: what hands do to it reaches the boards, and what boards do is seen."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Locator, ViewportSize, expect

from tests.browser.browsing import DESK, TELEPHONE, WALL, Tab, check_accessibility, opened_tab, picture
from tests.browser.conftest import MakeStation, OpenTab
from tests.browser.station import Station, until

LIT = re.compile("amber|green")  # of a docked camera: steady from the dock, or what the controller asks for


@pytest.fixture
def open_bench(browser: Browser, station: Station, own_station: MakeStation) -> Generator[OpenTab]:
    """``open_bench()``: the page of the station's bench."""
    with ExitStack() as stack:

        def open_one(at: Station = station, cameras: int = 3, **context: str) -> Tab:
            tab = stack.enter_context(opened_tab(browser, replace(at, url=at.bench_url), **context))
            tab.open("/")
            expect(tab.page.locator(".camera")).to_have_count(cameras)
            return tab

        yield open_one


@pytest.mark.req("EMU-06")
@pytest.mark.parametrize(
    ("name", "scheme", "size"),
    [
        ("bench", "light", DESK),
        ("bench-dark", "dark", DESK),
        ("bench-telephone", "dark", TELEPHONE),
        ("bench-wall", "light", WALL),
    ],
)
def test_it_is_accessible_in_both_themes_and_fits_hand_and_wall(
    open_bench: OpenTab, station: Station, name: str, scheme: str, size: ViewportSize
):
    station.bench.call("take_out", camera="camera-3")
    tab = open_bench(color_scheme=scheme)
    tab.page.set_viewport_size(size)
    expect(tab.page.locator("#loose .camera-state")).to_have_text("ready")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= size["width"], "the page scrolls sideways"
    check_accessibility(tab)
    picture(tab, name, full=size is not WALL)


@pytest.mark.req("EMU-06")
def test_a_camera_is_docked_by_clicks(open_bench: OpenTab, station: Station):
    page = open_bench().page
    second, fifth = _bay(page.locator("body"), 2), _bay(page.locator("body"), 5)
    expect(second.locator(".led").last).not_to_have_attribute("data-colour", "dark")
    _plate(second).click()
    page.get_by_role("button", name="Take out").click()
    expect(page.locator("#loose [data-camera=camera-2]")).to_be_visible()
    expect(second.locator(".bay-word")).to_have_text("free")
    expect(page.locator("#hint")).to_have_text("camera-2 is in your hand: choose a free bay.")
    fifth.get_by_role("button", name="Put camera-2 into bay 5 of dock-1").click()
    expect(fifth.locator("[data-camera=camera-2]")).to_be_visible()
    expect(fifth.locator(".bay-word")).to_have_text("docked")
    expect(fifth.locator(".bay-plate .led")).to_have_attribute("data-colour", LIT)
    assert station.bench.call("state")["cameras"]["camera-2"]["bay"] == ["dock-1", 5]
    current = page.locator("#inspector [data-figure=charge_current] td")
    expect(current.nth(0)).to_contain_text("mA")
    expect(current.nth(1)).to_have_class("good")


@pytest.mark.req("EMU-06")
def test_the_keyboard_alone_docks_a_camera(open_bench: OpenTab, station: Station):
    page = open_bench().page
    _plate(_bay(page.locator("body"), 3)).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Delete")
    expect(page.locator("#loose [data-camera=camera-3] .plate")).to_be_focused()
    wanted = page.get_by_role("button", name="Put camera-3 into bay 8 of dock-1")
    expect(wanted).to_be_visible()
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
        if wanted.evaluate("each => each === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(_bay(page.locator("body"), 8).locator("[data-camera=camera-3]")).to_be_visible()
    expect(page.locator("[data-camera=camera-3] .plate")).to_be_focused()
    assert station.bench.call("state")["cameras"]["camera-3"]["bay"] == ["dock-1", 8]


@pytest.mark.req("EMU-06")
def test_a_camera_records_as_long_as_its_button_says(open_bench: OpenTab, station: Station):
    page = open_bench(color_scheme="dark").page
    camera = page.locator("[data-camera=camera-1]")
    _plate(camera).click()
    page.get_by_role("button", name="Take out").click()
    expect(camera.locator(".camera-state")).to_have_text("ready")
    expect(camera.locator(".led")).to_have_attribute("data-colour", "green")
    record = camera.get_by_role("button", name="record button of camera-1")
    record.click()
    expect(camera.locator(".camera-state")).to_have_text("recording")
    expect(camera.locator(".led")).to_have_attribute("data-colour", "red")
    picture(Tab(page, station), "bench-recording")
    record.focus()
    page.keyboard.down(" ")
    expect(page.locator("[data-camera=camera-1] .push-record.down.closed")).to_be_visible()
    expect(camera.locator(".camera-state")).to_have_text("ready")
    page.keyboard.up(" ")
    until(lambda: not station.bench.call("state")["cameras"]["camera-1"]["buttons"]["record"], "the finger to go")


@pytest.mark.req("EMU-06")
def test_a_fault_is_injected_seen_and_healed(open_bench: OpenTab, own_station: MakeStation):
    station = own_station(cameras=1, set_up=False)  # a hot bay cools for half a minute: nobody waits for this one
    page = open_bench(at=station, cameras=1).page
    _plate(page.locator("[data-camera=camera-1]")).click()
    cell = page.locator("[data-fault='power off']")
    cell.click()
    expect(cell).to_have_attribute("aria-pressed", "true")
    unpowered = page.locator("[data-camera=camera-1].unpowered")
    expect(unpowered).to_have_count(1)
    expect(page.locator("#active-faults")).to_contain_text("camera-1: power off")
    page.get_by_role("button", name="Heal: camera-1: power off").click()
    expect(page.locator("#active-faults")).to_have_text("Everything works.")
    expect(unpowered).to_have_count(0)
    _bay(page.locator("body"), 1).locator(".bay-plate").click()
    expect(page.locator("#fault-instance")).to_have_value("1")
    page.locator("[data-fault='contact hot']").click()
    hot = [{"board": "dock-1", "component": "contact", "type": "hot", "instance": 1}]
    until(lambda: station.bench.call("faults") == hot, "the fault to be there")
    expect(page.locator("[data-bay='dock-1/1'].fault")).to_be_visible()
    expect(page.locator("[data-bay='dock-1/1'] .bay-plate .led")).to_have_attribute("data-colour", "red")
    expect(page.locator("#inspector [data-figure=block_temperature] td").nth(1)).to_have_class("bad")
    page.evaluate("scrollTo(0, 0)")
    picture(Tab(page, station), "bench-fault")
    assert page.locator(".fault-table td.unsupported").first.text_content() == "unsupported"
    page.get_by_role("button", name="Heal all").click()
    expect(page.locator("#active-faults")).to_have_text("Everything works.")


@pytest.mark.req("EMU-06")
def test_the_supply_a_badge_and_what_is_refused(open_bench: OpenTab, station: Station):
    page = open_bench().page
    rocker = page.locator(".dock-head").get_by_role("switch", name="Supply of dock-1")
    rocker.click()
    expect(rocker).to_have_attribute("aria-checked", "false")
    expect(page.locator(".bay-plate .led[data-colour=dark]")).to_have_count(8)
    rocker.click()
    expect(_bay(page.locator("body"), 2).locator(".bay-word")).to_have_text("docked")
    page.get_by_label("Badge number").fill("no badge")
    page.get_by_role("button", name="Hold to the reader reader-1").click()
    expect(page.locator("#toasts")).to_contain_text("is no badge's number: write it in hexadecimal")


@pytest.mark.req("EMU-04", "EMU-06")
def test_a_reader_is_pulled_out_by_a_fault_and_put_back(open_bench: OpenTab, station: Station):
    page = open_bench().page
    reader = page.locator("[data-reader=reader-1]")
    reader.locator(".plate").click()
    expect(page.locator("#fault-board")).to_have_value("reader-1")
    assert page.locator("[data-fault='card off']").count() == 0, "a reader has no card"
    cell = page.locator("[data-fault='reader unplug']")
    cell.click()
    expect(cell).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-reader=reader-1].unpowered")).to_have_count(1)
    page.get_by_role("button", name="Plug in").click()
    expect(page.locator("#toasts")).to_contain_text("reader-1 is kept out by a fault; heal it: reader ok")
    page.get_by_role("button", name="Heal: reader-1: reader unplug").click()
    expect(page.locator("[data-reader=reader-1].unpowered")).to_have_count(0)
    until(lambda: station.bench.call("state")["readers"]["reader-1"]["port"], "the reader's port")


def _bay(within: Locator, number: int) -> Locator:
    return within.locator(f"[data-bay='dock-1/{number}']")


def _plate(within: Locator) -> Locator:
    return within.locator(".plate")
