"""Everything dies, stands still and comes back at random moments; then every recording is compared bit by bit.

Controller and emulated bench are processes of their own. For ``OPENBWC_CHAOS_SECONDS`` (12 in the ordinary test run; 60
is the full one) they are killed (SIGKILL), frozen (SIGSTOP) and let go on, while cameras are taken, record and are put
back. The seed is printed; ``OPENBWC_CHAOS_SEED`` repeats its decisions (not the machine's own timing).
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from host_tools.bench.programs import until
from host_tools.bench.scenario_parts import Bench, Camera, DestinationFolder, ScenarioController
from host_tools.bench.scenario_plugin import BenchHouse
from host_tools.custody.offline import judge_index, open_copy
from host_tools.destinations.metadata import read_head

SECONDS = float(os.environ.get("OPENBWC_CHAOS_SECONDS", "12"))
SEED = int(os.environ.get("OPENBWC_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
CALM_LIMIT_S = 300.0  # after the last blow, until everything has arrived
PAUSE_S = (0.1, 1.2)  # between two blows
FROZEN_S = (0.1, 2.5)  # some shorter than any deadline of the link, some longer
DEAD_S = (0.0, 1.0)
FRAGMENTS_LOST_MAX = 2  # of a recording that lost its power: the one being made, and the one being written
SLOW_BYTES_PER_S = 1_500_000  # so that an offload takes long enough to be hit


@dataclass
class Storm:
    """What is done to the two programs, by chance."""

    house: BenchHouse
    bench: Bench
    controller: ScenarioController
    chance: random.Random
    done: list[str] = field(default_factory=list[str])

    def rage(self, seconds: float) -> None:
        """Blow upon blow, with people at work in between."""
        end_s = time.monotonic() + seconds
        blows = [self.kill_controller, self.kill_bench, self.freeze_controller, self.freeze_bench]
        self.bench.start_recording(*self.worn())
        while time.monotonic() < end_s:
            self.move_a_camera()
            self.rest(PAUSE_S)
            blow = self.chance.choice(blows)
            self.done.append(blow.__name__)
            blow()
            self.rest(PAUSE_S)

    def move_a_camera(self) -> None:
        """Somebody takes a camera and records, or brings it back; a slow cable gives time to hit its offload."""
        camera = self.chance.choice(self.worn())
        if self.state()["cameras"][camera.name]["bay"]:
            self.done.append(f"{camera.name} records")
            camera.undock()
            self.bench.start_recording(camera)
        else:
            self.done.append(f"{camera.name} docked")
            camera.make_link_slow(SLOW_BYTES_PER_S)
            camera.dock(self.bench.cameras.index(camera) + 1)

    def worn(self) -> list[Camera]:
        """The cameras that somebody wears."""
        return [camera for camera in self.bench.cameras if camera.serial in self.house.worn]

    def kill_controller(self) -> None:
        self.controller.kill()
        self.rest(DEAD_S)
        self.controller.start()

    def kill_bench(self) -> None:
        self.house.kill()
        self.rest(DEAD_S)
        self.house.restart()

    def freeze_controller(self) -> None:
        self.frozen(self.controller.freeze, self.controller.thaw)

    def freeze_bench(self) -> None:
        self.frozen(self.house.freeze, self.house.thaw)

    def frozen(self, freeze: Callable[[], None], thaw: Callable[[], None]) -> None:
        freeze()
        try:
            self.rest(FROZEN_S)
        finally:
            thaw()

    def calm(self) -> None:
        """Bring every camera home over a fast cable; one records a little first, so that something always arrives."""
        for camera in self.worn()[:1]:
            if self.state()["cameras"][camera.name]["bay"]:
                camera.undock()
            self.bench.start_recording(camera)
            self.bench.let_pass(1.0)
        for number, camera in enumerate(self.bench.cameras, 1):
            camera.make_link_fast()
            if not self.state()["cameras"][camera.name]["bay"]:
                camera.dock(number)

    def state(self) -> dict[str, Any]:
        """Of the bench."""
        found: dict[str, Any] = self.house.client().call("state")
        return found

    def rest(self, between_s: tuple[float, float]) -> None:
        """Let chance decide when the next thing happens: no event could."""
        self.bench.let_pass(self.chance.uniform(*between_s))


@pytest.fixture
def own_house(pytestconfig: pytest.Config) -> Iterator[BenchHouse]:
    """A bench for this scenario alone: it will be killed."""
    house = BenchHouse(pytestconfig.rootpath)
    try:
        house.start()
        yield house
    finally:
        house.thaw()
        house.stop()


@pytest.mark.slow
@pytest.mark.emulator_only
@pytest.mark.timeout(SECONDS + CALM_LIMIT_S + 600)
@pytest.mark.req("CAM-19", "CAM-21", "LINK-05", "LINK-06", "CTRL-08", "CTRL-09", "CTRL-24")
def test_nothing_is_lost_whatever_dies(own_house: BenchHouse, scenario_folder: Path):
    print(f"chaos seed {SEED}, {SECONDS:.0f} s: OPENBWC_CHAOS_SEED={SEED} OPENBWC_CHAOS_SECONDS={SECONDS:.0f}")
    controller = own_house.controller(scenario_folder)
    destination = DestinationFolder(scenario_folder / "destination")
    storm = Storm(own_house, own_house.bench(), controller, random.Random(SEED))
    controller.start()
    try:
        storm.rage(SECONDS)
        storm.calm()
        wait_until_home(storm)
        truths = own_house.client().call("truth")
        rows = {row["container"]: row for row in controller.status()["recordings"]}
    finally:
        controller.thaw()
        controller.stop()
        print(f"{len(storm.done)} blows: {', '.join(storm.done)}")
    compare(truths, rows, destination)
    check_ledger(scenario_folder / "controller", destination)


def wait_until_home(storm: Storm) -> None:
    """Until every camera is docked and empty, and everything that it had was delivered and erased: what the last one
    has recorded in the calm, and whatever is too long to have been lost."""

    def is_home() -> bool:
        status = storm.controller.status()
        cameras = [
            row for row in status["cameras"] if row["online"] and row["recordings"] == 0 and not row["offloading"]
        ]
        state = storm.state()["cameras"]
        closed = all(not camera["crashes"] for camera in state.values())
        kept = [each for each in storm.house.client().call("truth") if len(each["prefixes"]) > FRAGMENTS_LOST_MAX + 1]
        arrived = status["counts"].get("erased", 0) >= max(1, len(kept)) and set(status["counts"]) == {"erased"}
        return closed and arrived and len(cameras) == len(storm.bench.cameras)

    until(is_home, f"everything to arrive (seed {SEED}, {storm.done})", CALM_LIMIT_S)


def compare(truths: list[dict[str, Any]], rows: dict[str, dict[str, Any]], destination: DestinationFolder) -> None:
    """Every recording that the encoder has made arrived once, bit by bit, up to where its camera lost its power."""
    arrived = {container: destination.clip(container).sha256() for container in rows}
    assert len(set(arrived.values())) == len(arrived), "a recording arrived twice"
    unclaimed = set(arrived)
    for truth in truths:
        found = [container for container in unclaimed if arrived[container] in truth["prefixes"]]
        if not found:
            assert len(truth["prefixes"]) <= FRAGMENTS_LOST_MAX + 1, f"lost: {told(truth)}"
            continue
        (container,) = found
        unclaimed.remove(container)
        row = rows[container]
        assert row["camera"] == truth["camera"]
        missing = len(truth["prefixes"]) - 1 - truth["prefixes"].index(arrived[container])
        assert missing <= (FRAGMENTS_LOST_MAX if row["interrupted"] else 0), f"{container} lacks {missing} fragments"
    assert unclaimed == set(), f"nobody recorded these: {unclaimed}"
    print(f"{len(arrived)} recordings arrived of {len(truths)} that were begun, each bit by bit")


def check_ledger(folder: Path, destination: DestinationFolder) -> None:
    """The chain holds, the index tells the same story, and every delivered head is in it."""
    heads = []
    for sidecar in destination.path.glob("*/container.meta.json"):
        head = read_head(json.loads(sidecar.read_text(encoding="utf-8"))["metadata"])
        assert head is not None, f"{sidecar.parent.name} was delivered without a head"
        heads.append(head)
    with open_copy(folder) as index:
        judgement = judge_index(index, heads)
    assert judgement.holds, f"{judgement.verdict}; {judgement.troubles}"
    assert judgement.signed >= len(heads) > 0


def told(truth: dict[str, Any]) -> str:
    """One recording of the witness, in short."""
    return f"{truth['camera']}, {len(truth['prefixes'])} fragments, ended {truth['ended']}, {truth['sha256'][:12]}"
