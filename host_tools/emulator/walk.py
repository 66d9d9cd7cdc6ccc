"""Where the wearer of an emulated camera goes: a route as data, a point every so many seconds.

Law: data and a pure question about it. Between two points the way is straight; a gap of more than GAP_S is time spent
where no satellite is seen, and at the route's end the wearer turns round and walks it back.
"""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path
from typing import NamedTuple

from host_tools.destinations.extras import read_track
from host_tools.destinations.interface import DestinationError
from host_tools.emulator.errors import BenchError
from host_tools.emulator.models.gnss import Spot

GAP_S = 60.0  # recorders of walks set a point every few seconds, or every few dozen metres
POINTS_MAX = 100_000
ROUTE_BYTES_MAX = 32 << 20


class Step(NamedTuple):
    """Where one is so many seconds after setting out."""

    at_s: float
    latitude: float
    longitude: float


Walk = tuple[Step, ...]

# Through Greenwich Park, over the prime meridian and back over it, and a minute and a half in a building. Way and
# places are those of public maps; the pace is 1.35 m/s.
DEFAULT_WALK: Walk = (
    Step(0.0, 51.477811, -0.001475),
    Step(29.5, 51.477903, -0.000920),
    Step(63.3, 51.478060, -0.000310),
    Step(93.5, 51.478190, 0.000240),
    Step(132.5, 51.478420, 0.000905),
    Step(168.7, 51.478745, 0.001380),
    Step(203.1, 51.479130, 0.001120),
    Step(240.5, 51.479480, 0.000655),
    Step(279.3, 51.479905, 0.000330),
    Step(319.9, 51.480310, -0.000120),
    Step(358.9, 51.480705, -0.000540),
    Step(404.0, 51.481040, -0.001235),
    Step(494.0, 51.480905, -0.001890),
    Step(539.0, 51.480420, -0.002105),
)


def spot(walk: Walk, at_s: float) -> Spot:
    """Where one is so long after setting out; the route is walked to and fro."""
    length_s = walk[-1].at_s
    at_s = at_s % (2 * length_s) if length_s else 0.0
    at_s = 2 * length_s - at_s if at_s > length_s else at_s
    number = min(bisect_right(walk, at_s, key=lambda step: step.at_s), len(walk) - 1)
    after, before = walk[number], walk[max(0, number - 1)]
    pause_s = after.at_s - before.at_s
    part = (at_s - before.at_s) / pause_s if pause_s else 0.0
    latitude = before.latitude + part * (after.latitude - before.latitude)
    longitude = before.longitude + part * (after.longitude - before.longitude)
    return Spot(latitude, longitude, pause_s <= GAP_S)


def read_walk(path: Path) -> Walk:
    """A route from a GPX file whose points have times. BenchError, in one line."""
    try:
        with path.open("rb") as file:
            fixes = read_track(file.read(ROUTE_BYTES_MAX))[:POINTS_MAX]
    except OSError as error:
        raise BenchError(f"{path}: cannot be read ({error.strerror}); name an existing GPX file") from error
    except DestinationError as error:
        raise BenchError(f"{path}: {error}") from error
    if not fixes:
        raise BenchError(f"{path}: a track without points: record one that moves")
    return tuple(Step((each.unix_ms - fixes[0].unix_ms) / 1000, each.latitude, each.longitude) for each in fixes)
