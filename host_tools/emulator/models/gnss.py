"""A satellite receiver on a person: how long until its first fix, how wrong its places are, what it says.

    time to first fix ~ U(24, 40) s cold (it knows nothing), U(18, 30) s warm (the sky's almanac, no orbits),
                        U(1, 3) s hot (orbits not older than four hours); again after every loss of the sky
    error(t + dt) = error(t) e^(-dt/T) + s sqrt(1 - e^(-2 dt/T)) N(0, 1),   north and east each,   T = 60 s
    s = HDOP * 2.0 m,   HDOP = 2 / sqrt(n <cos^2 elevation>),   <cos^2> = 0.55
    n(t): satellites used, 11 +- 2, wandering by one every few seconds

Source: u-blox MAX-M10S data sheet (first fix 24 s cold, 1 s hot, under open sky; 1.5 m CEP, which is 1.3 m a component
at HDOP 0.8); GPS navigation message: orbits repeat every 30 s and hold for four hours; errors as a first-order
Gauss-Markov process: Brown and Hwang, Introduction to Random Signals, chapter 5. HDOP of n satellites spread evenly in
azimuth follows from the least-squares solution. A component of 2.0 m instead of 1.6 m a unit of HDOP is for an antenna
that a body shades. Error: streets between houses are several times worse, and their errors are not Gaussian at all.

What it says is NMEA 0183, GGA and RMC, once a second, in u-blox's order and with its decimals (1e-5', 19 mm).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

COLD_S = (24.0, 40.0)
WARM_S = (18.0, 30.0)
HOT_S = (1.0, 3.0)
START_S = {"cold": COLD_S, "warm": WARM_S, "hot": HOT_S}
ORBITS_HOLD_S = 4 * 3600.0
CORRELATION_S = 60.0
ERROR_M_PER_HDOP = 2.0  # north and east each, one sigma
COS2_ELEVATION = 0.55
SATELLITES = (6, 16)  # fewest and most
SATELLITES_MEAN = 11
LATENCY_S = 0.08  # from the instant to the first byte about it
EARTH_M_PER_DEGREE = 111_195.0  # of latitude, on a ball of 6371 km
KNOTS_PER_M_S = 3600 / 1852
ALTITUDE_M = 45.0
GEOID_M = 47.0  # of the geoid over the ellipsoid, in the south of England
NO_HDOP = 99.99
CATCH_UP_S = 60  # a receiver that nobody listens to is not followed second by second
WRONG_M = 1_500.0  # how far off a lying receiver is, north-east
SLOW_S = 10  # a receiver that saves power: one place in so many seconds
LOST_S = (2.0, 8.0)
FOUND_S = (3.0, 9.0)
KINDS = ("off", "stuck", "garbage", "wrong", "slow", "intermittent")


class Spot(NamedTuple):
    """A place, in degrees, and whether the sky is seen from there."""

    latitude: float
    longitude: float
    sky: bool


class Said(NamedTuple):
    """What a receiver says about one instant. ``begin_s``: when the first byte leaves it; ``fix``: latitude and
    longitude as said, None without a fix."""

    begin_s: float
    unix_ms: int
    data: bytes
    fix: tuple[float, float] | None


class GnssReceiver:
    """``where``: the place at a moment of the world; ``began_unix_ms``: UTC at the world's beginning; ``start``: what
    it knows when it is first switched on, of START_S."""

    def __init__(self, seed: str, where: Callable[[float], Spot], began_unix_ms: int, start: str = "hot") -> None:
        self.faults: set[str] = set()
        self._random = random.Random(f"gnss {seed}")
        self._where = where
        self._began_unix_ms = began_unix_ms
        self._start = start
        self._next_s: int | None = None  # the next whole UTC second, as Unix seconds
        self._tracks_from_s: float | None = None  # when it has, or will have, a fix under the sky that it sees
        self._last_fix_s: float | None = None
        self._error_m = [0.0, 0.0]
        self._error_s: float | None = None
        self._satellites = SATELLITES_MEAN
        self._flips_s = 0.0
        self._lost = False
        self._last = b""

    def power_on(self, now_s: float) -> None:
        """It begins to search."""
        self._next_s = math.floor(self._unix_s(now_s)) + 1
        self._tracks_from_s = None

    def power_off(self) -> None:
        """It says nothing more, and keeps its orbits: a cell of its own feeds its memory."""
        self._next_s = None

    def say(self, until_s: float) -> Iterator[Said]:
        """What it has said since the last time. Moments only grow."""
        if self._next_s is None:
            return
        last_s = math.floor(self._unix_s(until_s - LATENCY_S))
        if last_s - self._next_s > CATCH_UP_S:
            self._next_s = last_s - CATCH_UP_S
        while self._next_s <= last_s:
            said = self._say(self._next_s)
            self._next_s += 1
            if said is not None:
                yield said

    def hdop(self) -> float:
        """Of the satellites in use."""
        return 2 / math.sqrt(self._satellites * COS2_ELEVATION)

    def _say(self, unix_s: int) -> Said | None:
        at_s = unix_s - self._began_unix_ms / 1000
        place = self._place(at_s)
        if self.faults & {"off"}:
            return None
        if "slow" in self.faults and unix_s % SLOW_S:
            return None
        if "stuck" not in self.faults or not self._last:
            self._last = self._sentences(unix_s, at_s, place)
        data = self._random.randbytes(len(self._last)) if "garbage" in self.faults else self._last
        return Said(at_s + LATENCY_S, unix_s * 1000, data, place)

    def _place(self, at_s: float) -> tuple[float, float] | None:
        """Where it takes itself to be."""
        spot = self._where(at_s)
        self._wander(at_s)
        if not spot.sky or ("intermittent" in self.faults and self._is_lost(at_s)):
            self._tracks_from_s = None
            return None
        if self._tracks_from_s is None:
            self._tracks_from_s = at_s + self._random.uniform(*START_S[self._start_now(at_s)])
        if at_s < self._tracks_from_s:
            return None
        self._last_fix_s = at_s
        off_m = WRONG_M if "wrong" in self.faults else 0.0
        north_m, east_m = self._error_m[0] + off_m, self._error_m[1] + off_m
        metres_east = EARTH_M_PER_DEGREE * max(math.cos(math.radians(spot.latitude)), 0.01)
        latitude = min(max(spot.latitude + north_m / EARTH_M_PER_DEGREE, -90.0), 90.0)
        return latitude, (spot.longitude + east_m / metres_east + 180) % 360 - 180

    def _start_now(self, at_s: float) -> str:
        if self._last_fix_s is None:
            return self._start
        return "hot" if at_s - self._last_fix_s <= ORBITS_HOLD_S else "warm"

    def _is_lost(self, at_s: float) -> bool:
        if at_s >= self._flips_s:
            self._lost = not self._lost
            self._flips_s = at_s + self._random.uniform(*(LOST_S if self._lost else FOUND_S))
        return self._lost

    def _wander(self, at_s: float) -> None:
        """Errors and satellites go on."""
        if self._random.random() < 0.2:
            towards = 1 if self._satellites < SATELLITES_MEAN else -1
            step = towards if self._random.random() < 0.6 else -towards
            self._satellites = min(max(self._satellites + step, SATELLITES[0]), SATELLITES[1])
        kept = 0.0 if self._error_s is None else math.exp((self._error_s - at_s) / CORRELATION_S)
        sigma_m = self.hdop() * ERROR_M_PER_HDOP * math.sqrt(1 - kept * kept)
        self._error_m = [each * kept + self._random.gauss(0, sigma_m) for each in self._error_m]
        self._error_s = at_s

    def _sentences(self, unix_s: int, at_s: float, place: tuple[float, float] | None) -> bytes:
        moment = datetime.fromtimestamp(unix_s, UTC)
        time, date = moment.strftime("%H%M%S.00"), moment.strftime("%d%m%y")
        if place is None:
            rmc = f"GNRMC,{time},V,,,,,,,{date},,,N,V"
            return sentence(rmc) + sentence(f"GNGGA,{time},,,,,0,00,{NO_HDOP},,,,,,")
        where = f"{angle(place[0], 2, 'NS')},{angle(place[1], 3, 'EW')}"
        rmc = f"GNRMC,{time},A,{where},{self._knots(at_s):.3f},,{date},,,A,V"
        heights = f"{ALTITUDE_M:.1f},M,{GEOID_M:.1f},M"
        gga = f"GNGGA,{time},{where},1,{self._satellites:02},{self.hdop():.2f},{heights},,"
        return sentence(rmc) + sentence(gga)

    def _knots(self, at_s: float) -> float:
        one, other = self._where(at_s - 1), self._where(at_s)
        north_m = (other.latitude - one.latitude) * EARTH_M_PER_DEGREE
        east_m = (other.longitude - one.longitude) * EARTH_M_PER_DEGREE * math.cos(math.radians(one.latitude))
        return math.hypot(north_m, east_m) * KNOTS_PER_M_S

    def _unix_s(self, now_s: float) -> float:
        return self._began_unix_ms / 1000 + now_s


def sentence(body: str) -> bytes:
    """``$body*checksum`` and the line's end."""
    found = 0
    for byte in body.encode("ascii"):
        found ^= byte
    return f"${body}*{found:02X}\r\n".encode("ascii")


def angle(degrees: float, degree_digits: int, sides: str) -> str:
    """``ddmm.mmmmm,N``; rounded once, so that no minute is sixty."""
    steps = round(abs(degrees) * 60 * 100_000)
    whole, minutes = divmod(steps, 60 * 100_000)
    return f"{whole:0{degree_digits}}{minutes // 100_000:02}.{minutes % 100_000:05},{sides[degrees < 0]}"
