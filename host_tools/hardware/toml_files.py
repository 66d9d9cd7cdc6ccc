"""TOML files that people write: read, and what is wrong with one, in a line that names file, line, key and remedy.

Law: text in, text out; what may be in a file is its own room's. The words of the libraries that read and check reach
nobody, nor does what is no printable character.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from host_tools.hardware.errors import nearest
from host_tools.hardware.faults import OWN_WORDS, why_of
from host_tools.hardware.said import printable
from host_tools.hardware.toml_lines import key_lines

FILE_BYTES_MAX = 256 * 1024  # these files are some kilobytes; more is some other file
SHOWN_CHARACTERS_MAX = 60  # of a value that may not be there

Place = tuple[str | int, ...]

# Where a file's words are others than a form's.
SAID_OF_FILES: Final[dict[str, str]] = {
    "bool_type": "is neither true nor false: write one of them",
    "bool_parsing": "is neither true nor false: write one of them",
    "list_type": "is no list: put it in [ ]",
    "tuple_type": "is no list: put it in [ ]",
    "dict_type": "is no table: write keys with their values",
    "model_type": "is no table: write keys with their values",
    "model_attributes_type": "is no table: write keys with their values",
    "int_type": "is no whole number: write digits, without quotes",
    "float_type": "is no number: write digits, without quotes",
}

# What the parser says of a mistake that people make, where they would not know it again.
PARSER_SAYS: Final[dict[str, str]] = {
    "Cannot overwrite a value": "this key is there twice",
    "Invalid statement": "neither a key nor a table; is a # or a quote missing",
}


class FileFault(Exception):
    """What is wrong with a file, as far as it can be said without its name. ``line``: None for the whole file."""

    def __init__(self, text: str, line: int | None = None) -> None:
        super().__init__(text)
        self.text = printable(text)
        self.line = line

    def at(self, name: Path | str) -> str:
        """The whole line."""
        return f"{printable(str(name))}{'' if self.line is None else f':{self.line}'}: {self.text}"


def read_text(path: Path, what: str, if_missing: str = "", bytes_max: int = FILE_BYTES_MAX) -> str:
    """The text of a file, with plain line ends. FileFault. ``what``: it should be, ``bench file``; ``if_missing``: what
    to do where there is none."""
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except FileNotFoundError as error:
        remedy = if_missing or f"name an existing {what}"
        raise FileFault(f"cannot be read ({error.strerror}); {remedy}") from None
    except OSError as error:
        raise FileFault(f"cannot be read ({error.strerror}); name a {what} that you may read") from None
    if len(data) > bytes_max:
        raise FileFault(f"is larger than {bytes_max} bytes: this is no {what}")
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileFault("is not UTF-8 text; save it as UTF-8", line) from None


def values_of(text: str) -> dict[str, Any]:
    """What is in it. FileFault."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = int(found.group(1)) if found else text.count("\n") + 1
        said = re.sub(r" \(at .*\)$", "", str(error))
        reason = PARSER_SAYS.get(said, f"{said[:1].lower()}{said[1:]}")
        raise FileFault(f"not TOML: {reason}; correct this line", line) from None
    except (ValueError, RecursionError):  # what the parser is no match for: thousands of digits, or of brackets
        raise FileFault("not TOML: a number is too long, or brackets are too deep; correct it") from None


def worst_of(error: ValidationError, lines: Mapping[Place, int]) -> ErrorDetails:
    """The first in the file; but a key that is missing comes after others, for it may be one of them, misspelt."""
    return min(error.errors(), key=lambda fault: (fault["type"] == "missing", line_at(lines, fault["loc"])))


def fault_in(
    text: str, error: ValidationError, model: type[BaseModel], forms: Mapping[str, str] | None = None
) -> FileFault:
    """``camera 1: unknown key bayy; did you mean bay?``, with its line. ``forms``: what each pattern of the model asks
    for, in words of people; None for a file that may have secrets in it: no value is repeated then."""
    lines = key_lines(text)
    fault = worst_of(error, lines)
    place = fault["loc"]
    *table, key = [str(step + 1) if isinstance(step, int) else step for step in place] or [""]
    start = f"{' '.join(table)}: " if table else ""
    is_here = place[:1] in lines or fault["type"] == "missing"  # else it was said on the command line
    line = line_at(lines, place) if place and is_here else None
    if fault["type"] == "extra_forbidden":
        return FileFault(f"{start}unknown key {key}; {nearest(key, keys_at(model, place[:-1]), 'known keys')}", line)
    if fault["type"] == "missing":
        return FileFault(f"{start}{key} is missing; add it", line)
    if fault["type"] == "value_error":
        return FileFault(f"{start}{key} {fault['msg'].removeprefix(OWN_WORDS)}".lstrip(), line)
    why = why_of(fault) if forms is None else why_not(fault, forms)
    return FileFault(f"{start}{key}: {why}", line)


def why_not(fault: ErrorDetails, forms: Mapping[str, str]) -> str:
    """``9 is more than 8: 8 or less``."""
    kind, figures, given = fault["type"], dict(fault.get("ctx") or {}), fault["input"]
    shown = _shown(given)
    if kind == "string_pattern_mismatch":
        return f"{shown} is none; it is {forms[figures['pattern']]}"
    if kind == "literal_error":
        return f"{shown} {_not_among(given, str(figures['expected']))}"
    said = SAID_OF_FILES.get(kind)
    return (
        f"{shown} {said or why_of({**fault, 'loc': (), 'ctx': {name: _neat(each) for name, each in figures.items()}})}"
    )


def line_at(lines: Mapping[Place, int], place: Place) -> int:
    """The line of that key, or of the nearest table around it that is in the file."""
    while place not in lines:
        place = place[:-1]
    return lines[place]


def keys_at(model: type[BaseModel], place: Place) -> list[str]:
    """Keys that the model allows at this place."""
    for step in place:
        if isinstance(step, str):
            model = _model_inside(fields_of(model)[step])
    return list(fields_of(model))


def fields_of(model: type[BaseModel]) -> dict[str, Any]:
    """Its keys as a file has them, with their types."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _model_inside(annotation: Any) -> type[BaseModel]:
    """The model inside an annotation such as ``tuple[Model, ...]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found: Iterable[type[BaseModel]] = (_model_inside(inner) for inner in get_args(annotation))
    return next((each for each in found if each is not BaseModel), BaseModel)


def _neat(figure: Any) -> Any:
    """0 for 0.0."""
    return int(figure) if isinstance(figure, float) and figure.is_integer() else figure


def _not_among(given: Any, expected: str) -> str:
    known = re.findall(r"'([^']*)'", expected)
    if len(known) < 2:
        return f"is not what it must be: write {expected}"
    close = get_close_matches(str(given), known, n=1)
    return f"is none of {', '.join(known)}: " + (f"did you mean {close[0]}?" if close else "choose one")


def _shown(value: Any) -> str:
    """A value as the file has it, or what it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list" if cast(list[Any], value) else "[]"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    text = printable(value) if isinstance(value, str) else str(value)
    short = text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]}…"
    return f"'{short}'" if isinstance(value, str) else short
