"""A recording as a camera of a system makes it, read by somebody else's reader (``reader``)."""

import json
from pathlib import Path

import pytest

from firmware.link.schema import PART_CHUNKS, PART_MANIFEST
from tests.attacks.parts import CONTENT, PROFILE, WEARER, SealingCamera
from tests.unit.secure_seal import reader
from tests.unit.trust.parts import World

ROOT = Path(__file__).parents[3]
MARKS = json.loads((ROOT / "tests/vectors/formats/marks.json").read_text())


@pytest.mark.req("CAM-19", "CAM-22")
def test_a_recording_is_read_with_nothing_but_its_description(tmp_path: Path):
    world = World()
    camera = SealingCamera(world, tmp_path / "card", "CAM-0001")
    recording = camera.record()
    (entry,) = world.trust.record.sealing
    manifest, content = reader.read_recording(
        camera.part(recording, PART_MANIFEST), camera.part(recording, PART_CHUNKS), world.trust.record.root, entry.seed
    )
    assert content == b"".join(CONTENT)
    assert (manifest["wearer_id"], manifest["wearer_name"], manifest["profile"]) == (*WEARER, PROFILE)
    folder = camera.folder(recording)
    lines = [(folder / "header").read_bytes(), *(folder / "journal").read_bytes().splitlines(keepends=True)]
    header, *journal = reader.marked_lines(camera.board_secret, recording, lines)
    assert header["private"] == manifest["private"]
    assert [line["event"] for line in journal] == ["fragment"] * len(CONTENT) + ["stopped"]
    kept = reader.open_file(camera.board_secret, "recipients", (camera.card / "recipients").read_bytes())
    assert reader.read_line(kept) == {
        "format": "openbwc-recipients",
        "schema": 1,
        "keys": [reader.public_key(entry.seed).hex()],
    }


def test_the_vectors_of_marks_hold_for_another_make_too():
    lines = [entry["text"].encode() for entry in MARKS["vectors"]]
    secret, recording = bytes.fromhex(MARKS["board_secret"]), bytes.fromhex(MARKS["recording"])
    assert len(reader.marked_lines(secret, recording, lines)) == len(lines)
    for entry in MARKS["refused"]:
        with pytest.raises((AssertionError, KeyError)):
            reader.marked_lines(secret, recording, [*lines[:2], entry["text"].encode()])
    shown = (ROOT / "docs/formats.md").read_text()
    assert MARKS["vectors"][0]["text"] in shown
