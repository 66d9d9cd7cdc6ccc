"""Search by place finds what passed within the radius and nothing else: at the date line, at the poles, between two
places that are kept, in a day-long track."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Generator
from pathlib import Path

import pytest

from host_tools.evidence import places
from host_tools.evidence.folder import Destination
from host_tools.evidence.places import EARTH_M, TRACK_END
from host_tools.evidence.search import Query, search
from tests.unit.evidence.test_complete_stays import ABOUT, opened, receive

pytestmark = pytest.mark.req("DEST-11")
Place = tuple[float, float]
ROUNDS = 60
CENTRES: tuple[Place, ...] = (
    (59.33, 18.06), (0.0, 0.0), (0.0, 180.0), (0.0, -180.0), (-16.8, 179.9999), (-16.8, -179.9999), (71.0, 180.0),
    (90.0, 0.0), (-90.0, 45.0), (89.9995, 10.0), (89.0, -120.0), (-88.9999, 180.0), (85.0, 179.999), (-33.9, -70.6),
)  # fmt: skip


@pytest.fixture
def made(tmp_path: Path) -> Generator[Destination]:
    with opened(tmp_path / "d") as (made, _):
        yield made


def hold(made: Destination, box: str, track: list[Place], end: str = TRACK_END) -> None:
    """A recording that was made along these."""
    rows = [{"LocationWKT": f"POINT({longitude:.6f} {latitude:.6f})"} for latitude, longitude in track]
    made.intake.put_container(box, ABOUT)
    receive(made, f"20260101{end}", json.dumps({"CoordinateEntries": rows}).encode(), box)
    made.intake.update_container(box, {"Status": "Complete"})


def found(made: Destination, near: Place, radius_m: float) -> list[str]:
    query = Query(near=near, radius_m=radius_m)
    return [row.name for row in search(made.store.catalogue, query, tracks=lambda name: places.of(made.store, name))]


def apart_m(one: Place, other: Place) -> float:
    """By vectors, which know neither poles nor a date line."""
    (a, b, c), (d, e, f) = vector(one), vector(other)
    across = math.hypot(b * f - c * e, c * d - a * f, a * e - b * d)
    return EARTH_M * math.atan2(across, a * d + b * e + c * f)


def vector(place: Place) -> tuple[float, float, float]:
    latitude, longitude = map(math.radians, place)
    return math.cos(latitude) * math.cos(longitude), math.cos(latitude) * math.sin(longitude), math.sin(latitude)


def moved(chance: random.Random, place: Place, far_m: float) -> Place:
    """Some way off, over the pole and the date line where it leads there."""
    angle, way = chance.uniform(0, math.tau), chance.uniform(0, far_m) / EARTH_M
    latitude, longitude = map(math.radians, place)
    sine = math.sin(latitude) * math.cos(way) + math.cos(latitude) * math.sin(way) * math.cos(angle)
    east = math.sin(angle) * math.sin(way) * math.cos(latitude)
    east = math.atan2(east, math.cos(way) - math.sin(latitude) * sine)
    turned = math.degrees(longitude + east)
    return round(math.degrees(math.asin(max(-1.0, min(1.0, sine)))), 6), round((turned + 540) % 360 - 180, 6)


def test_it_finds_what_passed_within_the_radius_wherever_that_is(made: Destination) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    tracks: dict[str, list[Place]] = {}
    for number, centre in enumerate(CENTRES):
        for far_m in (30.0, 300.0, 60_000.0):
            name = f"W-7_CAM-{number}_20260101T{int(far_m):06d}Z"
            tracks[name] = [moved(chance, centre, far_m) for _ in range(chance.randrange(1, 4))]
            hold(made, name, tracks[name])
    for _ in range(ROUNDS):
        centre = chance.choice(CENTRES)
        near, radius_m = moved(chance, centre, 400), chance.choice((1.0, 5.0, 40.0, 100.0, 900.0, 50_000.0, 1e6))
        nearest = {name: min(apart_m(near, place) for place in track) for name, track in tracks.items()}
        told = set(found(made, near, radius_m))
        for name, distance_m in nearest.items():
            if abs(distance_m - radius_m) > 0.01 + radius_m * 1e-6:  # where two formulas may differ
                assert (name in told) == (distance_m <= radius_m), (name, near, radius_m, distance_m)


@pytest.mark.parametrize(
    ("place", "near", "radius_m"),
    [
        ((-16.8, -179.9999), (-16.8, 179.9999), 25),
        ((-16.8, 179.9999), (-16.8, -179.9999), 25),
        ((0.0, -180.0), (0.0, 180.0), 1),
        ((89.9999, 180.0), (89.9999, 0.0), 25),
        ((-90.0, 12.0), (-89.9999, -120.0), 12),
        ((80.0, -170.0), (80.0, 170.0), 400_000),
    ],
)
def test_neighbours_across_the_date_line_and_a_pole_are_near(
    made: Destination, place: Place, near: Place, radius_m: float
) -> None:
    hold(made, "W-7_CAM-1_20260101T000000Z", [place])
    assert found(made, near, radius_m) == ["W-7_CAM-1_20260101T000000Z"]
    assert found(made, near, max(1.0, radius_m / 2)) == ([] if radius_m > 1 else ["W-7_CAM-1_20260101T000000Z"])


def test_a_place_that_is_passed_between_two_that_are_kept_is_found(made: Destination) -> None:
    """Somebody stands for long, goes on a few steps past the door, and search asks for the door."""
    door, start = (59.329_770, 18.059_800), (59.330_220, 18.060_200)  # 55 m away, and of one cell
    hold(made, "W-7_CAM-1_20260101T000000Z", [start] * 50 + [door])
    assert made.store.catalogue.rows("SELECT latitude FROM places") == [(start[0],)]
    assert found(made, door, 10) == ["W-7_CAM-1_20260101T000000Z"]
    beyond = (door[0] - 0.0002, door[1])
    assert found(made, beyond, 10) == [], "22 m further on nobody was"
    (row,) = made.store.catalogue.objects("W-7_CAM-1_20260101T000000Z")
    made.store.files.remove(row.file)
    assert found(made, beyond, 10) == ["W-7_CAM-1_20260101T000000Z"], "where the track cannot be read it may have been"


def test_the_last_hour_of_a_long_journey_is_found(made: Destination) -> None:
    track = [(40 + number * 0.0006, 10.0) for number in range(12_000)]  # 800 km
    hold(made, "W-7_CAM-1_20260101T000000Z", track)
    for place in (track[0], track[6_000], track[-1]):
        assert found(made, place, 20) == ["W-7_CAM-1_20260101T000000Z"]
