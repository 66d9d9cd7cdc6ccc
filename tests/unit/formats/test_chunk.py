"""Sealed chunks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.formats.chunk import (
    CHUNK_BYTES_MAX,
    CHUNK_HEADER_BYTES,
    CHUNKS_MAX,
    ClearOpener,
    ClearSuite,
    decode_header,
    encode_header,
    new_opener,
    sealed_bytes,
)
from firmware.formats.errors import FormatError
from firmware.ports.memory_entropy import SeededEntropy

RECORDING = bytes(range(16))


@settings(deadline=None)
@given(st.binary(max_size=5000), st.integers(0, CHUNKS_MAX - 1), st.booleans())
def test_what_is_sealed_opens_at_its_place_only(plaintext: bytes, index: int, last: bool) -> None:
    begun = ClearSuite().begin(RECORDING, SeededEntropy(1))
    sealed = begun.sealer.seal(index, plaintext, last)
    header = decode_header(sealed)
    assert (header.suite, header.recording, header.index, header.last) == ("clear", RECORDING, index, last)
    assert (header.plaintext_bytes, header.sealed_bytes) == (len(plaintext), len(sealed))
    assert len(sealed) == sealed_bytes("clear", len(plaintext))
    opener = new_opener("clear", RECORDING)
    assert opener.open(index, sealed) == plaintext
    for wrong in (
        lambda: opener.open(index + 1, sealed),
        lambda: opener.open(index, sealed + b"x"),
        lambda: opener.open(index, sealed[:-1]),
        lambda: ClearOpener(bytes(16)).open(index, sealed),
    ):
        with pytest.raises(FormatError):
            wrong()


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_are_a_header_or_a_format_error(data: bytes) -> None:
    for candidate in (data, b"OBWC\x01" + data, b"OBWC\x01\x00\x00\x00" + data):
        try:
            header = decode_header(candidate)
        except FormatError:
            continue
        again = encode_header(header.suite, header.recording, header.index, header.plaintext_bytes, header.last)
        assert again == candidate[:CHUNK_HEADER_BYTES]


def test_a_sealed_suite_needs_its_key_and_has_room_for_its_tag() -> None:
    assert sealed_bytes("aes-256-gcm", 1000) == CHUNK_HEADER_BYTES + 1000 + 16
    with pytest.raises(FormatError, match="cannot be opened without its key"):
        new_opener("aes-256-gcm", RECORDING)
    sealed = encode_header("aes-256-gcm", RECORDING, 0, 3, True) + bytes(19)
    with pytest.raises(FormatError, match="sealed with aes-256-gcm"):
        ClearOpener(RECORDING).open(0, sealed)


@pytest.mark.parametrize(
    ("suite", "recording", "index", "length"),
    [
        ("rot13", RECORDING, 0, 0),
        ("clear", RECORDING[1:], 0, 0),
        ("clear", RECORDING, CHUNKS_MAX, 0),
        ("clear", RECORDING, -1, 0),
        ("clear", RECORDING, 0, CHUNK_BYTES_MAX + 1),
    ],
)
def test_limits_hold_when_sealing(suite: str, recording: bytes, index: int, length: int) -> None:
    with pytest.raises(FormatError):
        encode_header(suite, recording, index, length, False)


def test_an_unknown_suite_has_no_length() -> None:
    with pytest.raises(FormatError):
        sealed_bytes("rot13", 1)
