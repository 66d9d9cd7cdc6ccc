"""Files of TOML, and everything that one key of them can be instead of what it is."""

from __future__ import annotations

import copy
import datetime
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any, cast

Place = tuple[str | int, ...]
VALUES: tuple[Any, ...] = ("", -1, 10**20, 1.5, True, [], ["x"], {}, {"x": 1}, datetime.date(2026, 1, 1), "a\nb\x1b[2J")
# What only the library that checks would say.
JARGON = re.compile(
    r"input should|string should|\bvalid (string|integer|number|bool|dict|list|tuple)|pydantic|instance of|"
    r"extra input|validat|tuple|dictionary|parse|codec|decode|literal|datetime|\^|\bint\b|\bstr\b|NoneType",
    re.IGNORECASE,
)


def every_key_wrong(good: str, values: tuple[Any, ...] = VALUES) -> Iterator[tuple[Place, str]]:
    """The file with one thing wrong in it, and where: a key gone, misspelt, or of another kind."""
    whole = tomllib.loads(good)
    for place in _places(whole):
        gone = copy.deepcopy(whole)
        del _at(gone, place[:-1])[place[-1]]
        yield place, as_toml(gone)
        if isinstance(place[-1], str):
            misspelt = copy.deepcopy(whole)
            table = _at(misspelt, place[:-1])
            table[f"{place[-1]}q"] = table.pop(place[-1])
            yield place, as_toml(misspelt)
        for value in values:
            wrong = copy.deepcopy(whole)
            _at(wrong, place[:-1])[place[-1]] = value
            yield place, as_toml(wrong)


def as_toml(values: dict[str, Any]) -> str:
    """A file of these, a key a line."""
    return "".join(f"{name} = {_written(value)}\n" for name, value in values.items())


def _written(value: Any) -> str:
    if isinstance(value, dict):
        table = cast(dict[str, Any], value)
        return "{" + ", ".join(f"{json.dumps(name)} = {_written(each)}" for name, each in table.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_written(each) for each in cast(list[Any], value)) + "]"
    return value.isoformat() if isinstance(value, datetime.date) else json.dumps(value)


def _places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Of a list its first entry stands for all."""
    inside: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inside += cast(dict[str, Any], value).items()
    elif isinstance(value, list):
        inside += list(enumerate(cast(list[Any], value)))[:1]
    for step, each in inside:
        yield (*at, step)
        yield from _places(each, (*at, step))


def _at(values: Any, place: Place) -> Any:
    for step in place:
        values = values[step]
    return values
