"""Users: made, changed by two people at once, imported as a table, given badges; and a viewer who can only look."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from host_tools.bench.scenario_parts import BADGE_S_MAX
from tests.browser.browsing import Tab, check_accessibility, passes, picture
from tests.browser.conftest import OpenTab
from tests.browser.station import Station, until

BADGE = "04A1B2C3D4E5F6"
NOTICED_MS = 5_000
AWAY_S = 2.5  # a little longer than a badge must be away before it counts again
HEAD = "ID,Name,Profile,E-mail,RFID\n"
CONFLICTING = HEAD + "W-001,Ada King,,,\nN-001,New One,nowhere,,\nN-002,Somebody,,no address,\nN-001,Somebody,,,\n"
GOOD = HEAD + "W-001,Ada King,,,\nN-001,Sophie Wilson,,sophie@example.org,\n"
# Whatever a page of somebody can try: in the page, with its session and its token.
TRY = """async ([method, path, body]) => {
    const csrf = document.querySelector('meta[name="openbwc-csrf"]').content;
    const headers = {'Content-Type': 'application/json', 'X-OpenBWC-CSRF': csrf, 'If-Match': '"1"'};
    const answer = await fetch('/api/v1' + path, {method, headers, body: body ? JSON.stringify(body) : undefined});
    return answer.status;
}"""
VIEWERS_TRIES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/wearers", {"id": "X", "name": "X"}),
    ("PATCH", "/wearers/W-002", {"name": "X"}),
    ("DELETE", "/wearers/W-002", None),
    ("PUT", "/wearers/W-002/tags/04A1B2C3", {}),
    ("PUT", "/profiles/default", {}),
    ("PATCH", "/settings", {"changes": {"name": "X"}}),
    ("DELETE", "/cameras/CAM-0001/membership", None),
    ("POST", "/accounts", {"name": "x", "role": "viewer", "password": "long enough to be one"}),
)
VIEWERS_PAGES = (
    "/wearers", "/wearers/W-002", "/profiles", "/profiles/default", "/cameras/CAM-0001", "/controller", "/settings",
)  # fmt: skip
TIME = re.compile(r"\w+ \d+, \d{4}, \d\d:\d\d")
HEADS = {
    "ID", "Name", "Camera profile", "E-mail", "Cameras", "Badges", "Users", "When", "Outcome", "Tries", "Size",
    "Reason", "From", "To", "Device", "Kind", "What", "Recorded", "Length", "Wearer", "Where it is",
}  # fmt: skip


def _choose(page: Page, text: str) -> None:
    page.set_input_files("#import-file", FilePayload(name="people.csv", mimeType="text/csv", buffer=text.encode()))


@pytest.mark.req("CTRL-04")
def test_a_table_with_conflicts_is_shown_and_not_imported(open_tab: OpenTab, station: Station):
    tab = open_tab("local_administrator")
    tab.open("/wearers")
    before = station.controller.call("export_wearers")["csv"]
    tab.page.get_by_role("button", name="Import table").click()
    _choose(tab.page, CONFLICTING)
    dialog = tab.page.get_by_role("dialog")
    expect(dialog.get_by_role("alert").first).to_contain_text("lines are in conflict")
    rows = dialog.locator("tbody tr")
    expect(rows.filter(has_text="There is no camera profile “nowhere”.")).to_have_count(1)
    expect(rows.filter(has_text="“E-mail” is not written as it has to be.")).to_have_count(1)
    expect(rows.filter(has_text="ID N-001 is in line 3 already.")).to_have_count(1)
    expect(dialog.locator("#import-commit")).to_have_count(0)
    check_accessibility(tab)
    picture(tab, "users-conflicts", full=False)
    assert station.controller.call("export_wearers")["csv"] == before
    with tab.page.expect_file_chooser():
        dialog.get_by_label("File").click()  # the same file, corrected: a browser tells nobody of that by itself
    expect(dialog.get_by_label("File")).to_have_value("")
    _choose(tab.page, GOOD)
    expect(dialog).to_contain_text("1 new, 1 changed, 0 as they are")
    expect(dialog).to_contain_text("Name: Ada Lovelace → Ada King")
    picture(tab, "users-import", full=False)
    dialog.locator("#import-commit").click()
    expect(tab.page.locator(".table-row").filter(has_text="Sophie Wilson")).to_be_visible()
    expect(tab.page.locator(".table-row").filter(has_text="Ada King")).to_be_visible()
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Export table").click()
    saved = Path(download.value.path()).read_bytes()
    assert saved.startswith(codecs.BOM_UTF8), "or a spreadsheet breaks every name that is not ASCII"
    exported = saved.decode("utf-8-sig")
    preview = station.controller.call("preview_wearer_import", csv=exported)
    assert (preview["added_count"], preview["changed_count"], preview["conflicts"]) == (0, 0, [])
    version = station.controller.call("get_wearer", id="W-001")["version"]
    station.controller.call("change_wearer", id="W-001", version=version, name="Ada Lovelace")
    station.controller.call("remove_wearer", id="N-001")


@pytest.mark.req("CTRL-04")
def test_a_user_is_made_changed_and_removed(open_tab: OpenTab, station: Station):
    tab = open_tab("local_administrator")
    tab.open("/wearers")
    tab.page.get_by_role("button", name="Add user").click()
    tab.page.get_by_label("ID", exact=True).fill("B/1")
    tab.page.get_by_label("Name").fill("Jean Bartik")
    tab.page.keyboard.press("Enter")
    expect(tab.page).to_have_url(f"{station.url}/wearers/B%2F1")
    tab.page.get_by_label("E-mail").fill("not an address")
    tab.page.get_by_label("E-mail").fill("jean@example.org")
    tab.page.get_by_role("button", name="Save").click()
    tab.says("Saved")
    assert station.controller.call("get_wearer", id="B/1")["email"] == "jean@example.org"
    tab.page.get_by_role("button", name="Remove user").click()
    tab.page.get_by_role("dialog").get_by_role("button", name="Remove user").click()
    expect(tab.page).to_have_url(f"{station.url}/wearers")
    assert not station.controller.call("list_wearers", search="Bartik")["rows"]


@pytest.mark.req("CTRL-14")
@pytest.mark.req("CTRL-05")
def test_of_two_administrators_the_second_is_told(open_tab: OpenTab, station: Station):
    first, second = open_tab("administrator"), open_tab("root")
    for tab in (first, second):
        tab.open("/profiles/default")
        expect(tab.page.get_by_label("Resolution and quality")).to_be_visible()
    second.page.get_by_label("Resolution and quality").select_option(label="720p")
    first.page.get_by_label("Presses of the record button").select_option(label="Two presses")
    first.page.get_by_role("button", name="Save").click()
    first.says("is saved")
    expect(second.page.locator(".notice.warn")).to_contain_text("ada has just changed this")
    second.page.get_by_role("button", name="Save").click()
    told = second.page.locator("#profile > .notice.bad")
    expect(told).to_contain_text("ada changed this")
    expect(told).to_contain_text("Presses of the record button that start a recording: Two presses")
    told.scroll_into_view_if_needed()
    picture(second, "two-administrators", full=False)
    kept = station.controller.call("get_profile", name="default")["settings"]
    assert kept == {"record_press": "double"}
    second.page.get_by_role("button", name="Save").click()  # knowing it
    second.says("is saved")
    kept = station.controller.call("get_profile", name="default")
    assert kept["settings"] == {"video_quality": "720p"}
    assert kept["changed_by"] == "root"
    version = kept["version"]
    station.controller.call("put_profile", name="default", version=version, description=kept["description"])


@pytest.mark.req("CTRL-05")
def test_what_a_model_cannot_do_is_greyed_and_explained(open_tab: OpenTab):
    tab = open_tab("administrator")
    tab.open("/profiles/default")
    tab.page.get_by_label("Show settings for").select_option("pi_zero_2w_camera")
    fall = tab.page.get_by_label("A fall starts a recording")
    expect(fall).to_be_disabled()
    expect(tab.page.locator("#setting-fall_recording-hint")).to_contain_text("no motion sensor")
    tab.page.get_by_label("Show settings for").select_option("pi_cm4_camera")
    expect(fall).to_be_enabled()


@pytest.mark.req("RFID-04")
def test_a_badge_is_paired_at_the_controllers_reader(open_tab: OpenTab, station: Station):
    until(lambda: any(each["state"] == "ready" for each in station.controller.call("status")["readers"]), "the reader")
    reader = next(iter(station.bench.call("state")["readers"]))
    tab = open_tab("local_administrator")
    tab.open("/wearers/W-005")
    tab.page.get_by_role("button", name="Pair at the controller's reader").click()
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Waiting for a badge")
    again = dialog.filter(has_text="take it away for two seconds")
    _hold(tab, station, reader, lambda: expect(again).to_be_visible(timeout=NOTICED_MS))
    picture(tab, "badge-pairing", full=False)
    _hold(tab, station, reader, lambda: expect(dialog).to_have_count(0, timeout=NOTICED_MS))
    expect(tab.page.locator(".plain-list code").filter(has_text=BADGE)).to_be_visible()
    assert station.controller.call("get_wearer", id="W-005")["tags"] == [BADGE]
    tab.page.get_by_role("button", name=f"Take away badge {BADGE}").click()
    tab.page.get_by_role("dialog").get_by_role("button", name="Take away").click()
    expect(tab.page.get_by_text("No badge yet.")).to_be_visible()


def _hold(tab: Tab, station: Station, reader: str, noticed: Callable[[], None]) -> None:
    """Hold the badge to the reader until that is noticed, and take it away for a while; again if it is not, as people
    do: the reader was asked too late, or has not seen that the badge was away."""

    def was_noticed() -> bool:
        station.bench.call("badge", reader=reader, uid=BADGE, seconds=BADGE_S_MAX)
        found = passes(noticed)
        station.bench.call("badge", reader=reader, uid=BADGE, seconds=0)
        tab.page.wait_for_timeout(AWAY_S * 1_000)
        return found

    until(was_noticed, "the badge to be noticed")


@pytest.mark.req("CTRL-14")
def test_a_viewer_is_offered_nothing_and_can_do_nothing(open_tab: OpenTab, station: Station):
    tab = open_tab("viewer")
    for path in VIEWERS_PAGES:
        tab.open(path)
        tab.page.wait_for_selector("main .card, main .table-row", state="attached")
        buttons = tab.page.locator("main").get_by_role("button", disabled=False)
        names = {name for each in buttons.all() if (name := each.inner_text().strip()) and not _is_head(name)}
        assert not names, (path, names)
        assert tab.page.locator("main input:not([type=search]):enabled, main textarea:enabled").count() == 0, path
    assert tab.page.get_by_role("link", name="Reports").count() == 0
    for path in ("/reports", "/settings/accounts", "/settings/security"):
        tab.page.goto(station.url + path)
        expect(tab.page.locator("main")).to_contain_text("may not see this page")
    for method, path, body in VIEWERS_TRIES:
        assert tab.page.evaluate(TRY, [method, path, body]) == 403, path
    assert station.controller.call("get_wearer", id="W-002")["name"] == "Grace Hopper"


def _is_head(name: str) -> bool:
    """Tables are sorted by their heads, and rows opened by their times, which changes nothing."""
    return name.rstrip(" ▾▴\n") in HEADS or TIME.fullmatch(name) is not None
