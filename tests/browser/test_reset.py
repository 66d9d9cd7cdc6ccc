"""The reset: refused for each thing that is left, with the way to it; done when nothing is, and only knowingly."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import check_accessibility, picture
from tests.browser.conftest import MakeStation, OpenTab
from tests.browser.station import PASSPHRASE, Station, undocked, until

SYSTEM = "Harbour station"


@pytest.mark.req("CTRL-22")
def test_what_is_left_keeps_the_system_from_being_reset(open_tab: OpenTab, station: Station):
    tab = open_tab("administrator")
    tab.open("/settings/security")
    card = tab.page.locator("section.card").filter(has_text="Reset the system")
    reasons = card.locator(".reason")
    expect(reasons.first).to_contain_text("docked cameras belong to this system (CAM-0001, CAM-0002, CAM-0003)")
    expect(card).to_contain_text("Leave the destination as it is until this system is reset")
    expect(card.get_by_role("button", name="Reset the system")).to_be_disabled()
    station.bench.call("take_out", camera="camera-2")
    away = reasons.filter(has_text="A camera is away (CAM-0002).")
    expect(away).to_be_visible()
    picture(tab, "reset-refused", of=card)
    check_accessibility(tab)
    away.get_by_role("link").click()
    expect(tab.page.locator(".table-row")).to_have_count(1)
    expect(tab.page.locator(".table-row").first).to_contain_text("CAM-0002")
    station.bench.call("put_in", camera="camera-2", bay=2)
    until(lambda: not undocked(station), "the camera to be back")
    with station.client("administrator") as ada:
        refused = ada.post("/api/v1/system-reset", json={"name": SYSTEM, "passphrase": PASSPHRASE})
        assert refused.status_code == 409
        assert "remove them first" in refused.json()["detail"]


@pytest.mark.req("CTRL-22")
def test_an_empty_system_is_reset_by_its_name_and_passphrase(open_tab: OpenTab, own_station: MakeStation):
    own = own_station(cameras=1, members=False)
    tab = open_tab("administrator", at=own)
    tab.open("/settings/security")
    card = tab.page.locator("section.card").filter(has_text="Reset the system")
    expect(card).to_contain_text("Nothing is left")
    card.get_by_role("button", name="Reset the system").click()
    dialog = tab.page.get_by_role("dialog")
    for name, passphrase, why in (("harbour", PASSPHRASE, "name"), (SYSTEM, f"not {PASSPHRASE}", "passphrase")):
        dialog.get_by_label("Type the system's name").fill(name)
        dialog.get_by_label("Passphrase of the system").fill(passphrase)
        dialog.get_by_role("button", name="Reset the system").click()
        expect(dialog.get_by_role("alert")).to_contain_text(why)
    assert own.controller.call("list_wearers")["total"] == 12
    dialog.get_by_label("Passphrase of the system").fill(PASSPHRASE)
    dialog.get_by_role("button", name="Reset the system").click()
    expect(tab.page).to_have_url(f"{own.url}/")
    assert own.controller.call("list_wearers")["total"] == 0
    assert own.controller.call("get_settings")["name"] != SYSTEM
