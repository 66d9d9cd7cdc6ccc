"""How a command's arguments and its error stand in the audit trail.

Law: pure. No secret, nothing long, nothing that JSON has not. Whoever knows all of a badge's number can copy the badge,
and the trail is read by more people and for longer than the list of wearers: so it has a number's end alone, and of a
table of people only how large it was. A type says how it is shown: ``Annotated[RfidTag, AuditedAs(ends_of)]``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import SecretStr

TEXT_SHOWN_MAX = 200  # characters of an argument: enough to know it again
ITEMS_SHOWN_MAX = 50  # of an argument that is a list, likewise
NUMBER_SHOWN = 4  # last characters of a badge's number, as wherever else it is told

_NUMBER = re.compile(r"\b(tag|badge|known as) ([0-9A-Fa-f]{8,64})\b")  # as refusals name one


@dataclass(frozen=True, slots=True)
class AuditedAs:
    """Beside an argument's type: what of it is in the audit trail."""

    show: Callable[[Any], object]


def ends_of(numbers: str | Iterable[str]) -> object:
    """Badge numbers, one or several."""
    return _end(numbers) if isinstance(numbers, str) else [_end(each) for each in numbers]


def size_of(text: str) -> str:
    """A file that somebody brought."""
    return f"{len(text)} characters"


def ways_of(hints: Mapping[str, Any]) -> dict[str, AuditedAs]:
    """Which arguments are not shown as they are. ``hints``: of a command's method, extras included."""
    return {
        name: way
        for name, hint in hints.items()
        for way in cast("tuple[object, ...]", getattr(hint, "__metadata__", ()))
        if isinstance(way, AuditedAs)
    }


def shown_arguments(arguments: Mapping[str, Any], ways: Mapping[str, AuditedAs]) -> dict[str, Any]:
    """As the trail keeps them."""
    return {
        name: _plain(ways[name].show(value) if name in ways and value is not None else value)
        for name, value in arguments.items()
        if not isinstance(value, SecretStr)
    }


def shown_error(error: Exception) -> str:
    """What went wrong, in one line, without a badge's whole number."""
    return _cut(_NUMBER.sub(lambda found: f"{found[1]} {_end(found[2])}", str(error) or type(error).__name__))


def _end(number: str) -> str:
    return f"…{number[-NUMBER_SHOWN:]}"


def _plain(value: object) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in list(cast("Iterable[object]", value))[:ITEMS_SHOWN_MAX]]
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_SHOWN_MAX else text[: TEXT_SHOWN_MAX - 1] + "…"
