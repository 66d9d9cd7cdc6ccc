"""One server of a destination at a time: a lock on its folder, which ends with the process that has it.

Law: knows a folder and nothing in it but the lock. Whoever only looks needs no lock; whoever removes or moves what lies
there has it (the server, and the commands that clean up or move a destination).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from host_tools.evidence.errors import EvidenceError

LOCK_NAME = "in-use.lock"
WORD_BYTES_MAX = 20  # a process number


@contextmanager
def sole(folder: Path) -> Generator[None]:
    """While the block runs no other program has the folder. EvidenceError at once if one does."""
    path = folder / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be made ({error.strerror}): choose a folder you may write") from error
    try:
        _take(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        number = os.pread(descriptor, WORD_BYTES_MAX, 0).decode(errors="replace").strip()
        who = f" (process {number})" if number.isdecimal() else ""
        raise EvidenceError(f"{folder}: a server of this destination runs{who}: end it first") from None
    except OSError as error:
        raise EvidenceError(f"{folder}: cannot be locked ({error.strerror}): choose another file system") from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
