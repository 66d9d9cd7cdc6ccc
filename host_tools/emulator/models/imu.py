"""What a motion sensor on a chest feels: the body's movement as specific force and rotation, by activity and seed.

Axes of the sensor: x out of the chest, y up, z to the wearer's right (upright, at rest: 0, 1 g, 0). With lean p
(forwards) and roll r (to the right), the specific force of a vertical acceleration a and a forward acceleration b is

    f = R(p, r) (b, 1 + a, 0) g,    rotation = (r', 0, -p') in degrees a second

* standing: the trunk's sway, a degree and a half at 0.2 to 0.5 Hz (Winter, Human balance and posture control, 1995).
* walking: a = A cos(2 pi f t) + A/3 cos(4 pi f t), f 1.7 to 2.1 steps a second, A 0.15 to 0.3 g (Menz, Lord and
  Fitzpatrick, Gait & Posture 18, 2003: trunk accelerations); down the stairs A 0.35 to 0.6 g at 1.4 to 1.8 Hz.
* running: no contact for t_f of each step, then a half sine of contact t_c whose peak is pi/2 (t_f/t_c + 1) of the
  weight (Morin et al., Journal of Applied Biomechanics 21, 2005), and the heel's spike of 0.3 to 1 g over 25 ms.
* sitting down: the trunk leans 25 to 45 degrees and back within 1.6 s; 0.3 to 0.6 g less on the way down, then a seat's
  half sine of 0.7 to 1.8 g within 90 ms.
* a fall from the chest's height h: residual weight w 0.05 to 0.3 g for sqrt(2 h / (1 - w) g) while the trunk turns by
  65 to 100 degrees in any direction; the blow takes the speed v = sqrt(2 h (1 - w) g) away in a half sine of T 60 to
  110 ms, whose peak is pi v / 2 T, and rings at 9 to 14 Hz for a quarter of a second; then breathing, 5 mg at 0.25 Hz.

Error: shapes are right, people are not: real falls are broken by hands and knees, real strides differ from each other.
A run of some other posture than upright, throwing and fighting are not here.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

G_M_PER_S2 = 9.80665
BLEND_S = 0.5  # from one posture into the next
GET_UP_S = 1.6


class Felt(NamedTuple):
    """Specific force in g and rotation in degrees a second, each x, y, z."""

    force_g: tuple[float, float, float]
    rotation_dps: tuple[float, float, float]


class Pose(NamedTuple):
    """``vertical_g``, ``forward_g``: acceleration beside the weight; lean forwards and roll to the right in degrees."""

    vertical_g: float
    forward_g: float
    lean_deg: float
    roll_deg: float


Activity = Callable[[float], Pose]  # seconds since it began -> pose


class Kind(NamedTuple):
    """``light``: whether it ever takes the weight off, so that a sensor could see free fall in it."""

    make: Callable[[random.Random], Activity]
    light: bool


class Motion:
    """One wearer's movements. ``begin`` them in the order of time; ``felt`` answers for any moment after the first."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._starts_ms: list[int] = []
        self._parts: list[tuple[str, Activity, Pose]] = []  # with the pose before it
        self.begin(STANDING, 0)

    @property
    def activity(self) -> str:
        """What the wearer does, or did last."""
        return self._parts[-1][0]

    def begin(self, activity: str, now_ms: int) -> None:
        """From now on. KeyError for a word that is not in ACTIVITIES. What was ten minutes ago is forgotten."""
        before = self._pose(now_ms) if self._parts else Pose(0.0, 0.0, 0.0, 0.0)
        chance = random.Random(f"motion {self._seed} {activity} {now_ms}")
        self._parts.append((activity, ACTIVITIES[activity].make(chance), before))
        self._starts_ms.append(now_ms)
        while len(self._starts_ms) > 1 and self._starts_ms[1] < now_ms - KEPT_MS:
            del self._starts_ms[0], self._parts[0]

    def felt(self, at_ms: float) -> Felt:
        """What a perfect sensor reads then."""
        now, soon = self._pose(at_ms), self._pose(at_ms + ROTATION_MS)
        per_s = 1000.0 / ROTATION_MS
        turned = ((soon.roll_deg - now.roll_deg) * per_s, 0.0, (now.lean_deg - soon.lean_deg) * per_s)
        return Felt(force_of(now), turned)

    def force_g(self, at_ms: float) -> tuple[float, float, float]:
        """The force of ``felt`` alone."""
        return force_of(self._pose(at_ms))

    def may_be_light(self, from_ms: float, until_ms: float) -> bool:
        """Whether there may be free fall between these moments; while a posture changes, nobody knows."""
        first = max(bisect_right(self._starts_ms, from_ms) - 1, 0)
        last = max(bisect_right(self._starts_ms, until_ms) - 1, 0)
        changes = from_ms < self._starts_ms[last] + GET_UP_S * 1000
        return changes or any(ACTIVITIES[self._parts[at][0]].light for at in range(first, last + 1))

    def _pose(self, at_ms: float) -> Pose:
        at = max(bisect_right(self._starts_ms, at_ms) - 1, 0)
        activity, pose_of, before = self._parts[at]
        since_s = max(at_ms - self._starts_ms[at], 0.0) / 1000.0
        pose = pose_of(since_s)
        lying = max(abs(before.lean_deg), abs(before.roll_deg)) > LYING_DEG
        blend_s = GET_UP_S if lying and activity != FALL else BLEND_S
        if since_s >= blend_s:
            return pose
        part = _smooth(since_s / blend_s)
        lean = before.lean_deg + (pose.lean_deg - before.lean_deg) * part
        roll = before.roll_deg + (pose.roll_deg - before.roll_deg) * part
        return pose._replace(lean_deg=lean, roll_deg=roll)


STANDING, FALL, DOCKED = "standing", "fall", "docked"
KEPT_MS = 600_000
ROTATION_MS = 2.0  # over which rotation is the difference of two postures
LYING_DEG = 45.0


def force_of(pose: Pose) -> tuple[float, float, float]:
    """Specific force in the sensor's axes."""
    lean, roll = math.radians(pose.lean_deg), math.radians(pose.roll_deg)
    up, ahead = 1.0 + pose.vertical_g, pose.forward_g
    along, out = up * math.cos(lean) + ahead * math.sin(lean), ahead * math.cos(lean) - up * math.sin(lean)
    return out, along * math.cos(roll), -along * math.sin(roll)


def _docked(chance: random.Random) -> Activity:
    """In its bay, nobody near."""
    lean = chance.uniform(-3, 3)
    return lambda since_s: Pose(0.0, 0.0, lean, 0.0)


def _standing(chance: random.Random) -> Activity:
    rate_hz, phase, lean = chance.uniform(0.2, 0.5), chance.uniform(0, math.tau), chance.uniform(-4, 6)

    def pose(since_s: float) -> Pose:
        sway = 1.5 * math.sin(math.tau * rate_hz * since_s + phase)
        return Pose(0.004 * math.sin(math.tau * 0.25 * since_s), 0.0, lean + sway, 0.7 * sway)

    return pose


def _gait(amplitude_g: tuple[float, float], rate_hz: tuple[float, float]) -> Callable[[random.Random], Activity]:
    def make(chance: random.Random) -> Activity:
        amplitude, rate, lean = chance.uniform(*amplitude_g), chance.uniform(*rate_hz), chance.uniform(0, 8)

        def pose(since_s: float) -> Pose:
            turn = math.tau * rate * since_s
            vertical = amplitude * math.cos(turn) + amplitude / 3 * math.cos(2 * turn)
            return Pose(vertical, 0.5 * amplitude * math.sin(turn), lean + 2 * math.sin(turn), 3 * math.sin(turn / 2))

        return pose

    return make


def _running(chance: random.Random) -> Activity:
    contact_s, flight_s = chance.uniform(0.20, 0.28), chance.uniform(0.08, 0.14)
    spike_g, lean = chance.uniform(0.3, 1.0), chance.uniform(3, 14)
    step_s = contact_s + flight_s
    peak_g = math.pi / 2 * (flight_s / contact_s + 1)

    def pose(since_s: float) -> Pose:
        steps, at_s = divmod(since_s, step_s)
        side = 1.0 if steps % 2 else -1.0
        if at_s >= contact_s:
            return Pose(-1.0, 0.0, lean, 3 * side)
        force = peak_g * math.sin(math.pi * at_s / contact_s)
        if at_s < HEEL_S:
            force += spike_g * math.sin(math.pi * at_s / HEEL_S)
        ahead = 0.25 * math.sin(math.tau * (at_s / contact_s - 0.5))
        return Pose(force - 1.0, ahead, lean + 3 * math.sin(math.pi * at_s / contact_s), 3 * side)

    return pose


HEEL_S = 0.025


def _sitting(chance: random.Random) -> Activity:
    lean, back, drop = chance.uniform(25, 45), chance.uniform(-15, 5), chance.uniform(0.3, 0.6)
    seat_g, down_s = chance.uniform(0.7, 1.8), chance.uniform(0.5, 0.8)
    over_s = down_s + 0.8

    def pose(since_s: float) -> Pose:
        vertical = 0.0
        if since_s < down_s:
            vertical = -drop * math.sin(math.pi * since_s / down_s) ** 2
        elif since_s < down_s + SEAT_S:
            vertical = seat_g * math.sin(math.pi * (since_s - down_s) / SEAT_S)
        if since_s < down_s:
            return Pose(vertical, 0.0, lean * _smooth(since_s / down_s), 0.0)
        risen = _smooth(min((since_s - down_s) / (over_s - down_s), 1.0))
        breath = 0.005 * math.sin(math.tau * 0.25 * since_s)
        return Pose(vertical + breath, 0.0, lean + (back - lean) * risen, 0.0)

    return pose


SEAT_S = 0.09


def _falling(chance: random.Random) -> Activity:
    height_m, weight = chance.uniform(0.9, 1.3), chance.uniform(0.05, 0.3)
    turned_deg, heading = chance.uniform(65, 100), chance.uniform(0, math.tau)
    blow_s, ring_hz = chance.uniform(0.06, 0.11), chance.uniform(9, 14)
    tip_s = chance.uniform(0.15, 0.35)  # the loss of balance: the weight goes, the trunk begins to turn
    fall_s = math.sqrt(2 * height_m / ((1 - weight) * G_M_PER_S2))
    speed = math.sqrt(2 * height_m * (1 - weight) * G_M_PER_S2)
    peak_g = math.pi * speed / (2 * blow_s) / G_M_PER_S2
    lands_s = tip_s + fall_s

    def vertical_at(since_s: float) -> float:
        if since_s < tip_s:
            return (weight - 1.0) * _smooth(since_s / tip_s)
        if since_s < lands_s:
            return weight - 1.0
        after_s = since_s - lands_s
        if after_s < blow_s:
            return peak_g * math.sin(math.pi * after_s / blow_s)
        ring = 0.4 * peak_g * math.exp(-(after_s - blow_s) / 0.06) * math.sin(math.tau * ring_hz * (after_s - blow_s))
        return ring + 0.005 * math.sin(math.tau * 0.25 * after_s)

    def pose(since_s: float) -> Pose:
        turned = turned_deg * _smooth(min(since_s / lands_s, 1.0)) ** 2
        return Pose(vertical_at(since_s), 0.0, turned * math.cos(heading), turned * math.sin(heading))

    return pose


def _smooth(part: float) -> float:
    """From 0 to 1 without a jerk at either end."""
    return part * part * (3 - 2 * part)


ACTIVITIES: dict[str, Kind] = {
    STANDING: Kind(_standing, False),
    "walking": Kind(_gait((0.15, 0.3), (1.7, 2.1)), False),
    "running": Kind(_running, True),
    "sitting": Kind(_sitting, True),
    "stairs": Kind(_gait((0.35, 0.6), (1.4, 1.8)), True),
    FALL: Kind(_falling, True),
    DOCKED: Kind(_docked, False),
}
