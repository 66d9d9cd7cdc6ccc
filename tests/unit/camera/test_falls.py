"""Falls: what counts as one, what does not, and a sensor that is asked no more than it must be."""

from __future__ import annotations

import pytest

from firmware.camera.fall_watch import CHECK_MS, LOOK_MS, OVERDUE_MS, RETRY_MS, FallWatch, doubt_of
from firmware.camera.falls import DOWN, FALLING, FELL, RATE_HZ, TABLE, WATCHING, FallDetector, Sample
from firmware.drivers.lsm6dso import ADDRESS_HIGH
from firmware.ports.memory_clock import ManualClock
from firmware.ports.memory_i2c import MemoryI2c
from host_tools.emulator.models.imu import Motion
from host_tools.emulator.models.imu_chip import KINDS, MotionChip

SEEDS = range(100, 115)
BOARD = {"chips": {"motion": {"part": "LSM6DSO", "bus": "i2c1", "address": ADDRESS_HIGH}}}
UP: Sample = (0, 1000, 0)
FACE_DOWN: Sample = (-1000, 0, 0)
NOTHING: Sample = (20, 30, -10)
BLOW: Sample = (-3000, 500, 0)

Script = tuple[tuple[float, str], ...]  # at this second, the wearer begins that


class CountedBus(MemoryI2c):
    """Counts transfers."""

    transfers = 0

    def read(self, address: int, register: int, count: int) -> bytes:
        self.transfers += 1
        return super().read(address, register, count)


class Worn:
    """A watch over a chip that somebody wears; time goes from deadline to deadline."""

    def __init__(self, seed: int) -> None:
        self.clock = ManualClock()
        self.motion = Motion(f"{seed}")
        self.chip = MotionChip(f"{seed}", self.motion, self.clock.now_ms)
        self.bus = CountedBus({ADDRESS_HIGH: self.chip})
        self.watch = FallWatch({"i2c1": self.bus}, BOARD, self.clock)
        self.falls = 0

    def run(self, seconds: float, wanted: bool = True) -> None:
        """Let time pass; a fall is followed by the camera's recording, in which the watch sleeps."""
        end_ms = self.clock.now_ms() + round(seconds * 1000)
        while True:
            self.falls += self.watch.step(self.clock.now_ms(), wanted)
            due_ms = self.watch.next_deadline_ms()
            next_ms = end_ms if due_ms is None else min(max(due_ms, self.clock.now_ms() + 1), end_ms)
            if next_ms == self.clock.now_ms():
                return
            self.clock.advance(next_ms - self.clock.now_ms())

    def begin(self, activity: str) -> None:
        self.motion.begin(activity, self.clock.now_ms())


def acted(script: Script, seed: int) -> Worn:
    """After 12 more seconds of the last part."""
    worn = Worn(seed)
    for at_s, activity in script:
        worn.run(at_s - worn.clock.now_ms() / 1000)
        worn.begin(activity)
    worn.run(12)
    return worn


@pytest.mark.req("CAM-11")
@pytest.mark.parametrize(
    "script",
    [((3, "fall"),), ((2, "walking"), (6.3, "fall")), ((2, "running"), (7.1, "fall")), ((2, "stairs"), (6.6, "fall"))],
    ids=lambda script: " ".join(part for _, part in script),
)
def test_a_fall_is_seen_once(script: Script):
    for seed in SEEDS:
        worn = acted(script, seed)
        assert worn.falls == 1, f"seed {seed}"
        assert worn.watch.reason == ""
        fall = worn.watch.last
        assert fall is not None
        assert 80 <= fall.weightless_ms < 900
        assert fall.blow_mg > 2_800
        assert 50 < fall.tilt_deg < 130


@pytest.mark.req("CAM-11")
@pytest.mark.parametrize(
    "script",
    [
        ((2, "running"), (12, "standing")),
        ((2, "running"), (9, "sitting")),
        ((2, "walking"), (6, "sitting"), (14, "walking")),
        ((2, "stairs"), (12, "standing")),
    ],
    ids=lambda script: " ".join(part for _, part in script),
)
def test_running_sitting_down_and_stairs_are_no_fall(script: Script):
    for seed in SEEDS:
        worn = acted(script, seed)
        assert worn.falls == 0, f"seed {seed}"
        assert worn.watch.reason == ""


def test_the_table_leads_to_a_fall_by_one_way_alone():
    assert [state for (state, _), following in TABLE.items() if following == FELL] == [DOWN]
    assert [state for (state, _), following in TABLE.items() if following == DOWN and state != DOWN] == [FALLING]
    assert [state for (state, _), following in TABLE.items() if following == FALLING and state != FALLING] == [WATCHING]


def fed(*parts: tuple[Sample, float]) -> FallDetector:
    """Samples for so many seconds each."""
    detector = FallDetector()
    for sample, seconds in parts:
        for _ in range(round(seconds * RATE_HZ)):
            detector.feed(sample)
            if detector.state == FELL:
                return detector
    return detector


ROLLING = ((FACE_DOWN, 0.5), (UP, 0.5))
WHOLE = ((UP, 3.0), (NOTHING, 0.3), (BLOW, 0.05), (FACE_DOWN, 3.0))


@pytest.mark.parametrize(
    ("parts", "state"),
    [
        (WHOLE, FELL),
        (WHOLE[:1] + WHOLE[2:], WATCHING),  # nothing but a blow
        (((UP, 3.0), (NOTHING, 0.07), *WHOLE[2:]), WATCHING),  # too short
        ((*WHOLE[:2], (UP, 1.2), *WHOLE[2:]), WATCHING),  # the blow comes too late
        (WHOLE[:2] + WHOLE[3:], WATCHING),  # no blow
        ((*WHOLE[:3], (UP, 3.0)), WATCHING),  # on the feet again
        ((*WHOLE[:3], (FACE_DOWN, 1.5)), DOWN),  # not for long enough yet
        ((*WHOLE[:3], *ROLLING * 12), WATCHING),  # never at rest
        ((*WHOLE[:3], *ROLLING * 3, (FACE_DOWN, 3.0)), FELL),  # tried to get up first
        ((*WHOLE[:3], (UP, 1.0), (BLOW, 0.05), (FACE_DOWN, 3.0)), FELL),  # down the stairs
        ((*WHOLE[:3], *ROLLING * 8, (BLOW, 0.05), *ROLLING * 8, (FACE_DOWN, 3.0)), FELL),  # a long way down
        (WHOLE[1:], WATCHING),  # nothing is known of the posture before
    ],
)
def test_each_of_the_four_is_needed(parts: tuple[tuple[Sample, float], ...], state: str):
    assert fed(*parts).state == state


def test_a_worn_sensor_is_asked_one_register_a_second_and_none_where_nobody_wants_to_know():
    worn = Worn(5)
    worn.run(10, wanted=False)
    assert worn.bus.transfers == 0
    assert worn.watch.next_deadline_ms() is None
    worn.run(3)
    before = worn.bus.transfers
    worn.run(50)
    assert worn.bus.transfers - before <= 51
    worn.run(0, wanted=False)
    before = worn.bus.transfers
    worn.run(10, wanted=False)
    assert worn.bus.transfers == before
    assert worn.watch.next_deadline_ms() is None


@pytest.mark.parametrize("kind", [*KINDS, "off"])
def test_a_sensor_that_fails_is_told_within_a_minute_and_works_again_after(kind: str):
    worn = Worn(9)
    worn.begin("walking")
    worn.run(CHECK_MS / 1000 / 2)
    assert worn.watch.reason == ""
    if kind == "off":
        worn.bus.unplug(ADDRESS_HIGH)
    else:
        worn.chip.set_faults(frozenset({kind}))
    worn.run((CHECK_MS + OVERDUE_MS + 3 * LOOK_MS) / 1000)
    assert "LSM6DSO" in worn.watch.reason or "0x6b" in worn.watch.reason
    worn.bus.plug(ADDRESS_HIGH, worn.chip)
    worn.chip.set_faults(frozenset())
    worn.run((RETRY_MS + 3 * LOOK_MS) / 1000)
    assert worn.watch.reason == ""
    worn.begin("fall")
    worn.run(10)
    assert worn.falls == 1


def test_doubt_is_said_in_words():
    second = [(x, 1000, 0) for x in range(RATE_HZ)]
    assert doubt_of(second, 1_000) == ""
    assert doubt_of(second[:40], 1_000) == "40 samples in 1000 ms are too few"
    assert doubt_of([], 1_000) == "0 samples in 1000 ms are too few"
    assert "stand still" in doubt_of([UP] * RATE_HZ, 1_000)
    assert doubt_of([(x, 550, 0) for x in range(RATE_HZ)], 1_000).startswith("553 mg")
    assert doubt_of([(9 * x, 15_000, 0) for x in range(RATE_HZ)], 1_000).endswith("not what a body does")


def test_a_camera_that_had_no_turn_for_seconds_sees_the_fall_all_the_same():
    """Its card was slow: the sensor remembers the blow and the rest after it."""
    worn = Worn(11)
    worn.run(5)
    worn.begin("fall")
    worn.run(1)
    worn.clock.advance(4_500)
    worn.run(0.1)
    assert worn.falls == 1


def test_a_board_without_a_sensor_never_falls():
    watch = FallWatch({}, {"chips": {}}, ManualClock())
    assert not watch.has_sensor()
    assert not watch.step(0, True)
    assert watch.next_deadline_ms() is None
    assert watch.reason == ""
