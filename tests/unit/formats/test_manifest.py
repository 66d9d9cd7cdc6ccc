"""A manifest that contradicts itself is refused, whoever wrote it."""

from dataclasses import replace
from typing import Any

import pytest

from firmware.formats import canonical, manifest
from firmware.formats.errors import FormatError
from firmware.formats.manifest import ChunkEntry, FragmentEntry, Manifest, Moment, moment_of
from firmware.ports.clock import WALL_CONTROLLER, WALL_NONE, WallTime

CHUNKS = (ChunkEntry(0, 100, bytes(32)), ChunkEntry(100, 300, bytes(32)), ChunkEntry(400, 50, bytes(32)))
FRAGMENTS = (
    FragmentEntry(0, 0, 1, 0, 0, 0, 68, bytes(32)),
    FragmentEntry(1, 1, 2, 0, 1000, 25, 286, bytes(32)),
)
GOOD = Manifest(
    recording=bytes(16),
    suite="clear",
    camera_serial="OB-000042",
    camera_model="zero2w",
    firmware="0.1.0",
    system="",
    wearer_id="w-7",
    wearer_name="Ada Åström",
    profile="standard",
    boot="00" * 8,
    cause_start="button",
    cause_stop="button",
    started=Moment(5000, 1_750_000_000_000, "controller", 40),
    stopped=Moment(6000, 1_750_000_001_000, "controller", 40),
    interrupted=False,
    chunks=CHUNKS,
    fragments=FRAGMENTS,
    content_sha256=bytes(32),
    content_bytes=354,
    chunks_bytes=450,
)


def test_the_good_one_is_good() -> None:
    assert manifest.decode(manifest.encode(GOOD)) == GOOD
    assert GOOD.duration_ms == 1000
    assert replace(GOOD, chunks=(), fragments=(), content_bytes=0, chunks_bytes=0).duration_ms == 0


@pytest.mark.req("LINK-06")
@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"chunks_bytes": 451}, "chunks_bytes: 451, but the chunks are 450"),
        ({"content_bytes": 353}, "content_bytes: 353, but the fragments hold 354"),
        ({"chunks": CHUNKS[:2], "chunks_bytes": 400}, "3 chunks of 2"),
        ({"chunks": (CHUNKS[0], CHUNKS[2], CHUNKS[1])}, r"chunks\[1\]: does not follow"),
        ({"chunks": (ChunkEntry(0, 31, bytes(32)),)}, r"chunks\[0\]: does not follow"),
        ({"fragments": FRAGMENTS[1:]}, r"fragments\[0\]: does not follow"),
        ({"fragments": (replace(FRAGMENTS[0], kind=1), FRAGMENTS[1])}, "exactly the first"),
        ({"fragments": (FRAGMENTS[0], replace(FRAGMENTS[1], kind=0))}, "exactly the first"),
        ({"fragments": (FRAGMENTS[0], replace(FRAGMENTS[1], kind=2))}, "unknown kind of fragment 2"),
        ({"fragments": (FRAGMENTS[0], replace(FRAGMENTS[1], chunk_count=0))}, "do not fit 0 chunks"),
        ({"fragments": (FRAGMENTS[0], replace(FRAGMENTS[1], content_bytes=1 << 30))}, "do not fit 2 chunks"),
        ({"boot": "0011"}, "boot: 2 bytes instead of 8"),
        ({"boot": "AA" * 8}, "boot: not bytes in lower-case"),
        ({"recording": bytes(15)}, "recording: 15 bytes instead of 16"),
        ({"content_sha256": bytes(31)}, "content_sha256: 31 bytes"),
        ({"camera_serial": "x" * 241}, "camera_serial: 241 bytes of text"),
        ({"wearer_name": "\ud800"}, "cannot be written as UTF-8"),
        ({"cause_start": "Button"}, "cause_start: not a word"),
        ({"cause_stop": ""}, "cause_stop: not a word"),
        ({"started": Moment(0, 0, "guess", 0)}, "started.source: 'guess' is none of"),
        ({"started": Moment(0, 5, "none", 0)}, "a wall time of no source"),
        ({"stopped": Moment(-1, 0, "none", 0)}, "stopped.monotonic_ms: not a whole number"),
        ({"wrapped_keys": (b"",) * 17}, "17 entries, at most 16"),
        ({"schema": 2}, "schema is not 1"),
    ],
)
def test_a_contradiction_is_neither_written_nor_read(changes: dict[str, Any], complaint: str) -> None:
    bad = replace(GOOD, **changes)
    with pytest.raises(FormatError, match=complaint):
        manifest.encode(bad)
    try:
        data = canonical.encode(manifest._to_fields(bad))
    except FormatError:
        return
    with pytest.raises(FormatError, match=complaint):
        manifest.decode(data)


def test_moments_come_from_the_clock_port() -> None:
    assert moment_of(5, WallTime(0, WALL_NONE, 0)) == Moment(5, 0, "none", 0)
    known = moment_of(5, WallTime(1000, WALL_CONTROLLER, 40))
    assert known == Moment(5, 1000, "controller", 40)
    assert known.later(250) == Moment(255, 1250, "controller", 40)
    assert Moment(5, 0, "none", 0).later(250) == Moment(255, 0, "none", 0)
