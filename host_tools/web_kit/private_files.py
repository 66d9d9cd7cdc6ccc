"""Small files that are for nobody else to read: written whole or not at all, durable when that returns.

Law: the bytes are in place, and the folder knows of them, or what was there before still is. Everything here blocks.
"""

from __future__ import annotations

import os
from pathlib import Path

FILE_MODE = 0o600


def write_whole(path: Path, data: bytes) -> None:
    """OSError: what was there is there still."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
