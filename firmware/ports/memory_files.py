"""Files in memory that know what would survive a power cut.

Every file keeps its content as the application sees it, its content as it stands on the medium, and the writes between
the two; every folder likewise keeps its names twice. ``sync`` and ``sync_folder`` carry over what the port says they
carry over, and nothing else does. ``crash`` is the medium after the power cut.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import AlreadyExists, NoSpace, NotFound, PortFault, ReadOnly
from firmware.ports.files import File, Files
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.paths import split_name, split_path

if TYPE_CHECKING:
    from collections.abc import Callable

CAPACITY_BYTES = 64 << 20  # enough for minutes of video, small enough that a test notices a leak


class MemoryFiles(Files):
    """A medium of ``capacity_bytes``. Space counts as used from the write or reservation on, not from the sync."""

    def __init__(self, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self._capacity_bytes = capacity_bytes
        self._used_bytes = 0
        self._root = _Folder()
        self._read_only = False

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        """See Files."""
        folder, name = self._parent(path)
        if name in folder.names:
            raise AlreadyExists("%s exists already" % path)
        node = _Content(self)
        self._writable(path)
        node.reserve(path, reserve_bytes)
        folder.names[name] = node
        return MemoryFile(path, node, True)

    def open(self, path: str, writable: bool = False) -> File:
        """See Files."""
        node = self._find(path)
        if not isinstance(node, _Content):
            raise NotFound("%s is a folder, not a file" % path)
        if writable:
            self._writable(path)
        return MemoryFile(path, node, writable)

    def rename(self, old_path: str, new_path: str) -> None:
        """See Files."""
        old_folder, old_name = self._parent(old_path)
        new_folder, new_name = self._parent(new_path)
        self._writable(old_path)
        if old_name not in old_folder.names:
            raise NotFound("%s does not exist" % old_path)
        node = old_folder.names[old_name]
        if new_path == old_path:
            return
        if new_path.startswith(old_path + "/"):
            raise PortFault("%s cannot be moved into itself" % old_path)
        target = new_folder.names.get(new_name)
        if target is not None:
            if isinstance(node, _Folder) or isinstance(target, _Folder):
                raise AlreadyExists("%s exists already" % new_path)
            target.give_back()
        del old_folder.names[old_name]
        new_folder.names[new_name] = node

    def remove(self, path: str) -> None:
        """See Files."""
        folder, name = self._parent(path)
        self._writable(path)
        node = folder.names.get(name)
        if not isinstance(node, _Content):
            raise NotFound("%s is no file" % path)
        node.give_back()
        del folder.names[name]

    def make_folder(self, path: str) -> None:
        """See Files."""
        folder, name = self._parent(path)
        self._writable(path)
        if name in folder.names:
            raise AlreadyExists("%s exists already" % path)
        folder.names[name] = _Folder()

    def remove_folder(self, path: str) -> None:
        """See Files."""
        folder, name = self._parent(path)
        self._writable(path)
        node = folder.names.get(name)
        if not isinstance(node, _Folder):
            raise NotFound("%s is no folder" % path)
        if node.names:
            raise PortFault("folder %s is not empty" % path)
        del folder.names[name]

    def list_folder(self, path: str) -> "list[str]":
        """See Files."""
        return sorted(self._folder(split_path(path), path).names)

    def exists(self, path: str) -> bool:
        """See Files."""
        try:
            self._find(path)
        except NotFound:
            return False
        return True

    def sync_folder(self, path: str) -> None:
        """See Files."""
        folder = self._folder(split_path(path), path)
        self._writable(path)
        folder.durable_names = dict(folder.names)

    def total_bytes(self) -> int:
        """See Files."""
        return self._capacity_bytes

    def free_bytes(self) -> int:
        """See Files."""
        return max(0, self._capacity_bytes - self._used_bytes)

    def set_read_only(self, read_only: bool) -> None:
        """Turn the medium's write protection on or off."""
        self._read_only = read_only

    def crash(self, keep_unsynced: bool = False) -> "MemoryFiles":
        """The medium after a power cut now: only what was synced or, with ``keep_unsynced``, all that was written, as
        when the card had happened to finish. This object stays as it is, and its open files go on writing to it.
        """
        return self._survivor(lambda: keep_unsynced)

    def crash_mixed(self, seed: int) -> "MemoryFiles":
        """As ``crash``, but every file and every folder has by itself been finished by the card or not."""
        entropy = SeededEntropy(seed)
        return self._survivor(lambda: entropy.below(2) == 1)

    def charge(self, path: str, bytes_more: int) -> None:
        """Account for space taken (or, negative, given back). NoSpace if it is not there."""
        if bytes_more > self.free_bytes():
            raise NoSpace("no space for %s: %d bytes wanted, %d free" % (path, bytes_more, self.free_bytes()))
        self._used_bytes += bytes_more

    def take_back(self, bytes_found: int) -> None:
        """Account for space that a file takes on a medium found as it is, even beyond the capacity."""
        self._used_bytes += bytes_found

    def _survivor(self, keeps: "Callable[[], bool]") -> "MemoryFiles":
        after = MemoryFiles(self._capacity_bytes)
        _copy_folder(self._root, after._root, after, keeps)
        return after

    def _writable(self, path: str) -> None:
        if self._read_only:
            raise ReadOnly("%s cannot be written: the storage is write-protected" % path)

    def _parent(self, path: str) -> "tuple[_Folder, str]":
        folders, name = split_name(path)
        return self._folder(folders, path), name

    def _folder(self, names: "list[str]", path: str) -> "_Folder":
        node = self._walk(names, path)
        if not isinstance(node, _Folder):
            raise NotFound("%s: not a folder" % path)
        return node

    def _find(self, path: str) -> "_Folder | _Content":
        return self._walk(split_path(path), path)

    def _walk(self, names: "list[str]", path: str) -> "_Folder | _Content":
        node: "_Folder | _Content" = self._root
        for name in names:
            if not isinstance(node, _Folder) or name not in node.names:
                raise NotFound("%s does not exist" % (path or "the root"))
            node = node.names[name]
        return node


class MemoryFile(File):
    """A handle; several may be open on one file."""

    def __init__(self, path: str, node: "_Content", writable: bool) -> None:
        self._path = path
        self._node = node
        self._writable = writable
        self._closed = False

    def read_at(self, offset_bytes: int, buffer: "bytearray | memoryview") -> int:
        """See File."""
        self._check_open()
        data = self._node.data
        count = max(0, min(len(buffer), len(data) - offset_bytes))
        buffer[:count] = memoryview(data)[offset_bytes : offset_bytes + count]
        return count

    def write_at(self, offset_bytes: int, data: "bytes | bytearray | memoryview") -> None:
        """See File."""
        self._check_writable()
        self._node.write(self._path, offset_bytes, bytes(data))

    def size_bytes(self) -> int:
        """See File."""
        self._check_open()
        return len(self._node.data)

    def truncate(self, size_bytes: int) -> None:
        """See File."""
        self._check_writable()
        self._node.truncate(self._path, size_bytes)

    def sync(self) -> None:
        """See File."""
        self._check_open()
        self._node.sync()

    def close(self) -> None:
        """See File."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise PortFault("%s has been closed" % self._path)

    def _check_writable(self) -> None:
        self._check_open()
        if not self._writable:
            raise ReadOnly("%s was opened for reading" % self._path)


class _Folder:
    """Names now, and names on the medium."""

    def __init__(self) -> None:
        self.names: "dict[str, _Folder | _Content]" = {}
        self.durable_names: "dict[str, _Folder | _Content]" = {}


class _Content:
    """The bytes of a file: ``data`` now, ``durable`` on the medium, ``pending`` the writes in between, in order.

    A pending write is ``(offset, bytes)``; a pending truncation is ``(size, None)``.
    """

    def __init__(self, medium: MemoryFiles) -> None:
        self.data = bytearray()
        self.durable = bytearray()
        self.pending: "list[tuple[int, bytes | None]]" = []
        self._medium = medium
        self._charged_bytes = 0
        self._reserved_bytes = 0
        self._removed = False

    def restore(self, content: bytearray) -> None:
        """Hold a copy of ``content``, all of it on the medium."""
        self.data = bytearray(content)
        self.durable = bytearray(content)
        self._charged_bytes = len(content)
        self._medium.take_back(len(content))

    def reserve(self, path: str, reserve_bytes: int) -> None:
        self._medium.charge(path, reserve_bytes)
        self._charged_bytes = self._reserved_bytes = reserve_bytes

    def write(self, path: str, offset_bytes: int, data: bytes) -> None:
        if offset_bytes < 0:
            raise PortFault("%s: offset %d is below 0" % (path, offset_bytes))
        self._charge(path, max(len(self.data), offset_bytes + len(data)))
        self.data = _written(self.data, offset_bytes, data)
        self.pending.append((offset_bytes, data))

    def truncate(self, path: str, size_bytes: int) -> None:
        if size_bytes < 0:
            raise PortFault("%s: size %d is below 0" % (path, size_bytes))
        self._reserved_bytes = 0
        self._charge(path, size_bytes)
        self.data = _truncated(self.data, size_bytes)
        self.pending.append((size_bytes, None))

    def sync(self) -> None:
        for offset_bytes, data in self.pending:
            if data is None:
                self.durable = _truncated(self.durable, offset_bytes)
            else:
                self.durable = _written(self.durable, offset_bytes, data)
        self.pending = []

    def give_back(self) -> None:
        """The name is gone, and with it the space."""
        self._medium.charge("", -self._charged_bytes)
        self._charged_bytes = 0
        self._removed = True

    def _charge(self, path: str, size_bytes: int) -> None:
        if self._removed:
            return
        wanted = max(size_bytes, self._reserved_bytes)
        self._medium.charge(path, wanted - self._charged_bytes)
        self._charged_bytes = wanted


def _written(content: bytearray, offset_bytes: int, data: bytes) -> bytearray:
    """``content`` with ``data`` in it, in place; a gap before it is filled with zeroes."""
    if offset_bytes > len(content):
        content.extend(bytes(offset_bytes - len(content)))
    overlap = min(len(content) - offset_bytes, len(data))
    content[offset_bytes : offset_bytes + overlap] = data[:overlap]
    content.extend(data[overlap:])
    return content


def _truncated(content: bytearray, size_bytes: int) -> bytearray:
    if size_bytes > len(content):
        return _written(content, size_bytes, b"")
    return bytearray(memoryview(content)[:size_bytes])


def _copy_folder(source: _Folder, target: _Folder, medium: MemoryFiles, keeps: "Callable[[], bool]") -> None:
    """What of ``source`` is on the medium, into ``target``, all of it durable there. ``keeps`` is asked once for each
    folder and file whether what was not synced is there too."""
    names = source.names if keeps() else source.durable_names
    for name in sorted(names):
        node = names[name]
        if isinstance(node, _Folder):
            copy = _Folder()
            _copy_folder(node, copy, medium, keeps)
        else:
            copy = _Content(medium)
            copy.restore(node.data if keeps() else node.durable)
        target.names[name] = copy
    target.durable_names = dict(target.names)
