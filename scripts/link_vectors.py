"""``python -m scripts.link_vectors``: adds to ``tests/vectors/link/wire.json`` what the table has and the file has not.

Law: a vector that is in the file is never changed or taken out by this script. The file is the wire as it has been
spoken; whoever changes it by hand breaks with every board that is out there. What a stream must give is written down
here beside the bytes, and not found out by running a decoder.
"""

from __future__ import annotations

import json
import sys
from binascii import crc32
from pathlib import Path
from typing import Any, Final

from firmware.link import codec, frames, schema

FILE: Final = Path(__file__).resolve().parents[1] / "tests" / "vectors" / "link" / "wire.json"
HOW: Final = (
    "Bytes are {'hex': ...}. A stream is read with its salt and payload_max, whole or in pieces of any size; after its "
    "last byte time passes until nothing waits any more. 'refused' are bodies that no decoder may accept."
)
SALT: Final = 0x5EED0001
PAYLOAD_MAX: Final = 1024  # of readers of the streams; small enough for the smallest board
REST_BYTES: Final = 200  # of `rest` fields at their largest: every board accepts that

Rows = tuple[tuple[str, str, str, int | None], ...]
Vector = dict[str, Any]
Piece = tuple[bytes, list[list[Any]]]  # bytes on the wire, frames they must give


def main() -> int:
    """Write the file with what is missing added. Returns the exit code."""
    held: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    made = {"frames": frame_vectors(), "messages": message_vectors(), "refused": refused(), "streams": stream_vectors()}
    document: dict[str, Any] = {"how": HOW}
    for part, vectors in made.items():
        kept: list[Vector] = held.get(part, [])
        names = {vector["name"] for vector in kept}
        added = [vector for vector in vectors if vector["name"] not in names]
        document[part] = kept + added
        sys.stdout.write(f"{part}: {len(kept)} kept, {len(added)} added\n")
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(lines_of(document), encoding="utf-8")
    return 0


def lines_of(document: dict[str, Any]) -> str:
    """JSON with one vector a line: a change is a line of a diff."""
    parts = [f'"how": {json.dumps(document["how"])}']
    for part in ("frames", "messages", "refused", "streams"):
        rows = ",\n".join(json.dumps(vector, ensure_ascii=False) for vector in document[part])
        parts.append(f'"{part}": [\n{rows}\n]')
    return "{" + ",\n".join(parts) + "}\n"


def frame_vectors() -> list[Vector]:
    """Every kind with its smallest, largest and usual values."""
    vectors: list[Vector] = []
    for number, (kind, name, _meaning, rows) in enumerate(schema.FRAME_KINDS):
        for size in ("least", "usual", "most") if rows else ("usual",):
            fields = values_of(rows, size, name)
            sequence = {"least": 0, "usual": 7 + number, "most": 0xFFFFFFFF}[size]
            vectors.append(frame_vector(f"{name}, {size}", kind, sequence, codec.pack(rows, fields), fields))
    long = {"request": 3, "offset": 1 << 33, "data": noise("long", PAYLOAD_MAX - 12)}
    kind = codec.FRAME_BY_NAME["data"][0]
    payload = codec.pack(codec.FRAME_BY_NUMBER[kind][3], long)
    return [*vectors, frame_vector("data, a length of two bytes", kind, 1, payload, long)]


def frame_vector(name: str, kind: int, sequence: int, payload: bytes, fields: dict[str, Any]) -> Vector:
    """One frame of the session with SALT; opening kinds are checked without it."""
    salt = SALT if kind > schema.KIND_UNSALTED_MAX else frames.SALT_NONE
    return {
        "name": name,
        "kind": kind,
        "sequence": sequence,
        "salt": salt,
        "version": schema.PROTOCOL_VERSION,
        "payload_hex": payload.hex(),
        "wire_hex": frames.frame(kind, sequence, payload, salt, schema.PROTOCOL_VERSION).hex(),
        "fields": plain(fields),
    }


def message_vectors() -> list[Vector]:
    """Every message with its smallest, largest and usual values."""
    vectors: list[Vector] = []
    for number, name, _direction, _since, rows in schema.MESSAGES:
        for size in ("least", "usual", "most") if rows else ("usual",):
            fields = values_of(rows, size, name)
            request = {"least": 0, "usual": 258, "most": 0xFFFF}[size]
            wire = codec.TableCodec().encode(name, fields, request)
            vector = {"name": f"{name}, {size}", "number": number, "request": request}
            vectors.append({**vector, "fields": plain(fields), "wire_hex": wire.hex()})
    return vectors


def refused() -> list[Vector]:
    """Bodies of messages and payloads of frames that break the table, each in one way."""
    tables = [("message", row[0], row[1], row[4]) for row in schema.MESSAGES]
    tables += [("frame", row[0], row[1], row[3]) for row in schema.FRAME_KINDS]
    vectors: list[Vector] = []
    for of, number, name, rows in tables:
        body = codec.pack(rows, values_of(rows, "usual", name))
        spoilt = over_limits(rows, name)
        fixed_end = not rows or rows[-1][1] != "rest"
        if fixed_end:
            spoilt.append(("a byte too many", body + b"\0"))
        if rows:
            front = len(body) if fixed_end else len(body) - len(values_of(rows, "usual", name)[rows[-1][0]])
            spoilt.append(("a byte too few", body[: front - 1]))
        for why, wrong in spoilt:
            vectors.append(
                {"name": f"{of} {name}: {why}", "of": of, "number": number, "why": why, "body_hex": wrong.hex()}
            )
    return vectors


def over_limits(rows: Rows, name: str) -> list[tuple[str, bytes]]:
    """For each field whose limit can be broken on the wire, a body that breaks it."""
    found: list[tuple[str, bytes]] = []
    usual = values_of(rows, "usual", name)
    for index, (field, kind, _unit, limit) in enumerate(rows):
        front = b"".join(codec.pack((row,), {row[0]: usual[row[0]]}) for row in rows[:index])
        back = b"".join(codec.pack((row,), {row[0]: usual[row[0]]}) for row in rows[index + 1 :])
        wrong: bytes | None = None
        if kind in codec.INTEGERS and limit is not None and limit < codec.INTEGERS[kind][3]:
            wrong = (limit + 1).to_bytes(codec.INTEGERS[kind][1], "little")
        elif kind == "bool":
            wrong = b"\x02"
        elif kind in ("text", "bytes") and limit is not None:
            wrong = (limit + 1).to_bytes(2, "little") + b"x" * (limit + 1)
        elif kind.startswith("list:") and limit is not None:
            records = [usual_record(kind, at) for at in range(limit + 1)]
            wrong = bytes([limit + 1]) + b"".join(codec.pack(schema.RECORDS[kind[5:]], record) for record in records)
        if wrong is not None:
            found.append((f"{field} beyond its limit", front + wrong + back))
        if kind == "text":
            found.append((f"{field} is no UTF-8", front + b"\x02\x00\xc3\x28" + back))
    return found


def stream_vectors() -> list[Vector]:
    """Frames between all that a line does to them."""
    return [
        {
            "name": name,
            "salt": SALT,
            "version": schema.PROTOCOL_VERSION,
            "payload_max": PAYLOAD_MAX,
            "wire_hex": b"".join(piece for piece, _ in pieces).hex(),
            "expected": [frame for _, given in pieces for frame in given],
        }
        for name, pieces in streams().items()
    ]


def streams() -> dict[str, list[Piece]]:
    """Name of each stream and its pieces, in order."""
    ping, ack = whole("ping", 1), whole("ack", 2)
    data = [whole("data", number) for number in range(3)]
    announce = whole("announce", 0)
    sync = frames.SYNC_BYTES
    other = wire("ping", 5, salt=SALT ^ 1)
    carrier = b"\x01\0\0\0" + bytes(8) + other + wire("close", 6, salt=0)
    return {
        "every kind once": [whole(row[1], row[0]) for row in schema.FRAME_KINDS],
        "nothing at all": [],
        "noise alone": [bad(noise("alone", 700))],
        "noise before, between and after": [
            *(part for at, each in enumerate((ping, *data, ack)) for part in (bad(noise(f"n{at}", 37 * at + 5)), each)),
            bad(noise("last", 90)),
        ],
        "noise that looks like the start of frames": [
            bad(sync * 9),
            ping,
            bad(sync[:1] * 3),
            ack,
            bad(wire("data", 4)[:15]),
            data[0],
            bad(sync[:1]),
        ],
        "a frame without its first byte": [bad(wire("data", 4)[1:]), ping],
        "a frame cut in its header": [bad(wire("data", 4)[:9]), ping, ack],
        "a frame cut in its payload": [bad(wire("data", 4)[:60]), *data, ping],
        "a frame cut in its payload, little after it": [bad(wire("data", 4)[:20]), announce],
        "a frame without its last byte at the end": [ping, bad(wire("data", 4)[:-1])],
        "bytes lost in the middle of a frame": [ping, bad(cut(wire("data", 4), 50, 57)), *data],
        "a run of bytes twice": [ping, bad(doubled(wire("data", 4), 50, 57)), *data, ack],
        "each frame twice": [each for each in (ping, *data, announce) for _ in range(2)],
        "a bit of each header byte": [
            part for at in range(schema.HEADER_BYTES) for part in (bad(flipped(wire("ack", at), at)), ping)
        ],
        "a bit of a payload": [bad(flipped(wire("data", 4), 40)), ping],
        "a bit of the payload's check": [bad(flipped(wire("data", 4), len(wire("data", 4)) - 1)), ping],
        "frames of another session": [bad(other), ping, bad(wire("data", 9, salt=0)), ack],
        "opening frames whatever the session": [whole(name, 3) for name in ("open", "accept", "refuse", "announce")],
        "a session's frame of another version": [bad(wire("ping", 2, version=schema.PROTOCOL_VERSION + 1)), ping],
        "an opening frame of another version": [whole("open", 4, version=schema.PROTOCOL_VERSION + 1), ping],
        "a payload longer than agreed": [bad(frames.header(33, 0, PAYLOAD_MAX + 1, SALT, 1)), ping],
        "the longest payload": [whole("data", 8, payload=noise("longest", PAYLOAD_MAX)), ping],
        "a kind that nobody knows": [whole_kind(200, 5, b"later versions"), ping],
        "frames of another session in a payload": [whole("data", 5, payload=carrier), ping],
        "frames of another session in a damaged payload": [bad(flipped(wire("data", 5, payload=carrier), 20)), ping],
        "sequence numbers as they come": [whole("ping", number) for number in (7, 0xFFFFFFFF, 0, 3)],
    }


def whole(name: str, sequence: int, payload: bytes | None = None, version: int = schema.PROTOCOL_VERSION) -> Piece:
    """A frame that must arrive."""
    kind = codec.FRAME_BY_NAME[name][0]
    body = usual_payload(name) if payload is None else payload
    return frames.frame(kind, sequence, body, SALT, version), [[kind, sequence, body.hex()]]


def whole_kind(kind: int, sequence: int, payload: bytes) -> Piece:
    """The same for a kind that is not in the table."""
    wire_bytes = frames.frame(kind, sequence, payload, SALT, schema.PROTOCOL_VERSION)
    return wire_bytes, [[kind, sequence, payload.hex()]]


def wire(
    name: str,
    sequence: int,
    payload: bytes | None = None,
    salt: int = SALT,
    version: int = schema.PROTOCOL_VERSION,
) -> bytes:
    """Bytes of a frame, to be spoilt."""
    body = usual_payload(name) if payload is None else payload
    return frames.frame(codec.FRAME_BY_NAME[name][0], sequence, body, salt, version)


def bad(data: bytes) -> Piece:
    """Bytes out of which nothing may come."""
    return data, []


def cut(data: bytes, start: int, end: int) -> bytes:
    """Without some bytes."""
    return data[:start] + data[end:]


def doubled(data: bytes, start: int, end: int) -> bytes:
    """With some bytes twice."""
    return data[:end] + data[start:]


def flipped(data: bytes, at: int) -> bytes:
    """With one bit changed."""
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def usual_payload(name: str) -> bytes:
    """The payload of a frame with usual values."""
    rows = codec.FRAME_BY_NAME[name][3]
    return codec.pack(rows, values_of(rows, "usual", name))


def values_of(rows: Rows, size: str, of: str) -> dict[str, Any]:
    """Values for all fields: the least, the most, or usual ones that differ from field to field."""
    return {name: value_of(kind, limit, size, f"{of}.{name}") for name, kind, _unit, limit in rows}


def value_of(kind: str, limit: int | None, size: str, of: str) -> Any:
    """A value for one field."""
    if kind in codec.INTEGERS:
        low, high = codec.INTEGERS[kind][2:]
        high = high if limit is None else limit
        return {"least": low, "most": high, "usual": low + number(of) % (high - low + 1)}[size]
    if kind == "bool":
        return size == "most" or (size == "usual" and number(of) % 2 == 1)
    count = {"least": 0, "most": REST_BYTES if limit is None else limit, "usual": 2}[size]
    if kind == "fixed":
        return {"least": bytes(limit or 0), "most": b"\xff" * (limit or 0), "usual": noise(of, limit or 0)}[size]
    if kind == "rest":
        return noise(of, count if size != "usual" else 100)
    if kind == "bytes":
        return noise(of, count if size != "usual" else 19)
    if kind == "text":
        return {"least": "", "most": "\U0001f4f7" * (count // 4), "usual": f"Zoë № {number(of) % 1000}"}[size]
    if size == "most":
        return [values_of(schema.RECORDS[kind[5:]], size, of)] * count
    return [usual_record(kind, at) for at in range(count)]


def usual_record(kind: str, at: int) -> dict[str, Any]:
    """A record of a list."""
    return values_of(schema.RECORDS[kind[5:]], "usual", f"{kind}{at}")


def number(of: str) -> int:
    """A number of 64 bits that is always the same for the same name."""
    return crc32(of.encode()) << 32 | crc32(of.encode(), 1)


def noise(of: str, length: int) -> bytes:
    """Bytes that are always the same for the same name, and hold no start of a frame."""
    blocks = [crc32(f"{of} {at}".encode()).to_bytes(4, "little") for at in range(length // 4 + 1)]
    return b"".join(blocks)[:length].replace(frames.SYNC_BYTES, b"\0\0")


def plain(value: Any) -> Any:
    """A value as JSON takes it."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
