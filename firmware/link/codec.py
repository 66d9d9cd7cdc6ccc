"""The portable codec: packs and parses by walking the rows of the table.

Law: pure; knows the types of ``schema`` and no message in particular. The host has a second, independent decoder
(construct, ``host_tools.protocol.constructs``) made from the same table, and parity tests hold the two equal.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import struct

from firmware.link import schema
from firmware.link.errors import LocalError, PeerError

if TYPE_CHECKING:
    from typing import Any

    Field = tuple[str, str, str, int | None]
    Rows = tuple[Field, ...]
    Values = dict[str, Any]
    Buffer = bytes | bytearray | memoryview

INTEGERS = {
    "u8": ("<B", 1, 0, 0xFF),
    "u16": ("<H", 2, 0, 0xFFFF),
    "u32": ("<I", 4, 0, 0xFFFFFFFF),
    "u64": ("<Q", 8, 0, 0xFFFFFFFFFFFFFFFF),
    "i32": ("<i", 4, -0x80000000, 0x7FFFFFFF),
}
MESSAGE_HEADER = "<HHH"  # length of what follows the length itself, number, request
MESSAGE_HEADER_BYTES = 6

MESSAGE_BY_NUMBER = {row[0]: row for row in schema.MESSAGES}
MESSAGE_BY_NAME = {row[1]: row for row in schema.MESSAGES}
FRAME_BY_NUMBER = {row[0]: row for row in schema.FRAME_KINDS}
FRAME_BY_NAME = {row[1]: row for row in schema.FRAME_KINDS}


def pack(rows: "Rows", values: "Values") -> bytes:
    """``values`` in the order and types of ``rows``. LocalError names the field that does not fit."""
    parts = []  # type: list[bytes]
    if len(values) != len(rows):
        raise LocalError("fields %s given, %s wanted" % (sorted(values), sorted(row[0] for row in rows)))
    for name, kind, _unit, limit in rows:
        if name not in values:
            raise LocalError("field %s is missing" % name)
        _pack_one(parts, name, kind, limit, values[name])
    return b"".join(parts)


def parse(rows: "Rows", data: "Buffer") -> "Values":
    """The values of one payload that must be used up to its last byte. PeerError names what does not fit."""
    values = {}  # type: Values
    end = _parse_rows(rows, data, 0, values)
    if end != len(data):
        raise PeerError("%d bytes too many" % (len(data) - end))
    return values


class TableCodec:
    """Encodes and decodes messages by the table. Sessions take any object of this form."""

    def encode(self, name: str, fields: "Values", request: int) -> bytes:
        """A whole message as it goes onto the control stream."""
        row = MESSAGE_BY_NAME.get(name)
        if row is None:
            raise LocalError("no message is named %s" % name)
        body = pack(row[4], fields)
        if len(body) + MESSAGE_HEADER_BYTES > schema.MESSAGE_BYTES_MAX:
            raise LocalError("message %s has %d bytes, more than %d" % (name, len(body), schema.MESSAGE_BYTES_MAX))
        return struct.pack(MESSAGE_HEADER, len(body) + 4, row[0], request) + body

    def decode(self, number: int, body: "Buffer") -> "Values":
        """Fields of a message whose number is in the table. PeerError for a body that does not fit."""
        return parse(MESSAGE_BY_NUMBER[number][4], body)


def _pack_one(parts: "list[bytes]", name: str, kind: str, limit: "int | None", value: "Any") -> None:
    integer = INTEGERS.get(kind)
    if integer is not None:
        parts.append(_pack_integer(name, integer, limit, value))
    elif kind == "bool":
        parts.append(b"\x01" if value else b"\x00")
    elif kind == "fixed":
        if len(value) != limit:
            raise LocalError("field %s has %d bytes, not %s" % (name, len(value), limit))
        parts.append(bytes(value))
    elif kind == "text" or kind == "bytes":
        data = value.encode() if kind == "text" else bytes(value)
        if len(data) > (limit or 0):
            raise LocalError("field %s has %d bytes, more than %s" % (name, len(data), limit))
        parts.append(struct.pack("<H", len(data)))
        parts.append(data)
    elif kind == "rest":
        parts.append(bytes(value))
    else:
        rows = schema.RECORDS[kind[5:]]
        if len(value) > (limit or 0):
            raise LocalError("field %s has %d records, more than %s" % (name, len(value), limit))
        parts.append(struct.pack("<B", len(value)))
        for record in value:
            parts.append(pack(rows, record))


def _pack_integer(name: str, integer: "tuple[str, int, int, int]", limit: "int | None", value: int) -> bytes:
    form, _size, low, high = integer
    if limit is not None:
        high = limit
    if value < low or value > high:
        raise LocalError("field %s is %d, outside %d to %d" % (name, value, low, high))
    return struct.pack(form, value)


def _parse_rows(rows: "Rows", data: "Buffer", offset: int, values: "Values") -> int:
    for name, kind, _unit, limit in rows:
        integer = INTEGERS.get(kind)
        if integer is not None:
            _need(data, offset, integer[1], name)
            value = struct.unpack_from(integer[0], data, offset)[0]
            if limit is not None and value > limit:
                raise PeerError("field %s is %d, more than %d" % (name, value, limit))
            values[name] = value
            offset += integer[1]
        else:
            offset = _parse_other(name, kind, limit, data, offset, values)
    return offset


def _parse_other(name: str, kind: str, limit: "int | None", data: "Buffer", offset: int, values: "Values") -> int:
    if kind == "bool":
        _need(data, offset, 1, name)
        if data[offset] > 1:
            raise PeerError("field %s is %d, not 0 or 1" % (name, data[offset]))
        values[name] = data[offset] == 1
        return offset + 1
    if kind == "fixed":
        size = limit or 0
        _need(data, offset, size, name)
        values[name] = bytes(data[offset : offset + size])
        return offset + size
    if kind == "rest":
        values[name] = bytes(data[offset:])
        return len(data)
    if kind == "text" or kind == "bytes":
        _need(data, offset, 2, name)
        size = struct.unpack_from("<H", data, offset)[0]
        if size > (limit or 0):
            raise PeerError("field %s has %d bytes, more than %s" % (name, size, limit))
        offset += 2
        _need(data, offset, size, name)
        raw = bytes(data[offset : offset + size])
        values[name] = _text(name, raw) if kind == "text" else raw
        return offset + size
    return _parse_list(name, schema.RECORDS[kind[5:]], limit, data, offset, values)


def _parse_list(name: str, rows: "Rows", limit: "int | None", data: "Buffer", offset: int, values: "Values") -> int:
    _need(data, offset, 1, name)
    count = data[offset]
    if count > (limit or 0):
        raise PeerError("field %s has %d records, more than %s" % (name, count, limit))
    offset += 1
    records = []  # type: list[Values]
    for _ in range(count):
        record = {}  # type: Values
        offset = _parse_rows(rows, data, offset, record)
        records.append(record)
    values[name] = records
    return offset


def _text(name: str, raw: bytes) -> str:
    try:
        return str(raw, "utf-8")
    except UnicodeError:
        raise PeerError("field %s is not UTF-8" % name)


def _need(data: "Buffer", offset: int, size: int, name: str) -> None:
    if offset + size > len(data):
        raise PeerError("field %s ends %d bytes early" % (name, offset + size - len(data)))
