"""What radios on a bench hear of each other, by distance.

    L(d) = L0 + 10 n log10(d / 1 m) + X      received power = sent power - L + F

Log-distance path loss with log-normal shadowing (Rappaport, Wireless Communications, 2nd ed., 4.9): L0 = 40 dB is free
space over the first metre at 2.44 GHz (20 log10(4 pi d f / c)), n = 2.2 between people in the open (1.8 in a corridor,
3 and more through walls), X normal with 4 dB, drawn from the seed once for each pair of spots, the same both ways; F
normal with 3 dB for each frame, for a body and its surroundings move.

Whether a frame arrives follows from its power p and the receiver's sensitivity S = -93 dBm, which Bluetooth defines by
one wrong bit in a thousand (Core Specification, Vol. 6 Part A, 4.1):

    BER = 1/2 exp(-g/2),  g = 2 ln 500 * 10^((p - S) / 10),      lost = 1 - (1 - BER)^376

for the non-coherent detection of two tones, and the 47 bytes of the longest legacy advertisement. At S that loses 31 %
of them, where the specification's own test has 30.8 %.

Error: no interference, no antenna's pattern; a listener hears all three channels all the time.
"""

from __future__ import annotations

import math
import random

FIRST_METRE_DB = 40.0
EXPONENT = 2.2
SHADOWING_DB = 4.0
FADING_DB = 3.0
SENSITIVITY_DBM = -93.0
FRAME_BITS = 376
NEAREST_M = 0.1  # antennas do not touch: they are in housings
_AT_SENSITIVITY = 2 * math.log(500)

Spot = tuple[float, float]  # metres


def distance_m(one: Spot, other: Spot) -> float:
    """Between two spots."""
    return max(math.dist(one, other), NEAREST_M)


def path_loss_db(distance: float, shadowing_db: float = 0.0) -> float:
    """Over so many metres."""
    return FIRST_METRE_DB + 10 * EXPONENT * math.log10(distance) + shadowing_db


def shadowing_db(seed: str, one: Spot, other: Spot) -> float:
    """Of a pair of spots, the same both ways."""
    first, second = sorted((one, other))
    return random.Random(f"shadowing {seed} {first} {second}").gauss(0.0, SHADOWING_DB)


def loss_part(power_dbm: float) -> float:
    """Which part of frames of that power is lost."""
    energy = _AT_SENSITIVITY * 10 ** ((power_dbm - SENSITIVITY_DBM) / 10)
    wrong_bit = 0.5 * math.exp(-energy / 2)
    return 1 - (1 - wrong_bit) ** FRAME_BITS


class Way:
    """From one spot to another: which frames of a sender arrive, and how strongly. ``seed``: of what shadows them;
    ``chance``: of each frame; ``mean_dbm``: without fading; ``lost_part``: of the frames that a fault takes besides."""

    def __init__(
        self,
        seed: str,
        sender: Spot,
        listener: Spot,
        power_dbm: float,
        chance: random.Random,
        lost_part: float = 0.0,
    ) -> None:
        loss_db = path_loss_db(distance_m(sender, listener), shadowing_db(seed, sender, listener))
        self.mean_dbm = power_dbm - loss_db
        self._random = chance
        self._lost_part = lost_part

    def frame(self) -> float | None:
        """The next one: with which power it is received; None if it is lost."""
        power_dbm = self.mean_dbm + self._random.gauss(0.0, FADING_DB)
        if self._lost_part and self._random.random() < self._lost_part:
            return None
        return None if self._random.random() < loss_part(power_dbm) else power_dbm

    def first_of(self, frames: int) -> tuple[int, float] | None:
        """The first of so many frames that is received, from 0, and its power."""
        for number in range(frames):
            power_dbm = self.frame()
            if power_dbm is not None:
                return number, power_dbm
        return None
