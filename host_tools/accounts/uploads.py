"""Files that people name on a command line: read within a limit that holds whatever the file is.

Law: nothing is unpacked, so a few bytes never become many. What is beyond the limit is never in memory.
"""

from __future__ import annotations

from typing import BinaryIO

from host_tools.accounts.errors import AccountsError


def read_bytes(stream: BinaryIO, what: str, bytes_max: int) -> bytes:
    """All of an upload. AccountsError beyond the limit, of which not more than one byte is read."""
    data = stream.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise AccountsError(f"{what}: more than {bytes_max} bytes: split it")
    return data
