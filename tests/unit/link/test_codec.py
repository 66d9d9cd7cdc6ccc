"""The portable codec: nothing that does not fit is ever cut down to what fits, on either side."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.link import codec, schema
from firmware.link.errors import LocalError, PeerError

KINDS = ("u8", "u16", "u32", "u64", "i32")


def rows(kind: str, limit: int | None = None) -> codec.Rows:
    return (("field", kind, "", limit),)


@pytest.mark.parametrize("kind", KINDS)
def test_integers_hold_their_whole_range_and_no_more(kind):
    """struct on MicroPython cuts 300 down to 44 without a word."""
    _form, size, low, high = codec.INTEGERS[kind]
    for value in (low, 0, high):
        packed = codec.pack(rows(kind), {"field": value})
        assert len(packed) == size
        assert codec.parse(rows(kind), packed) == {"field": value}
    for value in (low - 1, high + 1, high + 300):
        with pytest.raises(LocalError, match="field is"):
            codec.pack(rows(kind), {"field": value})


def test_a_limit_holds_both_ways():
    assert codec.pack(rows("u8", 7), {"field": 7}) == b"\x07"
    with pytest.raises(LocalError, match="outside 0 to 7"):
        codec.pack(rows("u8", 7), {"field": 8})
    with pytest.raises(PeerError, match="more than 7"):
        codec.parse(rows("u8", 7), b"\x08")


@pytest.mark.parametrize(
    ("kind", "limit", "value"),
    [
        ("fixed", 4, b"abc"),
        ("fixed", 4, b"abcde"),
        ("bytes", 4, b"abcde"),
        ("text", 4, "abcde"),
        ("text", 4, "\u00e9\u00e9\u00e9"),
        ("list:bay", 0, [{}]),
        ("list:bay", 8, [{}]),
    ],
)
def test_what_is_too_long_or_incomplete_is_not_sent(kind, limit, value):
    with pytest.raises(LocalError):
        codec.pack(rows(kind, limit), {"field": value})


@pytest.mark.parametrize("values", [{}, {"field": 1, "other": 2}, {"other": 1}])
def test_fields_are_those_of_the_table(values: dict[str, Any]):
    with pytest.raises(LocalError, match="field"):
        codec.pack(rows("u8"), values)


@pytest.mark.parametrize(
    ("kind", "limit", "data"),
    [
        ("bool", None, b"\x02"),
        ("bool", None, b""),
        ("fixed", 4, b"abc"),
        ("text", 4, b"\x05\x00abcde"),
        ("text", 4, b"\x04\x00abc"),
        ("text", 4, b"\x02\x00\xc3\x28"),
        ("text", 4, b"\x01"),
        ("bytes", 4, b"\xff\xff"),
        ("list:bay", 8, b"\x09"),
        ("list:bay", 8, b"\x01\x01"),
        ("u32", None, b"abc"),
        ("u8", None, b"ab"),
    ],
)
def test_what_does_not_fit_is_the_peers_fault(kind, limit, data):
    with pytest.raises(PeerError, match=r"field|too many"):
        codec.parse(rows(kind, limit), data)


def test_every_table_row_is_one_that_the_codec_knows():
    tables = [row[4] for row in schema.MESSAGES] + [row[3] for row in schema.FRAME_KINDS]
    for name, kind, _unit, limit in (field for table in tables for field in table):
        known = kind in codec.INTEGERS or kind in ("bool", "rest") or limit is not None
        assert known, name
        assert not kind.startswith("list:") or kind[5:] in schema.RECORDS, name


def test_the_longest_of_every_message_fits_a_message():
    """What the table allows, the stream can carry."""
    for _number, name, _direction, _since, fields in schema.MESSAGES:
        longest = sum(longest_bytes(kind, limit) for _name, kind, _unit, limit in fields)
        assert longest + codec.MESSAGE_HEADER_BYTES <= schema.MESSAGE_BYTES_MAX, name


def test_no_message_is_sent_under_an_unknown_name():
    with pytest.raises(LocalError, match="no message is named sing"):
        codec.TableCodec().encode("sing", {}, 0)


def longest_bytes(kind: str, limit: int | None) -> int:
    if kind in codec.INTEGERS:
        return codec.INTEGERS[kind][1]
    if kind == "bool":
        return 1
    if kind == "fixed":
        return limit or 0
    if kind in ("text", "bytes"):
        return 2 + (limit or 0)
    record = sum(longest_bytes(each, most) for _name, each, _unit, most in schema.RECORDS[kind[5:]])
    return 1 + (limit or 0) * record


def test_every_answer_is_a_message_of_a_board_to_a_question_of_a_host():
    directions = {row[1]: row[2] for row in schema.MESSAGES}
    assert {directions[name] for name in schema.ANSWERS} == {"host"}
    assert {directions[name] for name in schema.ANSWERS.values()} == {"board"}
