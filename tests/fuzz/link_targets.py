"""Fuzz targets of the wire: frames, messages, the control stream, whole sessions, listeners."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from firmware.link import codec, control, events, frames, opening, schema
from firmware.link.errors import PeerError
from firmware.link.session import BOARD, HOST, Session
from host_tools.protocol import constructs
from host_tools.protocol.decode import TO_BOARD, TO_HOST, LineDecoder
from host_tools.protocol.tap import LinkTap
from tests.fuzz import bounds

VECTORS: Final = Path(__file__).resolve().parents[1] / "vectors" / "link" / "wire.json"
PAYLOAD_BYTES: Final = 512
ROWS: Final = [row[4] for row in schema.MESSAGES] + [row[3] for row in schema.FRAME_KINDS]
HOST_NONCE: Final = 11
BOARD_NONCE: Final = 22
TURNS_MAX: Final = 10_000  # more than any input of a fuzzer can cause; endless work is a defect
STEP_MS: Final = 40  # of time between two pieces of input, once in a while


@cache
def vectors() -> dict[str, Any]:
    """The vectors of the wire: good beginnings for a fuzzer."""
    return json.loads(VECTORS.read_text(encoding="utf-8"))


@cache
def compiled(index: int) -> Any:
    """The construct of one row of the table."""
    return constructs.compiled(ROWS[index])


# -- frames


def frame_reader(data: bytes) -> None:
    """Any bytes, however cut: frames no longer than agreed, and a buffer that neither grows nor gets stuck."""
    reader = frames.FrameReader(PAYLOAD_BYTES, 64)
    size = len(reader._buffer)
    for now_ms, piece in cut(data):
        while piece:
            taken = reader.take(piece, now_ms)
            piece = piece[taken:]
            found = list(iter(reader.next_frame, None))
            assert taken or found, "the reader is stuck"
            assert all(len(frame.payload) <= PAYLOAD_BYTES for frame in found)
        reader.tick(now_ms)
    assert len(reader._buffer) == size
    assert 0 <= reader._start <= reader._end <= size


def frame_seeds() -> Iterator[bytes]:
    """Streams and frames of the vectors, without a salt so that they are found."""
    for vector in vectors()["streams"]:
        yield b"\0" + bytes.fromhex(vector["wire_hex"])
    for vector in vectors()["frames"]:
        payload = bytes.fromhex(vector["payload_hex"])
        yield b"\x07" + frames.frame(vector["kind"], vector["sequence"], payload, frames.SALT_NONE, 1)


# -- messages


def portable_decoder(data: bytes) -> None:
    """Any body of any row: values that pack into the same bytes again, or PeerError."""
    rows = ROWS[data[0] % len(ROWS)] if data else ()
    try:
        values = codec.parse(rows, data[1:])
    except PeerError:
        return
    assert codec.pack(rows, values) == data[1:]


def construct_decoder(data: bytes) -> None:
    """Any body of any row: what the portable decoder says, or PeerError where that one says PeerError."""
    index = data[0] % len(ROWS) if data else 0
    expected = outcome(lambda: codec.parse(ROWS[index], data[1:]))
    assert outcome(lambda: constructs.decode(compiled(index), ROWS[index], data[1:])) == expected


def body_seeds() -> Iterator[bytes]:
    """Bodies of the vectors, good and refused, behind the number of their row."""
    numbers = {("message", row[0]): at for at, row in enumerate(schema.MESSAGES)}
    numbers |= {("frame", row[0]): len(schema.MESSAGES) + at for at, row in enumerate(schema.FRAME_KINDS)}
    for vector in vectors()["messages"]:
        yield bytes([numbers["message", vector["number"]]]) + bytes.fromhex(vector["wire_hex"])[6:]
    for vector in vectors()["frames"]:
        yield bytes([numbers["frame", vector["kind"]]]) + bytes.fromhex(vector["payload_hex"])
    for vector in vectors()["refused"]:
        yield bytes([numbers[vector["of"], vector["number"]]]) + bytes.fromhex(vector["body_hex"])


def outcome(parse: Callable[[], Any]) -> Any:
    """What a decoder gives."""
    try:
        return parse()
    except PeerError:
        return "refused"


# -- the control stream


def control_stream(data: bytes) -> None:
    """Any segments and acknowledgements: messages or PeerError, and never more kept than the window holds."""
    stream = control.ControlStream(64)
    reader = control.MessageReader(schema.MESSAGE_BYTES_MAX)
    at = 0
    try:
        while at + 3 <= len(data):
            kind, number, length = data[at : at + 3]
            body, at = data[at + 3 : at + 3 + length], at + 3 + length
            if kind % 4 == 0:
                stream.on_ack(number - 8, int.from_bytes(body[:4], "little"), at)
            elif kind % 4 == 1:
                stream.tick(at * STEP_MS)
                stream.next_segment(at * STEP_MS)
            else:
                stream.on_segment(number - 8 & 0xFFFFFFFF if number < 8 else stream._expected + number % 18, body)
            while reader.read_from(stream) is not None:
                pass
            assert len(stream._early) < control.WINDOW_SEGMENTS
            assert len(reader._held) <= schema.MESSAGE_BYTES_MAX + 255
    except PeerError:
        return


def control_seeds() -> Iterator[bytes]:
    """Messages of the vectors in segments, in order and not."""
    for vector in vectors()["messages"]:
        wire = bytes.fromhex(vector["wire_hex"])
        pieces = [wire[start : start + 200] for start in range(0, len(wire), 200)]
        yield b"".join(struct.pack("<BBB", 2, 18, len(piece)) + piece for piece in pieces)
        yield b"".join(struct.pack("<BBB", 2, 18 + at ^ 1, len(piece)) + piece for at, piece in enumerate(pieces))


# -- sessions


def session_raw(data: bytes) -> None:
    """Any bytes at an open or closed end: events, never an exception, and no more memory than the limits say."""
    end = new_end(data[0] if data else 0)
    for now_ms, piece in cut(data[1:]):
        feed(end, piece, now_ms)


def session_frames(data: bytes) -> None:
    """Any frames whose checks hold, at an open or closed end: the same. No fuzzer finds a CRC-32 by itself."""
    end = new_end(data[0] if data else 0)
    at, now_ms = 1, 0
    while at + 4 <= len(data):
        kind, sequence, length = struct.unpack_from("<BBH", data, at)
        payload, at = data[at + 4 : at + 4 + length % PAYLOAD_BYTES], at + 4 + length % PAYLOAD_BYTES
        now_ms += STEP_MS if sequence == 255 else 1
        feed(end, frames.frame(kind, sequence, payload, end.salt, end.version), now_ms)


def session_seeds() -> Iterator[bytes]:
    """Frames of the vectors for each kind of end."""
    for start in range(4):
        for vector in vectors()["frames"]:
            payload = bytes.fromhex(vector["payload_hex"])[: PAYLOAD_BYTES - 1]
            yield bytes([start]) + struct.pack("<BBH", vector["kind"], vector["sequence"] % 256, len(payload)) + payload
        for number, vector in enumerate(vectors()["messages"]):
            wire = b"\0\0\0\0" + bytes.fromhex(vector["wire_hex"])[: PAYLOAD_BYTES - 5]
            yield bytes([start]) + struct.pack("<BBH", 16, number % 2, len(wire)) + wire


def raw_seeds() -> Iterator[bytes]:
    """Streams of the vectors with the salt of the session under test."""
    salt = salt_of_open_ends()
    for start in range(4):
        for vector in vectors()["frames"]:
            payload = bytes.fromhex(vector["payload_hex"])
            yield bytes([start, 0]) + frames.frame(vector["kind"], 0, payload, salt, 1)


def new_end(start: int) -> Session:
    """A host or a board, open or not."""
    role, is_open = (HOST, BOARD)[start & 1], start & 2
    nonce = HOST_NONCE if role == HOST else BOARD_NONCE
    end = Session(role, nonce, payload_max=PAYLOAD_BYTES, slack_bytes=PAYLOAD_BYTES)
    if not is_open:
        return end
    other = Session(BOARD if role == HOST else HOST, HOST_NONCE + BOARD_NONCE - nonce, payload_max=4096)
    host, board = (end, other) if role == HOST else (other, end)
    host.open(0)
    for source, sink in ((host, board), (board, host)):
        sink.receive(source.take_output() or b"", 0)
        sink.next_event()
    assert end.state == "open"
    if role == HOST:
        for part in (0, 1):
            end.pull(b"R" * 16, part, 0, 5000)
    end.send("error", {"about": 0, "code": 1, "text": ""})
    drain(end)
    return end


def salt_of_open_ends() -> int:
    """The salt with which ``new_end`` opens."""
    return opening.salt_of(opening.next_nonce(HOST_NONCE), opening.next_nonce(BOARD_NONCE))


def feed(end: Session, piece: bytes, now_ms: int) -> None:
    """Bytes into an end, everything out of it, and a look at what it keeps."""
    turns = 0
    while piece:
        piece = piece[end.receive(piece, now_ms) :]
        take_events(end)
        bounds.check(end)
        drain(end)
        turns += 1
        assert turns < TURNS_MAX, "bytes are not taken"
    end.tick(now_ms)
    take_events(end)
    drain(end)
    bounds.check(end)
    deadline_ms = end.next_deadline_ms()
    assert deadline_ms is None or deadline_ms > now_ms - 2 * STEP_MS


def take_events(end: Session) -> None:
    """Every event; an error in a message's fields would show here."""
    turns = 0
    while (event := end.next_event()) is not None:
        assert not isinstance(event, events.Data) or len(event.data) > 0
        turns += 1
        assert turns < TURNS_MAX, "events without end"


def drain(end: Session) -> None:
    """Take the output, and answer pulls as a board does."""
    turns = 0
    while turns < TURNS_MAX:
        piece = end.next_piece() if end.role == BOARD else None
        if piece is not None:
            assert piece.length > 0
            end.supply(bytes(piece.length))
        if end.take_output() is None and piece is None:
            return
        turns += 1
        if turns > 200 and piece is not None:  # 4 MiB in pieces of one byte: it would go on for long
            end.fail(7)


# -- listeners


def listeners(data: bytes) -> None:
    """Any bytes in either direction: a tap and a decoder hear them out, and raise nothing."""
    tap, decoder = LinkTap(), LineDecoder("board")
    for number, (now_ms, piece) in enumerate(cut(data)):
        if number % 2:
            tap.to_host(piece, now_ms)
        else:
            tap.to_board(piece, now_ms)
        entries = list(decoder.feed((TO_BOARD, TO_HOST)[number % 2], piece, now_ms * 1000))
        assert all(entry.what for entry in entries)
    assert all(entry.what for entry in decoder.finish())
    assert len(tap._pulls) <= 4096


def listener_seeds() -> Iterator[bytes]:
    """A session's opening and then frames of it, and accepts and opens whose payload does not fit."""
    accept = {"version": 1, "payload_max": 512, "capabilities": 3, "nonce": BOARD_NONCE, "nonce_seen": HOST_NONCE}
    opened = frames.frame(2, 0, codec.pack(codec.FRAME_BY_NAME["accept"][3], accept), 0, 1)
    salt = opening.salt_of(HOST_NONCE, BOARD_NONCE)
    for vector in vectors()["frames"]:
        payload = bytes.fromhex(vector["payload_hex"])
        yield b"\0" + opened + frames.frame(vector["kind"], 0, payload, salt, 1)
        yield b"\0" + opened + frames.frame(vector["kind"], 0, payload[:-1], salt, 1)
        yield b"\0" + opened + frames.frame(vector["kind"], 0, b"", salt, 1)


def cut(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Pieces of the input as its first byte says: whole, byte by byte, or in between, some with time before them."""
    if not data:
        return
    size, now_ms = 1 + (data[0] & 15) ** 2 if data[0] else len(data), 0
    for number, start in enumerate(range(1, len(data), size)):
        now_ms += STEP_MS if data[0] & 16 and number % 3 == 0 else 1
        yield now_ms, data[start : start + size]
