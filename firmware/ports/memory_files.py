"""Files in memory that know what would survive a power cut.

Every file keeps its content as the application sees it, its content as it stands on the medium, and the writes between
the two; every folder likewise keeps its names twice. ``sync`` and ``sync_folder`` carry over what the port says they
carry over, and nothing else does. ``crash`` and its kin are the medium after the power cut; ``memory_medium`` says what
is assumed of it.
"""

from firmware.ports.errors import AlreadyExists, NoSpace, NotFound, PortFault, ReadOnly
from firmware.ports.files import File, Files
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_medium import Content, Fate, Folder, TornFate, move
from firmware.ports.paths import split_name, split_path

CAPACITY_BYTES = 64 << 20  # enough for minutes of video, small enough that a test notices a leak


class MemoryFiles(Files):
    """A medium of ``capacity_bytes``. Space counts as used from the write or reservation on, not from the sync."""

    def __init__(self, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self._capacity_bytes = capacity_bytes
        self._used_bytes = 0
        self._root = Folder()
        self._read_only = False

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        """See Files."""
        folder, name = self._parent(path)
        if name in folder.names:
            raise AlreadyExists("%s exists already" % path)
        node = Content(self.charge)
        self._writable(path)
        node.reserve(path, reserve_bytes)
        folder.add(name, node)
        return MemoryFile(path, node, True)

    def open(self, path: str, writable: bool = False) -> File:
        """See Files."""
        node = self._find(path)
        if not isinstance(node, Content):
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
            if isinstance(node, Folder) or isinstance(target, Folder):
                raise AlreadyExists("%s exists already" % new_path)
            target.give_back()
        move(old_folder, old_name, new_folder, new_name)

    def remove(self, path: str) -> None:
        """See Files."""
        folder, name = self._parent(path)
        self._writable(path)
        node = folder.names.get(name)
        if not isinstance(node, Content):
            raise NotFound("%s is no file" % path)
        node.give_back()
        folder.drop(name)

    def make_folder(self, path: str) -> None:
        """See Files."""
        folder, name = self._parent(path)
        self._writable(path)
        if name in folder.names:
            raise AlreadyExists("%s exists already" % path)
        folder.add(name, Folder())

    def remove_folder(self, path: str) -> None:
        """See Files."""
        folder, name = self._parent(path)
        self._writable(path)
        node = folder.names.get(name)
        if not isinstance(node, Folder):
            raise NotFound("%s is no folder" % path)
        if node.names:
            raise PortFault("folder %s is not empty" % path)
        folder.drop(name)

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
        folder.sync()

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
        return self._survivor(Fate(lambda: keep_unsynced))

    def crash_mixed(self, seed: int) -> "MemoryFiles":
        """As ``crash``, but every file and every folder has by itself been finished by the card or not."""
        entropy = SeededEntropy(seed)
        return self._survivor(Fate(lambda: entropy.below(2) == 1))

    def crash_torn(self, seed: "int | str") -> "MemoryFiles":
        """As ``crash``, but of everything that was not synced each sector has been kept, dropped or garbled by itself,
        and each change of names been made or not."""
        return self._survivor(TornFate(SeededEntropy(seed)))

    def lose_block(self, path: str, offset_bytes: int, block_bytes: int, seed: "int | str") -> int:
        """Garble the whole erase block of a file around ``offset_bytes``, synced or not: a card that was cut while it
        programmed that block. Returns how many bytes that were there are gone; 0 also where there is no such file."""
        try:
            node = self._find(path)
        except NotFound:
            return 0
        if not isinstance(node, Content):
            return 0
        start = offset_bytes - offset_bytes % block_bytes
        return node.lose(start, start + block_bytes, SeededEntropy(seed))

    def charge(self, path: str, bytes_more: int) -> None:
        """Account for space taken (or, negative, given back). NoSpace if it is not there."""
        if bytes_more > self.free_bytes():
            raise NoSpace("no space for %s: %d bytes wanted, %d free" % (path, bytes_more, self.free_bytes()))
        self._used_bytes += bytes_more

    def _survivor(self, fate: Fate) -> "MemoryFiles":
        after = MemoryFiles(self._capacity_bytes)
        after._used_bytes = _copy_folder(self._root, after._root, after, fate)
        return after

    def _writable(self, path: str) -> None:
        if self._read_only:
            raise ReadOnly("%s cannot be written: the storage is write-protected" % path)

    def _parent(self, path: str) -> "tuple[Folder, str]":
        folders, name = split_name(path)
        return self._folder(folders, path), name

    def _folder(self, names: "list[str]", path: str) -> "Folder":
        node = self._walk(names, path)
        if not isinstance(node, Folder):
            raise NotFound("%s: not a folder" % path)
        return node

    def _find(self, path: str) -> "Folder | Content":
        return self._walk(split_path(path), path)

    def _walk(self, names: "list[str]", path: str) -> "Folder | Content":
        node: "Folder | Content" = self._root
        for name in names:
            if not isinstance(node, Folder) or name not in node.names:
                raise NotFound("%s does not exist" % (path or "the root"))
            node = node.names[name]
        return node


class MemoryFile(File):
    """A handle; several may be open on one file."""

    def __init__(self, path: str, node: "Content", writable: bool) -> None:
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


def _copy_folder(source: Folder, target: Folder, medium: MemoryFiles, fate: Fate) -> int:
    """What of ``source`` is on the medium, into ``target``, all of it durable there; returns the bytes in its files."""
    names = fate.names(source)
    used_bytes = 0
    for name in sorted(names):
        node = names[name]
        if isinstance(node, Folder):
            copy = Folder()
            used_bytes += _copy_folder(node, copy, medium, fate)
        else:
            copy = Content(medium.charge)
            used_bytes += copy.restore(fate.content(node))
        target.names[name] = copy
    target.durable_names = dict(target.names)
    return used_bytes
