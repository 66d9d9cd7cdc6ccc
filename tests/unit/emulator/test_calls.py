"""Cameras of one system on a bench that call each other by radio: who hears is a matter of distance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.camera.app import CameraApp
from firmware.camera.recorder import Wearer
from firmware.ports.clock import WALL_CONTROLLER
from host_tools.emulator.bench_file import Bench, CameraPart
from host_tools.emulator.errors import BenchError
from host_tools.emulator.platform import ReplayEntropy
from host_tools.emulator.workshop import Workshop
from host_tools.simulation.emulated import VirtualBench
from tests.unit.emulator.rig import SMALL, member_card

KEY = bytes(range(32))
NOON_UNIX_MS = 1_767_268_800_000
NAMES = ("caller", "near", "street", "district")
SPOTS = ((0.0, 0.0), (5.0, 0.0), (90.0, 0.0), (2_000.0, 0.0))
PLAN = Bench(
    name="calls",
    seed=7,
    picture=SMALL.picture,
    camera=tuple(
        CameraPart(name=name, serial=f"CAM-000{number}", spot_m=spot)
        for number, (name, spot) in enumerate(zip(NAMES, SPOTS, strict=True), 1)
    ),
)


class Street(VirtualBench):
    """Four worn cameras of one system, which call and hear."""

    def app(self, name: str) -> CameraApp:
        app = self.bench.cameras[name].emulated.application
        assert isinstance(app, CameraApp)
        return app

    def equip(self, name: str) -> None:
        """What its dock has told it."""
        app, ports = self.app(name), self.bench.cameras[name].emulated.ports
        assert ports is not None
        ports.clock.set_wall(NOON_UNIX_MS + self.loop.world.now_us // 1000, WALL_CONTROLLER, 40)
        app.behaviour.keep("night", {"broadcast_send": "high", "broadcast_receive": True})
        app.broadcasts.handlers()["set_broadcast_key"]({"number": 1, "key": KEY})
        self.bench.cameras[name].emulated.wake()

    def recording(self) -> list[str]:
        return [name for name in NAMES if self.app(name).state == "recording"]


@pytest.fixture
def street(tmp_path: Path):
    workshop = Workshop(entropy=ReplayEntropy("workshop 7"))
    cards = {
        part.name: member_card(workshop, part.name, part.serial, Wearer(part.name, part.name)) for part in PLAN.camera
    }
    made = Street(PLAN, tmp_path, lambda name, size: cards[name], workshop)
    made.wait(lambda: all(made.app(name).state == "ready" for name in NAMES), 5)
    for name in NAMES:
        made.do(lambda name=name: made.equip(name))
    made.run(1)
    yield made
    made.close()
    assert made.errors == []


def press(street: Street, name: str) -> None:
    street.do(lambda: street.bench.press(name, "record"))


@pytest.mark.req("CAM-13", "EMU-03")
def test_who_is_near_records_too_and_who_is_far_does_not(street: Street):
    press(street, "caller")
    street.wait(lambda: len(street.recording()) == 3, 5)
    assert street.recording() == ["caller", "near", "street"]
    street.run(1)
    shown = street.bench.state()["cameras"]
    assert [name for name in NAMES if shown[name]["radio"]["calling"]] == ["caller"]
    assert [name for name in NAMES if shown[name]["radio"]["called"]] == ["near", "street"]
    street.run(10)
    assert not street.bench.state()["cameras"]["caller"]["radio"]["calling"]
    assert street.recording() == ["caller", "near", "street"]


@pytest.mark.req("CAM-13")
def test_a_call_that_somebody_recorded_starts_nothing_later(street: Street):
    thief = street.bench.air.radio(lambda: (6.0, 0.0), lambda: None)
    street.do(lambda: thief.listen(True))
    press(street, "caller")
    street.wait(lambda: len(street.recording()) == 3, 5)
    street.run(6)
    heard = thief.receive()
    assert heard is not None
    for name in street.recording():
        street.do(lambda name=name: street.bench.press(name, "record", 4.0))
    street.wait(lambda: street.recording() == [], 20)
    street.run(30)
    street.do(lambda: thief.broadcast(heard.data, 10))
    street.run(10)
    assert street.recording() == []
    ignored = street.bench.state()["cameras"]["near"]["radio"]["ignored"]
    assert ignored.keys() <= {"again", "late", "replayed"}
    assert sum(ignored.values()) > 3


@pytest.mark.req("CAM-13")
def test_whoever_has_been_carried_near_hears(street: Street):
    street.do(lambda: street.bench.carry("district", 10, -3))
    press(street, "caller")
    street.wait(lambda: "district" in street.recording(), 5)
    with pytest.raises(BenchError, match="beyond the bench"):
        street.bench.carry("district", 0, 10_001)


@pytest.mark.req("CAM-13", "EMU-05")
def test_cameras_that_listen_cost_no_more_than_others(street: Street):
    before = [street.bench.cameras[name].emulated.steps for name in NAMES]
    street.run(600)
    steps: Callable[[str], int] = lambda name: street.bench.cameras[name].emulated.steps  # noqa: E731
    assert all(steps(name) - earlier < 100 for name, earlier in zip(NAMES, before, strict=True))
