"""Finding recordings: by wearer, camera, time, category, cause of activation, place.

Law: reads the catalogue, and a track where metres decide. What people type is a value of a statement, never part of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from firmware.ports.errors import PortFault
from host_tools.evidence.catalogue import ARRIVING, REJECTED, Catalogue, Container
from host_tools.evidence.places import CELL_M_MAX, distance_m
from host_tools.evidence.rules import DEVICES, USERS, person

FOUND_MAX = 1_000  # a list that a person looks through; narrower questions find the rest
CALLED_MAX = 100  # of one name: names are not unique
DEGREE_M = 110_574.0  # of latitude, at its shortest
POLE_DEGREES = 89.0  # nearer, a box of longitudes is all of them

Tracks = Callable[[str], Iterable[tuple[float, float]]]
State = Literal["complete", "arriving", "quarantine", "rejected"]
_STATES: dict[State, str] = {
    "complete": "completed_ms IS NOT NULL AND quarantine = ''",
    "arriving": ARRIVING,
    "quarantine": "quarantine <> ''",
    "rejected": REJECTED,
}


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
    state: State | None = None
    beyond: tuple[int | None, str] | None = None  # start and name of the last that was seen: what follows it


def no_tracks(_: str) -> tuple[()]:
    """Where nobody asks for a place."""
    return ()


def search(
    catalogue: Catalogue, query: Query, rows_max: int = FOUND_MAX, tracks: Tracks = no_tracks
) -> list[Container]:
    """Recordings that fit, newest first. ``tracks``: every place of a recording (``places.of``), asked for only where
    those that the catalogue keeps leave it open."""
    conditions: list[tuple[str, tuple[Any, ...]]] = [("1 = 1", ())]
    for column, value, container in (
        ("wearer", query.wearer, USERS), ("camera", query.camera, DEVICES), ("cause", query.cause, "")
    ):  # fmt: skip
        if value:
            called = _called(catalogue, container, value) if container else ()
            either = " OR ".join([f"lower({column}) = lower(?)", *(f"{column} = ?" for _ in called)])
            conditions.append((either, (value, *called)))
    if query.after_ms is not None:
        conditions.append(("started_ms >= ?", (query.after_ms,)))
    if query.before_ms is not None:
        conditions.append(("started_ms < ?", (query.before_ms,)))
    if query.category:
        conditions.append(("name IN (SELECT container FROM objects WHERE category = ?)", (query.category,)))
    if query.state is not None:
        conditions.append((_STATES[query.state], ()))
    if query.near is not None:
        conditions.append(_box(query.near, query.radius_m + CELL_M_MAX))
    found: list[Container] = []
    beyond, wanted = query.beyond, min(rows_max, FOUND_MAX + 1)
    while len(found) < wanted:
        asked = [*conditions, _after(beyond)] if beyond else conditions
        where = " AND ".join(f"({text})" for text, _ in asked)
        rows = catalogue.recordings(where, tuple(value for _, each in asked for value in each), wanted)
        found += [row for row in rows if not query.near or _is_near(catalogue, row, query.near, query.radius_m, tracks)]
        if len(rows) < wanted:
            break
        beyond = rows[-1].started_ms, rows[-1].name
    return found[:wanted]


def _called(catalogue: Catalogue, container: str, value: str) -> tuple[str, ...]:
    """Wearers or cameras that people call so: by name, or by the ID that they know a wearer by; and those who have the
    same ID as the one whom a controller calls so."""
    rows = list(catalogue.all_objects(container))
    wanted = {value.casefold(), *(person(row.name, row.metadata).casefold() for row in rows if row.name == value)}
    found = (
        row.name
        for row in rows
        if value.casefold() == row.metadata.get("Name", "").casefold()
        or row.metadata.get("UserID", "").casefold() in wanted
    )
    return tuple(islice(found, CALLED_MAX))


def _after(seen: tuple[int | None, str]) -> tuple[str, tuple[Any, ...]]:
    """What follows a recording in the order of results: newest first, then by name, those without a time last."""
    started_ms, name = seen
    if started_ms is None:
        return "started_ms IS NULL AND name > ?", (name,)
    later = "started_ms < ? OR (started_ms = ? AND name > ?) OR started_ms IS NULL"
    return later, (started_ms, started_ms, name)


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


def _is_near(catalogue: Catalogue, row: Container, near: tuple[float, float], radius_m: float, tracks: Tracks) -> bool:
    places = catalogue.rows("SELECT latitude, longitude FROM places WHERE container = ?", (row.name,))
    nearest_m = min((distance_m(near, (latitude, longitude)) for latitude, longitude in places), default=math.inf)
    if nearest_m <= radius_m or nearest_m > radius_m + CELL_M_MAX:
        return nearest_m <= radius_m
    try:
        return any(distance_m(near, place) <= radius_m for place in tracks(row.name))
    except PortFault:
        return True  # it was no farther than a cell from there; the health page tells what cannot be read
