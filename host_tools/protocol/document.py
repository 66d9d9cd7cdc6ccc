"""The generated tables of docs/protocol.md: every function is one part of it, as Markdown.

Law: generates text out of ``firmware.link``. Prose is written in docs/protocol.md; nothing there repeats a number.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from types import ModuleType

from firmware.link import bulk, control, conversation, frames, opening, outbox, pulse, schema, session
from host_tools.protocol import decode_words

# Which constants are limits that somebody outside may run into, by module.
_LIMIT_MODULES: tuple[ModuleType, ...] = (schema, frames, control, conversation, bulk, opening, pulse, outbox, session)
_NO_LIMITS = {"SYNC", "NONCE_STEP", "KIND_UNSALTED_MAX"}
_NO_LIMITS_PREFIXES = ("CLOSE_", "PART_", "CAPABILITY_", "PROTOCOL_VERSION")
_LIMIT_LINE = re.compile(r"((?:^# .*\n)*)^([A-Z][A-Z0-9_]*) = ([^#\n]+?)(?:  # (.+))?$", re.MULTILINE)
_DIRECTIONS = {"host": "host → board", "board": "board → host", "both": "both ways"}


def header() -> str:
    """The frame header."""
    offset = 0
    rows: list[tuple[object, ...]] = []
    for name, kind, unit, limit in schema.HEADER:
        rows.append((offset, f"`{name}`", kind, _limit(kind, unit, limit)))
        offset += int(kind[1:]) // 8
    return _table(("byte", "field", "type", ""), rows)


def frame_kinds() -> str:
    """All frame kinds with their payloads."""
    return _table(
        ("kind", "name", "meaning", "payload"),
        [(number, f"`{name}`", meaning, _fields(name, rows)) for number, name, meaning, rows in schema.FRAME_KINDS],
    )


def messages() -> str:
    """All messages."""
    return _table(
        ("number", "name", "direction", "since", "fields"),
        [
            (number, f"`{name}`", _DIRECTIONS[direction], since, _fields(name, rows))
            for number, name, direction, since, rows in schema.MESSAGES
        ],
    )


def records() -> str:
    """What lists in messages consist of."""
    return _table(("record", "fields"), [(f"`{name}`", _fields(name, rows)) for name, rows in schema.RECORDS.items()])


def error_codes() -> str:
    """Errors and what to do about them."""
    return _table(
        ("code", "name", "remedy"), [(code, f"`{name}`", remedy) for code, name, remedy in schema.ERROR_CODES]
    )


def words() -> str:
    """The words behind small numbers, list by list."""
    told_elsewhere = ("error codes", "messages", "quantities")
    lists = {name: each for name, each in decode_words.WORD_LISTS.items() if name not in told_elsewhere}
    rows = [(name, _numbered(each)) for name, each in lists.items()]
    rows.append(("capabilities (bits)", _numbered(decode_words.CAPABILITIES)))
    quantities = ", ".join(f"{number} {name} ({unit})" for number, name, unit in schema.QUANTITIES)
    return _table(("list", "words"), [*rows, ("quantities", quantities)])


def limits() -> str:
    """Every limit and time of the link, with its reason."""
    found = [
        (f"`{name}`", f"`{module.__name__.rpartition('.')[2]}`", _value(module, name, text), reason)
        for module in _LIMIT_MODULES
        for name, text, reason in _constants(module)
    ]
    return _table(("limit", "where", "value", "why"), found)


def session_states() -> str:
    """The session's table as a diagram and as a table."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {session.CLOSED}"]
    lines += [f"    {state} --> {after}: {happened}" for (state, happened), after in session.TRANSITIONS.items()]
    happenings = list(dict.fromkeys(happened for _, happened in session.TRANSITIONS))
    states = list(dict.fromkeys(state for state, _ in session.TRANSITIONS))
    rows = [
        (f"`{happened}`", *(session.TRANSITIONS.get((state, happened), "") for state in states))
        for happened in happenings
    ]
    return "\n".join([*lines, "```", "", _table(("what happens", *states), rows)])


def _fields(owner: str, rows: decode_words.Rows) -> str:
    return "<br>".join(_field(owner, *row) for row in rows) or "none"


def _field(owner: str, name: str, kind: str, unit: str, limit: int | None) -> str:
    told = _limit(kind, unit, limit)
    words_of_field = decode_words.FIELD_WORDS.get((owner, name)) or decode_words.FIELD_BITS.get((owner, name))
    if words_of_field is not None:
        told = next(
            (title for title, each in decode_words.WORD_LISTS.items() if each is words_of_field), "capabilities"
        )
    return f"`{name}` {kind.replace('list:', 'list of ')}" + (f", {told}" if told else "")


def _limit(kind: str, unit: str, limit: int | None) -> str:
    if kind == "fixed":
        return f"{limit} bytes"
    if limit is None:
        return unit
    if kind in ("text", "bytes"):
        return f"at most {limit} bytes"
    if kind.startswith("list:"):
        return f"at most {limit}"
    return f"at most {limit} {unit}".rstrip() if limit != schema.SYNC else f"always {limit:#06x}"


def _numbered(pairs: Iterable[tuple[int, str]]) -> str:
    return ", ".join(f"{number} {word}" for number, word in pairs)


def _constants(module: ModuleType) -> Iterator[tuple[str, str, str]]:
    """Name, text of the value, and the comment beside or above it; what has no comment is nobody's limit."""
    for above, name, text, beside in _LIMIT_LINE.findall(inspect.getsource(module)):
        reason = beside or " ".join(line.removeprefix("# ") for line in above.splitlines())
        told = reason and name not in _NO_LIMITS and not name.startswith(_NO_LIMITS_PREFIXES)
        if told and _is_limit(vars(module)[name]):
            yield name, text, reason


def _is_limit(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, tuple) and all(isinstance(each, int) for each in value))


def _value(module: ModuleType, name: str, text: str) -> str:
    value = vars(module)[name]
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in ast.literal_eval(text))
    return f"{value:_}".replace("_", " ")


def _table(heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
