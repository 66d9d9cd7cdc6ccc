"""Synthetic fleets with known truth: the model must name the worn part, or say honestly that it cannot."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from host_tools.system.contact_wear import (
    BAY,
    BOTH,
    CAMERA,
    EXCESS_LIMIT_MOHM,
    NEITHER,
    SEEN_MIN,
    UNDECIDED,
    ContactWear,
    Seating,
)

pytestmark = pytest.mark.req("DOCK-03")
FLEETS = 200
NOISE_MOHM = 4.0
SOUND_MOHM, SPREAD_MOHM = 15.0, 1.5


@dataclass
class Fleet:
    """Bays and cameras with their true resistances; ``dirty``: share of dockings with dirt in between."""

    seed: int
    bays: int = 8
    cameras: int = 12
    dirty: float = 0.05
    worn_bays: dict[str, float] = field(default_factory=dict[str, float])
    worn_cameras: dict[str, float] = field(default_factory=dict[str, float])

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.of_bay = {f"bay{n}": self._part() for n in range(self.bays)}
        self.of_camera = {f"cam{n}": self._part() for n in range(self.cameras)}

    def wear(self, bays: int, cameras: int) -> None:
        for parts, worn, count in ((self.of_bay, self.worn_bays, bays), (self.of_camera, self.worn_cameras, cameras)):
            for name in self.random.sample(sorted(parts), count):
                worn[name] = self.random.uniform(2.5 * EXCESS_LIMIT_MOHM, 6 * EXCESS_LIMIT_MOHM)

    def dock(self, bay: str, camera: str) -> Seating:
        true = self.of_bay[bay] + self.of_camera[camera] + self.worn_bays.get(bay, 0) + self.worn_cameras.get(camera, 0)
        dirt = self.random.expovariate(1 / 40) if self.random.random() < self.dirty else 0.0
        return Seating(bay, camera, true + self.random.gauss(0, NOISE_MOHM) + dirt)

    def mix(self, shifts: int) -> list[Seating]:
        """Every shift each bay gets another camera."""
        return [
            self.dock(bay, camera)
            for _ in range(shifts)
            for bay, camera in zip(self.of_bay, self.random.sample(sorted(self.of_camera), self.bays), strict=True)
        ]

    def truth(self, bay: str, camera: str) -> str:
        worn = (bay in self.worn_bays, camera in self.worn_cameras)
        return {(True, False): BAY, (False, True): CAMERA, (True, True): BOTH, (False, False): NEITHER}[worn]

    def _part(self) -> float:
        return self.random.gauss(SOUND_MOHM, SPREAD_MOHM)


def test_at_least_95_of_100_alerts_name_the_right_part_once_parts_have_mixed():
    right = total = undecided = 0
    for seed in range(FLEETS):
        fleet = Fleet(seed)
        fleet.wear(seed % 3, (seed // 3) % 3)
        history = fleet.mix(12)
        seen = {name: sum(name in each for each in history) for name in (*fleet.of_bay, *fleet.of_camera)}
        pairs = {
            (each.bay, each.camera)
            for each in history
            if each.bay in fleet.worn_bays or each.camera in fleet.worn_cameras
        }
        model = ContactWear(history)
        for bay, camera in sorted(pairs):
            if min(seen[bay], seen[camera]) < SEEN_MIN:
                continue
            found = model.attribute(bay, camera)
            total += 1
            right += found.side == fleet.truth(bay, camera)
            undecided += found.side == UNDECIDED
    print(f"seeds 0 to {FLEETS - 1}: {right} of {total} right, {undecided} undecided")
    assert total > 1_000
    assert right / total >= 0.95


def test_sound_pairs_are_not_accused():
    accused = total = 0
    for seed in range(50):
        fleet = Fleet(seed)
        fleet.wear(1, 1)
        model = ContactWear(fleet.mix(12))
        for bay in sorted(set(fleet.of_bay) - set(fleet.worn_bays))[:3]:
            for camera in sorted(set(fleet.of_camera) - set(fleet.worn_cameras))[:3]:
                total += 1
                accused += model.attribute(bay, camera).side in (BAY, CAMERA, BOTH)
    print(f"seeds 0 to 49: {accused} of {total} accused")
    assert accused / total < 0.02


def test_a_camera_that_never_changes_its_bay_is_undecided_and_the_swap_decides_it():
    fleet = Fleet(5)
    fleet.worn_bays["bay0"] = 40.0
    others = [each for each in fleet.mix(12) if each.bay != "bay0" and each.camera != "cam0"]
    history = others + [fleet.dock("bay0", "cam0") for _ in range(20)]
    found = ContactWear(history).attribute("bay0", "cam0")
    assert found.side == UNDECIDED
    for _ in range(8):
        if found.swap is not None:
            swapped = fleet.dock(found.swap.bay or "bay3", found.swap.camera or "cam3")
            history += [swapped, *(fleet.dock(swapped.bay, swapped.camera) for _ in range(SEEN_MIN))]
            found = ContactWear(history).attribute("bay0", "cam0")
    assert found.side == BAY


def test_a_camera_that_never_changes_its_bay_is_judged_by_others_in_that_bay():
    fleet = Fleet(6)
    fleet.worn_cameras["cam0"] = 40.0
    history = [each for each in fleet.mix(14) if each.camera != "cam0"]
    history += [fleet.dock("bay0", "cam0") for _ in range(10)]
    assert ContactWear(history).attribute("bay0", "cam0").side == CAMERA


def test_too_few_dockings_are_undecided_and_say_so():
    fleet = Fleet(7)
    history = [*fleet.mix(1), fleet.dock("bay0", "cam0")]
    found = ContactWear(history).attribute("bay0", "cam0")
    assert found.side == UNDECIDED
    assert found.bay.lacks is not None
    assert f"{SEEN_MIN} are needed" in found.bay.lacks.text()
    assert found.swap is not None


def test_nothing_measured_is_undecided_without_a_crash():
    assert ContactWear([]).attribute("bay0", "cam0").side == UNDECIDED
    assert ContactWear([Seating("bay1", "cam1", 30.0)]).attribute("bay0", "cam0").side == UNDECIDED


def test_one_reading_of_a_thousand_ohm_changes_nothing():
    fleet = Fleet(8)
    fleet.worn_cameras["cam0"] = 40.0
    history = fleet.mix(14)
    spoilt = [*history, Seating("bay3", "cam4", 1e6)]
    pair = next(each for each in history if each.camera == "cam0")
    assert (
        ContactWear(history).attribute(pair.bay, "cam0").side
        == ContactWear(spoilt).attribute(pair.bay, "cam0").side
        == CAMERA
    )
    assert ContactWear(spoilt).attribute("bay3", "cam4").side in (NEITHER, UNDECIDED)
