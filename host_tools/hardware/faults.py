"""What is wrong with one field of what somebody gave, as a sentence with its remedy.

Law: one table of what is said of each kind of error, and one of what is said of fields that have a form of their own.
The words of the library that checks reach nobody: no pattern, no word of its types. What was given is not repeated: it
may be a password.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from host_tools.hardware.errors import nearest

PLACE_CHARACTERS_MAX = 80
MESSAGE_CHARACTERS_MAX = 200
OWN_WORDS = "Value error, "  # what the library puts before a sentence of ours

_WHOLE = "is no whole number: write digits"
_NUMBER = "is no number: write digits"
_SWITCH = "is neither on nor off: write one of them"
_TEXT = "is no text: write it in quotes"
_LIST = "is no list: name several, or none"
_TABLE = "is no table of names and values: write it as one"

# By the library's word for the kind of an error; in braces its own figures.
SAID: Final[dict[str, str]] = {
    "missing": "is missing: give it",
    "string_too_short": "is shorter than {min_length} characters: write more",
    "string_too_long": "is longer than {max_length} characters: shorten it",
    "string_pattern_mismatch": "holds something that is not allowed there: leave out what does not print",
    "string_unicode": "is not in UTF-8: type it again",
    "string_type": _TEXT,
    "too_short": "has fewer than {min_length} entries: name more",
    "too_long": "has more than {max_length} entries: leave some out",
    "greater_than_equal": "is less than {ge}: {ge} or more",
    "less_than_equal": "is more than {le}: {le} or less",
    "greater_than": "is not more than {gt}: take more",
    "less_than": "is not less than {lt}: take less",
    "literal_error": "is none of {expected}: choose one",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "has too many digits: take a smaller number",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _SWITCH,
    "bool_parsing": _SWITCH,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "path_type": "is no path: write it in quotes",
    "json_invalid": "is not JSON: correct it",
}
EMPTY = "is empty: write it"  # what is shorter than one character
# What a field has to look like, where the library has but a pattern for it.
FORMS: Final[dict[str, str]] = {
    "email": "is no e-mail address: write one as ada@example.org",
    "notification_address": "is no e-mail address: write one as ada@example.org",
    "tag": "is no badge number: write 4 to 64 hexadecimal digits, as 04A1B2C3",
    "tags": "is no badge number: write 4 to 64 hexadecimal digits, as 04A1B2C3",
    "recording": "is no identity of a recording: take its 32 hexadecimal digits from the list of recordings",
    "root": "is no certificate in hexadecimal: take the file that the maker publishes",
}
# Fields that people know as a file: what is too long for one is another file.
FILES: Final[dict[str, str]] = {"root": "is no certificate: take the file that the maker publishes"}


def line_of(fault: Mapping[str, Any], known: Iterable[str] = ()) -> str:
    """``email: is no e-mail address: …``. ``fault``: of the library's list; ``known``: names that could be meant."""
    place = place_of(fault)
    return f"{place}: {why_of(fault, known)}" if place else why_of(fault, known)


def place_of(fault: Mapping[str, Any]) -> str:
    """The field, without numbers of entries and what the library calls the kinds of a value."""
    parts = [str(part) for part in fault["loc"] if not isinstance(part, int) and part not in ("bool", "int", "str")]
    return ".".join(parts)[:PLACE_CHARACTERS_MAX]


def why_of(fault: Mapping[str, Any], known: Iterable[str] = ()) -> str:
    """What is wrong with it, and what to do."""
    kind, message, figures = str(fault["type"]), str(fault["msg"]), dict(fault.get("ctx") or {})
    field = place_of(fault).rpartition(".")[2]
    if kind == "extra_forbidden":
        remedy = nearest(field, known, "known are") if (known := list(known)) else "leave it out"
        return f"is not known; {remedy}"
    if kind == "string_pattern_mismatch" and field in FORMS:
        return FORMS[field]
    if kind == "string_too_long" and field in FILES:
        return FILES[field]
    if kind == "string_too_short" and figures.get("min_length") == 1:
        return EMPTY
    said = SAID.get(kind)
    if said is not None:
        return said.format_map(figures)
    return _first_small(message.removeprefix(OWN_WORDS))[:MESSAGE_CHARACTERS_MAX]


def _first_small(text: str) -> str:
    return text[:1].lower() + text[1:]
