"""What somebody types is theirs: a page that reads anew what another one has changed leaves it alone, and says so."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

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


# Of any page's own module; the station is in Paris.
FORMATTED = """async moments => {
    const script = document.querySelector('script[type=module]').src;
    const assets = script.slice(0, script.indexOf('/', script.indexOf('/assets/') + 8));
    const format = await import(assets + '/kit/js/format.js');
    return moments.map(each => [format.at(each), format.exactly(each), format.clock(each)]);
}"""


@pytest.mark.req("CTRL-25")
def test_five_past_midnight_is_on_the_day_that_begins(open_tab: OpenTab):
    tab = open_tab("viewer")
    tab.open("/account")
    midnight = datetime(2026, 2, 1, 0, 5, 9, tzinfo=ZoneInfo("Europe/Paris"))
    [(minute, second, clock)] = tab.page.evaluate(FORMATTED, [midnight.timestamp() * 1000])
    assert ("Feb 1" in minute, "00:05" in minute, "24:" in minute) == (True, True, False), minute
    assert "00:05:09 GMT+1" in second
    assert clock == "00:05:09"
