"""The vectors of tests/vectors/formats hold, byte by byte, and docs/formats.md shows some of them as they are."""

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from firmware.formats import authorisation, chunk, erasures, header, journal, manifest, recording_id, track
from firmware.formats.chunk import ClearOpener, ClearSealer
from firmware.formats.errors import FormatError

ROOT = Path(__file__).parents[3]
VECTORS = {path.stem: json.loads(path.read_text()) for path in (ROOT / "tests/vectors/formats").glob("*.json")}
DOCUMENTS: dict[str, tuple[Callable[..., bytes], Callable[[bytes], Any]]] = {
    "header": (header.encode, header.decode),
    "manifest": (manifest.encode, manifest.decode),
    "authorisation": (authorisation.encode, authorisation.decode),
    "erasures": (erasures.encode, erasures.decode),
}


def cases(kind: str, *names: str) -> Any:
    found = [(name, entry) for name in names for entry in VECTORS[name][kind]]
    return pytest.mark.parametrize(("name", "entry"), found, ids=[f"{name}: {entry['name']}" for name, entry in found])


def test_every_format_has_vectors() -> None:
    assert VECTORS.keys() == {"chunk", "recording_id", "journal", "marks", "track", *DOCUMENTS}
    assert all(found["vectors"] and found["refused"] for found in VECTORS.values())


@cases("vectors", *DOCUMENTS)
def test_documents(name: str, entry: dict[str, Any]) -> None:
    encode, decode = DOCUMENTS[name]
    data = entry["text"].encode()
    assert plain(decode(data)) == entry["value"]
    assert encode(decode(data)) == data
    if name in ("header", "erasures"):
        check_line(data)
    if "sha256" in entry:
        assert sha256(data).hexdigest() == entry["sha256"] == manifest.digest(data).hex()
    if "signed_hex" in entry:
        inner = json.dumps(json.loads(data)["authorisation"], sort_keys=True, separators=(",", ":")).encode()
        assert bytes.fromhex(entry["signed_hex"]) == b"openbwc-erase-authorisation-1\x00" + inner


@cases("refused", *DOCUMENTS)
def test_refused_documents(name: str, entry: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=entry["error"]):
        DOCUMENTS[name][1](entry["text"].encode())


@cases("vectors", "journal")
def test_journal_lines(name: str, entry: dict[str, Any]) -> None:
    data = entry["text"].encode()
    event = journal.decode(data, entry["line"])
    assert plain(event) == entry["value"]
    assert journal.encode(entry["line"], event) == data
    check_line(data)


@cases("refused", "journal")
def test_refused_journal_lines(name: str, entry: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=entry["error"]):
        journal.decode(entry["text"].encode(), entry["line"])


@cases("vectors", "chunk")
def test_chunks(name: str, entry: dict[str, Any]) -> None:
    sealed, value = bytes.fromhex(entry["hex"]), entry["value"]
    recording, plaintext = bytes.fromhex(value["recording"]), bytes.fromhex(value["plaintext"])
    assert ClearSealer(recording).seal(value["index"], plaintext, value["last"]) == sealed
    assert ClearOpener(recording).open(value["index"], sealed) == plaintext
    by_hand = b"OBWC" + bytes([1, 0, value["last"], 0]) + recording + struct.pack("<II", value["index"], len(plaintext))
    assert sealed == by_hand + plaintext


@cases("headers", "chunk")
def test_chunk_headers(name: str, entry: dict[str, Any]) -> None:
    found = chunk.decode_header(bytes.fromhex(entry["hex"]))
    assert plain(found) == entry["value"]


@cases("refused", "chunk")
def test_refused_chunks(name: str, entry: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=entry["error"]):
        chunk.decode_header(bytes.fromhex(entry["hex"]))


@cases("vectors", "recording_id")
def test_recording_ids(name: str, entry: dict[str, Any]) -> None:
    assert recording_id.text(bytes.fromhex(entry["hex"])) == entry["text"]
    assert recording_id.parse(entry["text"]).hex() == entry["hex"]


@cases("refused", "recording_id")
def test_refused_recording_ids(name: str, entry: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=entry["error"]):
        recording_id.parse(entry["text"])


@pytest.mark.req("CAM-09")
@cases("vectors", "track")
def test_places(name: str, entry: dict[str, Any]) -> None:
    block = bytes.fromhex(entry["hex"])
    assert [place._asdict() for place in track.unpack(block)] == entry["value"]
    assert track.pack(track.unpack(block)) == block
    by_hand = (struct.pack("<IQiiHBB", *place.values()) for place in entry["value"])
    assert b"".join(by_hand) == block
    event = journal.decode(entry["text"].encode(), entry["line"])
    assert isinstance(event, journal.FragmentWritten)
    assert event.places == block
    assert journal.encode(entry["line"], event) == entry["text"].encode()
    check_line(entry["text"].encode())


@pytest.mark.req("CAM-09")
@cases("refused", "track")
def test_refused_places(name: str, entry: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=entry["error"]):
        track.unpack(bytes.fromhex(entry["hex"]))


def test_the_parts_of_the_example_fit_together() -> None:
    """Chunks, journal, manifest and authorisation of the vectors are one recording."""
    closed = manifest.decode(VECTORS["manifest"]["vectors"][0]["text"].encode())
    sealed = [bytes.fromhex(entry["hex"]) for entry in VECTORS["chunk"]["vectors"][:2]]
    assert [entry.sealed_sha256 for entry in closed.chunks] == [sha256(one).digest() for one in sealed]
    content = b"".join(bytes.fromhex(entry["value"]["plaintext"]) for entry in VECTORS["chunk"]["vectors"][:2])
    assert closed.content_sha256 == sha256(content).digest()
    lines = [journal.decode(entry["text"].encode(), entry["line"]) for entry in VECTORS["journal"]["vectors"]]
    written = [event for event in lines if isinstance(event, journal.FragmentWritten)]
    assert tuple(event.entry for event in written) == closed.fragments
    assert written[-1].total_sha256 == closed.content_sha256
    given = authorisation.decode(VECTORS["authorisation"]["vectors"][0]["text"].encode())
    assert given.manifest_sha256.hex() == VECTORS["manifest"]["vectors"][0]["sha256"]


@pytest.mark.parametrize(
    "shown",
    [
        VECTORS["chunk"]["vectors"][0]["hex"],
        VECTORS["journal"]["vectors"][1]["text"],
        VECTORS["journal"]["vectors"][2]["text"],
        VECTORS["header"]["vectors"][0]["text"],
        VECTORS["manifest"]["vectors"][0]["text"],
        VECTORS["manifest"]["vectors"][0]["sha256"],
        VECTORS["authorisation"]["vectors"][0]["text"],
        VECTORS["erasures"]["vectors"][1]["text"],
        VECTORS["recording_id"]["vectors"][0]["text"],
        VECTORS["track"]["vectors"][0]["hex"],
    ],
)
def test_the_documentation_shows_the_vectors(shown: str) -> None:
    assert shown.strip() in (ROOT / "docs/formats.md").read_text()


def check_line(data: bytes) -> None:
    assert data[:9] == f"{zlib.crc32(data[9:-1]):08x} ".encode()
    assert data.endswith(b"}\n")


def plain(value: Any) -> Any:
    """A value as the vectors write it."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    return [plain(one) for one in value] if isinstance(value, tuple) else value
