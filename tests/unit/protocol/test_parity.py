"""The two decoders of the wire are equal: every message, every frame kind, good and spoilt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.link import codec, frames, schema
from firmware.link.errors import PeerError
from host_tools.protocol import constructs


def values_of(kind: str, limit: int | None) -> st.SearchStrategy[Any]:
    if kind in codec.INTEGERS:
        low, high = codec.INTEGERS[kind][2:]
        return st.integers(low, high if limit is None else limit)
    if kind == "bool":
        return st.booleans()
    if kind == "fixed":
        return st.binary(min_size=limit or 0, max_size=limit)
    if kind in ("bytes", "rest"):
        return st.binary(max_size=min(limit or 64, 64))
    if kind == "text":
        return st.text(max_size=(limit or 0) // 4)
    return st.lists(fields_of(schema.RECORDS[kind[5:]]), max_size=limit)


def fields_of(rows: constructs.Rows) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: values_of(kind, limit) for name, kind, _unit, limit in rows})


ROWS = {f"message {row[1]}": row[4] for row in schema.MESSAGES}
ROWS |= {f"frame {row[1]}": row[3] for row in schema.FRAME_KINDS}
COMPILED = {name: constructs.compiled(rows) for name, rows in ROWS.items()}


@pytest.mark.req("LINK-01")
@pytest.mark.parametrize("name", ROWS)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_both_decoders_read_what_the_table_packs(name, data):
    rows = ROWS[name]
    values = data.draw(fields_of(rows))
    packed = codec.pack(rows, values)
    assert codec.parse(rows, packed) == values
    assert constructs.decode(COMPILED[name], rows, packed) == values
    assert constructs.decode(constructs.declaration(rows), rows, packed) == values


@pytest.mark.req("LINK-01")
@pytest.mark.parametrize("name", ROWS)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_both_decoders_refuse_the_same_bytes(name, data):
    rows = ROWS[name]
    packed = bytearray(codec.pack(rows, data.draw(fields_of(rows))))
    for _ in range(data.draw(st.integers(1, 3))):
        if packed and data.draw(st.booleans()):
            packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
        else:
            packed = packed[: data.draw(st.integers(0, len(packed)))] + data.draw(st.binary(max_size=3))
    assert outcome(lambda: codec.parse(rows, bytes(packed))) == outcome(
        lambda: constructs.decode(COMPILED[name], rows, bytes(packed))
    )


@given(st.integers(16, 255), st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=300), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_construct_reads_the_frame_header(kind, sequence, payload, salt):
    wire = frames.frame(kind, sequence, payload, salt, 1)
    header = constructs.FRAME_HEADER.parse(wire)
    assert (header.sync, header.version, header.kind, header.sequence) == (schema.SYNC, 1, kind, sequence)
    assert (header.length, header.channel) == (len(payload), 0)


def outcome(parse: Any) -> Any:
    try:
        return parse()
    except PeerError:
        return "refused"
