"""The first file system of a guest: a cpio archive (``newc``), written here so that nothing has to be installed for it.

Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst. All files belong to root, whoever writes.
"""

from __future__ import annotations

import gzip
import os
import stat
from pathlib import Path

_END = "TRAILER!!!"


class Initramfs:
    """Collects entries; folders on the way to one are made by themselves."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._folders: set[str] = set()
        self._count = 0

    def folder(self, path: str) -> None:
        """An empty folder."""
        names = path.strip("/").split("/")
        for depth in range(1, len(names) + 1):
            place = "/".join(names[:depth])
            if place and place not in self._folders:
                self._folders.add(place)
                self._entry(place, stat.S_IFDIR | 0o755, b"")

    def file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """A file."""
        self._above(path)
        self._entry(path.strip("/"), stat.S_IFREG | mode, data)

    def link(self, path: str, target: str) -> None:
        """A symbolic link."""
        self._above(path)
        self._entry(path.strip("/"), stat.S_IFLNK | 0o777, target.encode())

    def tree(self, source: Path, below: str = "") -> None:
        """A whole folder as it is, below another one; what is neither file, folder nor link is left out."""
        for folder, folders, names in os.walk(source):
            place = f"{below}/{Path(folder).relative_to(source)}".strip("/").removesuffix("/.").removeprefix("./")
            for name in sorted(folders + names):
                self._copy(Path(folder, name), name if place in ("", ".") else f"{place}/{name}")

    def written(self) -> bytes:
        """The archive, packed."""
        self._entry(_END, 0, b"")
        return gzip.compress(b"".join(self._parts), compresslevel=1)

    def _copy(self, source: Path, path: str) -> None:
        mode = source.lstat().st_mode
        if stat.S_ISLNK(mode):
            self.link(path, os.readlink(source))
        elif stat.S_ISDIR(mode):
            self.folder(path)
        elif stat.S_ISREG(mode):
            self.file(path, source.read_bytes(), stat.S_IMODE(mode))

    def _above(self, path: str) -> None:
        parent = path.strip("/").rpartition("/")[0]
        if parent:
            self.folder(parent)

    def _entry(self, path: str, mode: int, data: bytes) -> None:
        self._count += 1
        name = path.encode() + b"\0"
        fields = (self._count, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields)
        self._parts += [_padded(head + name), _padded(data)]


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
