"""What pages say, in one catalogue a language: TOML tables of texts, by dotted names.

Law: a text is plain, with ``{names}`` in it; markup is the template's. A name that is missing in a language is English
there; one that is missing in English is a fault that tests find. ``name.one`` and ``name.other`` are chosen by ``n``.
"""

from __future__ import annotations

import json
import string
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

ENGLISH = "en"


class Texts:
    """All texts of all rooms that were given, by language. ``folders``: of files ``en.toml`` and ``en.PART.toml``."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._by_language: dict[str, dict[str, str]] = {}
        for folder in folders:
            for path in sorted(folder.glob("*.toml")):
                table = tomllib.loads(path.read_text(encoding="utf-8"))
                self._by_language.setdefault(path.name.partition(".")[0], {}).update(flat(table))
        self.languages = sorted(self._by_language)

    def names(self, language: str = ENGLISH) -> frozenset[str]:
        """Every name that a language has."""
        return frozenset(self._by_language.get(language, {}))

    def say(self, name: str, /, language: str = ENGLISH, **values: object) -> str:
        """A text with its values filled in. KeyError names one that is missing."""
        table = self._by_language.get(language, {})
        english = self._by_language[ENGLISH]
        if "n" in values and f"{name}.other" in english:
            name = f"{name}.{'one' if values['n'] == 1 else 'other'}"
        return string.Formatter().vformat(table.get(name) or english[name], (), _Said(values))

    def module(self, language: str) -> bytes:
        """All texts as an ES module for a browser."""
        table = self._by_language[ENGLISH] | self._by_language.get(language, {})
        return f"export default {json.dumps(table, ensure_ascii=False, sort_keys=True)};\n".encode()


class _Said(dict[str, Any]):
    """Only names: a text cannot reach into what it is given."""

    def __init__(self, values: Mapping[str, object]) -> None:
        super().__init__({name: str(value) for name, value in values.items()})


def flat(table: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """Tables in tables as dotted names."""
    found: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= flat(cast("dict[str, Any]", value), f"{before}{name}.")
        else:
            found[f"{before}{name}"] = str(value)
    return found
