"""Loads board files: reads, checks shape and rules, and says the first thing that is wrong with its line."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from host_tools.hardware.errors import BoardFileError, nearest
from host_tools.hardware.model import PATTERNS, Board
from host_tools.hardware.rules import problems
from host_tools.hardware.said import printable
from host_tools.hardware.toml_files import FileFault, keys_at, line_at, read_text, values_of, why_not, worst_of
from host_tools.hardware.toml_lines import key_lines

BOARD_FILE = "board.toml"
BOARDS_FOLDER = Path(__file__).resolve().parents[2] / "boards"
MODEL_SHOWN_CHARACTERS = 60  # of a name that is none
BOARDS_KEPT = 64  # read ones: a bench asks for the same few again and again

KeyPath = tuple[str | int, ...]


def load_board(path: Path) -> Board:
    """The board in this file. BoardFileError says what is wrong, where, and what to do."""
    return _checked(path, _read(path))


def board_models(folder: Path | None = None) -> tuple[str, ...]:
    """Names of the boards in a folder of boards (the house's own by default), sorted."""
    root = folder or BOARDS_FOLDER
    return tuple(sorted(path.parent.name for path in root.glob(f"*/{BOARD_FILE}")))


def find_board(model: str, folder: Path | None = None) -> Board:
    """The board of that model name. BoardFileError if there is none, or its file says another name."""
    root = folder or BOARDS_FOLDER
    models = board_models(root)
    if model not in models:
        shown = printable(model[:MODEL_SHOWN_CHARACTERS])
        raise BoardFileError(root, None, None, f"there is no board {shown}; {nearest(model, models, 'boards')}")
    path = root / model / BOARD_FILE
    board = load_board(path)
    if board.model != model:
        line = key_lines(_read(path)).get(("model",))
        raise BoardFileError(path, line, "model", f'model: the folder is named "{model}", so must the model be')
    return board


@lru_cache(BOARDS_KEPT)
def _checked(path: Path, text: str) -> Board:
    """The board of a file's text. Boards are frozen, so that whoever asks for one again gets the same."""
    try:
        raw = values_of(text)
    except FileFault as fault:
        raise BoardFileError(path, fault.line, None, fault.text) from None
    try:
        board = Board.model_validate(_freeze(raw))
    except ValidationError as error:
        lines = key_lines(text)
        raise _shape_error(path, lines, worst_of(error, lines)) from None
    for problem in problems(board):
        name = _key_name(problem.path)
        told = f"{name}: {problem.text}" if name else problem.text
        raise BoardFileError(path, line_at(key_lines(text), problem.path), name or None, told)
    return board


def _read(path: Path) -> str:
    try:
        return read_text(path, "board file")
    except FileFault as fault:
        raise BoardFileError(path, fault.line, None, fault.text) from None


def _freeze(value: Any) -> Any:
    """Lists as tuples, as the frozen models want them."""
    if isinstance(value, dict):
        return {key: _freeze(each) for key, each in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return tuple(_freeze(each) for each in cast(list[Any], value))
    return value


def _shape_error(path: Path, lines: dict[KeyPath, int], error: ErrorDetails) -> BoardFileError:
    place = error["loc"]
    name = _key_name(place)
    line = line_at(lines, place)
    if error["type"] == "extra_forbidden":
        wrong = str(place[-1])
        prefix = name.removesuffix(wrong)
        text = f"unknown key {name}; {nearest(wrong, keys_at(Board, place[:-1]), 'known keys here', prefix)}"
    elif error["type"] == "missing":
        parent_name = _key_name(place[:-1])
        text = f"missing key {name}; add it" + (f" to {parent_name}" if parent_name else "")
    else:
        text = f"{name}: {why_not(error, PATTERNS)}"
    return BoardFileError(path, line, name, text)


def _key_name(place: KeyPath) -> str:
    name = ""
    for step in place:
        if isinstance(step, int):
            name += f"[{step}]"
        else:
            name += f".{step}" if name else step
    return name
