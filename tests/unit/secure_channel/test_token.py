"""The MAC of pull requests."""

from __future__ import annotations

import hmac
import json
import struct
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.link import bulk, codec
from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure.token import MAC_BYTES, PullToken, new_token

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("pull_mac.json").read_text(encoding="utf-8"))
TOKEN = bytes(range(32))
ASK = bulk.Ask(7, bytes(16), 0, 4096, 65536, 16384)


def pull(vector: dict[str, Any]) -> dict[str, Any]:
    values = {name: vector[name] for name in ("request", "part", "offset", "length", "piece_max")}
    return {**values, "recording": bytes.fromhex(vector["recording"]), "mac": bytes.fromhex(vector["mac"])}


@pytest.mark.req("LINK-04")
@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_vectors(vector: dict[str, Any]):
    token = PullToken(bytes.fromhex(vector["token"]), vector["salt"])
    assert token.mac(pull(vector)).hex() == vector["mac"]
    assert token.holds(pull(vector))


def test_vectors_hold_without_our_code():
    """HMAC-SHA-256 over the prefix, the salt and the 37 bytes of the frame before its MAC."""
    for vector in VECTORS:
        values = pull(vector)
        fields = struct.pack("<I16sBQII", *(values[name] for name in values_order()))
        covered = b"openbwc-pull-1\x00" + struct.pack("<I", vector["salt"]) + fields
        assert covered.hex() == vector["covered"]
        digest = hmac.new(bytes.fromhex(vector["token"]), covered, sha256).digest()
        assert digest[:16].hex() == vector["mac"]


def values_order() -> tuple[str, ...]:
    return ("request", "recording", "part", "offset", "length", "piece_max")


def test_it_covers_all_that_a_pull_frame_says():
    """A field that somebody adds to the table is covered from then on, or this fails."""
    rows = codec.FRAME_BY_NAME["pull"][3]
    assert tuple(row[0] for row in rows if row[0] != "mac") == values_order()
    assert next(row[3] for row in rows if row[0] == "mac") == MAC_BYTES


@pytest.mark.req("LINK-04")
@pytest.mark.parametrize("field", values_order())
def test_a_changed_field_does_not_hold(field: str):
    token = PullToken(TOKEN, 1)
    values = bulk.ask_values(ASK)
    values["mac"] = token.mac(values)
    assert token.holds(values)
    changed = dict(values)
    changed[field] = b"\x01" * 16 if field == "recording" else values[field] + 1
    assert not token.holds(changed)


@pytest.mark.req("LINK-04")
def test_no_token_of_another_session_holds():
    values = bulk.ask_values(ASK)
    values["mac"] = PullToken(TOKEN, 1).mac(values)
    assert not PullToken(TOKEN, 2).holds(values)
    assert not PullToken(bytes(32), 1).holds(values)
    assert not PullToken(TOKEN, 1).holds(bulk.ask_values(ASK))
    values["mac"] = values["mac"][:15]
    assert not PullToken(TOKEN, 1).holds(values)


@given(st.binary(min_size=16, max_size=16))
def test_a_guess_does_not_hold(guess: bytes):
    values = bulk.ask_values(ASK)
    token = PullToken(TOKEN, 1)
    assert token.holds({**values, "mac": guess}) == (guess == token.mac(values))


def test_tokens_are_fresh_and_of_one_length():
    entropy = SeededEntropy(1)
    first, second = new_token(entropy), new_token(entropy)
    assert len(first) == len(second) == 32
    assert first != second
    with pytest.raises(ValueError, match="31 bytes"):
        PullToken(bytes(31), 1)
