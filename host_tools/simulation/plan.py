"""What is going to happen to a fleet, written down before it begins: people's days and mishaps, from one seed.

Law: pure. A plan is data: the same seed gives the same plan, and a plan with some mishaps left out is another plan,
which is how a failure is shrunk. People's days do not depend on the mishaps.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

MS_PER_S = 1_000
MS_PER_H = 3_600_000

Verb = Literal["assign", "take", "record", "bookmark", "stop", "dock", "snatch"]
Level = Literal["none", "light", "heavy"]
Scope = Literal["camera", "dock", "site"]
LEVELS: tuple[Level, ...] = ("none", "light", "heavy")


class Action(NamedTuple):
    """Something a person does. ``value``: seconds, or a seed, as the verb needs; ``who``: number of the person."""

    at_ms: int
    camera: int
    verb: Verb
    who: int
    value: int


class Mishap(NamedTuple):
    """Something that goes wrong: ``target`` is the number of a camera or dock; ``length_ms`` how long it lasts."""

    at_ms: int
    kind: str
    target: int
    length_ms: int
    seed: int


@dataclass(frozen=True, slots=True)
class Days:
    """How people use the fleet. Hours are those of the day."""

    day_h: float = 24.0
    shift_from_h: float = 7.0
    shift_h: float = 9.0
    recordings: int = 6
    seconds_min: int = 20
    seconds_max: int = 400
    clumsy_percent: int = 15  # of dockings and stops that go other than they should
    rotates: bool = True  # whoever wears a camera today wears another one tomorrow


BENCHMARK_DAYS = Days(seconds_min=180, seconds_max=180, clumsy_percent=0)


class Rate(NamedTuple):
    """Mishaps of a kind: of what, how many per day and target at each level, how long in ms."""

    scope: Scope
    light: float
    heavy: float
    length_ms: tuple[int, int]


# Half of all mishaps fall into the minute after a docking, where most of what can be lost is under way.
RATES: dict[str, Rate] = {
    "contacts_flap": Rate("camera", 0.3, 3.0, (20, 3_000)),
    "bit_errors": Rate("camera", 0.3, 2.0, (5_000, 120_000)),
    "link_cut": Rate("camera", 0.3, 3.0, (300, 20_000)),
    "camera_power_cut": Rate("camera", 0.1, 1.5, (500, 60_000)),
    "camera_cut_at_write": Rate("camera", 0.1, 1.5, (500, 60_000)),
    "card_fails": Rate("camera", 0.05, 0.7, (500, 60_000)),
    "card_read_only": Rate("camera", 0.05, 0.5, (5_000, 300_000)),
    "card_full": Rate("camera", 0.05, 0.5, (5_000, 300_000)),
    "encoder_fails": Rate("camera", 0.05, 0.5, (1_000, 60_000)),
    "camera_clock_lost": Rate("camera", 0.05, 0.5, (0, 0)),
    "dock_power_cut": Rate("dock", 0.2, 2.0, (500, 120_000)),
    "hub_reset": Rate("dock", 0.2, 2.0, (300, 5_000)),
    "destination_away": Rate("site", 1.0, 4.0, (10_000, 3_600_000)),
    "destination_forgets_answers": Rate("site", 0.5, 3.0, (1_000, 60_000)),
    "destination_breaks_off": Rate("site", 0.5, 3.0, (1_000, 60_000)),
    "destination_refuses": Rate("site", 0.3, 2.0, (5_000, 600_000)),
    "profile_changed": Rate("site", 1.0, 8.0, (0, 0)),
    "wearer_changed": Rate("site", 0.5, 4.0, (0, 0)),
    "clock_jump": Rate("site", 0.3, 2.0, (0, 0)),
    "clock_wrong": Rate("site", 0.2, 1.0, (5_000, 600_000)),
    "controller_restart": Rate("site", 0.5, 4.0, (1_000, 60_000)),
    "controller_power_cut": Rate("site", 0.3, 4.0, (5_000, 120_000)),
    "controller_cut_at_write": Rate("site", 0.3, 4.0, (5_000, 120_000)),
    "spool_fails": Rate("site", 0.2, 2.0, (500, 60_000)),
    "spool_full": Rate("site", 0.2, 2.0, (5_000, 300_000)),
    "spool_read_only": Rate("site", 0.1, 1.0, (5_000, 120_000)),
    "spool_bit_flip": Rate("site", 0.2, 3.0, (0, 0)),
}
NEAR_DOCKING_MS = 60_000


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is going to happen."""

    seed: int
    cameras: int
    end_ms: int
    actions: tuple[Action, ...]
    mishaps: tuple[Mishap, ...]
    badges: bool = False  # cameras are picked up by badge, whichever is ready

    def with_mishaps(self, mishaps: Iterable[Mishap]) -> Plan:
        """The same days with other mishaps."""
        return replace(self, mishaps=tuple(mishaps))


def make_plan(
    seed: int, cameras: int, hours: float, level: Level, days: Days | None = None, badges: bool = False
) -> Plan:
    """The plan of a seed. Fewer hours than a day has are one day that is so short."""
    days = days or Days()
    if hours < days.day_h:
        share = hours / days.day_h
        days = replace(days, day_h=hours, shift_from_h=days.shift_from_h * share, shift_h=days.shift_h * share)
    end_ms = round(hours * MS_PER_H)
    actions = sorted(_all_days(seed, cameras, end_ms, days))
    mishaps = tuple(_mishaps(seed, cameras, end_ms, level, actions, days))
    return Plan(seed, cameras, end_ms, tuple(actions), mishaps, badges)


def _all_days(seed: int, cameras: int, end_ms: int, days: Days) -> Iterable[Action]:
    day_ms = round(days.day_h * MS_PER_H)
    for day in range(-(-end_ms // day_ms)):
        for camera in range(cameras):
            chance = random.Random(f"day {seed} {day} {camera}")
            who = (camera + day) % cameras if days.rotates else camera
            following = (camera + day + 1) % cameras if days.rotates else camera
            for action in _one_day(chance, day * day_ms, camera, who, following, days):
                if action.at_ms < end_ms:
                    yield action


def _one_day(
    chance: random.Random, from_ms: int, camera: int, who: int, following: int, days: Days
) -> Iterable[Action]:
    shift_ms = round(days.shift_h * MS_PER_H)
    start_ms = from_ms + round(days.shift_from_h * MS_PER_H) + chance.randrange(max(1, shift_ms // 10))
    yield Action(start_ms, camera, "take", who, 0)
    slot_ms = shift_ms // (days.recordings + 1)
    for number in range(days.recordings):
        length_ms = chance.randint(days.seconds_min, days.seconds_max) * MS_PER_S
        slack_ms = max(1, slot_ms - length_ms - 10 * MS_PER_S)
        at_ms = start_ms + 60 * MS_PER_S + number * slot_ms + chance.randrange(slack_ms)
        yield Action(at_ms, camera, "record", who, 0)
        if chance.randrange(100) < 30:
            yield Action(at_ms + length_ms // 2, camera, "bookmark", who, 0)
        if chance.randrange(100) >= days.clumsy_percent // 3:  # else forgotten: the docking will end it
            yield Action(at_ms + length_ms, camera, "stop", who, 0)
    end_ms = start_ms + shift_ms
    yield Action(end_ms - MS_PER_S, camera, "assign", following, 0)
    yield Action(end_ms, camera, "dock", who, chance.randrange(1 << 30))
    while chance.randrange(100) < days.clumsy_percent:  # pulled out early, and put back into some other bay
        end_ms += chance.randrange(200, 30 * MS_PER_S)
        yield Action(end_ms, camera, "snatch", who, 0)
        end_ms += chance.randrange(MS_PER_S, 120 * MS_PER_S)
        yield Action(end_ms, camera, "dock", who, chance.randrange(1 << 30))


def _mishaps(seed: int, cameras: int, end_ms: int, level: Level, actions: list[Action], days: Days) -> Iterable[Mishap]:
    docks = dock_count(cameras)
    targets = {"camera": cameras, "dock": docks, "site": 1}
    dockings = [action for action in actions if action.verb == "dock"]
    made: list[Mishap] = []
    for kind, rate in RATES.items():
        per_day = {"none": 0.0, "light": rate.light, "heavy": rate.heavy}[level]
        for target in range(targets[rate.scope]):
            chance = random.Random(f"mishap {seed} {kind} {target}")
            own = [action for action in dockings if rate.scope != "camera" or action.camera == target]
            expected = per_day * end_ms / (days.day_h * MS_PER_H)
            count = int(expected) + (chance.random() < expected % 1)
            for _ in range(count):
                at_ms = chance.randrange(end_ms)
                if own and chance.randrange(2):
                    at_ms = own[chance.randrange(len(own))].at_ms + chance.randrange(NEAR_DOCKING_MS)
                made.append(Mishap(at_ms, kind, target, chance.randint(*rate.length_ms), chance.randrange(1 << 30)))
    return sorted(mishap for mishap in made if mishap.at_ms < end_ms)


def dock_count(cameras: int) -> int:
    """Docks of eight bays, and always some bay left."""
    return cameras // 8 + 1
