"""What somebody types is theirs: a page that reads anew what another one has changed leaves it alone, and says so."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenTab
from tests.browser.station import Station

TYPED = "typed@example.org"


@pytest.mark.req("CTRL-05")
@pytest.mark.parametrize(
    ("path", "read", "label"),
    [("/wearers/W-007", "wearers/W-007", "E-mail"), ("/settings", "settings", "E-mail address")],
)
def test_what_is_typed_while_it_is_read_anew_stays(
    open_tab: OpenTab, station: Station, path: str, read: str, label: str
):
    tab = open_tab("administrator")
    tab.open(path)
    field = tab.page.get_by_label(label, exact=True)
    expect(field).to_be_visible()
    held: list[Route] = []
    tab.page.route(f"**/api/v1/{read}", lambda route: held.append(route))
    with tab.page.expect_request(f"**/api/v1/{read}"):
        _change(station, path)
    field.fill(TYPED)
    for each in held:
        each.continue_()
    expect(tab.page.locator(".notice.warn").filter(has_text="has just changed this")).to_be_visible()
    expect(field).to_have_value(TYPED)


def _change(station: Station, path: str) -> None:
    """Somebody else changes something of it."""
    call = station.controller.call
    if path == "/settings":
        version = call("get_settings")["version"]
        call("change_settings", version=version, changes={"notification_address": "desk@example.org"})
    else:
        version = call("get_wearer", id="W-007")["version"]
        call("change_wearer", id="W-007", version=version, email="barbara@example.org")
