"""What travels beside the clips of a recording: bookmarks and the location track.

Law: pure. Forms are the API's; where it leaves one open (the time in a bookmark's name, the delimiters of a location),
ours is named here. A category arrives as a bookmark with its ID and name.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from xml.etree import ElementTree

from firmware.formats import recording_id
from firmware.formats.manifest import Manifest
from host_tools.destinations.checks import fitted
from host_tools.destinations.interface import DestinationError
from host_tools.destinations.names import UNKNOWN_TIME, clip_time, container_time, iso_time, slug

LOCATION_DELIMITER = ";"  # between latitude, longitude, accuracy and time: the API names the parts, not what parts them
TAGS_CHARACTERS_MAX = 200
NOTE_BYTES_MAX = 64 << 10  # a page of text is 3 kB; a body of megabytes is no note


class Extra(NamedTuple):
    """An object to be put beside the clips."""

    name: str
    body: bytes
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Times in Unix milliseconds; ``end_ms`` None: it has no length. ``tags``: key and value, without colons and
    semicolons."""

    id: str
    start_ms: int
    end_ms: int | None = None
    text: str = ""
    category_id: str = ""
    category_name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    location: str = ""


class Fix(NamedTuple):
    """Where the camera was. ``accuracy_m``: radius."""

    unix_ms: int
    latitude: float
    longitude: float
    accuracy_m: float = 0.0


def bookmark(mark: Bookmark) -> Extra:
    """``bookmark_<Timestamp>_<ID>``, the free text in its body."""
    metadata = {
        "CategoryID": fitted(mark.category_id),
        "CategoryName": fitted(mark.category_name),
        "Tags": fitted(_tags(mark.tags)),
        "StartTime": iso_time(mark.start_ms),
        "EndTime": iso_time(mark.end_ms) if mark.end_ms is not None else "",
        "Location": fitted(mark.location),
    }
    text = mark.text.encode(errors="replace")[:NOTE_BYTES_MAX]
    name = f"bookmark_{container_time(mark.start_ms)}_{slug(mark.id)}"
    return Extra(name, text, {key: value for key, value in metadata.items() if value})


def opening_bookmark(
    id: str,
    start_ms: int,
    camera_name: str,
    activation: str,
    location: str = "",
    category: tuple[str, str] = ("", ""),
    note: str = "",
) -> Extra:
    """The one at every recording's start. ``activation``: the cause, as the API has it; ``category``: ID and name."""
    lines = [f"Camera: {camera_name}", f"Activation: {activation}"]
    lines += [f"Location: {location}"] if location else []
    lines += [f"Category: {category[1]}"] if category[1] else []
    lines += [note] if note else []
    tags = {"TriggerOn": activation, "CameraName": camera_name}
    text = "\n".join(lines)
    return bookmark(Bookmark(id, start_ms, None, text, category[0], category[1], tags, location))


def location_text(fix: Fix) -> str:
    """``<lat><long><accuracy><epoch>``, of containers and bookmarks."""
    parts = (f"{fix.latitude:.6f}", f"{fix.longitude:.6f}", f"{fix.accuracy_m:.0f}", str(fix.unix_ms // 1000))
    return LOCATION_DELIMITER.join(parts)


def location_track(manifest: Manifest, fixes: Iterable[Fix]) -> Extra:
    """``<date>_<time>_<RecordingID>_<bwcid>_gpstrail.json``; seconds count from the recording's StartTime."""
    start_ms = manifest.started.unix_ms
    entries = [
        {
            "LocationWKT": f"POINT({fix.longitude:.6f} {fix.latitude:.6f})",
            "SecondsFromStart": (fix.unix_ms - start_ms) / 1000,
            "Timestamp": iso_time(fix.unix_ms),
        }
        for fix in sorted(fixes)
    ]
    when = UNKNOWN_TIME if manifest.started.source == "none" else clip_time(start_ms)
    # The recording's first eight digits: with a serial of thirty characters the whole would not fit a name.
    name = f"{when}_{recording_id.text(manifest.recording)[:8]}_{slug(manifest.camera_serial)}_gpstrail.json"
    body = json.dumps({"CoordinateEntries": entries}, separators=(",", ":")).encode()
    return Extra(name, body, {"FileType": "json", "StartTime": str(start_ms // 1000)})


def read_track(data: bytes) -> list[Fix]:
    """Fixes of a GPX file (points with a time), or of the API's own JSON. DestinationError."""
    try:
        if data.lstrip()[:1] == b"<":
            return sorted(_gpx(data))
        return sorted(_entry(row) for row in json.loads(data)["CoordinateEntries"])
    except (ValueError, KeyError, TypeError, ElementTree.ParseError) as error:
        raise DestinationError(f"this is no track ({error}): name a GPX file whose points have times") from error


def _gpx(data: bytes) -> Iterable[Fix]:
    if b"<!" in data:  # entities: what a bomb is made of, and no track needs
        raise ValueError("it declares entities")
    for point in ElementTree.fromstring(data).iter():  # noqa: S314 - no entities
        if point.tag.rpartition("}")[2] in ("trkpt", "wpt", "rtept"):
            times = [each.text for each in point if each.tag.rpartition("}")[2] == "time"]
            if times and times[0]:
                yield _fix(float(point.attrib["lat"]), float(point.attrib["lon"]), times[0])


def _entry(row: Mapping[str, str]) -> Fix:
    longitude, latitude = row["LocationWKT"].strip().removeprefix("POINT").strip(" ()").split()
    return _fix(float(latitude), float(longitude), row["Timestamp"])


def _fix(latitude: float, longitude: float, time: str) -> Fix:
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise ValueError(f"{latitude} {longitude} is no place")
    moment = datetime.fromisoformat(time)
    return Fix(int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000), latitude, longitude)


def _tags(tags: Mapping[str, str]) -> str:
    """``TriggerOn:Button;SomeTag:SomeValue``."""
    pairs = (f"{_plain(key)}:{_plain(value)}" for key, value in tags.items() if value)
    return ";".join(pairs)[:TAGS_CHARACTERS_MAX]


def _plain(text: str) -> str:
    return text.replace(";", ",").replace(":", " ")
