"""Power cuts at a chosen operation: a wrapper around any files port, for sweeping a scenario one cut after another."""

from firmware.ports.files import File, Files


class PowerCut(BaseException):
    """The board is dead from here on. No application may catch it, so it is none of the faults that ports report."""


class PowerCutFiles(Files):
    """Passes everything on, counts what changes the medium, and dies before change number ``cut_before`` (from 0).

    ``changes`` is the count so far. With ``cut_before`` None it only counts. Once dead, nothing works any more.
    """

    def __init__(self, files: Files, cut_before: "int | None" = None) -> None:
        self.changes = 0
        self._files = files
        self._cut_before = cut_before
        self._dead = False

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        """See Files."""
        self.change("create " + path)
        return PowerCutFile(self, path, self._files.create(path, reserve_bytes))

    def open(self, path: str, writable: bool = False) -> File:
        """See Files."""
        self.check_alive("open " + path)
        return PowerCutFile(self, path, self._files.open(path, writable))

    def rename(self, old_path: str, new_path: str) -> None:
        """See Files."""
        self.change("rename " + old_path)
        self._files.rename(old_path, new_path)

    def remove(self, path: str) -> None:
        """See Files."""
        self.change("remove " + path)
        self._files.remove(path)

    def make_folder(self, path: str) -> None:
        """See Files."""
        self.change("make_folder " + path)
        self._files.make_folder(path)

    def remove_folder(self, path: str) -> None:
        """See Files."""
        self.change("remove_folder " + path)
        self._files.remove_folder(path)

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
        self.change("sync_folder " + path)
        self._files.sync_folder(path)

    def total_bytes(self) -> int:
        """See Files."""
        return self._files.total_bytes()

    def free_bytes(self) -> int:
        """See Files."""
        return self._files.free_bytes()

    def change(self, operation: str) -> None:
        """Count a change, or die before it."""
        self.check_alive(operation)
        if self.changes == self._cut_before:
            self._dead = True
            raise PowerCut("power cut before change %d: %s" % (self.changes, operation))
        self.changes += 1

    def check_alive(self, operation: str) -> None:
        """Die if the cut has been."""
        if self._dead:
            raise PowerCut("power is off: " + operation)


class PowerCutFile(File):
    """A handle of PowerCutFiles."""

    def __init__(self, files: PowerCutFiles, path: str, file: File) -> None:
        self._files = files
        self._path = path
        self._file = file

    def read_at(self, offset_bytes: int, buffer: "bytearray | memoryview") -> int:
        """See File."""
        self._files.check_alive("read " + self._path)
        return self._file.read_at(offset_bytes, buffer)

    def write_at(self, offset_bytes: int, data: "bytes | bytearray | memoryview") -> None:
        """See File."""
        self._files.change("write " + self._path)
        self._file.write_at(offset_bytes, data)

    def size_bytes(self) -> int:
        """See File."""
        return self._file.size_bytes()

    def truncate(self, size_bytes: int) -> None:
        """See File."""
        self._files.change("truncate " + self._path)
        self._file.truncate(size_bytes)

    def sync(self) -> None:
        """See File."""
        self._files.change("sync " + self._path)
        self._file.sync()

    def close(self) -> None:
        """See File."""
        self._file.close()
