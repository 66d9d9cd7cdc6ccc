"""What people do with one camera, with settings, accounts, certificates and reports, by their pages."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import picture
from tests.browser.conftest import OpenTab
from tests.browser.station import PASSPHRASE, Station, until


@pytest.mark.req("CTRL-03")
@pytest.mark.req("CTRL-06")
def test_a_camera_is_named_and_given_to_somebody(open_tab: OpenTab, station: Station):
    tab = open_tab("local_administrator")
    tab.open("/cameras/CAM-0001")
    tab.page.get_by_label("Name").fill("Pier 4")
    tab.page.get_by_label("Tags").fill("night, harbour")
    tab.page.get_by_role("button", name="Save").click()
    expect(tab.page.locator("#heading")).to_contain_text("Pier 4")
    assert station.controller.call("list_camera_entries")["rows"][0]["tags"] == ["harbour", "night"]
    tab.page.get_by_role("button", name="Assign", exact=True).click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_role("searchbox").fill("Perlman")
    dialog.get_by_role("button", name="Assign to Radia Perlman").click()
    expect(tab.page.locator("main").get_by_role("link", name="Radia Perlman")).to_be_visible()
    station.controller.call("assign_camera", camera="CAM-0001", wearer="W-001")
    expect(tab.page.locator("main").get_by_role("link", name="Ada")).to_be_visible()
    station.controller.call("change_camera", serial="CAM-0001", name="", tags=[])


@pytest.mark.req("CTRL-03")
def test_only_a_camera_that_is_away_is_removed_by_force_and_only_with_the_passphrase(
    open_tab: OpenTab, station: Station
):
    tab = open_tab("administrator")
    tab.open("/cameras/CAM-0002")
    expect(tab.page.get_by_role("button", name="Let it flash")).to_be_visible()
    force = tab.page.get_by_role("button", name="Remove by force")
    expect(force).to_have_count(0)
    station.bench.call("take_out", camera="camera-2")
    force.click()
    dialog = tab.page.get_by_role("dialog")
    picture(tab, "camera-force-remove", full=False)
    dialog.get_by_label("Passphrase of the system").fill(f"not {PASSPHRASE}")
    dialog.get_by_role("button", name="Remove by force").click()
    expect(dialog.get_by_role("alert")).to_contain_text("passphrase")
    tab.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    station.bench.call("put_in", camera="camera-2", bay=2)
    expect(force).to_have_count(0)


@pytest.mark.req("CTRL-17")
@pytest.mark.req("CTRL-14")
def test_settings_and_accounts(open_tab: OpenTab, station: Station):
    tab = open_tab("administrator")
    tab.open("/settings")
    card = tab.page.locator("form.card").filter(has_text="E-mail address")
    card.get_by_label("E-mail address").fill("sergeant@example.org")
    card.get_by_role("button", name="Save").click()
    tab.says("Saved")
    settings = station.controller.call("get_settings")
    assert settings["notification_address"] == "sergeant@example.org"
    assert settings["changed_by"] == "ada"
    tab.open("/settings/accounts")
    tab.page.get_by_role("button", name="Add account").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_label("Account").fill("night-desk")
    dialog.get_by_label("Role").select_option("local_administrator")
    dialog.get_by_label("Password").fill("lantern orchid meadow")
    dialog.get_by_role("button", name="Add account").click()
    row = tab.page.locator(".table-row").filter(has_text="night-desk")
    expect(row).to_contain_text("Local administrator")
    tab.page.get_by_role("button", name="Change account night-desk").click()
    tab.page.get_by_role("dialog").get_by_role("button", name="Remove account").click()
    tab.page.get_by_role("dialog").get_by_role("button", name="Remove account").click()
    expect(row).to_have_count(0)


@pytest.mark.req("CTRL-15")
def test_another_certificate_is_used_and_nothing_is_cut(open_tab: OpenTab, station: Station):
    tab = open_tab("administrator")
    tab.open("/settings/security")
    tab.page.get_by_role("button", name="Make a self-signed one").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("second")
    dialog.get_by_label("Names and addresses").fill("127.0.0.1, localhost")
    dialog.get_by_role("button", name="Make a self-signed one").click()
    second = tab.page.get_by_role("article").filter(has_text="second")
    second.get_by_role("button", name="Use this one").click()
    expect(second).to_contain_text("In use")
    expect(tab.page.locator("#link-state")).to_have_attribute("data-state", "live")
    tab.page.get_by_role("button", name="Request one").click()
    dialog.get_by_label("Name", exact=True).fill("harbour-2027")
    dialog.get_by_role("button", name="Request one").click()
    expect(dialog).to_contain_text("BEGIN CERTIFICATE REQUEST")
    picture(tab, "certificate-request", full=False)
    dialog.get_by_role("button", name="Close").click()
    station.controller.call("activate_certificate", name="self-signed")
    for name in ("second", "harbour-2027"):
        station.controller.call("remove_certificate", name=name)


@pytest.mark.req("CTRL-16")
def test_reports_are_saved(open_tab: OpenTab, station: Station):
    tab = open_tab("local_administrator")
    tab.open("/reports")
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Download Camera status").click()
    assert download.value.suggested_filename == "camera-status.csv"
    rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    assert sum("CAM-000" in row[0] for row in rows) == 3
    tab.page.get_by_role("button", name="Make one now").click()
    saved = tab.page.locator(".plain-list li").first.get_by_role("button")
    with tab.page.expect_download() as download:
        saved.click()
    names = [row["name"] for row in station.controller.call("list_system_reports")]
    assert download.value.suggested_filename in names
    until(lambda: Path(download.value.path()).stat().st_size > 100, "the archive")
