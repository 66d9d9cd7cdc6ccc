"""Cameras that are picked up by badge, as scenarios speak of them: people with badges, a reader, what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tools.bench.houses import House
from host_tools.bench.programs import Event, until
from host_tools.bench.scenario_parts import Bench, Camera, ScenarioController

BADGES = {"W-001": "04A1B2C3D4E501", "W-002": "04A1B2C3D4E502", "W-003": "04A1B2C3D4E503"}
STRANGER = "04FFFFFFFFFF99"
TAKE_S_MAX = 120  # the longest time for which a camera may be offered: nobody is hurried here


class Desk:
    """A controller whose cameras are taken by badge, its reader, and people. Cameras are docked by the scenario."""

    def __init__(self, bench: Bench, controller: ScenarioController) -> None:
        self.bench = bench
        self.controller = controller
        self._mark = 0

    def open(self, mode: str = "self_single") -> None:
        """Choose how cameras are assigned, give everybody their badge, and wait for the reader."""
        self.controller.status()  # from here on it answers
        self.change_settings(assignment_mode=mode, pickup_seconds=TAKE_S_MAX)
        for wearer, tag in BADGES.items():
            self.controller.command("pair_tag", wearer=wearer, tag=tag)
        self.until_readers()

    def until_readers(self) -> None:
        """Until a reader is ready."""
        self.controller.until(
            lambda status: [each for each in status["readers"] if each["state"] == "ready"], "a reader to be ready"
        )

    def change_settings(self, **changes: Any) -> None:
        """Of the system."""
        version = self.controller.command("get_settings")["version"]
        self.controller.command("change_settings", version=version, changes=changes)

    def dock(self, *cameras: Camera) -> None:
        """Into the bays of their numbers; until the controller has greeted all and could offer them."""
        for bay, camera in enumerate(cameras, 1):
            camera.dock(bay)
        self.until_settled(*cameras)

    def until_settled(self, *cameras: Camera) -> None:
        """Until the controller has greeted all of these in their bays and could offer them."""
        serials = {camera.serial for camera in cameras}

        def settled(status: dict[str, Any]) -> bool:
            here = {row["serial"] for row in status["cameras"] if row["online"] and row["state"] == "docked"}
            held = {row["camera"] for row in status["pickup"]["holdings"]}
            return serials <= here and not held & serials

        self.controller.until(settled, "the cameras to be ready for whoever comes")

    def tap(self, tag: str) -> Event:
        """Hold a badge to the reader; what became of it."""
        self._mark = self.controller.mark()
        return self.bench.show_badge(tag, lambda: self.controller.wait_for("tap", after=self._mark))

    def offered(self, wearer: str, among: tuple[Camera, ...]) -> Camera:
        """Tap with somebody's badge, and wait for the flash: the camera that flashes."""
        told = self.tap(BADGES[wearer])
        assert told["outcome"] == "accepted", told
        serial = self.controller.wait_for("offered", after=self._mark)["camera"]
        (camera,) = [each for each in among if each.serial == serial]
        until(lambda: camera.lamps() == {"green": True, "red": False}, f"{camera.name} to flash")
        until(lambda: not any(camera.lamps().values()), f"{camera.name} to go on flashing")
        return camera

    def view(self) -> dict[str, Any]:
        """Offers, holdings, latest taps."""
        found: dict[str, Any] = self.controller.status()["pickup"]
        return found

    def since_tap(self, what: str, camera: Camera | None = None) -> Event:
        """The first event of that name since the last tap."""
        return self.controller.wait_for(what, camera, after=self._mark)

    def until_held(self, holdings: dict[str, str]) -> None:
        """Until exactly these cameras are held, each by that wearer."""

        def are_held(status: dict[str, Any]) -> bool:
            return {row["camera"]: row["wearer"] for row in status["pickup"]["holdings"]} == holdings

        self.controller.until(are_held, f"{holdings or 'no camera'} to be held")


@pytest.fixture
def desk(bench: Bench, controller: ScenarioController, given_back: list[str]) -> Desk:
    """Pick-up by badge on the bench."""
    given_back += [camera.serial for camera in bench.cameras]
    return Desk(bench, controller)


@pytest.fixture(scope="module")
def given_back(bench_house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Cameras that a scenario lets people take. After the last scenario of a file they meet a controller once that
    knows whose each is for always, as all other scenarios find them."""
    taken: list[str] = []
    yield taken
    if taken:
        give_back(bench_house, bench_house.bench(), tmp_path_factory.mktemp("given-back"))


def give_back(house: House, bench: Bench, folder: Path) -> None:
    """Every worn camera meets a controller that knows whose it is for always."""
    fixed = house.controller(folder)
    fixed.start()
    try:
        worn = [camera for camera in bench.cameras if camera.serial in house.worn]
        for bay, camera in enumerate(worn, 1):
            camera.dock(bay)
        for camera in worn:
            fixed.wait_for("camera_ready", camera, having=lambda event: bool(event["wearer"]))
    finally:
        fixed.stop()
    bench.tidy()
