"""A folder of a files port as a port of its own: spool, index and destination on one medium, under one power cut."""

from firmware.ports.files import File, Files
from firmware.ports.paths import split_path


class SubtreeFiles(Files):
    """Everything below ``folder`` of ``files``, which must exist. Space is that of the whole medium."""

    def __init__(self, files: Files, folder: str) -> None:
        self._files = files
        self._folder = folder

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        """See Files."""
        return self._files.create(self._below(path), reserve_bytes)

    def open(self, path: str, writable: bool = False) -> File:
        """See Files."""
        return self._files.open(self._below(path), writable)

    def rename(self, old_path: str, new_path: str) -> None:
        """See Files."""
        self._files.rename(self._below(old_path), self._below(new_path))

    def remove(self, path: str) -> None:
        """See Files."""
        self._files.remove(self._below(path))

    def make_folder(self, path: str) -> None:
        """See Files."""
        self._files.make_folder(self._below(path))

    def remove_folder(self, path: str) -> None:
        """See Files."""
        self._files.remove_folder(self._below(path))

    def list_folder(self, path: str) -> "list[str]":
        """See Files."""
        return self._files.list_folder(self._below(path) if path else self._folder)

    def exists(self, path: str) -> bool:
        """See Files."""
        return self._files.exists(self._below(path) if path else self._folder)

    def sync_folder(self, path: str) -> None:
        """See Files."""
        self._files.sync_folder(self._below(path) if path else self._folder)

    def total_bytes(self) -> int:
        """See Files."""
        return self._files.total_bytes()

    def free_bytes(self) -> int:
        """See Files."""
        return self._files.free_bytes()

    def _below(self, path: str) -> str:
        """PortFault for a path that would leave the folder, as the port below would for one that leaves the root. The
        root itself, which has no name here either, stays ``""`` and is refused there."""
        return self._folder + "/" + path if split_path(path) else ""
