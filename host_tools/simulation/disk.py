"""A medium that can lose power, fail, fill up and turn read-only: MemoryFiles with a hand on them, and witnesses.

Law: the content is MemoryFiles' own. A power cut comes before the n-th change from now: the medium as it would be found
is taken at that instant (``survivor``), whoever pulled the plug is told, and what the dead program still does goes to a
copy that nobody will read. ``boot`` puts the survivor in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from firmware.ports.errors import IoFault, NoSpace, ReadOnly
from firmware.ports.files import File, Files
from firmware.ports.memory_files import MemoryFiles

Mood = Literal["well", "failing", "full", "read_only"]
Survive = Callable[[MemoryFiles, int], MemoryFiles]

_FAULTS: dict[Mood, type[Exception]] = {"failing": IoFault, "full": NoSpace, "read_only": ReadOnly}
_FREES_SPACE = frozenset({"remove", "remove_folder", "truncate", "sync", "sync_folder", "rename"})


class Witness:
    """What a medium tells about. Override what is of interest."""

    def folder_made(self, path: str) -> None:
        """A folder was made."""

    def renamed(self, old_path: str, new_path: str) -> None:
        """A file or folder was renamed."""

    def journal_synced(self, path: str, lines: int) -> None:
        """A journal has so many lines on the medium."""


class Disk(Files):
    """``changes``: how often anything on it was changed. ``survive``: what a power cut leaves."""

    def __init__(self, capacity_bytes: int, survive: Survive | None = None, witness: Witness | None = None) -> None:
        self.files = MemoryFiles(capacity_bytes)
        self.mood: Mood = "well"
        self.changes = 0
        self.on_cut: Callable[[], None] | None = None
        self.alert = False
        self.witness = witness or Witness()
        self._survive: Survive = survive or MemoryFiles.crash_torn
        self._survivor: MemoryFiles | None = None
        self._cut_at = -1
        self._cut_seed = 0

    # -- the world's hand

    def set_mood(self, mood: Mood) -> None:
        """How it answers from now on."""
        self.mood = mood
        self._look_out()

    def cut_before(self, change: int, seed: int) -> None:
        """Cut the power before the ``change``-th change from now (0: the next)."""
        self._cut_at, self._cut_seed = self.changes + change, seed
        self._look_out()

    def cut_now(self, seed: int) -> None:
        """Cut the power at this instant."""
        if self._survivor is None:
            self._survivor = self._survive(self.files, seed)
        self._cut_at = -1
        self._look_out()

    def cut_at_no_write(self) -> None:
        """No cut is to come any more."""
        self._cut_at = -1
        self._look_out()

    def boot(self) -> None:
        """The power is back: what survived is what there is."""
        if self._survivor is not None:
            self.files, self._survivor = self._survivor, None
        self._cut_at = -1
        self._look_out()

    def is_dead(self) -> bool:
        """Whether the power has been cut and is not back."""
        return self._survivor is not None

    def check(self, operation: str, path: str) -> None:
        """Before a change, while anything but the usual is on."""
        self.changes += 1
        if self._survivor is None and 0 <= self._cut_at < self.changes:
            self.cut_now(self._cut_seed)
            if self.on_cut is not None:
                self.on_cut()
        if self.mood == "full" and operation in _FREES_SPACE:
            return
        fault = _FAULTS.get(self.mood)
        if fault is not None and self._survivor is None:
            raise fault(f"{path}: {operation}: the medium is {self.mood}")

    def _look_out(self) -> None:
        self.alert = self.mood != "well" or self._cut_at >= 0

    # -- the port

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        self._change("create", path)
        return self._handle(path, self.files.create(path, reserve_bytes))

    def open(self, path: str, writable: bool = False) -> File:
        return self._handle(path, self.files.open(path, writable))

    def rename(self, old_path: str, new_path: str) -> None:
        self._change("rename", old_path)
        self.files.rename(old_path, new_path)
        if self._survivor is None:
            self.witness.renamed(old_path, new_path)

    def remove(self, path: str) -> None:
        self._change("remove", path)
        self.files.remove(path)

    def make_folder(self, path: str) -> None:
        self._change("make_folder", path)
        self.files.make_folder(path)
        if self._survivor is None:
            self.witness.folder_made(path)

    def remove_folder(self, path: str) -> None:
        self._change("remove_folder", path)
        self.files.remove_folder(path)

    def list_folder(self, path: str) -> list[str]:
        return self.files.list_folder(path)

    def exists(self, path: str) -> bool:
        return self.files.exists(path)

    def sync_folder(self, path: str) -> None:
        self._change("sync_folder", path)
        self.files.sync_folder(path)

    def total_bytes(self) -> int:
        return self.files.total_bytes()

    def free_bytes(self) -> int:
        return 0 if self.mood == "full" else self.files.free_bytes()

    def _change(self, operation: str, path: str) -> None:
        if self.alert:
            self.check(operation, path)
        else:
            self.changes += 1

    def _handle(self, path: str, file: File) -> File:
        return _Journal(self, path, file) if path.endswith("/journal") else _Handle(self, path, file)


class _Handle(File):
    """An open file of a Disk."""

    def __init__(self, disk: Disk, path: str, file: File) -> None:
        self._disk = disk
        self._path = path
        self._file = file

    def read_at(self, offset_bytes: int, buffer: bytearray | memoryview) -> int:
        if self._disk.mood == "failing":
            raise IoFault(f"{self._path}: read: the medium is failing")
        return self._file.read_at(offset_bytes, buffer)

    def write_at(self, offset_bytes: int, data: bytes | bytearray | memoryview) -> None:
        disk = self._disk
        if disk.alert:
            disk.check("write", self._path)
        else:
            disk.changes += 1
        self._file.write_at(offset_bytes, data)

    def size_bytes(self) -> int:
        return self._file.size_bytes()

    def truncate(self, size_bytes: int) -> None:
        self._disk.check("truncate", self._path)
        self._file.truncate(size_bytes)

    def sync(self) -> None:
        disk = self._disk
        if disk.alert:
            disk.check("sync", self._path)
        else:
            disk.changes += 1
        self._file.sync()

    def close(self) -> None:
        self._file.close()


class _Journal(_Handle):
    """A camera's journal: tells how many lines are safe."""

    def __init__(self, disk: Disk, path: str, file: File) -> None:
        super().__init__(disk, path, file)
        self._lines = 0

    def write_at(self, offset_bytes: int, data: bytes | bytearray | memoryview) -> None:
        super().write_at(offset_bytes, data)
        self._lines += 1

    def sync(self) -> None:
        super().sync()
        if not self._disk.is_dead():
            self._disk.witness.journal_synced(self._path, self._lines)
