"""Loads board files: reads, checks shape and rules, and says the first thing that is wrong with its line."""

from __future__ import annotations

import re
import tomllib
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from host_tools.hardware.errors import BoardFileError, nearest
from host_tools.hardware.model import Board
from host_tools.hardware.rules import problems
from host_tools.hardware.said import printable
from host_tools.hardware.toml_lines import key_lines

BOARD_FILE = "board.toml"
BOARDS_FOLDER = Path(__file__).resolve().parents[2] / "boards"
FILE_BYTES_MAX = 256 * 1024  # a board file is some kilobytes; more is some other file
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
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(path, text, error) from None
    try:
        board = Board.model_validate(_freeze(raw))
    except ValidationError as error:
        lines = key_lines(text)
        raise _shape_error(path, lines, _worst(lines, error.errors())) from None
    for problem in problems(board):
        name = _key_name(problem.path)
        told = f"{name}: {problem.text}" if name else problem.text
        raise BoardFileError(path, _line_at(key_lines(text), problem.path), name or None, told)
    return board


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise BoardFileError(path, None, None, "no such board file; name one that exists") from None
    except OSError as error:
        raise BoardFileError(path, None, None, f"cannot be read: {error.strerror}; check its permissions") from None
    if len(data) > FILE_BYTES_MAX:
        raise BoardFileError(path, None, None, f"is larger than {FILE_BYTES_MAX} bytes: this is no board file")
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BoardFileError(path, line, None, "is not UTF-8 text; save it as UTF-8") from None


def _freeze(value: Any) -> Any:
    """Lists as tuples, as the frozen models want them."""
    if isinstance(value, dict):
        return {key: _freeze(each) for key, each in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return tuple(_freeze(each) for each in cast(list[Any], value))
    return value


def _syntax_error(path: Path, text: str, error: tomllib.TOMLDecodeError) -> BoardFileError:
    found = re.search(r"\(at line (\d+), column \d+\)", str(error))
    line = int(found.group(1)) if found else text.count("\n") + 1
    reason = re.sub(r" \(at .*\)$", "", str(error))
    return BoardFileError(path, line, None, f"not TOML: {reason[:1].lower()}{reason[1:]}; correct this line")


def _worst(lines: dict[KeyPath, int], errors: list[ErrorDetails]) -> ErrorDetails:
    """The first in the file; but a key that is missing comes after others, for it may be one of them, misspelt."""
    return min(errors, key=lambda error: (error["type"] == "missing", _line_at(lines, error["loc"])))


def _shape_error(path: Path, lines: dict[KeyPath, int], error: ErrorDetails) -> BoardFileError:
    place = error["loc"]
    name = _key_name(place)
    line = _line_at(lines, place)
    if error["type"] == "extra_forbidden":
        wrong = str(place[-1])
        prefix = name.removesuffix(wrong)
        text = f"unknown key {name}; {nearest(wrong, _keys_at(place[:-1]), 'known keys here', prefix)}"
    elif error["type"] == "missing":
        parent_name = _key_name(place[:-1])
        text = f"missing key {name}; add it" + (f" to {parent_name}" if parent_name else "")
    else:
        text = f"{name}: {error['msg'][:1].lower()}{error['msg'][1:]}, not {error['input']!r}; {_remedy(error)}"
    return BoardFileError(path, line, name, text)


def _remedy(error: ErrorDetails) -> str:
    """For a value that may not be there: the nearest that may, where they have names."""
    known = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
    close = get_close_matches(str(error["input"]), known, n=1)
    return f"did you mean {close[0]}?" if close else "correct it"


def _line_at(lines: dict[KeyPath, int], place: KeyPath) -> int:
    """The line of that key, or of the nearest table around it that is in the file."""
    while place not in lines:
        place = place[:-1]
    return lines[place]


def _key_name(place: KeyPath) -> str:
    name = ""
    for step in place:
        if isinstance(step, int):
            name += f"[{step}]"
        else:
            name += f".{step}" if name else step
    return name


def _keys_at(place: KeyPath) -> list[str]:
    """Keys that the model allows at this place."""
    model: type[BaseModel] = Board
    for step in place:
        if isinstance(step, str):
            model = _model_of(_fields(model)[step])
    return list(_fields(model))


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _model_of(annotation: Any) -> type[BaseModel]:
    """The model inside an annotation such as ``tuple[Model, ...]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _model_of(inner)
        if found is not BaseModel:
            return found
    return BaseModel
