"""docs/protocol.md says of the table what the table says, and its examples are bytes that decode."""

from __future__ import annotations

import re
from typing import Any

import pytest

from firmware.link import schema, session
from host_tools.protocol import document
from host_tools.protocol.decode import FRAME, MESSAGE
from host_tools.protocol.decode_input import decode_bytes
from tests.house.tree import ROOT

PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")


def rows_of(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (document.frame_kinds, [(str(row[0]), f"`{row[1]}`", row[2]) for row in schema.FRAME_KINDS]),
        (document.messages, [(str(row[0]), f"`{row[1]}`") for row in schema.MESSAGES]),
        (document.records, [(f"`{name}`",) for name in schema.RECORDS]),
        (document.error_codes, [(str(code), f"`{name}`", remedy) for code, name, remedy in schema.ERROR_CODES]),
    ],
)
def test_every_row_of_the_schema_has_a_row(table: Any, expected: list[tuple[str, ...]]):
    rows = rows_of(table())
    assert [tuple(row[: len(want)]) for row, want in zip(rows, expected, strict=True)] == expected
    assert all(len(row) == len(rows[0]) for row in rows)


def test_fields_are_told_with_type_unit_limit_and_words():
    (contacts,) = [row for row in rows_of(document.messages()) if row[1] == "`contacts`"]
    limits = f"at most {schema.BAYS_MAX}<br>`measurements` list of measurement, at most {schema.MEASUREMENTS_MAX}"
    assert contacts[4] == f"`bay` u8, {limits}"
    (bay,) = [row for row in rows_of(document.records()) if row[0] == "`bay`"]
    assert "`state` u8, bay states" in bay[1]
    assert "`supply_uv` i32, uV" in bay[1]


def test_limits_have_values_and_reasons():
    rows = {row[0]: row for row in rows_of(document.limits())}
    assert rows["`PULLS_MAX`"][1:3] == ["`schema`", str(schema.PULLS_MAX)]
    assert "`STALL_MS`" in rows
    assert all(row[3] for row in rows.values())


def test_the_state_diagram_has_every_transition():
    text = document.session_states()
    for (state, happened), after in session.TRANSITIONS.items():
        assert f"{state} --> {after}: {happened}" in text


def test_limits_that_the_prose_names_are_limits():
    named = set(re.findall(r"`([A-Z][A-Z_]+(?:_MS|_BYTES|_MAX|_MIN))`", PAGE))
    assert f"Kinds up to {schema.KIND_UNSALTED_MAX} open sessions" in PAGE
    assert named <= set(re.findall(r"\| `([A-Z_]+)` \|", document.limits()))


def test_the_examples_decode():
    lines = re.findall(r"^((?:[0-9a-f]{2} )+)  +\S", PAGE, re.MULTILINE)
    assert len(lines) == 2
    entries = list(decode_bytes(bytes.fromhex("".join(lines)), "", None))
    (ping,) = [entry for entry in entries if entry.what == FRAME]
    assert (ping.name, ping.number, ping.fields) == ("ping", 7, {"stamp": 1234})
    assert entries[0].fields == {"salt": 0x5EED0001}
    (example,) = re.findall(r"as request 2: `([0-9a-f ]+)`", PAGE)
    (lamp,) = decode_bytes(bytes.fromhex(example), "", None)
    assert (lamp.what, lamp.name, lamp.number, lamp.fields) == (MESSAGE, "set_lamp", 2, {"bay": 3, "pattern": 7})
