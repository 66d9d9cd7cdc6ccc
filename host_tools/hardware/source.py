"""Boards as Python source, for firmware that has no TOML: ``boards/<model>/board_data.py``.

Law: the text is a pure function of board.toml and stays as it is under the house's formatter.
"""

from __future__ import annotations

import json
from typing import Any, cast

from host_tools.hardware.export import board_data
from host_tools.hardware.files import find_board

LINE_CHARACTERS = 120
INDENT = 4


def board_data_source(model: str) -> str:
    """The file's text. BoardFileError for a board that is not there."""
    data = board_data(find_board(model))
    return (
        f'"""What board.toml says of {model}, for its firmware. `make docs` writes it: change board.toml."""\n\n'
        f"BOARD = {_literal(data, 0, len('BOARD = '))}\n"
    )


def _literal(value: Any, indent: int, before: int) -> str:
    """A literal that begins ``before`` characters into its line: flat if it fits and has no table in it."""
    flat = _flat(value)
    if before + len(flat) + 1 <= LINE_CHARACTERS and not _is_nested(value):
        return flat
    inner = indent + INDENT
    lines: list[str] = []
    if isinstance(value, dict):
        for key, each in cast(dict[str, Any], value).items():
            name = f"{json.dumps(key)}: "
            lines.append(f"{' ' * inner}{name}{_literal(each, inner, inner + len(name))},\n")
        return "{\n" + "".join(lines) + " " * indent + "}"
    for each in cast(list[Any], value):
        lines.append(f"{' ' * inner}{_literal(each, inner, inner)},\n")
    return "[\n" + "".join(lines) + " " * indent + "]"


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        table = cast(dict[str, Any], value)
        return "{" + ", ".join(f"{json.dumps(key)}: {_flat(each)}" for key, each in table.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flat(each) for each in cast(list[Any], value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _is_nested(value: Any) -> bool:
    """Whether tables are in it, which are easier to read one a line."""
    if not isinstance(value, dict | list) or not value:
        return False
    inside = cast(dict[str, Any], value).values() if isinstance(value, dict) else cast(list[Any], value)
    return any(isinstance(each, dict | list) and bool(cast(Any, each)) for each in inside)
