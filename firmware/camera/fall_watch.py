"""The camera's motion sensor: asleep while nobody asks for falls, asked one register a second while somebody does.

Law: the only place that talks to the motion sensor. What is a fall is decided in ``falls``. A sensor that does not
answer, stands still or cannot be right is a reason in words and is tried again, never an end of the firmware.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from firmware.camera.falls import FELL, WATCHING, Fall, FallDetector, Sample
from firmware.drivers.lsm6dso import RATE_HZ, Lsm6dso
from firmware.ports.clock import Clock
from firmware.ports.errors import PortFault
from firmware.ports.i2c import I2c

PART = "LSM6DSO"
LOOK_MS = 1_000  # the sensor itself remembers near five seconds: what led to a fall is still there
CHECK_MS = 60_000  # a sensor that has died unnoticed is a fall that is not recorded
OVERDUE_MS = 12_000  # longer than a fall and what follows it
RETRY_MS = 10_000
BATCH_SAMPLES = 128  # 20 ms of a fast bus, between two looks at buttons and cable
COUNT_PART = 0.5  # of the samples that are due: the chip's own clock is within a few percent
RMS_MG_MIN, RMS_MG_MAX = 700, 4_000  # over a second, standing is 1 g and running up to 1.6 g

Fields = dict[str, Any]


class FallWatch:
    """``buses``: the board's I2C by name; ``board``: board_data. ``reason``: why falls may go unseen, empty if they do
    not; ``last``: what was measured of the last one."""

    def __init__(self, buses: Mapping[str, I2c], board: Fields, clock: Clock) -> None:
        self.reason = ""
        self.last: Fall | None = None
        self._chip = _made(buses, board)
        self._clock = clock
        self._detector = FallDetector()
        self._wanted = False
        self._works = False
        self._look_ms: int | None = None
        self._check_ms = 0
        self._emptied_ms = 0  # when the sensor's memory was empty last
        self._left = 0  # samples that are still to be fetched
        self._seen: list[Sample] = []  # those that were, since then

    def has_sensor(self) -> bool:
        """Whether the board has one."""
        return self._chip is not None

    def step(self, now_ms: int, wanted: bool) -> bool:
        """Look at the sensor when it is time. Whether somebody has fallen. ``wanted``: that falls matter now."""
        chip = self._chip
        if chip is None:
            return False
        if wanted != self._wanted:
            self._wanted = wanted
            self._look_ms = now_ms if wanted else None
            if not wanted:
                self._sleep(chip)
        if self._look_ms is None or now_ms < self._look_ms:
            return False
        try:
            return self._look(chip, now_ms) if self._works else self._start(chip, now_ms)
        except PortFault as fault:
            self.reason = str(fault)
            self._works = False
            self._look_ms = now_ms + RETRY_MS
            return False

    def next_deadline_ms(self) -> int | None:
        """When ``step`` has something to do."""
        return self._look_ms

    def _start(self, chip: Lsm6dso, now_ms: int) -> bool:
        """PortFault. What it gives in the first second tells whether it works."""
        chip.start()
        self._works = True
        self._detector = FallDetector()
        self._left = 0
        self._emptied_ms = self._check_ms = now_ms
        self._look_ms = now_ms + LOOK_MS
        return False

    def _sleep(self, chip: Lsm6dso) -> None:
        self._works = False
        try:
            chip.stop()
        except PortFault as fault:
            self.reason = str(fault)

    def _look(self, chip: Lsm6dso, now_ms: int) -> bool:
        """PortFault."""
        if not self._left and not self._has_news(chip, now_ms):
            self._look_ms = now_ms + LOOK_MS
            return False
        samples = chip.read(min(self._left, BATCH_SAMPLES)) if self._left else []
        self._left = max(self._left - BATCH_SAMPLES, 0)
        self._seen += samples
        if self._fell(samples):
            return True
        if not self._left:
            self._judge(chip, now_ms)
        self._look_ms = now_ms if self._left else now_ms + LOOK_MS
        return False

    def _has_news(self, chip: Lsm6dso, now_ms: int) -> bool:
        """Whether what the sensor remembers is to be fetched."""
        weightless = chip.was_weightless()
        if not weightless and self._detector.state == WATCHING and now_ms < self._check_ms:
            return False
        self._left = chip.waiting()
        self._seen = []
        return True

    def _fell(self, samples: list[Sample]) -> bool:
        for sample in samples:
            fall = self._detector.feed(sample)
            if self._detector.state == FELL:
                self.last = fall
                self._detector = FallDetector()
                return True
        return False

    def _judge(self, chip: Lsm6dso, now_ms: int) -> None:
        """PortFault if what came since the memory was empty last cannot be right. Only of a second or two, for a longer
        time overruns the memory; and while nobody falls, which looks like many things: but a sensor that is broken may
        look like falling for ever."""
        since_ms, self._emptied_ms = now_ms - self._emptied_ms, now_ms
        busy = self._detector.state != WATCHING and now_ms < self._check_ms + OVERDUE_MS
        if since_ms > 2 * LOOK_MS or busy:
            return
        doubt = doubt_of(self._seen, since_ms)
        if doubt:
            raise PortFault(f"{chip.label}: {doubt}")
        self.reason = ""
        self._check_ms = now_ms + CHECK_MS


def doubt_of(samples: list[Sample], duration_ms: int) -> str:
    """Why these cannot be what a worn sensor measures in that time; empty if they can. It never stands quite still:
    its noise is more than a step."""
    if len(samples) < COUNT_PART * RATE_HZ * duration_ms / 1000:
        return f"{len(samples)} samples in {duration_ms} ms are too few"
    if len(set(samples)) == 1:
        return "its readings stand still"
    mean_square = sum(x * x + y * y + z * z for x, y, z in samples) / len(samples)
    if not RMS_MG_MIN**2 <= mean_square <= RMS_MG_MAX**2:
        return f"{mean_square**0.5:.0f} mg on average are not what a body does"
    return ""


def _made(buses: Mapping[str, I2c], board: Fields) -> Lsm6dso | None:
    for chip in board.get("chips", {}).values():
        if chip["part"] == PART and chip.get("bus") in buses:
            return Lsm6dso(buses[chip["bus"]], chip["address"])
    return None
