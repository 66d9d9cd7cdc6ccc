"""A folder of links to pseudo-terminals, and whether whoever made them is still alive.

Law: a link outlives a program that was killed, and the system gives the number of its terminal to the next one that
asks for one: a person's shell. So the maker of such links holds a lock beside them as long as it lives, which the
kernel takes back whatever becomes of it, and whoever opens a link looks at the lock first. A link without such a lock
beside it is somebody else's, and nothing is known of it.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

MARK = ".held"
LOOKS_MAX, LOOK_S = 5, 0.005  # somebody who only looks has the lock for a moment too


class HeldFolder:
    """Hold a folder from now on; ``release`` it in the end. BlockingIOError if somebody else holds it. On a file system
    that has no locks there is no mark, and nobody knows."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / MARK
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._lock()
        except BlockingIOError:
            os.close(self._fd)
            raise
        except OSError:
            self.release()

    def release(self) -> None:
        """No more. A second call does nothing. The mark goes first: nobody may wait at one that has no name."""
        if self._fd >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = -1

    def _lock(self) -> None:
        for _ in range(LOOKS_MAX):
            with suppress(BlockingIOError):
                return fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            time.sleep(LOOK_S)
        return fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_abandoned(folder: Path) -> bool:
    """Whether whoever held it has ended without giving it back."""
    try:
        fd = os.open(folder / MARK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False  # there is no mark, or none that may be looked at
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def is_left_over(path: Path) -> bool:
    """Whether that port is a link whose maker has ended without taking it away."""
    return path.is_symlink() and is_abandoned(path.parent)
