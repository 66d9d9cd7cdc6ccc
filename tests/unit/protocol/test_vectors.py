"""The wire as it has been spoken, bit for bit: both decoders read all vectors; each entry of the table has some."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

from firmware.link import codec, control, frames, schema
from firmware.link.errors import PeerError
from host_tools.protocol import constructs
from host_tools.protocol.decode_frames import Found, FrameFinder

FILE = Path(__file__).resolve().parents[2] / "vectors" / "link" / "wire.json"
WIRE: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
SALT = 0x5EED0001  # of the vectors
SEED = 11


def named(part: str) -> Any:
    return pytest.mark.parametrize("vector", WIRE[part], ids=[vector["name"] for vector in WIRE[part]])


def values(plain: Any) -> Any:
    """What JSON holds, as decoders give it."""
    if isinstance(plain, dict):
        return bytes.fromhex(plain["hex"]) if set(plain) == {"hex"} else {name: values(plain[name]) for name in plain}
    return [values(each) for each in plain] if isinstance(plain, list) else plain


def pieces(wire: bytes, size: int) -> list[bytes]:
    return [wire[at : at + size] for at in range(0, len(wire), size)]


def portable_frames(parts: list[bytes], salt: int, payload_max: int) -> list[list[Any]]:
    """What the portable reader finds, in the form of the vectors."""
    reader = frames.FrameReader(payload_max, 64)
    reader.salt = salt
    found: list[list[Any]] = []

    def read() -> None:
        while (frame := reader.next_frame()) is not None:
            found.append([frame.kind, frame.sequence, bytes(frame.payload).hex()])

    for part in parts:
        while part:
            part = part[reader.take(part, 0) :]
            read()
    for turn in itertools.count(1):
        if reader.deadline_ms() is None:
            return found
        reader.tick(turn * frames.STALL_MS)
        read()
    return found


def construct_frames(parts: list[bytes], salt: int, payload_max: int) -> list[list[Any]]:
    """The same with the host's own finder."""
    finder = FrameFinder(salt, payload_max)
    items = [item for part in parts for item in finder.feed(part)] + list(finder.finish())
    return [[item.kind, item.sequence, item.payload.hex()] for item in items if isinstance(item, Found)]


READERS = pytest.mark.parametrize("read", [portable_frames, construct_frames])


@pytest.mark.req("LINK-01")
@named("frames")
@READERS
def test_a_frame_is_read_and_its_fields_are_as_they_were(read: Any, vector: dict[str, Any]):
    wire, payload = bytes.fromhex(vector["wire_hex"]), bytes.fromhex(vector["payload_hex"])
    expected = [[vector["kind"], vector["sequence"], vector["payload_hex"]]]
    for size in (len(wire), 1):
        assert read(pieces(wire, size), vector["salt"], 1024) == expected
    rows = codec.FRAME_BY_NUMBER[vector["kind"]][3]
    assert codec.parse(rows, payload) == values(vector["fields"])
    assert constructs.decode(constructs.compiled(rows), rows, payload) == values(vector["fields"])
    assert frames.frame(vector["kind"], vector["sequence"], payload, vector["salt"], vector["version"]) == wire


@pytest.mark.req("LINK-02")
@named("frames")
@READERS
def test_a_frame_is_found_between_noise_and_not_found_when_it_is_cut(read: Any, vector: dict[str, Any]):
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    wire = bytes.fromhex(vector["wire_hex"])
    expected = [vector["kind"], vector["sequence"], vector["payload_hex"]]
    noisy = (
        rng.randbytes(70) + wire + rng.randbytes(9) + wire + wire + wire[: len(wire) // 2] + wire + rng.randbytes(30)
    )
    for size in (len(noisy), 1, 7):
        assert read(pieces(noisy, size), vector["salt"], 1024) == [expected] * 4
    for length in {0, 1, 15, len(wire) // 2, len(wire) - 1}:
        assert read([wire[: min(length, len(wire) - 1)]], vector["salt"], 1024) == []


@pytest.mark.req("LINK-02")
@named("streams")
@READERS
def test_a_stream_gives_its_frames_in_pieces_of_any_size(read: Any, vector: dict[str, Any]):
    wire = bytes.fromhex(vector["wire_hex"])
    for size in (max(len(wire), 1), 1, 2, 3, 64):
        assert read(pieces(wire, size), vector["salt"], vector["payload_max"]) == vector["expected"]


@pytest.mark.req("LINK-01")
@named("messages")
def test_a_message_is_read_by_both_decoders_and_written_the_same(vector: dict[str, Any]):
    wire, fields = bytes.fromhex(vector["wire_hex"]), values(vector["fields"])
    reader = control.MessageReader(schema.MESSAGE_BYTES_MAX)
    for at in range(len(wire) - 1):
        reader.feed(wire[at : at + 1])
        assert reader.next_message() is None
    reader.feed(wire[-1:] + wire)
    for _ in range(2):
        message = reader.next_message()
        assert message is not None
        number, request, body = message
        assert (number, request) == (vector["number"], vector["request"])
        assert codec.TableCodec().decode(number, body) == fields
        assert constructs.ConstructCodec().decode(number, body) == fields
    name = codec.MESSAGE_BY_NUMBER[vector["number"]][1]
    assert codec.TableCodec().encode(name, fields, vector["request"]) == wire


@pytest.mark.req("LINK-03")
@named("refused")
def test_a_body_that_breaks_the_table_is_refused_by_both(vector: dict[str, Any]):
    body = bytes.fromhex(vector["body_hex"])
    if vector["of"] == "message":
        rows = codec.MESSAGE_BY_NUMBER[vector["number"]][4]
    else:
        rows = codec.FRAME_BY_NUMBER[vector["number"]][3]
    with pytest.raises(PeerError):
        codec.parse(rows, body)
    with pytest.raises(PeerError):
        constructs.decode(constructs.compiled(rows), rows, body)


def test_every_entry_of_the_table_has_vectors():
    assert {vector["kind"] for vector in WIRE["frames"]} == set(codec.FRAME_BY_NUMBER)
    assert {vector["number"] for vector in WIRE["messages"]} == set(codec.MESSAGE_BY_NUMBER), (
        "a message without vectors: run `python -m scripts.link_vectors`, which adds what is missing"
    )
