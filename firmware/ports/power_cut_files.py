"""Power cuts at a chosen operation: a wrapper around any files port, for sweeping a scenario one cut after another.

Every operation that changes the medium or makes it durable is counted, from 0. A cut comes before one of them, inside
it, or after it: *before*, nothing of it was done; *inside*, a change was made but nothing of it is durable, and a sync
has not covered what it was to cover; *after*, it was done whole, and whoever asked for it never learns. What the medium
then holds is for the medium to say (``MemoryFiles.crash_torn``).
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import PortFault
from firmware.ports.files import File, Files

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

BEFORE = "before"
INSIDE = "inside"
AFTER = "after"
PHASES = (BEFORE, INSIDE, AFTER)


class PowerCut(BaseException):
    """The board is dead from here on. No application may catch it, so it is none of the faults that ports report."""


class PowerCutFiles(Files):
    """Passes everything on, counts what changes the medium, and dies at one of these changes. Once dead, nothing works
    any more.

    ``changes`` is the count so far; with no cut chosen it only counts. ``place`` is the path and the offset that were
    written or synced last. ``dead``: the cut has been.
    """

    def __init__(
        self,
        files: Files,
        cut_before: "int | None" = None,
        cut_inside: "int | None" = None,
        cut_after: "int | None" = None,
    ) -> None:
        self.changes = 0
        self.dead = False
        self.place: "tuple[str, int]" = ("", 0)
        self._files = files
        self._cut_before = cut_before
        self._cut_inside = cut_inside
        self._cut_after = cut_after
        self._operation = ""

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        """See Files."""
        self.place = (path, 0)
        self.change("create " + path)
        file = self.perform(lambda: self._files.create(path, reserve_bytes))
        return PowerCutFile(self, path, file)

    def open(self, path: str, writable: bool = False) -> File:
        """See Files."""
        self.check_alive("open " + path)
        return PowerCutFile(self, path, self._files.open(path, writable))

    def rename(self, old_path: str, new_path: str) -> None:
        """See Files."""
        self.place = (new_path, 0)
        self.change("rename " + old_path)
        self.perform(lambda: self._files.rename(old_path, new_path))

    def remove(self, path: str) -> None:
        """See Files."""
        self.place = (path, 0)
        self.change("remove " + path)
        self.perform(lambda: self._files.remove(path))

    def make_folder(self, path: str) -> None:
        """See Files."""
        self.place = (path, 0)
        self.change("make_folder " + path)
        self.perform(lambda: self._files.make_folder(path))

    def remove_folder(self, path: str) -> None:
        """See Files."""
        self.place = (path, 0)
        self.change("remove_folder " + path)
        self.perform(lambda: self._files.remove_folder(path))

    def list_folder(self, path: str) -> "list[str]":
        """See Files."""
        self.check_alive("list_folder " + path)
        return self._files.list_folder(path)

    def exists(self, path: str) -> bool:
        """See Files."""
        self.check_alive("exists " + path)
        return self._files.exists(path)

    def sync_folder(self, path: str) -> None:
        """See Files."""
        self.place = (path, 0)
        self.change("sync_folder " + path)
        self.perform(lambda: self._files.sync_folder(path), True)

    def total_bytes(self) -> int:
        """See Files."""
        return self._files.total_bytes()

    def free_bytes(self) -> int:
        """See Files."""
        return self._files.free_bytes()

    def change(self, operation: str) -> None:
        """Count a change, or die before it."""
        self.check_alive(operation)
        self._operation = operation
        if self.changes == self._cut_before:
            raise self._death(BEFORE, self.changes)
        self.changes += 1

    def perform(self, work: "Callable[[], T]", is_sync: bool = False) -> "T":
        """Make the change that was counted last, or die inside it or after it. A sync that is cut covers nothing."""
        number = self.changes - 1
        if number not in (self._cut_inside, self._cut_after):
            return work()
        phase = INSIDE if number == self._cut_inside else AFTER
        if not (is_sync and phase == INSIDE):
            try:
                work()
            except PortFault:
                pass  # the power goes all the same
        raise self._death(phase, number)

    def check_alive(self, operation: str) -> None:
        """Die if the cut has been."""
        if self.dead:
            raise PowerCut("power is off: " + operation)

    def _death(self, phase: str, number: int) -> PowerCut:
        self.dead = True
        return PowerCut("power cut %s change %d: %s" % (phase, number, self._operation))


class PowerCutFile(File):
    """A handle of PowerCutFiles."""

    def __init__(self, files: PowerCutFiles, path: str, file: File) -> None:
        self._files = files
        self._path = path
        self._file = file
        self._last_bytes = 0

    def read_at(self, offset_bytes: int, buffer: "bytearray | memoryview") -> int:
        """See File."""
        self._files.check_alive("read " + self._path)
        return self._file.read_at(offset_bytes, buffer)

    def write_at(self, offset_bytes: int, data: "bytes | bytearray | memoryview") -> None:
        """See File."""
        self._last_bytes = offset_bytes
        self._files.place = (self._path, offset_bytes)
        self._files.change("write " + self._path)
        self._files.perform(lambda: self._file.write_at(offset_bytes, data))

    def size_bytes(self) -> int:
        """See File."""
        return self._file.size_bytes()

    def truncate(self, size_bytes: int) -> None:
        """See File."""
        self._last_bytes = size_bytes
        self._files.place = (self._path, size_bytes)
        self._files.change("truncate " + self._path)
        self._files.perform(lambda: self._file.truncate(size_bytes))

    def sync(self) -> None:
        """See File."""
        self._files.place = (self._path, self._last_bytes)
        self._files.change("sync " + self._path)
        self._files.perform(self._file.sync, True)

    def close(self) -> None:
        """See File."""
        self._file.close()
