"""Names and metadata follow the API and are safe whatever people and cameras put into them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats.moment import Moment
from host_tools.destinations import metadata, names
from host_tools.destinations.checks import VALUE_BYTES_MAX, check_metadata, check_name, encoded_bytes, fitted, merged
from tests.unit.custody.recordings import sample

MANIFEST = replace(
    sample(1).manifest,
    started=Moment(0, 1_767_225_600_250, "controller", 20),
    stopped=Moment(60_000, 1_767_225_660_999, "controller", 20),
)
NO_TIME = replace(MANIFEST, started=Moment(0, 0, "none", 0), stopped=Moment(60_000, 0, "none", 0))
TEXT = MANIFEST.recording.hex()


@pytest.mark.req("DEST-03")
def test_names_have_the_forms_of_the_api() -> None:
    assert names.container_name(MANIFEST) == "W-7_CAM-0001_20260101T000000Z"
    assert names.clip_name(MANIFEST) == f"20260101_000000_{TEXT}.mp4"
    assert names.clip_name(MANIFEST, "mkv").endswith(".mkv")
    assert names.iso_time(MANIFEST.stopped.unix_ms) == "2026-01-01T00:01:00.999Z"


def test_two_recordings_of_one_second_can_have_different_containers() -> None:
    assert names.container_name(MANIFEST, attempt=2) == "W-7_CAM-0001_20260101T000002Z"
    assert names.container_name(NO_TIME) == f"W-7_CAM-0001_UnknownTime-{TEXT[:8]}"
    assert names.container_name(NO_TIME, attempt=1) == f"W-7_CAM-0001_UnknownTime-{TEXT[:8]}-1"
    assert names.clip_name(NO_TIME) == f"UnknownTime_{TEXT}.mp4"


def test_a_recording_without_a_wearer_has_a_container_too() -> None:
    assert names.container_name(replace(MANIFEST, wearer_id="")).startswith("unassigned_CAM-0001_")


@given(st.text(max_size=60), st.text(max_size=60), st.integers(0, 4_102_444_800_000))
def test_any_wearer_and_camera_give_names_that_every_destination_takes(wearer: str, camera: str, unix_ms: int) -> None:
    wearer, camera = wearer.encode(errors="replace").decode(), camera.encode(errors="replace").decode()
    manifest = replace(
        MANIFEST,
        wearer_id=wearer,
        camera_serial=camera,
        started=Moment(0, unix_ms, "controller", 0),
        wearer_name=wearer,
    )
    check_name(names.container_name(manifest))
    assert names.container_name(manifest).count("_") == 2
    check_name(names.clip_name(manifest))
    check_metadata(metadata.recording_metadata(manifest, names.container_name(manifest), camera, "Europe/Stockholm"))
    check_metadata(metadata.clip_metadata(manifest))
    check_metadata(metadata.user_metadata(wearer, user_key=wearer))
    check_metadata(metadata.device_metadata(camera, camera))


def test_wearers_that_look_alike_after_cleaning_stay_apart() -> None:
    slugs = {names.slug(text) for text in ("a b", "a/b", "a_b", "ä b", "a-b", "..", "", "x" * 31, "x" * 32)}
    assert len(slugs) == 9
    assert names.slug("a-b") == "a-b"


@pytest.mark.req("DEST-03")
def test_recording_metadata_are_the_api_s() -> None:
    found = metadata.recording_metadata(MANIFEST, "box", "CTRL-1", "Europe/Stockholm")
    assert found == {
        "ContainerName": "box",
        "BWCSerialNumber": "CAM-0001",
        "BWCModel": "zero2w",
        "FirmwareVersion": "0.1.0",
        "SCUSerialNumber": "CTRL-1",
        "UserID": "W-7",
        "TriggerOn": "Button",
        "TriggerOff": "Button",
        "TriggerOnTime": "1767225600",
        "TriggerOnTimeISO": "2026-01-01T00:00:00.250Z",
        "TriggerOffTime": "1767225660",
        "TriggerOffTimeISO": "2026-01-01T00:01:00.999Z",
        "StartTime": "1767225600",
        "StartTimeISO": "2026-01-01T00:00:00.250Z",
        "StopTime": "1767225660",
        "StopTimeISO": "2026-01-01T00:01:00.999Z",
        "TimeZone": "Europe/Stockholm",
        "Status": "Transferring",
    }
    assert metadata.clip_metadata(MANIFEST)["ContainerType"] == "mp4"
    assert metadata.user_metadata("Zoë", active=False) == {"Active": "False", "Name": "Zoë"}
    assert metadata.device_metadata("Camera 1", "zero2w") == {"Active": "True", "Name": "Camera 1", "Model": "zero2w"}
    assert metadata.completion_metadata() == {"Status": "Complete"}


def test_times_that_the_camera_did_not_know_are_left_out() -> None:
    found = metadata.recording_metadata(NO_TIME, "box", "CTRL-1", "UTC")
    assert not [key for key in found if "Time" in key and key != "TimeZone"]


@pytest.mark.parametrize(
    ("cause", "word"), [("button", "Button"), ("fall_detection", "FallDetection"), ("always-record", "AlwaysRecord")]
)
def test_causes_are_written_as_the_api_does(cause: str, word: str) -> None:
    assert metadata.cause_word(cause) == word


@given(st.text())
def test_anything_can_be_made_to_fit(text: str) -> None:
    value = fitted(text)
    assert encoded_bytes(value) <= VALUE_BYTES_MAX
    check_metadata({"Name": value})
    assert text.startswith(value) or value != text


def test_merging_keeps_the_first_spelling() -> None:
    assert merged({"UserID": "1"}, {"USERID": "2"}) == {"UserID": "2"}
    assert merged({"status": "Complete"}, {"Status": "Transferring"}) == {"status": "Complete"}
