"""What wearers do at a station: take a camera, record, bring it back."""

from __future__ import annotations

from tests.browser.browsing import Tab
from tests.browser.station import Station, until

RECORDED_S = 1.5
STOP_HOLD_S = 3.3  # a little longer than the hold time of the record button
READY_LAMPS = {"green": True, "red": False}


def take_and_record(tab: Tab, station: Station, number: int) -> None:
    """Camera ``number`` leaves its bay and holds a closed recording then."""
    name = f"camera-{number}"
    station.bench.call("take_out", camera=name)
    until(lambda: is_ready(station, name), "the camera to be ready")
    station.bench.call("press", camera=name, button="record")
    tab.page.wait_for_timeout(RECORDED_S * 1_000)  # wall time, by the browser's clock: the board's own process records
    station.bench.call("press", camera=name, button="record", hold_s=STOP_HOLD_S)
    until(lambda: is_ready(station, name), "the recording to be closed")


def is_ready(station: Station, name: str) -> bool:
    """Whether a camera's lamps say so."""
    return station.bench.call("state")["cameras"][name]["lamps"] == READY_LAMPS
