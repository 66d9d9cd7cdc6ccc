"""What passed on a cable, as entries that people and programs read: frames, messages, noise, sessions.

Law: pure; bytes with times and directions in, entries out. It learns salts by itself, from the frames that open a
session or from any other frame. Used by ``bwc decode`` and ``bwc replay``; all parsing is construct's.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from firmware.link import codec, opening, schema
from firmware.link.errors import PeerError
from firmware.link.frames import STALL_MS
from host_tools.protocol import constructs, decode_words
from host_tools.protocol.decode_control import ControlListener, Heard, Sealed
from host_tools.protocol.decode_frames import Damaged, Foreign, Found, FrameFinder, Item, Noise
from host_tools.protocol.pcapng import TO_BOARD, TO_HOST

FRAME, MESSAGE, SEALED, NOISE, DAMAGED, FOREIGN, SESSION, GAP, NOTE = (
    "frame",
    "message",
    "sealed",
    "noise",
    "damaged",
    "foreign",
    "session",
    "gap",
    "note",
)
JSON_BYTES_MAX = 64  # of a field that JSON holds in full; of longer ones (bulk data) it tells length and CRC
_ARROWS = {TO_BOARD: "host → board", TO_HOST: "board → host", "": ""}
_SENDERS = {TO_BOARD: "host", TO_HOST: "board"}
_FRAME_NAMES = {row[0]: row[1] for row in schema.FRAME_KINDS}
_FRAME_ROWS = {row[0]: row[3] for row in schema.FRAME_KINDS}
_FRAMES = {number: constructs.compiled(rows) for number, rows in _FRAME_ROWS.items()}
_MESSAGES = {row[0]: constructs.compiled(row[4]) for row in schema.MESSAGES}


class Entry(NamedTuple):
    """One thing that was heard. ``number`` is a frame's sequence, a message's request; ``offset`` counts the bytes of
    its direction up to the start of it."""

    unix_us: int
    board: str
    direction: str
    what: str
    name: str
    number: int
    offset: int
    fields: dict[str, Any]
    remark: str = ""


class LineDecoder:
    """One board's cable. ``salt``: of the session that is under way, if it is known."""

    def __init__(self, board: str = "", salt: int | None = None) -> None:
        self.board = board
        self._session_salt = salt
        self._ways = {direction: _Way(direction, salt) for direction in ("", TO_BOARD, TO_HOST)}
        self._unix_us = 0

    def feed(self, direction: str, data: bytes | memoryview, unix_us: int = 0) -> Iterator[Entry]:
        """Bytes that passed at that time."""
        way = self._ways[direction]
        if unix_us - way.last_us >= STALL_MS * 1000:
            yield from self._entries(way, way.finder.finish())
        self._unix_us = way.last_us = unix_us
        yield from self._entries(way, way.finder.feed(data))

    def finish(self) -> Iterator[Entry]:
        """Nothing more will pass."""
        for way in self._ways.values():
            yield from self._entries(way, way.finder.finish())

    def _entries(self, way: _Way, items: Iterator[Item]) -> Iterator[Entry]:
        for item in items:
            if isinstance(item, Found):
                yield from self._on_frame(way, item)
            elif isinstance(item, Foreign):
                yield self._frame_entry(way, item.frame, FOREIGN, f"of another session, salt {item.frame.salt:08x}")
            elif isinstance(item, Damaged):
                name = schema.word_of(tuple(_FRAME_NAMES.items()), item.kind)
                remark = f"{item.length} bytes of payload do not match their check"
                yield self._entry(way, DAMAGED, name, item.sequence, item.offset, {}, remark)
            else:
                yield self._on_noise(way, item)

    def _on_noise(self, way: _Way, noise: Noise) -> Entry:
        return self._entry(way, NOISE, "", 0, noise.offset, {"data": noise.data}, f"{len(noise.data)} bytes")

    def _on_frame(self, way: _Way, frame: Found) -> Iterator[Entry]:
        if frame.salt and frame.salt != self._session_salt:
            yield self._begin(way, frame.salt, frame.offset, {}, "heard from the middle; its salt is worked out")
        entry = self._frame_entry(way, frame, FRAME, "")
        yield entry
        if entry.remark:
            return
        if entry.name == "accept":
            salt = opening.salt_of(entry.fields["nonce_seen"], entry.fields["nonce"])
            if salt != self._session_salt:
                agreed = {name: entry.fields[name] for name in ("version", "payload_max", "capabilities")}
                yield self._begin(way, salt, frame.offset, agreed, "opened")
        elif entry.name == "segment":
            for heard in way.control.segment(frame.sequence, entry.fields["data"]):
                yield self._on_control(way, frame, heard)

    def _begin(self, way: _Way, salt: int, offset: int, agreed: dict[str, Any], remark: str) -> Entry:
        self._session_salt = salt
        for each in self._ways.values():
            each.finder.salt = salt
            each.control = ControlListener()
        return self._entry(way, SESSION, "", 0, offset, {**agreed, "salt": salt}, remark)

    def _frame_entry(self, way: _Way, frame: Found, what: str, remark: str) -> Entry:
        name = _FRAME_NAMES.get(frame.kind)
        fields: dict[str, Any] = {}
        if name is None:
            name, remark = f"unknown-{frame.kind}", remark or "a kind that is not in our table"
        else:
            try:
                fields = constructs.decode(_FRAMES[frame.kind], _FRAME_ROWS[frame.kind], frame.payload)
            except PeerError as error:
                remark = str(error)
        return self._entry(way, what, name, frame.sequence, frame.offset, fields, remark)

    def _on_control(self, way: _Way, frame: Found, heard: Any) -> Entry:
        if isinstance(heard, Sealed):
            fields = {"length": heard.length}
            return self._entry(way, SEALED, heard.kind, frame.sequence, frame.offset, fields, "")
        if not isinstance(heard, Heard):
            return self._entry(way, GAP, "", frame.sequence, frame.offset, {}, heard.text)
        name, fields, remark = decode_message(heard, _SENDERS.get(way.direction, ""))
        return self._entry(way, MESSAGE, name, heard.request, frame.offset, fields, remark)

    def _entry(
        self, way: _Way, what: str, name: str, number: int, offset: int, fields: dict[str, Any], remark: str
    ) -> Entry:
        return Entry(self._unix_us, self.board, way.direction, what, name, number, offset, fields, remark)


class _Way:
    """One direction."""

    def __init__(self, direction: str, salt: int | None) -> None:
        self.direction = direction
        self.finder = FrameFinder(salt, tell_foreign=True)
        self.control = ControlListener()
        self.last_us = 0


def decode_message(heard: Heard, sender: str = "") -> tuple[str, dict[str, Any], str]:
    """Name, fields and remark of a message; ``sender`` is "host", "board" or not known."""
    row = codec.MESSAGE_BY_NUMBER.get(heard.number)
    if row is None:
        return f"unknown-{heard.number}", {}, f"{len(heard.body)} bytes of a message that is not in our table"
    if sender and row[2] not in ("both", sender):
        return row[1], {}, f"the {sender} may not send this"
    try:
        return row[1], constructs.decode(_MESSAGES[heard.number], row[4], heard.body), ""
    except PeerError as error:
        return row[1], {}, str(error)


def text_of(entry: Entry) -> str:
    """An entry as a line for people."""
    parts = [part for part in (_time(entry.unix_us), entry.board, _ARROWS[entry.direction]) if part]
    return "  ".join([*parts, f"{_title(entry):24}", _details(entry)]).rstrip()


def json_of(entry: Entry) -> dict[str, Any]:
    """An entry for programs; bytes are hexadecimal."""
    number = "request" if entry.what == MESSAGE else "sequence"
    found: dict[str, Any] = {
        "unix_us": entry.unix_us,
        "board": entry.board,
        "direction": entry.direction,
        "what": entry.what,
        "name": entry.name,
        number: entry.number,
        "offset_bytes": entry.offset,
        "fields": _plain(entry.fields),
        "remark": entry.remark,
    }
    return {name: value for name, value in found.items() if value != "" or name in ("what", "name")}


def _title(entry: Entry) -> str:
    if entry.what == MESSAGE:
        return f"  {entry.name} /{entry.number}" if entry.number else f"  {entry.name}"
    if entry.what == SEALED:
        return f"  sealed {entry.name}"
    if entry.what in (FRAME, FOREIGN, DAMAGED):
        return f"{entry.name} #{entry.number}"
    return f"-- {entry.what}"


def _details(entry: Entry) -> str:
    rows = _rows(entry)
    described = decode_words.describe(entry.name, rows, entry.fields) if entry.fields and rows else ""
    if entry.what == SESSION:
        described = ", ".join(
            f"{name} {value:08x}" if name == "salt" else f"{name} {value}" for name, value in entry.fields.items()
        )
    if entry.what == SEALED:
        described = f"{entry.fields['length']} bytes of the secure channel"
    prefix = {DAMAGED: "DAMAGED ", FOREIGN: "FOREIGN "}.get(entry.what, "")
    return prefix + "; ".join(part for part in (described, entry.remark) if part)


def _rows(entry: Entry) -> decode_words.Rows:
    if entry.what == MESSAGE and entry.name in codec.MESSAGE_BY_NAME:
        return codec.MESSAGE_BY_NAME[entry.name][4]
    if entry.what in (FRAME, FOREIGN) and entry.name in codec.FRAME_BY_NAME:
        return codec.FRAME_BY_NAME[entry.name][3]
    return ()


def _time(unix_us: int) -> str:
    return datetime.fromtimestamp(unix_us / 1_000_000, UTC).strftime("%H:%M:%S.%f") if unix_us else ""


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex() if len(value) <= JSON_BYTES_MAX else {"bytes": len(value), "crc32": f"{crc32(value):08x}"}
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
