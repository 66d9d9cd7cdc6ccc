"""The destination's page in a browser: search, the very bytes playing, the trail, the export that proves itself."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.browsing import LIMIT_MS, TELEPHONE, WALL, Tab, check_accessibility, opened_tab, picture
from tests.browser.evidence_site import CORRUPT, FILM, FILM_S, MATROSKA, SMALL_COUNT, Site, arrive, running_site
from tests.browser.station import PASSWORDS

Enter = Callable[..., Tab]

PAGE_ROWS = 25
RECORDINGS = SMALL_COUNT + 4
THERE = "Camera at 59.32920, 18.06872"  # after twelve seconds
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# Plays on, muted, until the clip has come a second further; answers where it was and is.
PLAY = """async () => {
    const video = document.querySelector("video");
    video.muted = true;
    const from = video.currentTime;
    await video.play();
    await new Promise((resolve, refuse) => {
        const late = setTimeout(() => refuse(new Error("it does not play on: " + video.currentTime)), LIMIT_MS);
        video.addEventListener("timeupdate", () => {
            if (video.currentTime > from + 1) { clearTimeout(late); resolve(); }
        });
    });
    video.pause();
    return [from, video.currentTime, video.duration, video.videoWidth];
}""".replace("LIMIT_MS", str(LIMIT_MS))
# How far the colours of the picture that is shown lie apart: nothing would be 0.
CONTRAST = """() => {
    const video = document.querySelector("video");
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [64, 36];
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, 64, 36);
    const light = context.getImageData(0, 0, 64, 36).data.filter((_, at) => at % 4 === 1);
    return Math.max(...light) - Math.min(...light);
}"""
NARROW_PX = 800  # a table still, with hardly any room
BROKEN_PILLS = """() => [...document.querySelectorAll('.rows .badge')].flatMap(pill => {
    const text = pill.firstChild, range = document.createRange();
    return [...text.data.matchAll(/[^ ]+/g)].filter(word => {
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        return range.getClientRects().length > 1;
    }).map(word => word[0]);
})"""
TO_THE_SECOND = re.compile(r"\d\d:\d\d:\d\d (UTC|GMT|CE)")
STANDS_AT = "([want, near]) => { const v = document.querySelector('video'); return !v.seeking && Math.abs(v.currentTime - want) < near; }"  # noqa: E501


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with running_site(tmp_path_factory.mktemp("evidence")) as running:
        yield running


@pytest.fixture
def enter(browser: Browser, site: Site) -> Generator[Enter]:
    """``enter("viewer", "/path", "selector that shows it is ready")``."""
    with ExitStack() as stack:

        def enter_one(role: str, path: str, ready: str, size: Any = None, **context: Any) -> Tab:
            tab = stack.enter_context(opened_tab(browser, site, role, **context))
            if size:
                tab.page.set_viewport_size(size)
            tab.page.goto(tab.station.url + path)
            tab.page.wait_for_selector(ready)
            tab.page.wait_for_selector("#link-state[data-light]")
            return tab

        yield enter_one


def look(enter: Enter, role: str = "root", **context: Any) -> Tab:
    """The recording with everything, ready to play."""
    tab = enter(role, f"/recordings/{FILM}", ".marks .seek", **context)
    tab.page.wait_for_function("() => document.querySelector('video').readyState >= 2")
    return tab


def found(tab: Tab) -> list[str]:
    """Where the results of a search lead to."""
    return [row.get_attribute("href") or "" for row in tab.page.query_selector_all("#found tbody a")]


@pytest.mark.req("DEST-11")
def test_somebody_logs_in_searches_and_goes_through_the_pages(browser: Browser, site: Site) -> None:
    with opened_tab(browser, site) as tab:
        page = tab.page
        page.goto(f"{site.url}/?state=complete")
        page.wait_for_selector("#login-form")
        check_accessibility(tab)
        page.fill("#name", "wall")
        page.fill("#password", PASSWORDS["viewer"])
        page.keyboard.press("Enter")
        page.wait_for_selector("#found tbody tr")
        assert page.url == f"{site.url}/?state=complete", "back to what was asked for"
        page.goto(site.url)
        page.wait_for_selector("#pager a")
        first = found(tab)
        assert len(first) == PAGE_ROWS
        page.click("#pager a[rel=next]")
        page.wait_for_selector("#pager a:not([rel])")
        rest = found(tab)
        assert len(set(first + rest)) == RECORDINGS
        page.go_back()
        page.wait_for_selector("#pager a[rel=next]")
        assert found(tab) == first


@pytest.mark.req("DEST-11", "DEST-05")
def test_each_filter_narrows_and_stands_in_the_address(enter: Enter) -> None:
    tab = enter("viewer", "/", "#found tbody tr")
    page = tab.page
    page.select_option("#wearer", label="Ada Lovelace (W-001)")
    page.select_option("#camera", label="Harbour 1 (CAM-0001)")
    page.select_option("#category", label="Traffic")
    page.select_option("#cause", label="Record button")
    page.select_option("#state", label="Complete")
    page.fill("#from", "2026-07-02T16:03")  # in the destination's zone, two hours before UTC
    page.fill("#to", "2026-07-02T16:04")
    page.fill("#place", "59.3291, 18.0686")
    page.fill("#radius", "30")
    page.press("#radius", "Enter")
    page.wait_for_function("() => document.querySelectorAll('#found tbody tr').length === 1")
    assert found(tab) == [f"/recordings/{FILM}"]
    asked = parse_qs(urlsplit(page.url).query)
    assert asked["wearer"] == ["W-001"]
    assert asked["place"] == ["59.3291, 18.0686"]
    assert page.input_value("#from") == "2026-07-02T16:03", "the form shows what was asked"
    for path, count in (
        ("/?from=2026-07-02T16:04&to=2026-07-02T18:00", 0),
        ("/?place=59.3391,18.0686&radius=100", 0),
        ("/?cause=FallDetection", 3),
        ("/?state=quarantine", 1),
        ("/?state=arriving", 1),
        ("/?camera=OTHER-7", 1),
    ):
        page.goto(tab.station.url + path)
        page.wait_for_selector("#found tbody tr, #found .empty")
        assert len(found(tab)) == count, path
    page.goto(tab.station.url)
    page.wait_for_selector("#found tbody tr")
    page.fill("#place", "somewhere")
    page.press("#place", "Enter")
    page.wait_for_function("() => document.querySelector('#place').validity.customError")
    assert "somewhere" not in page.url


@pytest.mark.req("DEST-11")
def test_a_recording_plays_from_the_bytes_received_and_a_bookmark_seeks(enter: Enter, site: Site) -> None:
    tab = look(enter)
    page = tab.page
    start, now, duration, width = page.evaluate(PLAY)
    assert start == 0
    assert now > 1
    assert duration == pytest.approx(FILM_S, abs=0.2)
    assert width == 854
    assert page.evaluate(CONTRAST) > 60, "there is a picture"
    page.click("text=00:12")
    page.wait_for_function(STANDS_AT, arg=[12, 0.3])
    expect(page.locator(".line input")).to_have_attribute("aria-valuetext", "00:12 of 00:20")
    start, now, *_ = page.evaluate(PLAY)
    assert start == pytest.approx(12, abs=0.3), "it goes on from there"
    page.fill(".line input", "5")
    page.wait_for_function(STANDS_AT, arg=[5, 0.3])
    digest = page.evaluate(
        """async () => {
            const bytes = await (await fetch(document.querySelector("video").src)).arrayBuffer();
            const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
            return [...hash].map((each) => each.toString(16).padStart(2, "0")).join("");
        }"""
    )
    with site.client("root") as client:
        clip = client.get(f"/api/v1/recordings/{FILM}").json()["objects"][0]
    assert digest == clip["sha256"]
    assert digest in page.inner_text("#objects")


@pytest.mark.req("DEST-11", "DEST-05", "DEST-06")
def test_bookmarks_notes_lock_and_custody_are_shown(enter: Enter) -> None:
    tab = look(enter)
    page = tab.page
    for words in ("Traffic", "Camera: Harbour 1", "Activation: Button", "Location: 59.32", "Both cars were blue."):
        expect(page.locator(".marks li:first-child")).to_contain_text(words)
    expect(page.locator("#kept")).to_have_text(re.compile("^Locked until .* by Traffic$"))
    for words in ("Recorded", "Sealed by the camera", "Held by the controller", "Its hash"):
        expect(page.locator("#custody")).to_contain_text(words)
    expect(page.locator("#custody td").filter(has_text=TO_THE_SECOND).first).to_be_visible()
    page.click("#metadata summary")
    expect(page.locator("#metadata-list")).to_contain_text("FirmwareVersion")
    page.click("text=00:04")
    page.wait_for_function(STANDS_AT, arg=[4, 0.3])
    page.evaluate("document.querySelector('#metadata details').open = false; scrollTo(0, 0)")
    page.wait_for_function("() => scrollY === 0")
    picture(tab, "evidence-recording")


@pytest.mark.req("DEST-11")
def test_the_trail_follows_the_picture_and_a_click_on_it_seeks(enter: Enter) -> None:
    tab = look(enter)
    page = tab.page
    expect(page.locator("svg.trail")).to_have_attribute("aria-label", re.compile("Trail of 21 points"))
    expect(page.locator(".trail .scale text").first).to_have_text("10 m")
    expect(page.locator("#trail-text")).not_to_have_text(THERE)
    page.click("text=00:12")
    page.wait_for_function(STANDS_AT, arg=[12, 0.3])
    expect(page.locator("#trail-text")).to_have_text(THERE)
    page.locator("svg.trail .last").click()
    page.wait_for_function(STANDS_AT, arg=[FILM_S, 0.3])
    page.click("text=Recordings near here")
    page.wait_for_selector("#found tbody tr")
    assert found(tab) == [f"/recordings/{FILM}"]


@pytest.mark.req("DEST-11")
def test_an_export_is_opened_and_proves_itself(enter: Enter, tmp_path: Path) -> None:
    tab = look(enter, "administrator")
    with tab.page.expect_download() as waiting:
        tab.page.click("#export")
    assert waiting.value.suggested_filename == f"{FILM}.zip"
    with zipfile.ZipFile(waiting.value.path()) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    folder = tmp_path / FILM
    verify = [sys.executable, "-I", str(folder / "verify.py")]
    told = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
    assert "is what the camera recorded" in told.stdout
    (clip,) = (folder / "objects").glob("*.mp4")
    assert hashlib.sha256(clip.read_bytes()).hexdigest() in (folder / "SHA256SUMS").read_text()
    data = bytearray(clip.read_bytes())
    data[len(data) // 2] ^= 1
    clip.write_bytes(data)
    assert subprocess.run(verify, capture_output=True, check=False).returncode == 1
    tab.page.reload()
    expect(tab.page.locator("#seen tbody")).to_contain_text("Exported it")
    expect(tab.page.locator("#seen tbody")).to_contain_text("Played or downloaded a file")


@pytest.mark.req("DEST-11")
def test_what_the_browser_cannot_play_is_said_and_can_be_downloaded(enter: Enter, site: Site) -> None:
    tab = enter("administrator", f"/recordings/{MATROSKA}", "#player .notice:not([hidden])")
    page = tab.page
    expect(page.locator("#player")).to_contain_text("Matroska file that this browser does not play")
    with page.expect_download() as waiting:
        page.click("text=Download this clip")
    with site.client("root") as client:
        (row,) = client.get(f"/api/v1/recordings/{MATROSKA}").json()["objects"]
    assert hashlib.sha256(Path(waiting.value.path()).read_bytes()).hexdigest() == row["sha256"]
    tab = enter("viewer", f"/recordings/{MATROSKA}", "#player .notice:not([hidden])")
    expect(tab.page.locator("#player")).to_contain_text("Somebody whose account may export")
    assert tab.page.query_selector("a[download]") is None
    assert tab.page.is_hidden("#seen")


@pytest.mark.req("DEST-09", "DEST-07")
def test_health_shows_light_quarantine_and_each_wearer_and_camera(enter: Enter, site: Site) -> None:
    arrive(site)
    tab = enter("administrator", "/health", ".tile")
    page = tab.page
    expect(page.locator("#link-state")).to_have_attribute("data-light", "red")
    expect(page.locator("#light")).to_contain_text("Needs attention")
    for words in (CORRUPT, "14 days"):
        expect(page.locator("#quarantine")).to_contain_text(words)
    for words in ("Ada Lovelace (W-001)", "OK, receiving now"):
        expect(page.locator("#devices")).to_contain_text(words)
    with page.expect_download() as waiting:
        page.click("text=Download the log")
    assert "is in quarantine" in Path(waiting.value.path()).read_text()
    check_accessibility(tab)
    picture(tab, "evidence-health")
    expect(enter("viewer", "/health", ".tile").page.locator("#log")).to_be_hidden()


@pytest.mark.req("DEST-11")
def test_everything_is_done_by_keyboard(enter: Enter) -> None:
    tab = enter("viewer", "/?category=5", "#found tbody tr")
    page = tab.page

    def press_until(reached: str, key: str = "Tab") -> None:
        for _ in range(60):
            page.keyboard.press(key)
            if page.evaluate(f"document.activeElement.matches({reached!r})"):
                return
        raise AssertionError(f"{reached} is never reached")

    press_until("#found a")
    page.keyboard.press("Enter")
    page.wait_for_selector(".marks .seek")
    page.wait_for_function("() => document.querySelector('video').readyState >= 2")
    press_until("video")
    press_until(".line input")
    page.keyboard.press("End")
    page.wait_for_function(STANDS_AT, arg=[FILM_S, 0.3])
    press_until(".marks li:nth-child(2) .seek")
    page.keyboard.press("Enter")
    page.wait_for_function(STANDS_AT, arg=[4, 0.3])


@pytest.mark.parametrize("path", ["/", f"/recordings/{FILM}", f"/recordings/{MATROSKA}", "/health", "/?wearer=W-012"])
@pytest.mark.parametrize("size", [TELEPHONE, WALL], ids=["telephone", "wall"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_and_fit(enter: Enter, path: str, size: Any, scheme: str) -> None:
    ready = ".facts, #facts:not([hidden]), #found tbody tr, #found .empty, .tile"
    tab = enter("administrator", path, ready, size=size, color_scheme=scheme)
    check_accessibility(tab)
    wide, seen = tab.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= seen, "it scrolls sideways"
    name = {("/", "dark", 1920): "search-dark", (f"/recordings/{FILM}", "light", 360): "recording-telephone"}.get(
        (path, scheme, size["width"])
    )
    if name:
        tab.page.wait_for_function("() => (document.querySelector('video')?.readyState ?? 4) >= 2")
        picture(tab, f"evidence-{name}", full=False)


def test_the_search_page_is_in_the_manual(enter: Enter) -> None:
    tab = enter("administrator", "/?wearer=W-001", "#found tbody tr")
    picture(tab, "evidence-search")
    tab.page.set_viewport_size({"width": NARROW_PX, "height": 800})
    assert tab.page.evaluate(BROKEN_PILLS) == [], "a word is broken in two"


@pytest.mark.req("DEST-11")
def test_the_length_is_that_of_the_pictures(enter: Enter) -> None:
    tab = enter("root", "/", "#found tbody tr")

    def longer(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "duration_ms": 1_000 * (FILM_S + 6)})

    tab.page.route(f"**/api/v1/recordings/{FILM}", longer)
    tab.page.goto(f"{tab.station.url}/recordings/{FILM}")
    expect(tab.page.locator("#length")).to_have_text(f"{FILM_S} s")  # start and stop are sent in rounded seconds


@pytest.mark.parametrize(
    ("local", "zone", "utc"),
    [
        ("2026-07-02T16:03", "Europe/Stockholm", "2026-07-02T14:03:00Z"),
        ("2026-01-02T16:03", "Europe/Stockholm", "2026-01-02T15:03:00Z"),
        ("2026-03-29T01:59", "Europe/Stockholm", "2026-03-29T00:59:00Z"),
        ("2026-03-29T03:00", "Europe/Stockholm", "2026-03-29T01:00:00Z"),
        ("2026-10-25T03:30", "Europe/Stockholm", "2026-10-25T02:30:00Z"),
        ("2026-06-01T00:10", "Asia/Kathmandu", "2026-05-31T18:25:00Z"),
        ("2026-06-01T00:10", "America/Los_Angeles", "2026-06-01T07:10:00Z"),
    ],
)
def test_times_are_those_of_the_destination(enter: Enter, local: str, zone: str, utc: str) -> None:
    tab = enter("viewer", "/", "#found tbody tr", timezone_id="Pacific/Auckland")
    found_utc = tab.page.evaluate(
        """async ([local, zone]) => {
            const page = document.querySelector("script[src*='search.js']").src;
            const address = page.replace("evidence/search.js", "kit/js/zone.js");
            const { unixMs } = await import(address);
            return new Date(unixMs(local, zone)).toISOString().replace(".000", "");
        }""",
        [local, zone],
    )
    assert found_utc == utc


@pytest.mark.req("DEST-11")
def test_a_map_is_asked_for_only_where_one_is_configured(browser: Browser, enter: Enter, tmp_path: Path) -> None:
    tab = look(enter)
    assert tab.page.query_selector("svg.trail image") is None
    lines = 'map_tiles = "https://tiles.example/{z}/{x}/{y}.png"\nmap_attribution = "Example maps"\n'

    def tile(route: Route) -> None:
        route.fulfill(body=PIXEL, content_type="image/png")

    with running_site(tmp_path, lines, small=0) as site, opened_tab(browser, site, "viewer") as mapped:
        mapped.page.route("https://tiles.example/**", tile)
        with mapped.page.expect_request("https://tiles.example/**") as asked:
            mapped.page.goto(f"{site.url}/recordings/{FILM}")
        mapped.page.wait_for_selector("svg.trail image")
        mapped.page.wait_for_function("() => document.querySelector('video').readyState >= 2")
        expect(mapped.page.locator(".attribution")).to_have_text("Example maps")
        zoom, column, row = map(int, asked.value.url.removesuffix(".png").split("/")[-3:])
        # By hand: x = (18.0686 + 180) / 360 of the tiles from the west; y of 59.3291 degrees north is 0.294090.
        assert abs(column / 2**zoom - 0.550191) < 3 / 2**zoom
        assert abs(row / 2**zoom - 0.294090) < 3 / 2**zoom
        mapped.expected.append("Content Security Policy")
        blocked = mapped.page.evaluate(
            """() => new Promise((resolve) => {
                document.addEventListener("securitypolicyviolation", (event) => resolve(event.violatedDirective));
                new Image().src = "https://elsewhere.example/1.png";
            })"""
        )
        assert blocked == "img-src"
