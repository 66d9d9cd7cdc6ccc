"""Canonical JSON, and strict readers for its fields.

The canonical form of a document is JSON with sorted keys, no spaces, UTF-8 without escapes that are not needed,
integers only, and bytes as lower-case hexadecimal. One value has one form: ``decode`` refuses every other spelling.
A checked line is ``CRC-32 of the document as 8 hexadecimal digits, space, document, newline``: a torn one shows.
"""

import json
from binascii import crc32
from collections.abc import Mapping
from typing import Any

from firmware.formats.errors import FormatError
from firmware.link.schema import TEXT_BYTES_MAX

Document = Mapping[str, Any]

INTEGER_MAX = (1 << 63) - 1  # every reader, in any language, has a signed 64-bit integer
SCHEMA = 1  # of every document here; any change of what every document has makes it 2
WORD_CHARACTERS_MAX = 32  # causes, policies, suites: names that people read in a table
_DIGITS = frozenset("0123456789abcdef")
_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_CRC_CHARACTERS = 8
_LINE_OVERHEAD_BYTES = _CRC_CHARACTERS + 2  # the check, a space and the newline


def encode(document: Document) -> bytes:
    """The canonical form. FormatError if a text holds half a surrogate pair."""
    written = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        return written.encode()
    except UnicodeEncodeError as error:
        raise FormatError("document: a text that cannot be written as UTF-8") from error


def decode(data: "bytes | bytearray | memoryview", what: str, bytes_max: int) -> "dict[str, Any]":
    """The object whose canonical form ``data`` is; ``what`` names the document in errors."""
    if len(data) > bytes_max:
        raise FormatError(f"{what}: {len(data)} bytes, at most {bytes_max} are allowed")
    raw = bytes(data)
    try:
        document = json.loads(raw.decode(), parse_float=_refuse_fraction, parse_constant=_refuse_fraction)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{what}: not JSON in UTF-8") from error
    if not isinstance(document, dict):
        raise FormatError(f"{what}: not a JSON object")
    try:
        again = encode(document)
    except (FormatError, ValueError, RecursionError) as error:
        raise FormatError(f"{what}: holds something that has no canonical form") from error
    if again != raw:
        raise FormatError(f"{what}: not in canonical form (sorted keys, no spaces, no duplicates)")
    return document


def encode_line(document: Document) -> bytes:
    """The document as one checked line, newline included."""
    body = encode(document)
    return b"%08x %s\n" % (crc32(body), body)


def decode_line(line: "bytes | bytearray | memoryview", what: str, bytes_max: int) -> "dict[str, Any]":
    """The document of one whole checked line (newline included). FormatError if anything in it is not as written."""
    raw = bytes(line)
    if len(raw) > bytes_max + _LINE_OVERHEAD_BYTES:
        raise FormatError(f"{what}: a line of {len(raw)} bytes, at most {bytes_max} are allowed")
    if len(raw) <= _LINE_OVERHEAD_BYTES or raw[-1:] != b"\n" or raw[_CRC_CHARACTERS : _CRC_CHARACTERS + 1] != b" ":
        raise FormatError(f"{what}: not a whole checked line")
    body = raw[_CRC_CHARACTERS + 1 : -1]
    if b"%08x" % crc32(body) != raw[:_CRC_CHARACTERS]:
        raise FormatError(f"{what}: the check does not fit the line")
    return decode(body, what, bytes_max)


def require_keys(document: Document, keys: "frozenset[str]", what: str) -> None:
    """FormatError unless the document has exactly these keys."""
    for key in sorted(keys - document.keys()):
        raise FormatError(f"{what}: {key} is missing")
    for key in sorted(document.keys() - keys):
        raise FormatError(f"{what}: unknown field {key[:40]!r}; it may come from newer firmware: update this side")


def require_kind(document: Document, what: str) -> None:
    """FormatError unless the document says that it is a ``what`` of the schema spoken here."""
    if document.get("format") != "openbwc-" + what:
        raise FormatError(f"{what}: format is not openbwc-{what}")
    if document.get("schema") != SCHEMA or isinstance(document.get("schema"), bool):
        raise FormatError(f"{what}: schema is not {SCHEMA}; it may come from newer firmware: update this side")


def members(value: object, what: str) -> Document:
    """An object within a document."""
    if not isinstance(value, dict):
        raise FormatError(f"{what}: not an object")
    return value


def integer(value: object, what: str, highest: int = INTEGER_MAX) -> int:
    """A whole number from 0 to ``highest``."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
        raise FormatError(f"{what}: not a whole number from 0 to {highest}")
    return value


def boolean(value: object, what: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise FormatError(f"{what}: neither true nor false")
    return value


def text(value: object, what: str, bytes_max: int = TEXT_BYTES_MAX) -> str:
    """A text of at most ``bytes_max`` bytes of UTF-8."""
    if not isinstance(value, str):
        raise FormatError(f"{what}: not a text")
    try:
        length = len(value.encode())
    except UnicodeEncodeError as error:
        raise FormatError(f"{what}: a text that cannot be written as UTF-8") from error
    if length > bytes_max:
        raise FormatError(f"{what}: {length} bytes of text, at most {bytes_max} are allowed")
    return value


def word(value: object, what: str) -> str:
    """A short name: 1 to 32 of ``a-z 0-9 _ -``."""
    checked = text(value, what, WORD_CHARACTERS_MAX)
    if not checked or not _WORD.issuperset(checked):
        raise FormatError(f"{what}: not a word of a-z, 0-9, _ and -")
    return checked


def binary(value: object, what: str, length: "int | None" = None, bytes_max: int = 4096) -> bytes:
    """Bytes written in lower-case hexadecimal: exactly ``length``, or at most ``bytes_max`` where that is None."""
    if not isinstance(value, str) or len(value) % 2 or not _DIGITS.issuperset(value):
        raise FormatError(f"{what}: not bytes in lower-case hexadecimal")
    count = len(value) // 2
    if length is not None and count != length:
        raise FormatError(f"{what}: {count} bytes instead of {length}")
    if count > bytes_max:
        raise FormatError(f"{what}: {count} bytes, at most {bytes_max} are allowed")
    return bytes.fromhex(value)


def rows(value: object, what: str, count_max: int, width: "int | None" = None) -> "list[Any]":
    """A list of at most ``count_max`` items; with ``width``, of lists of that many items each."""
    if not isinstance(value, list):
        raise FormatError(f"{what}: not a list")
    if len(value) > count_max:
        raise FormatError(f"{what}: {len(value)} entries, at most {count_max} are allowed")
    if width is not None:
        for number, row in enumerate(value):
            if not isinstance(row, list) or len(row) != width:
                raise FormatError(f"{what}[{number}]: not a list of {width} values")
    return value


def _refuse_fraction(number: str) -> object:
    raise ValueError(f"{number[:20]} is not a whole number")
