"""The files port on a Linux file system.

A path is walked name by name from the root without following a link, so nothing outside the root can be reached. No
handle is kept but those of open files. What is assumed of the file system: ``rename`` within a folder is atomic, and
durable after ``fsync`` of the folder; ``fdatasync`` returns when data and size are on the medium. ext4, f2fs, xfs and
btrfs hold that on a card that does not lie about its cache; FAT does not hold the first.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from firmware.ports.errors import AlreadyExists, IoFault, NoSpace, NotFound, PortFault, ReadOnly
from firmware.ports.files import File, Files
from firmware.ports.paths import split_name, split_path

FILE_MODE = 0o600  # evidence: nobody but the owner reads it
FOLDER_MODE = 0o700

_FAULTS: "dict[int, type[PortFault]]" = {
    errno.ENOENT: NotFound,
    errno.ENOTDIR: NotFound,
    errno.EISDIR: NotFound,
    errno.EEXIST: AlreadyExists,
    errno.ENOSPC: NoSpace,
    errno.EDQUOT: NoSpace,
    errno.EFBIG: NoSpace,
    errno.EROFS: ReadOnly,
    errno.EACCES: ReadOnly,
    errno.EPERM: ReadOnly,
    errno.EIO: IoFault,
    errno.ENODEV: IoFault,
    errno.ENXIO: IoFault,
    errno.ENOMEDIUM: IoFault,
    errno.ESTALE: IoFault,
}
_NO_RESERVATION = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
_NO_RANGES = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ESPIPE})
_START_WRITING = 2  # SYNC_FILE_RANGE_WRITE of linux/fs.h
_FINISH_WRITING = 1 | 2 | 4  # _WAIT_BEFORE | _WRITE | _WAIT_AFTER
_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE of linux/falloc.h: blocks are set aside beyond the end, the size stays
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # non-blocking: opening a stray FIFO must not hang


class LinuxFiles(Files):
    """The tree below ``root``, a folder that exists (NotFound otherwise).

    ``reserves`` is False from the moment the file system has refused to set space aside (NFS before 4.2, some FUSE).
    ``create`` then only looks whether the space is free at that moment, and another writer may still take it.
    """

    def __init__(self, root: "str | Path") -> None:
        self.reserves = True
        self._root = os.path.realpath(root)
        if not os.path.isdir(self._root):
            raise NotFound(f"folder {root} does not exist: make it or name another")

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        """See Files."""
        with self._parent(path) as (folder, name), _faults("create", path):
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FILE_FLAGS, FILE_MODE, dir_fd=folder)
            try:
                self._reserve(path, descriptor, reserve_bytes)
            except PortFault:
                os.close(descriptor)
                os.unlink(name, dir_fd=folder)
                raise
        return LinuxFile(path, descriptor, True)

    def open(self, path: str, writable: bool = False) -> File:
        """See Files."""
        with self._parent(path) as (folder, name), _faults("open", path):
            flags = os.O_RDWR if writable else os.O_RDONLY
            descriptor = os.open(name, flags | _FILE_FLAGS, dir_fd=folder)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise NotFound(f"cannot open {path}: not a file")
        return LinuxFile(path, descriptor, writable)

    def rename(self, old_path: str, new_path: str) -> None:
        """See Files."""
        with (
            self._parent(old_path) as (old_folder, old_name),
            self._parent(new_path) as (new_folder, new_name),
            _faults("rename", old_path),
        ):
            old = os.stat(old_name, dir_fd=old_folder, follow_symlinks=False)
            new = _stat_or_none(new_name, new_folder)
            if old_path != new_path and new and (stat.S_ISDIR(old.st_mode) or stat.S_ISDIR(new.st_mode)):
                raise AlreadyExists(f"cannot rename {old_path}: {new_path} exists already")
            os.rename(old_name, new_name, src_dir_fd=old_folder, dst_dir_fd=new_folder)

    def remove(self, path: str) -> None:
        """See Files."""
        with self._parent(path) as (folder, name), _faults("remove", path):
            os.unlink(name, dir_fd=folder)

    def make_folder(self, path: str) -> None:
        """See Files."""
        with self._parent(path) as (folder, name), _faults("make folder", path):
            os.mkdir(name, FOLDER_MODE, dir_fd=folder)

    def remove_folder(self, path: str) -> None:
        """See Files."""
        with self._parent(path) as (folder, name), _faults("remove folder", path):
            os.rmdir(name, dir_fd=folder)

    def list_folder(self, path: str) -> "list[str]":
        """See Files."""
        with self._folder(split_path(path), path) as folder, _faults("list", path):
            return sorted(os.listdir(folder))

    def exists(self, path: str) -> bool:
        """See Files."""
        if not split_path(path):
            return True
        try:
            with self._parent(path) as (folder, name), _faults("look for", path):
                os.stat(name, dir_fd=folder, follow_symlinks=False)
        except NotFound:
            return False
        return True

    def sync_folder(self, path: str) -> None:
        """See Files."""
        with self._folder(split_path(path), path) as folder, _faults("sync folder", path):
            os.fsync(folder)

    def total_bytes(self) -> int:
        """See Files."""
        with _faults("measure", "the storage"):
            answer = os.statvfs(self._root)
        return answer.f_blocks * answer.f_frsize

    def free_bytes(self) -> int:
        """See Files."""
        with _faults("measure", "the storage"):
            answer = os.statvfs(self._root)
        return answer.f_bavail * answer.f_frsize

    def _reserve(self, path: str, descriptor: int, reserve_bytes: int) -> None:
        if reserve_bytes == 0:
            return
        if reserve_bytes > self.free_bytes():  # ext4 would take all there is before it refuses: full for everybody
            raise _fault("reserve space for", path, errno.ENOSPC)
        if self.reserves:
            error = _fallocate(descriptor, reserve_bytes)
            if error == 0:
                return
            if error not in _NO_RESERVATION:
                raise _fault("reserve space for", path, error)
            self.reserves = False

    @contextmanager
    def _parent(self, path: str) -> "Generator[tuple[int, str]]":
        """A descriptor of the folder that holds a path's last name, and that name."""
        folders, name = split_name(path)
        with self._folder(folders, path) as folder:
            yield folder, name

    @contextmanager
    def _folder(self, names: "list[str]", path: str) -> "Generator[int]":
        """A descriptor of a folder below the root."""
        with _faults("find", path):
            folder = self._walk(names)
        try:
            yield folder
        finally:
            os.close(folder)

    def _walk(self, names: "list[str]") -> int:
        folder = os.open(self._root, _FOLDER_FLAGS)
        for name in names:
            try:
                below = os.open(name, _FOLDER_FLAGS, dir_fd=folder)
            finally:
                os.close(folder)
            folder = below
        return folder


class LinuxFile(File):
    """An open descriptor. A file object that is dropped without ``close`` closes it when Python collects it."""

    def __init__(self, path: str, descriptor: int, writable: bool) -> None:
        self._path = path
        self._descriptor = descriptor
        self._writable = writable
        self._sync_error = 0
        self._going_out: tuple[int, int] | None = None

    def read_at(self, offset_bytes: int, buffer: "bytearray | memoryview") -> int:
        """See File."""
        view = memoryview(buffer)
        filled = 0
        with _faults("read", self._path):
            while filled < len(view):
                count = os.preadv(self._open_descriptor(), [view[filled:]], offset_bytes + filled)
                if count == 0:
                    break
                filled += count
        return filled

    def write_at(self, offset_bytes: int, data: "bytes | bytearray | memoryview") -> None:
        """See File."""
        view = memoryview(data).cast("B") if isinstance(data, memoryview) else memoryview(data)
        with _faults("write", self._path):
            descriptor = self._writable_descriptor()
            while len(view):
                count = os.pwrite(descriptor, view, offset_bytes)
                view = view[count:]
                offset_bytes += count

    def size_bytes(self) -> int:
        """See File."""
        with _faults("measure", self._path):
            return os.fstat(self._open_descriptor()).st_size

    def truncate(self, size_bytes: int) -> None:
        """See File. Blocks set aside beyond the new end are given back."""
        with _faults("truncate", self._path):
            os.ftruncate(self._writable_descriptor(), size_bytes)

    def write_out(self, offset_bytes: int, length_bytes: int) -> None:
        """See File. One part is on its way while the next is written; what has arrived leaves the page cache, whose
        pages are used again instead of ever new ones. A failure counts as one of ``sync``, which would not hear of it
        any more."""
        descriptor, before = self._writable_descriptor(), self._going_out
        self._going_out = (offset_bytes, length_bytes)
        error = _sync_range(descriptor, offset_bytes, length_bytes, _START_WRITING)
        if not error and before is not None:
            error = _sync_range(descriptor, *before, _FINISH_WRITING)
            if not error:
                os.posix_fadvise(descriptor, *before, os.POSIX_FADV_DONTNEED)
        if error and error not in _NO_RANGES:
            self._sync_error = error
            raise _fault("sync", self._path, error)

    def sync(self) -> None:
        """See File. After one failure this handle never claims success again: Linux drops the unwritten pages and
        would report the next sync as good."""
        descriptor = self._open_descriptor()
        if self._sync_error:
            raise _fault("sync", self._path, self._sync_error)
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            self._sync_error = error.errno or errno.EIO
            raise _fault("sync", self._path, self._sync_error) from error

    def close(self) -> None:
        """See File."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()

    def _open_descriptor(self) -> int:
        if self._descriptor < 0:
            raise PortFault(f"{self._path} has been closed")
        return self._descriptor

    def _writable_descriptor(self) -> int:
        descriptor = self._open_descriptor()
        if not self._writable:
            raise ReadOnly(f"{self._path} was opened for reading")
        return descriptor


@contextmanager
def _faults(verb: str, path: str) -> "Generator[None]":
    """What the operating system reports, as a fault of the ports."""
    try:
        yield
    except OSError as error:
        raise _fault(verb, path, error.errno or errno.EIO) from error


def _fault(verb: str, path: str, number: int) -> PortFault:
    kind = _FAULTS.get(number, PortFault)
    return kind(f"cannot {verb} {path or 'the root'}: {os.strerror(number).lower()}")


def _stat_or_none(name: str, folder: int) -> "os.stat_result | None":
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _find_fallocate() -> "Callable[[int, int, int, int], int] | None":
    """``fallocate`` of the C library; Python has only ``posix_fallocate``, which would grow the file."""
    library = ctypes.CDLL(None, use_errno=True)
    for name in ("fallocate64", "fallocate"):
        function = getattr(library, name, None)
        if function is not None:
            function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
            function.restype = ctypes.c_int
            return function
    return None


def _find_sync_file_range() -> "Callable[[int, int, int, int], int] | None":
    function = getattr(ctypes.CDLL(None, use_errno=True), "sync_file_range", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
        function.restype = ctypes.c_int
    return function


_FALLOCATE = _find_fallocate()
_SYNC_FILE_RANGE = _find_sync_file_range()


def _fallocate(descriptor: int, reserve_bytes: int) -> int:
    """Set space aside beyond the end; returns 0 or the error number."""
    if _FALLOCATE is None:
        return errno.ENOSYS
    ctypes.set_errno(0)
    if _FALLOCATE(descriptor, _KEEP_SIZE, 0, reserve_bytes) == 0:
        return 0
    return ctypes.get_errno() or errno.EIO


def _sync_range(descriptor: int, offset_bytes: int, length_bytes: int, how: int) -> int:
    """Bring a part of a file to the medium; returns 0 or the error number."""
    if _SYNC_FILE_RANGE is None:
        return errno.ENOSYS
    ctypes.set_errno(0)
    if _SYNC_FILE_RANGE(descriptor, offset_bytes, length_bytes, how) == 0:
        return 0
    return ctypes.get_errno() or errno.EIO
