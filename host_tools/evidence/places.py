"""Where recordings were made: learnt from the location objects that came with them, or from where they began and ended,
for search.

Law: a track that cannot be read (encrypted, another form) teaches nothing and is no error: the object is kept.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, cast

from host_tools.evidence.catalogue import Container, StoredObject
from host_tools.evidence.store import Store

TRACK_END = "_gpstrail.json"
TRACK_BYTES_MAX = 16 << 20  # a day of a fix a second; more is no track of a recording
PLACES_MAX = 100_000  # of one recording: more than a day of a fix a second, as fast as anybody goes
EARTH_M = 6_371_008.8  # mean radius, IUGG
FINITE_MAX = 1 << 53  # what every reader of JSON holds exactly
LOCATION_KEYS = ("TriggerOnLocation", "TriggerOffLocation")  # of a container: all that there is without a track
CELL_DEGREES = 0.0005  # 55 m of latitude: of places this near each other the catalogue keeps one
CELL_M_MAX = math.radians(CELL_DEGREES) * EARTH_M * math.sqrt(2)  # so far from it were the others, at most

# The API names the parts, not what parts them: a sign alone does, as in ISO 6709 (+59.3300+018.0600/).
_START = re.compile(r"\s*([+-]?\d{1,3}\.\d+)(?:[^-+\d]+|(?=[-+]))([+-]?\d{1,3}\.\d+)(?:\D.*)?")
_POINT = re.compile(r"\s*POINT\s*\(\s*(\S+)\s+(\S+)\s*\)\s*", re.IGNORECASE)


def learn(store: Store, recording: Container) -> None:
    """Read the tracks of a recording that is complete."""
    found: dict[tuple[float, float], tuple[float, float]] = {}
    for row in store.catalogue.all_objects(recording.name):
        if row.name.endswith(TRACK_END) and row.length_bytes <= TRACK_BYTES_MAX:
            for latitude, longitude in points(_read(store, row)):
                cell = round(latitude / CELL_DEGREES), round(longitude / CELL_DEGREES)
                found.setdefault(cell, (latitude, longitude))
    if not found:
        texts = [recording.metadata.get(key, "") for key in LOCATION_KEYS]
        found.update((place, place) for text in texts if (place := location_place(text)) is not None)
    store.catalogue.keep_places(recording.name, list(found.values())[:PLACES_MAX])


def of(store: Store, recording: str) -> list[tuple[float, float]]:
    """Each place of a recording's tracks, read anew: what the catalogue keeps is one of a cell. Blocks."""
    rows = [row for row in store.catalogue.all_objects(recording) if row.name.endswith(TRACK_END)]
    return [place for row in rows if row.length_bytes <= TRACK_BYTES_MAX for place in points(_read(store, row))]


def location_place(text: str) -> tuple[float, float] | None:
    """Latitude and longitude of a location in metadata, whatever stands between its parts; None if that cannot be
    told."""
    match = _START.fullmatch(text)
    return _place(match[1], match[2]) if match else None


def points(track: bytes) -> Iterator[tuple[float, float]]:
    """Latitude and longitude of each entry that can be read."""
    for point in track_points(track):
        yield point["latitude"], point["longitude"]


def track_points(track: bytes) -> Iterator[dict[str, Any]]:
    """Each entry that can be read: ``latitude``, ``longitude``, ``seconds`` from the recording's start (None if it does
    not say), ``time`` as it stands there."""
    try:
        document: Any = json.loads(track)
    except (ValueError, RecursionError):
        return
    entries: Any = cast("dict[str, Any]", document).get("CoordinateEntries") if isinstance(document, dict) else None
    for entry in cast("list[Any]", entries) if isinstance(entries, list) else ():
        fields = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
        text = fields.get("LocationWKT")
        match = _POINT.fullmatch(text) if isinstance(text, str) else None
        place = _place(match[2], match[1]) if match else None
        if place is not None:
            seconds, time = fields.get("SecondsFromStart"), fields.get("Timestamp")
            yield {
                "latitude": place[0],
                "longitude": place[1],
                "seconds": seconds if _is_finite(seconds) else None,
                "time": time if isinstance(time, str) and time.isascii() else "",
            }


def distance_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Along the surface of a ball (haversine); within half a percent of the real Earth."""
    (latitude, longitude), (latitude_2, longitude_2) = one, other
    north = math.radians(latitude_2 - latitude) / 2
    east = math.radians(longitude_2 - longitude) / 2
    cosines = math.cos(math.radians(latitude)) * math.cos(math.radians(latitude_2))
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(math.sin(north) ** 2 + cosines * math.sin(east) ** 2)))


def _read(store: Store, row: StoredObject) -> bytes:
    return b"".join(store.read(row, 0, row.length_bytes))


def _is_finite(value: object) -> bool:
    """A number that can be told again: JSON of some makers has others."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < FINITE_MAX


def _place(latitude: str, longitude: str) -> tuple[float, float] | None:
    try:
        found = float(latitude), float(longitude)
    except ValueError:
        return None
    return found if abs(found[0]) <= 90 and abs(found[1]) <= 180 else None
