"""Tables that people upload (CSV): read within limits that hold whatever the file is.

Law: nothing is unpacked, so a few bytes never become many. Limits are checked while reading: what is beyond is never in
memory. A cell is text, and nobody here computes with it.
"""

from __future__ import annotations

import csv
import io
from typing import BinaryIO

from host_tools.accounts.errors import AccountsError

UPLOAD_BYTES_MAX = 4 << 20  # 10 000 rows of 400 bytes
ROWS_MAX = 10_000
COLUMNS_MAX = 32
CELL_CHARACTERS_MAX = 1_000


def read_bytes(stream: BinaryIO, what: str, bytes_max: int = UPLOAD_BYTES_MAX) -> bytes:
    """All of an upload. AccountsError beyond the limit, of which not more than one byte is read."""
    data = stream.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise AccountsError(f"{what}: more than {bytes_max} bytes: split it")
    return data


def read_table(stream: BinaryIO, what: str, bytes_max: int = UPLOAD_BYTES_MAX) -> list[list[str]]:
    """Rows of a CSV file in UTF-8, empty lines left out. AccountsError names the line."""
    data = read_bytes(stream, what, bytes_max)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AccountsError(f"{what}: not UTF-8 at byte {error.start}: save it as CSV UTF-8") from None
    rows: list[list[str]] = []
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in lines:
            if row:
                _check(row, f"{what}: line {lines.line_num}")
                rows.append(row)
            if len(rows) > ROWS_MAX:
                raise AccountsError(f"{what}: more than {ROWS_MAX} rows: split it")
    except csv.Error as error:
        raise AccountsError(f"{what}: line {lines.line_num}: {error}: save it as CSV UTF-8") from None
    return rows


def _check(row: list[str], where: str) -> None:
    if len(row) > COLUMNS_MAX:
        raise AccountsError(f"{where}: more than {COLUMNS_MAX} columns: check its separators")
    for cell in row:
        if len(cell) > CELL_CHARACTERS_MAX:
            raise AccountsError(f"{where}: a cell of more than {CELL_CHARACTERS_MAX} characters: check its quotes")
        if any(ord(character) < 32 and character not in "\t\n\r" for character in cell):
            raise AccountsError(f"{where}: a character that nobody can see: save it as CSV UTF-8")
