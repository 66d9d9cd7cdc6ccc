"""Every document reads back as what was written, has one spelling only, and refuses all else with FormatError.

Invariant of the fuzzing here: any bytes lead to a value whose encoding is those very bytes, or to FormatError.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.formats import authorisation, canonical, erasures, header, journal, manifest
from firmware.formats.errors import FormatError
from tests.unit.formats import strategies


class Codec(NamedTuple):
    values: st.SearchStrategy[Any]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    is_line: bool


CODECS = {
    "manifest": Codec(strategies.manifests(), manifest.encode, manifest.decode, False),
    "header": Codec(strategies.HEADERS, header.encode, header.decode, True),
    "erasures": Codec(strategies.ERASURES, erasures.encode, erasures.decode, True),
    "authorisation": Codec(strategies.AUTHORISATIONS, authorisation.encode, authorisation.decode, False),
    "journal": Codec(
        strategies.EVENTS,
        lambda event: journal.encode(7, event),
        lambda data: journal.decode(data, 7),
        True,
    ),
}
each_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
unhurried = settings(deadline=None, print_blob=True)


@each_codec
@unhurried
@given(data=st.data())
def test_what_is_written_reads_back(codec: Codec, data: st.DataObject) -> None:
    value = data.draw(codec.values)
    encoded = codec.encode(value)
    assert codec.decode(encoded) == value
    assert codec.decode(memoryview(encoded).toreadonly()) == value  # type: ignore[arg-type]
    assert codec.encode(codec.decode(encoded)) == encoded


@each_codec
@unhurried
@given(data=st.data())
def test_any_bytes_are_a_value_or_a_format_error(codec: Codec, data: st.DataObject) -> None:
    check(codec, data.draw(st.binary(max_size=300)))


@each_codec
@unhurried
@given(data=st.data())
def test_no_changed_byte_goes_unnoticed(codec: Codec, data: st.DataObject) -> None:
    encoded = bytearray(codec.encode(data.draw(codec.values)))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    if codec.is_line:
        with pytest.raises(FormatError):
            codec.decode(bytes(encoded))
    check(codec, bytes(encoded))


@each_codec
@unhurried
@given(data=st.data())
def test_no_cut_document_is_taken(codec: Codec, data: st.DataObject) -> None:
    encoded = codec.encode(data.draw(codec.values))
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(FormatError):
        codec.decode(encoded[:cut])
    with pytest.raises(FormatError):
        codec.decode(encoded + data.draw(st.binary(min_size=1, max_size=3)))


@each_codec
@unhurried
@given(data=st.data())
def test_a_changed_value_is_a_value_or_a_format_error(codec: Codec, data: st.DataObject) -> None:
    encoded = codec.encode(data.draw(codec.values))
    document = json.loads(encoded[9:] if codec.is_line else encoded)
    changed = strategies.with_one_change(document, data.draw)
    try:
        encoded = canonical.encode_line(changed) if codec.is_line else canonical.encode(changed)
    except (FormatError, ValueError):
        return  # half a surrogate pair, or a number that JSON does not have
    check(codec, encoded)


@each_codec
def test_documents_from_the_future_say_so(codec: Codec) -> None:
    encoded = codec.encode(_example(codec))
    document = json.loads(encoded[9:] if codec.is_line else encoded)
    document["mood"] = "good"
    changed = canonical.encode_line(document) if codec.is_line else canonical.encode(document)
    with pytest.raises(FormatError, match=r"unknown field 'mood'.*update this side"):
        codec.decode(changed)
    if "schema" in document:
        del document["mood"]
        document["schema"] = 2
        changed = canonical.encode_line(document) if codec.is_line else canonical.encode(document)
        with pytest.raises(FormatError, match=r"schema is not 1.*update this side"):
            codec.decode(changed)


@pytest.mark.parametrize(
    "spelling",
    [
        b'{"b":1,"a":2}',
        b'{"a":1, "b":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":"\\u0041"}',
        b'{"a":-0}',
        b'{"a":NaN}',
        b'{"a":"\\ud800"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1}\n',
        b"[1]",
        b"",
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_one_value_has_one_spelling(spelling: bytes) -> None:
    with pytest.raises(FormatError, match=r"^it: "):
        canonical.decode(spelling, "it", 1 << 20)


def check(codec: Codec, data: bytes) -> None:
    try:
        value = codec.decode(data)
    except FormatError as error:
        text = str(error)
    else:
        text = "a value"
        assert codec.encode(value) == data
    assert text
    assert "\n" not in text


def _example(codec: Codec) -> Any:
    """Any value; the simplest there is."""
    found: list[Any] = []

    @settings(max_examples=1, database=None, deadline=None)
    @given(codec.values)
    def draw(value: Any) -> None:
        found.append(value)

    draw()
    return found[0]
