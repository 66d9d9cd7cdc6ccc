"""Durable files. Vault (camera) and spool (controller) both write through this port: power cuts sweep both alike.

Paths are relative, with ``/``, below the port's root; ``..`` and absolute paths are refused with PortFault.
Every operation may raise NotFound, AlreadyExists, NoSpace, ReadOnly or IoFault (``firmware.ports.errors``).
Nothing is durable before the ``sync`` that covers it: file contents and size by ``File.sync``, names by
``Files.sync_folder`` of the folder that holds the name.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import Unprovided

if TYPE_CHECKING:
    Buffer = bytes | bytearray | memoryview


class File:
    """An open file with absolute offsets; there is no current position."""

    def read_at(self, offset_bytes: int, buffer: "bytearray | memoryview") -> int:
        """Fill ``buffer`` from ``offset_bytes``; returns bytes read, fewer than asked only at the end of the file."""
        raise Unprovided(self, "read_at")

    def write_at(self, offset_bytes: int, data: "Buffer") -> None:
        """Write all of ``data`` at ``offset_bytes``, growing the file where needed."""
        raise Unprovided(self, "write_at")

    def size_bytes(self) -> int:
        """Length of the file now."""
        raise Unprovided(self, "size_bytes")

    def truncate(self, size_bytes: int) -> None:
        """Cut the file to ``size_bytes``."""
        raise Unprovided(self, "truncate")

    def write_out(self, offset_bytes: int, length_bytes: int) -> None:
        """What was written there is to go out now, and will not be read again soon: a hint, for files that are written
        from one end to the other and are longer than memory likes. May wait for an earlier part, and raise what became
        of it. Nothing is durable before ``sync``. Where there is no such thing, nothing happens."""

    def sync(self) -> None:
        """Return when contents and size are on the medium."""
        raise Unprovided(self, "sync")

    def close(self) -> None:
        """Give the handle back; a second call does nothing. Does not imply ``sync``."""
        raise Unprovided(self, "close")


class Files:
    """A tree of files on one medium."""

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        """Make a new, empty, writable file; AlreadyExists if the name is taken.

        With ``reserve_bytes`` the space is set aside now (NoSpace if it is not there); the size stays 0.
        """
        raise Unprovided(self, "create")

    def open(self, path: str, writable: bool = False) -> File:
        """Open a file that exists."""
        raise Unprovided(self, "open")

    def rename(self, old_path: str, new_path: str) -> None:
        """Give a file or folder a new name at once and whole; an existing file of the new name is replaced."""
        raise Unprovided(self, "rename")

    def remove(self, path: str) -> None:
        """Remove a file."""
        raise Unprovided(self, "remove")

    def make_folder(self, path: str) -> None:
        """Make a folder; its parent must exist. AlreadyExists if the name is taken."""
        raise Unprovided(self, "make_folder")

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        raise Unprovided(self, "remove_folder")

    def list_folder(self, path: str) -> "list[str]":
        """Names in a folder, sorted; ``""`` is the root."""
        raise Unprovided(self, "list_folder")

    def exists(self, path: str) -> bool:
        """Whether a file or folder of that name is there."""
        raise Unprovided(self, "exists")

    def sync_folder(self, path: str) -> None:
        """Return when the names in that folder are on the medium."""
        raise Unprovided(self, "sync_folder")

    def total_bytes(self) -> int:
        """Size of the medium."""
        raise Unprovided(self, "total_bytes")

    def free_bytes(self) -> int:
        """What can still be written."""
        raise Unprovided(self, "free_bytes")
