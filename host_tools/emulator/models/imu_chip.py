"""An LSM6DSO as its firmware sees it, register for register, over a wearer's movements.

A sample is round((force * (1 + e) + b + n) / step), held to 16 bits: e the sensitivity's error, b the zero offset, both
drawn once a part, n white noise of density d: sigma = d sqrt(rate / 2). Source: STMicroelectronics, LSM6DSO (DS12140):
steps of 0.061, 0.488, 0.122, 0.244 mg at 2, 16, 4, 8 g, noise 70, 110, 75, 80 ug/sqrt(Hz), offset 20 mg, sensitivity
1 %; rotation 70 mdps a step at 2000 dps, 3.8 mdps/sqrt(Hz), offset 1 dps. The chip's clock is drawn within 3 %, for
it has a register that tells how far off it is. Error: offset and sensitivity do not change with heat; the filter before
the converter is not there, so what is faster than half the rate folds back.

Only the registers that a driver can use are there. The FIFO holds 512 words of seven bytes and keeps the newest.
Nothing is computed before somebody asks, and nothing at all for a wearer who cannot have been weightless.
"""

from __future__ import annotations

import math
import random
import struct
from collections import deque
from collections.abc import Callable, Iterator

from firmware.drivers import lsm6dso
from firmware.ports.memory_i2c import RegisterMap
from host_tools.emulator.models.imu import Motion

RATES_HZ = (0.0, 12.5, 26.0, 52.0, 104.0, 208.0, 416.0, 833.0, 1666.0)
STEPS_MG = (0.061, 0.488, 0.122, 0.244)  # by the range's two bits
NOISE_UG = (70.0, 110.0, 75.0, 80.0)
ROTATION_STEP_DPS = 0.070
ROTATION_NOISE_DPS = 0.0038
OFFSET_MG, SENSITIVITY_ERROR, ROTATION_OFFSET_DPS, CLOCK_ERROR = 20.0, 0.01, 1.0, 0.03
SLOW_FACTOR = 8
WRONG_FACTOR = 0.55  # a proof mass that sticks
LATE_SAMPLES_MAX = 60 * 104  # of an event that nobody has asked for longer: it stays unseen
KINDS = ("stuck", "garbage", "wrong", "slow")
TAG = lsm6dso.TAG_ACCELERATION << lsm6dso.TAG_SHIFT
BATCH_MASK, MODE_MASK, THRESHOLD_MASK, RANGE_MASK, RANGE_SHIFT = 0x0F, 0x07, 0x07, 0x03, 2
ROTATION_BYTES = 6
OVERRUN_SEEN = 0x08  # of FIFO_STATUS2, until it is read
RESET = {
    lsm6dso.FIFO_BATCH: 0,
    lsm6dso.FIFO_CONTROL: 0,
    lsm6dso.WHO_AM_I: lsm6dso.IDENTITY,
    lsm6dso.ACCELERATION: 0,
    lsm6dso.ROTATION: 0,
    lsm6dso.CONTROL: lsm6dso.ADDRESS_COUNTS,
    lsm6dso.INTERRUPT_LATCH: 0,
    lsm6dso.INTERRUPT_ENABLE: 0,
    lsm6dso.WAKE_UP_DURATION: 0,
    lsm6dso.FREE_FALL: 0,
}

Values = tuple[int, int, int]


class MotionChip(RegisterMap):
    """``faults``: of KINDS; one that does not answer is taken off its bus."""

    def __init__(self, seed: str, motion: Motion, now_ms: Callable[[], int]) -> None:
        chance = random.Random(f"imu {seed}")
        self.faults: frozenset[str] = frozenset()
        self._motion = motion
        self._now_ms = now_ms
        self._offset_mg = [chance.uniform(-OFFSET_MG, OFFSET_MG) for _ in range(3)]
        self._gain = 1 + chance.uniform(-SENSITIVITY_ERROR, SENSITIVITY_ERROR)
        self._offset_dps = [chance.uniform(-ROTATION_OFFSET_DPS, ROTATION_OFFSET_DPS) for _ in range(3)]
        self._clock = 1 + chance.uniform(-CLOCK_ERROR, CLOCK_ERROR)
        self._chance = random.Random(f"imu noise {seed}")
        super().__init__(1, RESET, (lsm6dso.WHO_AM_I,), power_on_bit=(lsm6dso.CONTROL, lsm6dso.SOFT_RESET))

    def power_on(self) -> None:
        super().power_on()
        self._words: deque[bytes] = deque(maxlen=lsm6dso.FIFO_WORDS)
        self._overrun = self._weightless = False
        self._light = 0
        self._last: Values = (0, 0, 0)
        self._begin()

    def set_faults(self, faults: frozenset[str]) -> None:
        """From now on these."""
        self._advance()
        self.faults = faults
        self._begin()

    def read(self, register: int, count: int) -> bytes:
        self._advance()
        if register == lsm6dso.FIFO_OUT:
            self._fill()
            return self._burst(count)
        if register in (lsm6dso.FIFO_STATUS, lsm6dso.FIFO_STATUS2):
            self._fill()
        data = super().read(register, count)
        if register <= lsm6dso.WAKE_UP_SOURCE < register + count:
            self._weightless = False
        if register <= lsm6dso.FIFO_STATUS2 < register + count:
            self._overrun = False
        return data

    def peek(self, register: int) -> int:
        if register == lsm6dso.WAKE_UP_SOURCE:
            return lsm6dso.FREE_FALL_SEEN if self._weightless else 0
        if register == lsm6dso.FIFO_STATUS:
            return len(self._words) & 0xFF
        if register == lsm6dso.FIFO_STATUS2:
            return len(self._words) >> 8 | (OVERRUN_SEEN if self._overrun else 0)
        if lsm6dso.OUT_ROTATION <= register < lsm6dso.OUT_ACCELERATION + 6:
            return self._output(register)
        return super().peek(register)

    def write(self, register: int, data: bytes | bytearray | memoryview) -> None:
        self._advance()
        was_hz = self._rate_hz()
        super().write(register, data)
        if self._rate_hz() != was_hz:
            self._begin()
        if not self._is_batching():
            self._words.clear()
            self._overrun = False

    # -- time

    def _begin(self) -> None:
        """Samples are counted from now on."""
        self._began_ms = self._now_ms()
        self._filled = self._judged = 0  # those that are in the FIFO, and those that were looked at for free fall

    def _rate_hz(self) -> float:
        code = super().peek(lsm6dso.ACCELERATION) >> lsm6dso.RATE_SHIFT
        rate_hz = RATES_HZ[code] if code < len(RATES_HZ) else 0.0
        return rate_hz * self._clock / (SLOW_FACTOR if "slow" in self.faults else 1)

    def _is_batching(self) -> bool:
        mode = super().peek(lsm6dso.FIFO_CONTROL) & MODE_MASK
        return mode == lsm6dso.FIFO_CONTINUOUS and bool(super().peek(lsm6dso.FIFO_BATCH) & BATCH_MASK)

    def _due(self) -> int:
        """How many samples there have been."""
        return int((self._now_ms() - self._began_ms) * self._rate_hz() / 1000)

    def _moment_ms(self, number: int) -> float:
        return self._began_ms + number * 1000 / self._rate_hz()

    def _advance(self) -> None:
        """Its own time passes: look for free fall, if there can have been any."""
        due = self._due()
        if due <= self._judged:
            return
        looks = super().peek(lsm6dso.INTERRUPT_ENABLE) & lsm6dso.EVENTS_ON
        light = self.faults or self._motion.may_be_light(self._moment_ms(self._judged), self._moment_ms(due))
        if looks and light:
            self._fill()
        else:
            self._judged, self._light = due, 0

    def _fill(self) -> None:
        """Make the samples that are wanted, up to now."""
        due = self._due()
        wanted = max(lsm6dso.FIFO_WORDS, min(due - self._judged, LATE_SAMPLES_MAX))
        first = max(self._filled, due - wanted)
        if first > self._filled and self._is_batching():
            self._overrun = True
        setting, batching = super().peek(lsm6dso.FREE_FALL), self._is_batching()
        limit = lsm6dso.FREE_FALL_MG[setting & THRESHOLD_MASK] / STEPS_MG[self._range()]
        for number, values in enumerate(self._measured(first, due), first):
            if batching:
                self._overrun = self._overrun or len(self._words) == lsm6dso.FIFO_WORDS
                self._words.append(struct.pack("<B3h", TAG, *values))
            if number >= self._judged:
                self._light = self._light + 1 if -limit < min(values) and max(values) < limit else 0
                self._weightless = self._weightless or self._light > setting >> lsm6dso.DURATION_SHIFT
        self._filled = self._judged = due

    # -- values

    def _range(self) -> int:
        return super().peek(lsm6dso.ACCELERATION) >> RANGE_SHIFT & RANGE_MASK

    def _measured(self, first: int, end: int) -> Iterator[Values]:
        """Samples in the chip's steps, as long as nobody writes to it: there may be hundreds a second."""
        if "stuck" in self.faults:
            yield from (self._last for _ in range(first, end))
            return
        if "garbage" in self.faults:
            yield from (_three(lambda _axis: self._chance.randint(-0x8000, 0x7FFF)) for _ in range(first, end))
            return
        rate_hz, gauss = self._rate_hz(), self._chance.gauss
        step_mg, sigma_mg = STEPS_MG[self._range()], NOISE_UG[self._range()] / 1000 * math.sqrt(rate_hz / 2)
        factor = 1000 * self._gain * (WRONG_FACTOR if "wrong" in self.faults else 1)
        first_mg, second_mg, third_mg = self._offset_mg
        for number in range(first, end):
            out_g, side_g, down_g = self._motion.force_g(self._began_ms + number * 1000 / rate_hz)
            self._last = (
                _held((out_g * factor + first_mg + gauss(0, sigma_mg)) / step_mg),
                _held((side_g * factor + second_mg + gauss(0, sigma_mg)) / step_mg),
                _held((down_g * factor + third_mg + gauss(0, sigma_mg)) / step_mg),
            )
            yield self._last

    def _output(self, register: int) -> int:
        """A byte of the output registers: rotation, then acceleration, the newest of each."""
        at = register - lsm6dso.OUT_ROTATION
        number = max(self._due() - 1, 0)
        if at >= ROTATION_BYTES:
            running = self._rate_hz() > 0
            values = next(self._measured(number, number + 1)) if running else (0, 0, 0)
            return struct.pack("<3h", *values)[at - ROTATION_BYTES]
        code = super().peek(lsm6dso.ROTATION) >> lsm6dso.RATE_SHIFT
        if not code:
            return 0
        sigma_dps = ROTATION_NOISE_DPS * math.sqrt(RATES_HZ[min(code, len(RATES_HZ) - 1)] / 2)
        turned = self._motion.felt(self._now_ms()).rotation_dps
        noise = random.Random(f"{self._offset_dps} {self._now_ms()}")
        values = _three(
            lambda axis: _held((turned[axis] + self._offset_dps[axis] + noise.gauss(0, sigma_dps)) / ROTATION_STEP_DPS)
        )
        return struct.pack("<3h", *values)[at]

    def _burst(self, count: int) -> bytes:
        """Words one after another; an empty FIFO gives zeros, which carry no tag."""
        data = bytearray()
        while len(data) < count:
            data += self._words.popleft() if self._words else bytes(lsm6dso.WORD_BYTES)
        return bytes(data[:count])


def _three(value_of: Callable[[int], int]) -> Values:
    return value_of(0), value_of(1), value_of(2)


def _held(steps: float) -> int:
    """What sixteen bits hold of it."""
    whole = round(steps)
    return whole if -0x8000 <= whole <= 0x7FFF else max(-0x8000, min(0x7FFF, whole))
