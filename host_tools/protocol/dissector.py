"""The Wireshark dissector: ``dissector.lua`` with the table of the wire put in, as Lua.

Law: generates text. Nothing of the table is written down here or in the Lua file; what Lua knows of it comes out of
``firmware.link.schema``. ``docs/openbwc.lua`` is the result, kept fresh by the house tests.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

from firmware.link import codec, control, frames, schema
from host_tools.protocol import decode_words

_PLACE = "--@@TABLE@@\n"


def dissector() -> str:
    """The whole Lua file."""
    text = resources.files(__package__ or "").joinpath("dissector.lua").read_text(encoding="utf-8")
    before, _, after = text.partition(_PLACE)
    return before + _table() + after


def _table() -> str:
    words = "\n".join(f"WORDS[{_lua(name)}] = {_words(words)}" for name, words in decode_words.WORD_LISTS.items())
    parts = [
        "-- " + "-" * 96 + " the table",
        "",
        *(f"local {name} = {_lua(value)}" for name, value in _CONSTANTS.items()),
        f'local SYNC_BYTES = "{_escaped(frames.SYNC_BYTES)}"',
        f"local QUANTITY_UNITS = {_words(tuple(decode_words.QUANTITY_UNITS.items()))}",
        f"local INTEGER_BYTES = {{ {', '.join(f'{kind} = {row[1]}' for kind, row in codec.INTEGERS.items())} }}",
        "local WORDS = {}",
        words,
        f"local RECORDS = {{\n{_records()}\n}}",
        f"local KINDS = {{\n{_kinds()}\n}}",
        f"local MESSAGES = {{\n{_messages()}\n}}",
        "",
    ]
    return "\n".join(parts)


_CONSTANTS: dict[str, int | float] = {
    "PROTOCOL_VERSION": schema.PROTOCOL_VERSION,
    "HEADER_BYTES": schema.HEADER_BYTES,
    "TRAILER_BYTES": schema.TRAILER_BYTES,
    "KIND_UNSALTED_MAX": schema.KIND_UNSALTED_MAX,
    "PAYLOAD_BYTES_MAX": schema.PAYLOAD_BYTES_MAX,
    "MESSAGE_BYTES_MAX": schema.MESSAGE_BYTES_MAX,
    "MESSAGE_HEADER_BYTES": codec.MESSAGE_HEADER_BYTES,
    "WINDOW_SEGMENTS": control.WINDOW_SEGMENTS,
    "STALL_S": frames.STALL_MS / 1000,
}


def _records() -> str:
    return "\n".join(f"    {name} = {_fields(name, rows)}," for name, rows in schema.RECORDS.items())


def _kinds() -> str:
    return "\n".join(
        f"    [{number}] = {{ name = {_lua(name)}, meaning = {_lua(meaning)}, fields = {_fields(name, rows)} }},"
        for number, name, meaning, rows in schema.FRAME_KINDS
    )


def _messages() -> str:
    return "\n".join(
        f"    [{number}] = {{ name = {_lua(name)}, direction = {_lua(direction)}, fields = {_fields(name, rows)} }},"
        for number, name, direction, _since, rows in schema.MESSAGES
    )


def _fields(owner: str, rows: decode_words.Rows) -> str:
    if not rows:
        return "{}"
    return "{\n" + "\n".join(f"        {_field(owner, *row)}," for row in rows) + "\n    }"


def _field(owner: str, name: str, kind: str, unit: str, limit: int | None) -> str:
    parts = [f"name = {_lua(name)}", f"type = {_lua(kind.partition(':')[0])}", f"unit = {_lua(unit)}"]
    if limit is not None:
        parts.append(f"limit = {limit}")
    if kind.startswith("list:"):
        parts.append(f"record = {_lua(kind[5:])}")
    if (owner, name) in decode_words.FIELD_WORDS:
        parts.append(f"words = WORDS[{_lua(_list_name(decode_words.FIELD_WORDS[owner, name]))}]")
    if (owner, name) in decode_words.FIELD_BITS:
        parts.append(f"bits = {_words(decode_words.FIELD_BITS[owner, name])}")
    return "{ " + ", ".join(parts) + " }"


def _list_name(words: decode_words.Words) -> str:
    return next(name for name, each in decode_words.WORD_LISTS.items() if each is words)


def _words(words: decode_words.Words) -> str:
    return "{ " + ", ".join(f"[{number}] = {_lua(word)}" for number, word in words) + " }"


def _lua(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return str(value)


def _escaped(data: bytes) -> str:
    return "".join(f"\\{byte:03d}" for byte in data)
