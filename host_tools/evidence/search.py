"""Finding recordings: by wearer, camera, time, category, cause of activation, place.

Law: reads the catalogue alone. What people type is a value of a statement, never part of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from host_tools.evidence.catalogue import Catalogue, Container
from host_tools.evidence.places import distance_m

FOUND_MAX = 1_000  # a list that a person looks through; narrower questions find the rest
DEGREE_M = 110_574.0  # of latitude, at its shortest
POLE_DEGREES = 89.0  # nearer, a box of longitudes is all of them


@dataclass(frozen=True, slots=True)
class Query:
    """What is empty or None asks nothing. ``near``: latitude and longitude in degrees, within ``radius_m``."""

    wearer: str = ""
    camera: str = ""
    cause: str = ""
    category: str = ""
    after_ms: int | None = None
    before_ms: int | None = None
    near: tuple[float, float] | None = None
    radius_m: float = 100.0
    is_complete: bool | None = None


def search(catalogue: Catalogue, query: Query, rows_max: int = FOUND_MAX) -> list[Container]:
    """Recordings that fit, newest first."""
    conditions: list[tuple[str, tuple[Any, ...]]] = [("1", ())]
    for column, value in (("wearer", query.wearer), ("camera", query.camera), ("cause", query.cause)):
        if value:
            conditions.append((f"{column} = ? COLLATE NOCASE", (value,)))
    if query.after_ms is not None:
        conditions.append(("started_ms >= ?", (query.after_ms,)))
    if query.before_ms is not None:
        conditions.append(("started_ms < ?", (query.before_ms,)))
    if query.category:
        conditions.append(("name IN (SELECT container FROM objects WHERE category = ?)", (query.category,)))
    if query.is_complete is not None:
        conditions.append((f"completed_ms IS {'NOT ' if query.is_complete else ''}NULL", ()))
    if query.near is not None:
        conditions.append(_box(query.near, query.radius_m))
    where = " AND ".join(f"({text})" for text, _ in conditions)
    values = tuple(value for _, each in conditions for value in each)
    if query.near is None:
        return catalogue.recordings(where, values, min(rows_max, FOUND_MAX))
    rows = catalogue.recordings(where, values, FOUND_MAX)
    return [row for row in rows if _is_near(catalogue, row, query.near, query.radius_m)][:rows_max]


def _box(near: tuple[float, float], radius_m: float) -> tuple[str, tuple[Any, ...]]:
    """A box of degrees around the circle: the index finds it, the distance decides."""
    latitude, longitude = near
    height = radius_m / DEGREE_M
    farthest = min(POLE_DEGREES, abs(latitude) + height)
    width = height / math.cos(math.radians(farthest)) if farthest < POLE_DEGREES else 360.0
    places = "SELECT container FROM places WHERE latitude BETWEEN ? AND ?"
    if abs(longitude) + width > 180:  # the box lies across the date line: latitude alone narrows
        return f"name IN ({places})", (latitude - height, latitude + height)
    return f"name IN ({places} AND longitude BETWEEN ? AND ?)", (
        latitude - height, latitude + height, longitude - width, longitude + width,
    )  # fmt: skip


def _is_near(catalogue: Catalogue, row: Container, near: tuple[float, float], radius_m: float) -> bool:
    places = catalogue.rows("SELECT latitude, longitude FROM places WHERE container = ?", (row.name,))
    return any(distance_m(near, (latitude, longitude)) <= radius_m for latitude, longitude in places)
