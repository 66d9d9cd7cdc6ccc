"""Files that people name: within a limit whatever the file is."""

from __future__ import annotations

import io

import pytest

from host_tools.accounts.errors import AccountsError
from host_tools.accounts.uploads import read_bytes

LIMIT_BYTES = 100_000


class Endless(io.RawIOBase):
    """A file that never ends, and tells how much of it was read."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        buffer[:] = b"a," * (len(buffer) // 2) + b"a" * (len(buffer) % 2)
        self.taken += len(buffer)
        return len(buffer)


def test_a_file_without_end_is_refused_at_the_limit():
    endless = Endless()
    with pytest.raises(AccountsError, match=r"wearers\.csv: more than \d+ bytes: split it"):
        read_bytes(io.BufferedReader(endless), "wearers.csv", LIMIT_BYTES)
    assert endless.taken <= LIMIT_BYTES + 2 * io.DEFAULT_BUFFER_SIZE


def test_a_file_within_it_is_read_whole():
    data = bytes(range(256)) * 4
    assert read_bytes(io.BytesIO(data), "x", len(data)) == data
