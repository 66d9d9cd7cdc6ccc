"""Whether somebody has fallen, by a motion sensor on the chest. Pure: samples go in, a fall comes out.

Four things in a row, as a literal table: nearly no weight, a blow, then lying still, in another posture than before.

* No weight: below 0.45 g for 80 ms. Bourke, O'Brien and Lyons (Gait & Posture 26, 2007): at the trunk nearly every
  fall passes below 0.41 g; free-fall detectors take 0.3 to 0.6 g (ADXL345's guidance). So does every stride of a run.
* A blow: above 2.8 g within a second. The same authors: a fall's peak at the trunk is above 3.5 g; Huynh et al.
  (Journal of Sensors 452078, 2015) take 2.4 g at the chest. A run's strides and a hard seat come close to it.
* Still: the whole vector spread by less than 0.15 g over two seconds (Analog Devices AN-1023: 0.19 g for two seconds),
  within ten seconds of the last blow, for people who roll or try to get up first.
* Another posture: the mean vector of those two seconds lies more than 50 degrees from that of the two before the fall.
  This is what keeps out who runs and stops, and who drops onto a seat.

Who falls onto knees, or is held upright, or never lies still, is not seen; a camera that is dropped is taken for its
wearer, for an officer off a roof looks the same at first. Thresholds come from staged falls of volunteers.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

RATE_HZ = 104
WEIGHTLESS_MG = 450
WEIGHTLESS_SAMPLES = 9  # 80 ms and a little
BLOW_MG = 2_800
BLOW_SAMPLES = RATE_HZ  # a fall from standing takes half a second
POSTURE_SAMPLES = 2 * RATE_HZ
POSTURE_SAMPLES_MIN = RATE_HZ // 2  # of the posture before, where the sensor has just been started
SPREAD_MG = 150
REST_SAMPLES = 10 * RATE_HZ
TILT_DEG = 50
SETTLED_SAMPLES = RATE_HZ // 2  # after a blow, before rest is looked for: an echo of it is no rest

WATCHING, FALLING, DOWN, FELL = "watching", "falling", "down", "fell"
WEIGHTLESS, BLOW, NO_BLOW, LIES, STANDS, RESTLESS = "weightless", "blow", "no_blow", "lies", "stands", "restless"

# (state, what was measured) -> state. What is missing changes nothing.
TABLE = {
    (WATCHING, WEIGHTLESS): FALLING,
    (FALLING, WEIGHTLESS): FALLING,  # still, or again: a stride or two before it
    (FALLING, BLOW): DOWN,
    (FALLING, NO_BLOW): WATCHING,
    (DOWN, BLOW): DOWN,  # down the stairs, or the next stride: rest is looked for anew
    (DOWN, LIES): FELL,
    (DOWN, STANDS): WATCHING,
    (DOWN, RESTLESS): WATCHING,
}

Sample = tuple[int, int, int]  # thousandths of g


class Fall(NamedTuple):
    """What was measured of one: how long without weight, the hardest blow, how far from the posture before."""

    weightless_ms: int
    blow_mg: int
    tilt_deg: int


class FallDetector:
    """Of one fall: ``state`` is a word of TABLE, FELL its end. Samples come at RATE_HZ. A gap while nothing
    happens is forgotten after two seconds; one in a fall does not undo what was seen before it."""

    def __init__(self) -> None:
        self.state = WATCHING
        self._recent: deque[Sample] = deque()
        self._sums = [0, 0, 0, 0]  # x, y, z, and the square of the whole
        self._before: tuple[int, int, int] = (0, 0, 0)
        self._light = 0
        self._since = 0
        self._weightless = 0
        self._blow_mg = 0

    def feed(self, sample: Sample) -> Fall | None:
        """Take the next sample; the fall that it completes."""
        square = sample[0] * sample[0] + sample[1] * sample[1] + sample[2] * sample[2]
        self._since += 1
        self._light = self._light + 1 if square < WEIGHTLESS_MG * WEIGHTLESS_MG else 0
        if self._light == WEIGHTLESS_SAMPLES and self.state == WATCHING:
            self._before = self._mean() if len(self._recent) >= POSTURE_SAMPLES_MIN else (0, 0, 0)
        if self._light >= WEIGHTLESS_SAMPLES:
            self._weightless = max(self._weightless, self._light)
        self._remember(sample, square)
        seen = self._seen(square)
        following = TABLE.get((self.state, seen)) if seen else None
        return self._go(following, seen, square) if following is not None else None

    def _seen(self, square: int) -> str:
        """What the newest sample shows, of those things that matter in this state."""
        if square > BLOW_MG * BLOW_MG:
            return BLOW
        if self.state != DOWN and self._light >= WEIGHTLESS_SAMPLES:
            return WEIGHTLESS
        if self.state != DOWN:
            return NO_BLOW if self._since > BLOW_SAMPLES else ""
        if self._since < SETTLED_SAMPLES + POSTURE_SAMPLES:
            return ""
        if self._spread_square() < SPREAD_MG * SPREAD_MG:
            return LIES if self._tilt_deg() > TILT_DEG else STANDS
        return RESTLESS if self._since > REST_SAMPLES else ""

    def _go(self, following: str, seen: str, square: int) -> Fall | None:
        self._since = 0
        if seen == BLOW:
            self._blow_mg = max(self._blow_mg, math.isqrt(square))
        self.state = following
        if following == FELL:
            return Fall(self._weightless * 1000 // RATE_HZ, self._blow_mg, round(self._tilt_deg()))
        if following == WATCHING:
            self._weightless = self._blow_mg = 0
        return None

    def _remember(self, sample: Sample, square: int) -> None:
        self._recent.append(sample)
        for axis in range(3):
            self._sums[axis] += sample[axis]
        self._sums[3] += square
        if len(self._recent) > POSTURE_SAMPLES:
            oldest = self._recent.popleft()
            for axis in range(3):
                self._sums[axis] -= oldest[axis]
            self._sums[3] -= oldest[0] * oldest[0] + oldest[1] * oldest[1] + oldest[2] * oldest[2]

    def _mean(self) -> tuple[int, int, int]:
        count = max(len(self._recent), 1)
        return self._sums[0] // count, self._sums[1] // count, self._sums[2] // count

    def _spread_square(self) -> float:
        """Mean square of the distance from the mean vector."""
        count = len(self._recent)
        mean_square = sum(total * total for total in self._sums[:3]) / (count * count)
        return self._sums[3] / count - mean_square

    def _tilt_deg(self) -> float:
        """Between the posture before the fall and that of now; 0 where nothing is known of the one before."""
        now = self._mean()
        lengths = math.hypot(*now) * math.hypot(*self._before)
        if not lengths:
            return 0.0
        cosine = sum(one * other for one, other in zip(now, self._before, strict=True)) / lengths
        return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
