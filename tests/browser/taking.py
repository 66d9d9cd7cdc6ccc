"""What wearers do at a station: take a camera and record. With the hands of the scenarios, which look whether a camera
has seen what they did, and do it again as people do."""

from __future__ import annotations

from host_tools.bench.hands import EmulatedHands
from host_tools.bench.scenario_parts import Bench
from tests.browser.station import Station, leave

RECORDED_S = 1.5


def take_and_record(station: Station, number: int) -> None:
    """Camera ``number`` leaves its bay and holds a closed recording then."""
    leave(station, number)
    bench = Bench(EmulatedHands(station.bench), {f"camera-{number}": f"CAM-{number:04}"}, {})
    camera = bench.camera(1)
    bench.until_ready(camera)
    bench.start_recording(camera)
    bench.let_pass(RECORDED_S)
    camera.stop_recording()
