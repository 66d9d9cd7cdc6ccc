"""A walk that a camera has recorded arrives at the destination, point for point."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hil_tests.command_parts import bwc
from hil_tests.destination_parts import DestinationServer
from host_tools.bench.programs import until
from host_tools.bench.scenario_parts import Bench, Camera
from host_tools.bench.scenario_plugin import BenchHouse
from host_tools.evidence.places import track_points

PLACES = 3
LATE = 2  # noted so shortly before the end that they may have no fragment to go with
HALF_A_DIGIT = 6e-7  # of the sixth decimal, which is what the destination's form has
PROFILE = "on patrol"


@pytest.mark.needs("worn", "press", "truth")
@pytest.mark.req("CAM-09", "DEST-05", "DEST-07", "HIL-01")
def test_a_recorded_walk_arrives_point_for_point(bench: Bench, bench_house: BenchHouse, scenario_folder: Path):
    camera = bench.camera(1)
    server = DestinationServer(scenario_folder / "server")
    server.issue(scenario_folder / "destination")
    server.start()
    controller = bench_house.controller(scenario_folder)
    controller.start()
    try:
        controller.status()  # from here on it answers
        wearer = controller.command("get_wearer", id="W-001")
        controller.command("put_profile", name=PROFILE, version=0, settings={"location": "undocked"})
        controller.command("change_wearer", id="W-001", version=wearer["version"], profile=PROFILE)
        camera.dock(bay=1)
        controller.wait_for("camera_ready", camera)
        camera.undock()
        bench.start_recording(camera)
        noted = Noted(bench_house, camera)
        until(noted.are_enough, f"{camera.name} to note {PLACES} places")
        camera.dock(bay=1)
        container = str(controller.wait_for("delivered", camera)["container"])
        (truth,) = camera.truths()
        server.clip(container).must_be(truth)
    finally:
        controller.stop()
        server.stop()

    about, found = arrived(server, container)
    said: list[list[float]] = truth["places"]
    first = next(number for number, place in enumerate(said) if is_same(place, found[0]))
    assert len(found) >= PLACES
    assert all(is_same(*pair) for pair in zip(said[first:], found, strict=False)), (said, found)
    arrived_too = [any(is_same(place, each) for each in found) for place in noted.seen]
    assert all(arrived_too[:PLACES]), "what was noted has arrived, but for what no fragment came after"
    seconds = [each["seconds"] for each in found]
    assert seconds == sorted(seconds)
    assert 0 <= seconds[0] < seconds[-1]
    for key, place in (("TriggerOnLocation", found[0]), ("TriggerOffLocation", found[-1])):
        assert about[key].startswith(f"{place['latitude']:.6f};{place['longitude']:.6f};"), about
    latitude, longitude = (f"{found[0][key]:.6f}" for key in ("latitude", "longitude"))
    rows = bwc("destination", "search", str(server.folder), "--json", "--near", latitude, longitude)
    assert [row["container"] for row in json.loads(rows)] == [container]


class Noted:
    """The places that a camera was seen to note."""

    def __init__(self, house: BenchHouse, camera: Camera) -> None:
        self.seen: list[list[float]] = []
        self._house = house
        self._camera = camera.name

    def are_enough(self) -> bool:
        """Whether PLACES of them, and LATE more, are known after another look."""
        place = self._house.client().call("state")["cameras"][self._camera]["gnss"]["noted"]
        if place is not None and [0.0, *place] not in self.seen:
            self.seen.append([0.0, *place])
        return len(self.seen) >= PLACES + LATE


def is_same(place: list[float], found: dict[str, Any]) -> bool:
    """Whether what the receiver said, after its time, is what has arrived."""
    return abs(place[1] - found["latitude"]) <= HALF_A_DIGIT and abs(place[2] - found["longitude"]) <= HALF_A_DIGIT


def arrived(server: DestinationServer, container: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """What the destination was told of a recording, and its trail."""
    about = json.loads(server.value("SELECT metadata FROM containers WHERE name = ?", container))
    file = server.value("SELECT file FROM objects WHERE container = ? AND name LIKE '%gpstrail.json'", container)
    return about, list(track_points((server.folder / file).read_bytes()))
