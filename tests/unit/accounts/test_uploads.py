"""Tables that people upload: within limits whatever the file is."""

from __future__ import annotations

import contextlib
import gzip
import io
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.accounts.errors import AccountsError
from host_tools.accounts.uploads import CELL_CHARACTERS_MAX, COLUMNS_MAX, ROWS_MAX, UPLOAD_BYTES_MAX, read_table


def test_a_table_is_read():
    rows = read_table(io.BytesIO('\ufeffID,name\r\nW-1,"Lovelace, Ada"\r\n\r\nW-2,Müller\n'.encode()), "wearers.csv")
    assert rows == [["ID", "name"], ["W-1", "Lovelace, Ada"], ["W-2", "Müller"]]


class Endless(io.RawIOBase):
    """A file that never ends, and tells how much of it was read."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        buffer[:] = b"a," * (len(buffer) // 2) + b"a" * (len(buffer) % 2)
        self.taken += len(buffer)
        return len(buffer)


@pytest.mark.req("CTRL-04")
def test_a_file_without_end_is_refused_at_the_limit():
    endless = Endless()
    tracemalloc.start()
    with pytest.raises(AccountsError, match=r"wearers\.csv: more than \d+ bytes: split it"):
        read_table(io.BufferedReader(endless), "wearers.csv")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert endless.taken <= UPLOAD_BYTES_MAX + 2 * io.DEFAULT_BUFFER_SIZE
    assert peak_bytes < 4 * UPLOAD_BYTES_MAX


def zip_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("wearers.csv", b"a" * 50_000_000)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (zip_bomb, "not UTF-8|nobody can see"),
        (lambda: gzip.compress(b"a" * 50_000_000, 1), "not UTF-8"),
        (b"a\n" * (ROWS_MAX + 2), "more than 10000 rows"),
        (b"," * COLUMNS_MAX, "line 1: more than 32 columns"),
        (b"ok\n" + b"x" * (CELL_CHARACTERS_MAX + 1), "line 2: a cell of more than 1000"),
        (b'"' + b"\n" * 2_000_000, r"line \d+"),
        (b"a\x00b", "line 1: a character that nobody can see|line contains NUL"),
        (b"W-1,\x1b[2J", "line 1: a character that nobody can see"),
        (b'a,"b"c', "line 1: "),
        (b"\xff\xfea\x00", "not UTF-8 at byte 0"),
    ],
    ids=["zip", "gzip", "rows", "columns", "cell", "open quote", "zero", "escape", "quotes", "utf-16"],
)
@pytest.mark.req("CTRL-04")
def test_bombs_are_one_line(data, why):
    data = data() if callable(data) else data
    tracemalloc.start()
    with pytest.raises(AccountsError, match=why) as refused:
        read_table(io.BytesIO(data), "wearers.csv")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "\n" not in str(refused.value)
    assert peak_bytes < 40_000_000


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_one_line(data):
    with contextlib.suppress(AccountsError):  # and nothing else
        rows = read_table(io.BytesIO(data), "x.csv")
        assert all(isinstance(cell, str) for row in rows for cell in row)
