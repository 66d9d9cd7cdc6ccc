"""What the machine refuses, in one line: a file that is not there, a folder that cannot be written, a full disk.

Law: only what a person can mend, by its number; every other error of the system is a defect and keeps its traceback.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from firmware.ports.errors import NoSpace

FULL = (errno.ENOSPC, errno.EDQUOT)
REMEDIES = {
    errno.ENOENT: "name one that is there",
    errno.ENOTDIR: "a file is where a folder should be; name another",
    errno.EISDIR: "that is a folder; name a file",
    errno.EACCES: "let this user read and write it, or name another",
    errno.EPERM: "let this user read and write it, or name another",
    errno.EROFS: "it can only be read; name another place",
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.ENAMETOOLONG: "take a shorter name",
    errno.ELOOP: "its links lead in a circle; name another",
}


def is_mishap(error: BaseException) -> bool:
    """Whether it is told in a line."""
    if not isinstance(error, OSError) or error.errno not in REMEDIES:
        return False
    return isinstance(error.filename, str | bytes) or error.errno in FULL


@contextmanager
def working_in(place: Path) -> Generator[None]:
    """A disk that is full says of no file which one: whatever is written meanwhile is below ``place``."""
    try:
        yield
    except NoSpace as fault:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(place)) from fault
    except OSError as error:
        if error.errno in FULL and error.filename is None:
            raise OSError(error.errno, error.strerror, str(place)) from error
        raise


def told(error: BaseException) -> str:
    """That line."""
    if not isinstance(error, OSError) or not is_mishap(error):
        return str(error)
    named = error.filename2 or error.filename  # of a link or a move, where it was to be
    name = named.decode(errors="replace") if isinstance(named, bytes) else named
    place = f"{name}: " if name else ""
    return f"{place}{error.strerror or errno.errorcode[error.errno or 0]}; {REMEDIES[error.errno or 0]}"
