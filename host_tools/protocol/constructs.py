"""Construct declarations of every message, built from ``firmware.link.schema`` and compiled.

This is the second decoder of the wire: it shares the table with the portable codec and nothing else.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import construct as c

from firmware.link import codec, schema
from firmware.link.errors import PeerError

_INTEGERS: dict[str, Any] = {
    "u8": c.Int8ul,
    "u16": c.Int16ul,
    "u24": c.Int24ul,
    "u32": c.Int32ul,
    "u64": c.Int64ul,
    "i32": c.Int32sl,
}

Rows = tuple[tuple[str, str, str, int | None], ...]


def declaration(rows: Rows) -> c.Construct:
    """The construct of one table row's fields; what follows the last field is an error."""
    return c.Struct(*_subconstructs(rows), c.Terminated)


def compiled(rows: Rows) -> c.Construct:
    """``declaration``, compiled to Python by construct itself (about four times faster)."""
    return declaration(rows).compile()


FRAME_HEADER = c.Struct(*(name / _INTEGERS[kind] for name, kind, _unit, _limit in schema.HEADER)).compile()


class ConstructCodec:
    """Message codec for sessions on a host: parses with construct, packs by the table."""

    def __init__(self) -> None:
        self._packer = codec.TableCodec()
        self._rows: dict[int, Rows] = {row[0]: row[4] for row in schema.MESSAGES}

    def encode(self, name: str, fields: dict[str, Any], request: int) -> bytes:
        """A whole message as it goes onto the control stream."""
        return self._packer.encode(name, fields, request)

    def decode(self, number: int, body: bytes) -> dict[str, Any]:
        """Fields of a message. PeerError for a body that does not fit the table."""
        rows = self._rows[number]
        return decode(_of_message(number), rows, body)


@cache
def _of_message(number: int) -> c.Construct:
    """A message's declaration, compiled when the first of its kind comes: all of them take a tenth of a second."""
    return compiled(next(row[4] for row in schema.MESSAGES if row[0] == number))


def decode(declared: c.Construct, rows: Rows, body: bytes) -> dict[str, Any]:
    """Parse with construct, then hold every value against its limit in the table."""
    try:
        parsed = declared.parse(body)
        return _checked(rows, parsed)
    except (c.ConstructError, struct.error, UnicodeDecodeError) as error:
        raise PeerError(str(error).splitlines()[-1]) from error


def _subconstructs(rows: Rows) -> list[Any]:
    return [name / _subconstruct(kind, limit) for name, kind, _unit, limit in rows]


def _subconstruct(kind: str, limit: int | None) -> Any:
    if kind in _INTEGERS:
        return _INTEGERS[kind]
    if kind == "bool":
        return c.Int8ul
    if kind == "fixed":
        return c.Bytes(limit)
    if kind == "rest":
        return c.GreedyBytes
    if kind in ("text", "bytes"):
        # Not Prefixed: compiled, it takes a body that ends early for a short one. Length and bytes are compared below.
        return c.Struct("length" / _INTEGERS["u16"], "data" / c.Bytes(c.this.length))
    return c.PrefixedArray(c.Int8ul, c.Struct(*_subconstructs(schema.RECORDS[kind[5:]])))


def _checked(rows: Rows, parsed: Any) -> dict[str, Any]:
    return {name: _value(name, kind, limit, parsed[name]) for name, kind, _unit, limit in rows}


def _value(name: str, kind: str, limit: int | None, value: Any) -> Any:
    if kind in _INTEGERS:
        if limit is not None and value > limit:
            raise PeerError(f"field {name} is {value}, more than {limit}")
        return value
    if kind == "bool":
        if value > 1:
            raise PeerError(f"field {name} is {value}, not 0 or 1")
        return value == 1
    if kind == "fixed" and len(value) != limit:
        raise PeerError(f"field {name} ends early")
    if kind in ("fixed", "rest"):
        return bytes(value)
    if kind in ("text", "bytes"):
        return _counted(name, kind, limit, value)
    if len(value) > (limit or 0):
        raise PeerError(f"field {name} has {len(value)} records, more than {limit}")
    return [_checked(schema.RECORDS[kind[5:]], record) for record in value]


def _counted(name: str, kind: str, limit: int | None, value: Any) -> Any:
    if value.length > (limit or 0):
        raise PeerError(f"field {name} has {value.length} bytes, more than {limit}")
    if len(value.data) != value.length:
        raise PeerError(f"field {name} ends {value.length - len(value.data)} bytes early")
    return bytes(value.data).decode() if kind == "text" else bytes(value.data)
