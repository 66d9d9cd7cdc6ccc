"""CSV as people's programs read and write it: UTF-8, quoted where needed, nothing that a spreadsheet would compute.

Law: pure. ``guard`` puts an apostrophe before what a spreadsheet takes for a formula (``=``, ``+``, ``-``, ``@``, a tab
or a line's end): where a text begins, and wherever one begins for a program that splits at ``;``, ``,``, ``|`` or a tab
what we had quoted, after any space, quote and apostrophe. ``unguard`` takes exactly those away. The two are each
other's inverse on every text, and a name such as ``'t Hooft`` is not touched by either (decision 0100).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

CELL_CHARACTERS_MAX = 4_096  # more is no cell of a table that a person keeps
COLUMNS_MAX = 1_024  # as wide as most spreadsheets are: what is wider is made to keep somebody busy
DELIMITERS = ",;\t"  # a spreadsheet writes the one that its language has
BOM = "\ufeff"  # some spreadsheets read UTF-8 by it alone

# What begins a formula, in half width and in full width, which some spreadsheets take for the same.
_FORMULA = "[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
# Where a cell begins for some program, whatever separates cells there, with what it passes over.
_BEGINNING = '(?:^|(?<=[;,|\t\r\n]))[ \xa0"]*'
_COMPUTED = re.compile(f"({_BEGINNING})('*)(?={_FORMULA})")
_GUARDED = re.compile(f"({_BEGINNING})'('*)(?={_FORMULA})")


class Line(NamedTuple):
    """One row of a file; ``number`` of its first line, as an editor counts."""

    number: int
    cells: list[str]


class CsvFault(Exception):
    """It is no table. ``line``: where that shows; ``code``, ``values``: of ``errors.CONFLICTS``."""

    def __init__(self, line: int, text: str, code: str, **values: object) -> None:
        super().__init__(text)
        self.line = line
        self.code = code
        self.values = values


def guard(text: str) -> str:
    """A text that no spreadsheet computes."""
    return _COMPUTED.sub(r"\1'\2", text)


def unguard(text: str) -> str:
    """The text that ``guard`` was given."""
    return _GUARDED.sub(r"\1\2", text)


def write(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A file. Texts are guarded; numbers are written as they are."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([guard(cell) if isinstance(cell, str) else cell for cell in row])
    return made.getvalue()


def file_of(text: str) -> bytes:
    """As it is saved, wherever it is saved."""
    return (BOM + text).encode()


def read(text: str, rows_max: int) -> list[Line]:
    """Its rows, unguarded, empty ones left out. CsvFault if it is no table, or a longer one."""
    text = text.removeprefix(BOM)
    lines: list[Line] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    before = 0
    try:
        for cells in reader:
            number, before = before + 1, reader.line_num
            if len(cells) > COLUMNS_MAX:
                text = f"{len(cells)} cells, and at most {COLUMNS_MAX} columns: check its separators"
                raise CsvFault(number, text, "cells_too_many", cells=len(cells), columns=COLUMNS_MAX)
            if not any(cell.strip() for cell in cells):
                continue
            if len(lines) >= rows_max:
                raise CsvFault(number, f"more than {rows_max} rows", "rows_too_many", most=rows_max)
            if any(len(cell) > CELL_CHARACTERS_MAX for cell in cells):
                text = f"a cell of more than {CELL_CHARACTERS_MAX} characters"
                raise CsvFault(number, text, "cell_too_long", most=CELL_CHARACTERS_MAX)
            lines.append(Line(number, [unguard(cell) for cell in cells]))
    except csv.Error as error:
        raise CsvFault(reader.line_num, f"not CSV ({error})", "not_csv") from error
    return lines


def _delimiter(text: str) -> str:
    """The one that is most often in the first line that holds something."""
    first = next((line for line in io.StringIO(text, newline="") if line.strip()), "")
    return max(DELIMITERS, key=first.count)
