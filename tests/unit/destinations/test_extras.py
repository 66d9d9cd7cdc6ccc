"""What travels beside the clips, and the metadata of rejected content."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats.moment import Moment
from host_tools.destinations import rejected
from host_tools.destinations.checks import check_metadata, check_name
from host_tools.destinations.extras import (
    Bookmark,
    Fix,
    bookmark,
    location_text,
    location_track,
    opening_bookmark,
)
from tests.unit.custody.recordings import sample

MANIFEST = replace(
    sample(1).manifest,
    started=Moment(0, 1_767_225_600_250, "controller", 20),
    stopped=Moment(60_000, 1_767_225_660_999, "controller", 20),
)


@pytest.mark.req("DEST-05", "DEST-03")
def test_every_recording_opens_with_who_how_where_and_what():
    place, category = "55.6;13.0;5;1767225600", ("5", "Traffic")
    mark = opening_bookmark("7f", 1_767_225_600_250, "Front desk", "Button", place, category, "a note, two\nlines")
    assert mark.name == "bookmark_20260101T000000Z_7f"
    assert mark.body.decode().splitlines() == [
        "Camera: Front desk",
        "Activation: Button",
        "Location: 55.6;13.0;5;1767225600",
        "Category: Traffic",
        "a note, two",
        "lines",
    ]
    assert mark.metadata == {
        "CategoryID": "5",
        "CategoryName": "Traffic",
        "Tags": "TriggerOn:Button;CameraName:Front desk",
        "StartTime": "2026-01-01T00:00:00.250Z",
        "Location": "55.6;13.0;5;1767225600",
    }


@pytest.mark.req("DEST-03")
def test_a_bookmark_without_anything_is_one():
    found = bookmark(Bookmark("7", 1_767_225_600_000))
    assert (found.name, found.body) == ("bookmark_20260101T000000Z_7", b"")
    assert found.metadata == {"StartTime": "2026-01-01T00:00:00.000Z"}
    assert bookmark(Bookmark("7", 0, end_ms=1_000)).metadata["EndTime"] == "1970-01-01T00:00:01.000Z"


@given(
    st.text(max_size=80),
    st.text(max_size=400),
    st.dictionaries(st.text(max_size=40), st.text(max_size=100), max_size=4),
)
def test_whatever_people_write_is_a_name_and_metadata_of_every_store(key: str, text: str, tags: dict[str, str]):
    key, text = key.encode(errors="ignore").decode(), text.encode(errors="ignore").decode()
    tags = {a.encode(errors="ignore").decode(): b.encode(errors="ignore").decode() for a, b in tags.items()}
    found = bookmark(Bookmark(key, 1_767_225_600_000, None, text, text, text, tags, text))
    check_name(found.name)
    check_metadata(found.metadata)


@pytest.mark.req("DEST-03")
def test_a_track_counts_from_the_recordings_start():
    fixes = [Fix(1_767_225_610_250, 55.6, 13.0), Fix(1_767_225_599_250, -33.9, 151.2, 7.6)]
    found = location_track(MANIFEST, fixes)
    assert found.name == f"20260101_000000_{MANIFEST.recording.hex()[:8]}_CAM-0001_gpstrail.json"
    check_name(found.name)
    assert found.metadata["FileType"] == "json"
    assert json.loads(found.body) == {
        "CoordinateEntries": [
            {
                "LocationWKT": "POINT(151.200000 -33.900000)",
                "SecondsFromStart": -1.0,
                "Timestamp": "2025-12-31T23:59:59.250Z",
            },
            {
                "LocationWKT": "POINT(13.000000 55.600000)",
                "SecondsFromStart": 10.0,
                "Timestamp": "2026-01-01T00:00:10.250Z",
            },
        ]
    }
    assert location_text(fixes[1]) == "-33.900000;151.200000;8;1767225599"


@pytest.mark.req("CTRL-11")
def test_rejected_content_keeps_everything_but_its_status():
    known = {"UserID": "W-7", "status": "Transferring", "ContainerName": "old", "TimeZone": "UTC"}
    found = rejected.rejected_metadata("new", "old", known, "x" * 400 + "\n", None)
    assert found == {
        "UserID": "W-7",
        "TimeZone": "UTC",
        "ContainerName": "new",
        "RejectedContentOriginalContainer": "old",
        "RejectedContentTime": "UnknownTime",
        "RejectedContentReason": "x" * 256,
    }
    check_metadata(found)
    check_name(rejected.rejected_name("0" * 36, 1_767_225_600_000))
