"""SQLite on the files port: its database and journal are files like all others, counted, torn and lost with them.

Law: nothing of tables. One process and one connection at a time (open the index ``exclusive``): there are no locks and
no shared memory. Of the medium it promises SQLite what the files port promises us: what is synced stays, also when
bytes beside it are written (``POWERSAFE_OVERWRITE``, which SQLite's own Unix VFS promises too).
"""

import itertools
from collections.abc import Callable
from typing import TypeVar, cast

import apsw

from firmware.ports.entropy import Entropy
from firmware.ports.errors import AlreadyExists, NoSpace, NotFound, PortFault, ReadOnly
from firmware.ports.files import File, Files

SECTOR_BYTES = 4096  # what SQLite takes a medium to write at once; disks and cards of today do
JULIAN_DAY_OF_1970 = 2440587.5
DAY_MS = 86_400_000

T = TypeVar("T")

_NUMBERS = itertools.count(1)
# Loading libraries, and system calls of the Unix VFS: there are none here.
_NOT_HERE = {
    "xDlOpen", "xDlSym", "xDlClose", "xDlError", "xSetSystemCall", "xGetSystemCall", "xNextSystemCall",
    "xCurrentTimeInt64",
}  # fmt: skip


class FilesVfs(apsw.VFS):
    """Registered under ``name``, unique in this process, until ``close``. ``entropy`` salts SQLite's journal."""

    def __init__(self, files: Files, entropy: Entropy, wall_ms: Callable[[], int]) -> None:
        self.name = f"openbwc-files-{next(_NUMBERS)}"
        self._files = files
        self._entropy = entropy
        self._wall_ms = wall_ms
        super().__init__(self.name, iVersion=1, exclude=_NOT_HERE)

    def close(self) -> None:
        """Not for use any more; connections that are still open must be closed first."""
        self.unregister()

    def xOpen(self, name: "str | apsw.URIFilename | None", flags: list[int]) -> apsw.VFSFile:
        """See sqlite3_vfs. A file without a name is one that SQLite wants to spill into: there is none."""
        if name is None:
            raise apsw.CantOpenError("no files without a name here")
        path = name if isinstance(name, str) else name.filename()
        try:
            file = self._files.open(path, writable=True)
        except NotFound:
            if not flags[0] & apsw.SQLITE_OPEN_CREATE:
                raise apsw.CantOpenError(path) from None
            file = _translated(lambda: self._files.create(path))
            _translated(lambda: self._files.sync_folder(_folder_of(path)))
        except PortFault as fault:
            raise apsw.CantOpenError(str(fault)) from fault
        flags[1] = flags[0]
        return cast("apsw.VFSFile", _OpenFile(file))  # any object with these methods serves

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """See sqlite3_vfs."""
        if self._files.exists(filename):
            _translated(lambda: self._files.remove(filename))
        if syncdir:
            _translated(lambda: self._files.sync_folder(_folder_of(filename)))

    def xAccess(self, pathname: str, flags: int) -> bool:
        """See sqlite3_vfs."""
        return self._files.exists(pathname)

    def xFullPathname(self, name: str) -> str:
        """Paths of the files port are full."""
        return name

    def xRandomness(self, numbytes: int) -> bytes:
        """See sqlite3_vfs."""
        return self._entropy.random_bytes(numbytes)

    def xSleep(self, microseconds: int) -> int:
        """Nobody holds anything here that could be waited for."""
        return microseconds

    def xCurrentTime(self) -> float:
        """See sqlite3_vfs: a Julian day."""
        return JULIAN_DAY_OF_1970 + self._wall_ms() / DAY_MS

    def xGetLastError(self) -> tuple[int, str]:
        """Errors are told when they happen."""
        return 0, ""


class _OpenFile:
    """What SQLite holds of a file."""

    def __init__(self, file: File) -> None:
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:
        buffer = bytearray(amount)
        count = _translated(lambda: self._file.read_at(offset, buffer))
        return bytes(memoryview(buffer)[:count])

    def xWrite(self, data: bytes, offset: int) -> None:
        _translated(lambda: self._file.write_at(offset, data))

    def xTruncate(self, newsize: int) -> None:
        _translated(lambda: self._file.truncate(newsize))

    def xSync(self, flags: int) -> None:
        _translated(self._file.sync)

    def xFileSize(self) -> int:
        return _translated(self._file.size_bytes)

    def xClose(self) -> None:
        self._file.close()

    def xLock(self, level: int) -> None:
        return

    def xUnlock(self, level: int) -> None:
        return

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, ptr: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return SECTOR_BYTES

    def xDeviceCharacteristics(self) -> int:
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def _translated(work: Callable[[], T]) -> T:
    """A fault of the port as the SQLite error that ``database`` understands."""
    try:
        return work()
    except NoSpace as fault:
        raise apsw.FullError(str(fault)) from fault
    except ReadOnly as fault:
        raise apsw.ReadOnlyError(str(fault)) from fault
    except (PortFault, AlreadyExists) as fault:
        raise apsw.IOError(str(fault)) from fault
