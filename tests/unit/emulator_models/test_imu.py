"""What a body does to a motion sensor, and what the sensor makes of it."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest

from firmware.drivers import lsm6dso
from firmware.drivers.lsm6dso import Lsm6dso
from firmware.ports.memory_clock import ManualClock
from firmware.ports.memory_i2c import MemoryI2c
from host_tools.emulator.models.imu import ACTIVITIES, GET_UP_S, Motion, Pose, force_of
from host_tools.emulator.models.imu_chip import CLOCK_ERROR, OVERRUN_SEEN, MotionChip

SEEDS = range(12)
STEP_MS = 5


def forces(activity: str, seed: int, from_s: float, until_s: float) -> list[tuple[float, float, float]]:
    """Of an activity that began at 10 s, between two moments after that."""
    motion = Motion(f"{seed}")
    motion.begin(activity, 10_000)
    moments = range(int(10_000 + from_s * 1000), int(10_000 + until_s * 1000), STEP_MS)
    return [motion.felt(at_ms).force_g for at_ms in moments]


class Rig:
    """A chip on its bus, worn by somebody."""

    def __init__(self, seed: int = 1) -> None:
        self.clock = ManualClock()
        self.motion = Motion(f"{seed}")
        self.chip = MotionChip(f"{seed}", self.motion, self.clock.now_ms)
        self.bus = MemoryI2c({lsm6dso.ADDRESS: self.chip})
        self.driver = Lsm6dso(self.bus)

    def register(self, register: int, count: int = 1) -> bytes:
        return self.bus.read(lsm6dso.ADDRESS, register, count)

    def lost(self) -> bool:
        return bool(self.register(lsm6dso.FIFO_STATUS2)[0] & OVERRUN_SEEN)

    def set(self, register: int, value: int) -> None:
        self.bus.write(lsm6dso.ADDRESS, register, bytes((value,)))


def test_an_attitude_is_where_gravity_points():
    assert force_of(Pose(0, 0, 0, 0)) == pytest.approx((0, 1, 0))
    assert force_of(Pose(0, 0, 90, 0)) == pytest.approx((-1, 0, 0)), "on the face, the chest points down"
    assert force_of(Pose(0, 0, -90, 0)) == pytest.approx((1, 0, 0))
    assert force_of(Pose(0, 0, 0, 90)) == pytest.approx((0, 0, -1))
    assert force_of(Pose(-1, 0, 37, 12)) == pytest.approx((0, 0, 0)), "free fall has no direction"
    assert force_of(Pose(0.5, 0.2, 0, 0)) == pytest.approx((0.2, 1.5, 0))


@pytest.mark.parametrize("activity", ["standing", "walking", "running", "stairs", "docked"])
def test_whoever_stays_on_the_ground_carries_one_weight_on_average(activity: str):
    """Nobody leaves for the sky: the mean vertical acceleration of a steady activity is nought."""
    for seed in SEEDS:
        vertical = [math.hypot(*each) for each in forces(activity, seed, 2, 12)]
        assert statistics.mean(vertical) == pytest.approx(1, abs=0.1), seed


def test_a_runner_flies_and_lands_as_morin_says():
    for seed in SEEDS:
        found = [math.hypot(*each) for each in forces("running", seed, 1, 6)]
        assert min(found) < 0.05
        assert 2.0 < max(found) < 4.0, (seed, max(found))
    assert max(math.hypot(*each) for each in forces("walking", 1, 1, 6)) < 1.5


def test_a_fall_takes_away_what_it_has_gained_and_ends_in_another_posture():
    for seed in SEEDS:
        found = forces("fall", seed, 0, 6)
        gained = sum(1 - math.hypot(*each) for each in found) * STEP_MS / 1000
        assert abs(gained) < 0.12, f"seed {seed}: speed of {gained * 9.81:.2f} m/s is left over"
        assert min(math.hypot(*each) for each in found) < 0.31
        assert max(math.hypot(*each) for each in found) > 2.8
        lying = found[-1]
        assert math.degrees(math.acos(lying[1] / math.hypot(*lying))) > 50


def test_rotation_is_how_fast_posture_changes():
    motion = Motion("4")
    motion.begin("fall", 10_000)
    turned = sum(motion.felt(at_ms).rotation_dps[2] * 0.001 for at_ms in range(10_000, 13_000))
    rolled = sum(motion.felt(at_ms).rotation_dps[0] * 0.001 for at_ms in range(10_000, 13_000))
    out, up, right = motion.felt(13_000).force_g
    assert math.degrees(math.atan2(-right, up)) == pytest.approx(rolled, abs=5)
    assert math.degrees(math.asin(-out / math.hypot(out, up, right))) == pytest.approx(-turned, abs=5)


def test_the_same_seed_moves_the_same_way_and_another_otherwise():
    assert forces("running", 3, 0, 2) == forces("running", 3, 0, 2) != forces("running", 4, 0, 2)


def test_who_gets_up_does_so_without_a_jerk():
    motion = Motion("1")
    motion.begin("fall", 0)
    motion.begin("standing", 8_000)
    found = [motion.felt(at_ms).force_g for at_ms in range(7_900, 12_000, 10)]
    steps = [math.dist(one, other) for one, other in itertools.pairwise(found)]
    assert max(steps) < 0.05
    assert found[-1][1] > 0.9


@pytest.mark.parametrize("activity", [name for name, kind in ACTIVITIES.items() if not kind.light])
def test_what_is_said_to_be_heavy_never_looks_like_free_fall(activity: str):
    """The chip computes nothing for these: then it must not have had anything to see."""
    for seed in SEEDS:
        for each in forces(activity, seed, GET_UP_S, 12):
            assert max(map(abs, each)) > 0.55, f"{activity}, seed {seed}"


# -- the chip


def test_a_chip_asleep_measures_nothing_and_one_at_work_its_rate():
    rig = Rig()
    rig.clock.advance(3_000)
    assert rig.driver.waiting() == 0
    rig.driver.start()
    rig.clock.advance(2_000)
    count = rig.driver.waiting()
    assert abs(count / 2 / lsm6dso.RATE_HZ - 1) < CLOCK_ERROR + 0.01
    assert len(rig.driver.read(count)) == count
    assert rig.driver.waiting() == 0
    rig.clock.advance(4_000)
    assert not rig.lost()
    rig.clock.advance(6_000)
    assert rig.driver.waiting() == lsm6dso.FIFO_WORDS, "it keeps the newest"
    rig.clock.advance(100)
    assert (rig.lost(), rig.lost()) == (True, False), "and tells once that others are gone"
    rig.driver.stop()
    assert rig.driver.waiting() == 0


def test_noise_offset_and_gain_are_a_parts():
    offsets: list[float] = []
    for seed in SEEDS:
        rig = Rig(seed)
        rig.motion.begin("docked", 0)
        rig.clock.advance(5_000)
        rig.driver.start()
        rig.clock.advance(4_500)
        sideways = [z for _, _, z in rig.driver.read(rig.driver.waiting())]
        assert statistics.stdev(sideways) == pytest.approx(0.110 * math.sqrt(52), rel=0.35), "110 ug over 52 Hz"
        offsets.append(statistics.mean(sideways))
    assert max(map(abs, offsets)) < 22
    assert max(offsets) - min(offsets) > 10


def test_a_blow_beyond_the_range_is_held_to_sixteen_bits():
    rig = Rig()
    rig.driver.start()
    rig.set(lsm6dso.ACCELERATION, lsm6dso.RATE_104_HZ << lsm6dso.RATE_SHIFT)  # 2 g
    rig.motion.begin("fall", 0)
    rig.clock.advance(4_000)
    words = rig.register(lsm6dso.FIFO_OUT, lsm6dso.FIFO_WORDS * lsm6dso.WORD_BYTES)
    values = [int.from_bytes(words[at : at + 2], "little", signed=True) for at in range(1, len(words), 7)]
    assert {0x7FFF, -0x8000} & set(values)


def test_free_fall_is_seen_until_it_is_read():
    rig = Rig()
    rig.driver.start()
    rig.clock.advance(5_000)
    assert not rig.driver.was_weightless()
    rig.motion.begin("fall", rig.clock.now_ms())
    rig.clock.advance(5_000)
    assert rig.driver.was_weightless()
    assert not rig.driver.was_weightless()


def test_the_outputs_show_the_newest_sample_of_each_kind():
    rig = Rig()
    rig.driver.start()
    rig.clock.advance(1_000)
    up = int.from_bytes(rig.register(lsm6dso.OUT_ACCELERATION + 2, 2), "little", signed=True)
    assert up * 0.488 == pytest.approx(1000, abs=50)
    assert rig.register(lsm6dso.OUT_ROTATION, 6) == bytes(6), "the gyroscope is off"
    rig.set(lsm6dso.ROTATION, lsm6dso.RATE_104_HZ << lsm6dso.RATE_SHIFT | 0x0C)
    assert rig.register(lsm6dso.OUT_ROTATION, 6) != bytes(6)


def test_an_empty_fifo_gives_words_without_a_tag():
    rig = Rig()
    rig.driver.start()
    assert rig.driver.read(3) == []
