"""What alerts say: a code and its values, and both in plain English, from the one catalogue that pages read too.

Law: whoever finds what is wrong says it by a code of ``texts/en.alerts.toml``; its text is the catalogue's. A page
says it in the language of whoever looks; command line, mail and telemetry say it in English.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, cast

FOLDER = Path(__file__).parent / "texts"  # for pages: another language is another file in it
ENGLISH = FOLDER / "en.alerts.toml"

Values = Mapping[str, "str | int | Saying"]


class Saying(NamedTuple):
    """``code``: a name in the catalogue; of those that end in ``.one`` and ``.other`` without that end, ``n`` chooses.
    A value may be a saying itself."""

    code: str
    values: Values = MappingProxyType({})

    def text(self) -> str:
        """In English. KeyError names a text or a value that is missing."""
        said = {name: value.text() if isinstance(value, Saying) else value for name, value in self.values.items()}
        counted = f"{self.code}.{'one' if said.get('n') == 1 else 'other'}"
        return (catalogue().get(counted) or catalogue()[self.code]).format_map(said)

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        values = {name: value.plain() if isinstance(value, Saying) else value for name, value in self.values.items()}
        return {"code": self.code, "values": values}


@cache
def catalogue() -> dict[str, str]:
    """All English texts by dotted names."""
    return _flat(tomllib.loads(ENGLISH.read_text(encoding="utf-8")), "")


def _flat(table: Mapping[str, Any], before: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= _flat(cast("dict[str, Any]", value), f"{before}{name}.")
        else:
            found[before + name] = str(value)
    return found
