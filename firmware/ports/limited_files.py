"""A files port made smaller: an emulated card of 8 GB on a host disk of any size, or a full card within a second."""

from firmware.ports.errors import NoSpace, NotFound, PortFault
from firmware.ports.files import File, Files


class LimitedFiles(Files):
    """Passes everything on to ``files``, which nobody else may write to, and allows ``capacity_bytes`` of contents.

    What is there already counts. Reservations count while this object lives; names and folders cost nothing.
    """

    def __init__(self, files: Files, capacity_bytes: int) -> None:
        self._files = files
        self._capacity_bytes = capacity_bytes
        self._used_bytes = 0
        self._charges: "dict[str, Charge]" = {}
        self._count_folder("")

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        """See Files."""
        if reserve_bytes > self.free_bytes() and not self._files.exists(path):
            raise self._no_space(path, reserve_bytes)
        file = self._files.create(path, reserve_bytes)
        charge = Charge()
        self._charges[path] = charge
        self.charge(path, charge, 0, reserve_bytes)
        return LimitedFile(self, path, file, charge)

    def open(self, path: str, writable: bool = False) -> File:
        """See Files."""
        file = self._files.open(path, writable)
        if path not in self._charges:
            self._count_file(path, file)
        return LimitedFile(self, path, file, self._charges[path])

    def rename(self, old_path: str, new_path: str) -> None:
        """See Files."""
        self._files.rename(old_path, new_path)
        if old_path == new_path:
            return
        self._release(new_path)
        for path in list(self._charges):
            if path == old_path or path.startswith(old_path + "/"):
                self._charges[new_path + path[len(old_path) :]] = self._charges.pop(path)

    def remove(self, path: str) -> None:
        """See Files."""
        self._files.remove(path)
        self._release(path)

    def make_folder(self, path: str) -> None:
        """See Files."""
        self._files.make_folder(path)

    def remove_folder(self, path: str) -> None:
        """See Files."""
        self._files.remove_folder(path)

    def list_folder(self, path: str) -> "list[str]":
        """See Files."""
        return self._files.list_folder(path)

    def exists(self, path: str) -> bool:
        """See Files."""
        return self._files.exists(path)

    def sync_folder(self, path: str) -> None:
        """See Files."""
        self._files.sync_folder(path)

    def total_bytes(self) -> int:
        """See Files."""
        return self._capacity_bytes

    def free_bytes(self) -> int:
        """See Files."""
        return min(max(0, self._capacity_bytes - self._used_bytes), self._files.free_bytes())

    def charge(self, path: str, charge: "Charge", size_bytes: int, reserved_bytes: int) -> None:
        """Account for a file's new size and reservation. NoSpace if it grows beyond what is left."""
        if charge.removed:
            return
        more = max(size_bytes, reserved_bytes) - charge.taken_bytes()
        if more > 0 and self._used_bytes + more > self._capacity_bytes:
            raise self._no_space(path, more)
        self._used_bytes += more
        charge.size_bytes = size_bytes
        charge.reserved_bytes = reserved_bytes

    def _no_space(self, path: str, bytes_more: int) -> NoSpace:
        return NoSpace("no space for %s: %d bytes wanted, %d free" % (path, bytes_more, self.free_bytes()))

    def _release(self, path: str) -> None:
        charge = self._charges.pop(path, None)
        if charge is not None:
            self._used_bytes -= charge.taken_bytes()
            charge.removed = True

    def _count_folder(self, folder: str) -> None:
        for name in self._files.list_folder(folder):
            path = folder + "/" + name if folder else name
            try:
                file = self._files.open(path)
            except NotFound:
                self._count_folder(path)
                continue
            self._count_file(path, file)
            file.close()

    def _count_file(self, path: str, file: File) -> None:
        charge = Charge()
        charge.size_bytes = file.size_bytes()
        self._charges[path] = charge
        self._used_bytes += charge.size_bytes


class Charge:
    """What one file takes, shared by all its handles."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self.reserved_bytes = 0
        self.removed = False

    def taken_bytes(self) -> int:
        """The larger of what is written and what is set aside."""
        return max(self.size_bytes, self.reserved_bytes)


class LimitedFile(File):
    """A handle of LimitedFiles."""

    def __init__(self, files: LimitedFiles, path: str, file: File, charge: Charge) -> None:
        self._files = files
        self._path = path
        self._file = file
        self._charge = charge

    def read_at(self, offset_bytes: int, buffer: "bytearray | memoryview") -> int:
        """See File."""
        return self._file.read_at(offset_bytes, buffer)

    def write_at(self, offset_bytes: int, data: "bytes | bytearray | memoryview") -> None:
        """See File."""
        before = self._charge.size_bytes
        size = max(before, offset_bytes + len(data))
        self._files.charge(self._path, self._charge, size, self._charge.reserved_bytes)
        try:
            self._file.write_at(offset_bytes, data)
        except PortFault:
            self._files.charge(self._path, self._charge, before, self._charge.reserved_bytes)
            raise

    def size_bytes(self) -> int:
        """See File."""
        return self._file.size_bytes()

    def truncate(self, size_bytes: int) -> None:
        """See File."""
        if size_bytes > self._charge.size_bytes:
            self._files.charge(self._path, self._charge, size_bytes, 0)
        self._file.truncate(size_bytes)
        self._files.charge(self._path, self._charge, size_bytes, 0)

    def sync(self) -> None:
        """See File."""
        self._file.sync()

    def close(self) -> None:
        """See File."""
        self._file.close()
