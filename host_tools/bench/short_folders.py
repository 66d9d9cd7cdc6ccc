"""Folders that scenarios live in: short of name, for sockets have short ones, and gone in the end.

Law: whoever has one holds it for as long as they live. A run that was killed takes nothing away, so the next one clears
away what nobody holds any more.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from host_tools.transports.held_ports import MARK, HeldFolder, is_abandoned

PREFIX = "bwc-"
AGE_S_MIN = 60.0  # of one that is cleared away: whoever has just made one holds it a moment later


class ShortFolder:
    """A new folder at ``path``, until ``cleanup``; as a context manager, its path."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=PREFIX)
        self.path = Path(self._folder.name)
        self._held = HeldFolder(self.path)

    def cleanup(self) -> None:
        """Remove it with all that is in it. A second call does nothing."""
        self._held.release()
        self._folder.cleanup()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.cleanup()


def clear_abandoned() -> None:
    """Remove those of this user whose holders were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # it has gone meanwhile
            mark = (path / MARK).stat()
            if mark.st_uid == os.getuid() and time.time() - mark.st_mtime > AGE_S_MIN and is_abandoned(path):
                shutil.rmtree(path)
