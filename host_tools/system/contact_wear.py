"""Which side of a bad contact is worn: the bay's pins or the camera's, from who sat where and how well.

Law: pure. The model is ``R(bay, camera) = bay part + camera part + noise``, fitted by iteratively reweighted least
squares with Huber's weights (P. J. Huber, Robust Statistics, 1981, 7.8), so that one dirty docking does not count like
wear. Measurements fix only differences between parts of one kind, and only among parts that are connected by who sat
where; wear can but raise a resistance, so the better parts of such a group are taken for sound. Where that does not
decide, the answer is ``undecided``, with the swap that would decide it.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from host_tools.system.alert_texts import Saying

SEEN_MIN = 5  # dockings of each part before it is judged
PARTNERS_MIN = 2  # different parts that it met: with one alone, both are worn or neither
EXCESS_LIMIT_MOHM = 10.0  # above the sound parts of its kind: worn
SURE = 0.95  # probability with which a part must be worn, or sound
HUBER_K = 1.345  # standard deviations from which on a reading counts less: 95 % as efficient as least squares
ROUNDS_MAX = 200
CONVERGED_MOHM = 1e-4
NOISE_MIN_MOHM = 0.5  # what no sensor here resolves; keeps a run of equal readings from looking certain
MAD_TO_SIGMA = 1.4826
HISTORY_MAX = 20_000  # seatings that are fitted at once: the latest; a system of 50 bays makes them in half a year

BAY, CAMERA, BOTH, NEITHER, UNDECIDED = "bay", "camera", "both", "neither", "undecided"
# (bay is worn, camera is worn) -> answer; None where a part is not sure
ANSWERS = {(True, False): BAY, (False, True): CAMERA, (True, True): BOTH, (False, False): NEITHER}


class Seating(NamedTuple):
    """One docking: contact resistance between a bay and a camera, in milliohm."""

    bay: str
    camera: str
    milliohm: float


class Judgement(NamedTuple):
    """One part: ``excess`` over the sound parts of its kind and the standard error of that, in milliohm; ``worn`` is
    None while that is not sure. ``lacks``: what is missing for a judgement, None if nothing."""

    excess: float
    error: float
    worn: bool | None
    lacks: Saying | None


class Swap(NamedTuple):
    """A docking that would tell more; empty words where any other part would do."""

    camera: str
    bay: str


class Attribution(NamedTuple):
    """``side``: BAY, CAMERA, BOTH, NEITHER or UNDECIDED, and then ``swap`` says what would decide it."""

    side: str
    bay: Judgement
    camera: Judgement
    swap: Swap | None


class _Fit(NamedTuple):
    bays: dict[str, float]
    cameras: dict[str, float]
    sigma: float


class _Group(NamedTuple):
    seatings: list[Seating]
    fit: _Fit


class ContactWear:
    """The model of one history. ``seatings``: oldest first; ``limit_mohm``: the excess from which on a part is worn."""

    def __init__(self, seatings: Iterable[Seating], limit_mohm: float = EXCESS_LIMIT_MOHM) -> None:
        self._seatings = list(seatings)[-HISTORY_MAX:]
        self._limit_mohm = limit_mohm
        self._groups: dict[str, _Group] = {}

    def attribute(self, bay: str, camera: str) -> Attribution:
        """Which side of this pair is worn."""
        group = self._group_of(bay)
        if group is None or camera not in group.fit.cameras:
            nothing = Judgement(0.0, math.inf, None, Saying("lacks.not_together"))
            return Attribution(UNDECIDED, nothing, nothing, Swap(camera, bay))
        of_bay = _judge(group, 0, bay, self._limit_mohm)
        of_camera = _judge(group, 1, camera, self._limit_mohm)
        if of_bay.worn is None or of_camera.worn is None:
            return Attribution(UNDECIDED, of_bay, of_camera, _swap(group, bay, camera, of_bay))
        return Attribution(ANSWERS[of_bay.worn, of_camera.worn], of_bay, of_camera, None)

    def _group_of(self, bay: str) -> _Group | None:
        """All that a bay is connected with, fitted once."""
        if bay not in self._groups:
            seatings = _connected(self._seatings, bay)
            if not seatings:
                return None
            group = _Group(seatings, _fit(seatings))
            self._groups.update(dict.fromkeys(group.fit.bays, group))
        return self._groups[bay]


def _connected(seatings: Sequence[Seating], bay: str) -> list[Seating]:
    """Those of the parts that a bay is connected with by who sat where."""
    in_bay: defaultdict[str, set[str]] = defaultdict(set)
    in_camera: defaultdict[str, set[str]] = defaultdict(set)
    for each in seatings:
        in_bay[each.bay].add(each.camera)
        in_camera[each.camera].add(each.bay)
    bays, found = [bay], {bay}
    while bays:
        for camera in in_bay[bays.pop()]:
            fresh = in_camera[camera] - found
            found |= fresh
            bays += fresh
    return [each for each in seatings if each.bay in found]


def _fit(seatings: Sequence[Seating]) -> _Fit:
    bays = dict.fromkeys(sorted({each.bay for each in seatings}), 0.0)
    overall = statistics.median(each.milliohm for each in seatings)
    cameras = dict.fromkeys(sorted({each.camera for each in seatings}), overall)
    sigma = math.inf
    for _ in range(ROUNDS_MAX):
        moved = _update(bays, [(each.bay, each.milliohm - cameras[each.camera], _weight(each, bays, cameras, sigma))
                               for each in seatings])  # fmt: skip
        moved += _update(cameras, [(each.camera, each.milliohm - bays[each.bay], _weight(each, bays, cameras, sigma))
                                   for each in seatings])  # fmt: skip
        residuals = [abs(each.milliohm - bays[each.bay] - cameras[each.camera]) for each in seatings]
        sigma = max(MAD_TO_SIGMA * statistics.median(residuals), NOISE_MIN_MOHM)
        if moved < CONVERGED_MOHM:
            break
    return _Fit(bays, cameras, sigma)


def _weight(each: Seating, bays: dict[str, float], cameras: dict[str, float], sigma: float) -> float:
    if math.isinf(sigma):
        return 1.0
    distance = abs(each.milliohm - bays[each.bay] - cameras[each.camera]) / sigma
    return 1.0 if distance <= HUBER_K else HUBER_K / distance


def _update(parts: dict[str, float], rows: Iterable[tuple[str, float, float]]) -> float:
    """Set each part to the weighted mean of its rows; the farthest that one moved."""
    sums: defaultdict[str, float] = defaultdict(float)
    weights: defaultdict[str, float] = defaultdict(float)
    for name, value, weight in rows:
        sums[name] += value * weight
        weights[name] += weight
    moved = max(abs(sums[name] / weights[name] - parts[name]) for name in parts)
    parts.update({name: sums[name] / weights[name] for name in parts})
    return moved


def _judge(group: _Group, kind: int, name: str, limit: float) -> Judgement:
    seatings, fit = group
    parts = (fit.bays, fit.cameras)[kind]
    excess = parts[name] - _sound(list(parts.values()))
    seen = Counter(each[kind] for each in seatings)
    own = [each for each in seatings if each[kind] == name]
    partners = {each[1 - kind] for each in own}
    of_partners = Counter(each[1 - kind] for each in seatings)
    # Of its own readings, of the parts it was measured against, and of the sound part that it is compared with.
    variance = (
        1 / len(own)
        + statistics.fmean(1 / of_partners[each] for each in partners)
        + 1 / statistics.median(seen.values())
    )
    error = fit.sigma * math.sqrt(variance)
    lacks = None
    if len(own) < SEEN_MIN:
        lacks = Saying("lacks.measured", {"n": len(own), "needed": SEEN_MIN})
    elif len(partners) < PARTNERS_MIN and len(of_partners) < PARTNERS_MIN:
        lacks = Saying("lacks.one_partner")
    elif len(parts) < PARTNERS_MIN:
        lacks = Saying("lacks.no_other")
    worn_probability = 0.5 * (1 + math.erf((excess - limit) / error / math.sqrt(2)))
    worn = None if lacks or 1 - SURE < worn_probability < SURE else worn_probability >= SURE
    return Judgement(excess, error, worn, lacks or (Saying("lacks.too_close") if worn is None else None))


def _sound(values: Sequence[float]) -> float:
    """What the better third of some parts is like."""
    return sorted(values)[(len(values) - 1) // 3]


def _swap(group: _Group, bay: str, camera: str, of_bay: Judgement) -> Swap:
    """The docking that would tell most: the part that is less known, with one of the best known."""
    cameras = Counter(each.camera for each in group.seatings if each.camera != camera)
    bays = Counter(each.bay for each in group.seatings if each.bay != bay)
    if of_bay.worn is None and (cameras or not bays):
        return Swap(cameras.most_common(1)[0][0] if cameras else "", bay)
    return Swap(camera, bays.most_common(1)[0][0] if bays else "")
