"""The line on which each key and array element of a TOML text stands. ``tomllib`` gives values without places.

Law: the text has been accepted by tomllib before, so this only has to follow it, not to check it.
"""

from __future__ import annotations

import re
from bisect import bisect_left

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SKIP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


def key_lines(text: str) -> dict[Path, int]:
    """Path of every table, key and array element -> its line, counted from 1."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._breaks = [found.start() for found in re.finditer("\n", text)]  # a roster has tens of thousands of lines
        self._at = 0
        self._lines: dict[Path, int] = {(): 1}
        self._last_index: dict[Path, int] = {}

    def read(self) -> dict[Path, int]:
        table: Path = ()
        self._skip()
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._read_header()
            else:
                self._read_pair(table)
            self._skip()
        return self._lines

    def _read_header(self) -> Path:
        is_array = self._text.startswith("[[", self._at)
        line = self._line()
        self._at += 2 if is_array else 1
        words = self._read_key()
        self._at += 2 if is_array else 1
        path = self._resolve(words[:-1]) + words[-1:]
        if not is_array:
            path = self._resolve(words)
            self._note(path, line)
            return path
        index = self._last_index.get(path, -1) + 1
        self._last_index[path] = index
        self._note(path, line)
        self._note((*path, index), line)
        return (*path, index)

    def _resolve(self, words: Path) -> Path:
        """A header's words with the index of the latest element after each array of tables."""
        path: Path = ()
        for word in words:
            path = (*path, word)
            if path in self._last_index:
                path = (*path, self._last_index[path])
        return path

    def _read_pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for word in self._read_key():
            path = (*path, word)
            self._note(path, line)
        self._at += 1  # the equals sign
        self._skip()
        self._read_value(path)

    def _read_key(self) -> tuple[str, ...]:
        words: list[str] = []
        while True:
            self._pass(_SPACE)
            quoted = self._text[self._at] in "\"'"
            word = self._pass(_STRING if quoted else _BARE)
            words.append(word[1:-1] if quoted else word)
            self._pass(_SPACE)
            if self._text[self._at] != ".":
                return tuple(words)
            self._at += 1

    def _read_value(self, path: Path) -> None:
        first = self._text[self._at]
        if first == "[":
            self._read_array(path)
        elif first == "{":
            self._read_inline_table(path)
        else:
            self._pass(_STRING if first in "\"'" else _SCALAR)

    def _read_array(self, path: Path) -> None:
        self._at += 1
        index = 0
        self._skip()
        while self._text[self._at] != "]":
            self._note((*path, index), self._line())
            self._read_value((*path, index))
            index += 1
            self._pass_comma()
        self._at += 1

    def _read_inline_table(self, path: Path) -> None:
        self._at += 1
        self._skip()
        while self._text[self._at] != "}":
            self._read_pair(path)
            self._pass_comma()
        self._at += 1

    def _pass_comma(self) -> None:
        self._skip()
        if self._text[self._at] == ",":
            self._at += 1
            self._skip()

    def _note(self, path: Path, line: int) -> None:
        self._lines.setdefault(path, line)

    def _line(self) -> int:
        return bisect_left(self._breaks, self._at) + 1

    def _skip(self) -> None:
        self._pass(_SKIP)

    def _pass(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"line {self._line()} is not TOML")
        self._at = match.end()
        return match.group()
