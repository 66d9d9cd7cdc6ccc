"""What a medium in memory holds, twice: as the application sees it, and as a power cut would find it.

The model of a power cut, on which every sweep rests:

* What was synced is there: contents and size of a file since its ``sync``, names since the ``sync_folder`` of a folder
  that holds them. Bytes that were synced stay, even where their sector is written again.
* What was not synced is there in part. Of every write each sector of SECTOR_BYTES is kept, dropped or garbage by
  itself, the size of the file grown or not; a truncation is there or not; and each change of names is there or not.
* A change of names is there whole or not at all. A rename is one change, also from one folder to another: it is never
  seen half, and it is durable once either of its folders is synced (file systems with a journal do so; FAT does not).
* ``lose_block`` goes further, for cards that lose what was synced long ago: a whole erase block of one file, the one
  that was being written, is garbage or blank. It reaches no other file.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import PortFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.ports.memory_entropy import SeededEntropy

    Node = "Folder | Content"
    Names = dict[str, "Folder | Content"]
    Account = Callable[[str, int], None]

SECTOR_BYTES = 512  # the least that a card or a disk writes at once


class Folder:
    """``names`` now, ``durable_names`` on the medium, ``changes`` between the two in order."""

    def __init__(self) -> None:
        self.names: "Names" = {}
        self.durable_names: "Names" = {}
        self.changes: "list[Change]" = []

    def add(self, name: str, node: "Folder | Content") -> None:
        """A new name."""
        self.names[name] = node
        self.changes.append(Change(node, None, "", self, name))

    def drop(self, name: str) -> None:
        """A name goes."""
        self.changes.append(Change(self.names.pop(name), self, name, None, ""))

    def sync(self) -> None:
        """The names are on the medium."""
        settled, self.changes = self.changes, []
        for change in settled:
            change.settle(self)


class Change:
    """A change of names that no sync has covered yet. Without ``old`` the name is new, without ``new`` it goes."""

    def __init__(
        self, node: "Folder | Content", old: "Folder | None", old_name: str, new: "Folder | None", new_name: str
    ) -> None:
        self._node = node
        self._old = old
        self._old_name = old_name
        self._new = new
        self._new_name = new_name

    def apply(self, folder: Folder, names: "Names") -> None:
        """Do to ``names`` what this changes in ``folder``."""
        if self._old is folder and names.get(self._old_name) is self._node:
            del names[self._old_name]
        if self._new is folder:
            names[self._new_name] = self._node

    def settle(self, synced: Folder) -> None:
        """It is on the medium, in the folder that was synced and, of a move, in the other as well."""
        self.apply(synced, synced.durable_names)
        other = self._old if self._new is synced else self._new
        if other is None or other is synced:
            return
        self.apply(other, other.durable_names)
        # What happened to this node in the other folder before it came or went is part of the same history.
        before = other.changes.index(self)
        other.changes = [
            change
            for place, change in enumerate(other.changes)
            if change is not self and (place > before or change._node is not self._node)
        ]


class Content:
    """The bytes of a file: ``data`` now, ``durable`` on the medium, ``pending`` the writes in between, in order.

    A pending write is ``(offset, bytes)``; a pending truncation is ``(size, None)``. ``account(path, bytes_more)``
    takes or gives back space.
    """

    def __init__(self, account: "Account") -> None:
        self.data = bytearray()
        self.durable = bytearray()
        self.pending: "list[tuple[int, bytes | None]]" = []
        self._account = account
        self._charged_bytes = 0
        self._reserved_bytes = 0
        self._removed = False

    def restore(self, content: bytearray) -> int:
        """Hold a copy of ``content``, all of it on the medium; returns its length."""
        self.data = bytearray(content)
        self.durable = bytearray(content)
        self._charged_bytes = len(content)
        return len(content)

    def reserve(self, path: str, reserve_bytes: int) -> None:
        """Set space aside."""
        self._account(path, reserve_bytes)
        self._charged_bytes = self._reserved_bytes = reserve_bytes

    def write(self, path: str, offset_bytes: int, data: bytes) -> None:
        """See File.write_at."""
        if offset_bytes < 0:
            raise PortFault("%s: offset %d is below 0" % (path, offset_bytes))
        self._charge(path, max(len(self.data), offset_bytes + len(data)))
        self.data = written(self.data, offset_bytes, data)
        self.pending.append((offset_bytes, data))

    def truncate(self, path: str, size_bytes: int) -> None:
        """See File.truncate."""
        if size_bytes < 0:
            raise PortFault("%s: size %d is below 0" % (path, size_bytes))
        self._reserved_bytes = 0
        self._charge(path, size_bytes)
        self.data = truncated(self.data, size_bytes)
        self.pending.append((size_bytes, None))

    def sync(self) -> None:
        """Contents and size are on the medium."""
        for offset_bytes, data in self.pending:
            if data is None:
                self.durable = truncated(self.durable, offset_bytes)
            else:
                self.durable = written(self.durable, offset_bytes, data)
        self.pending = []

    def give_back(self) -> None:
        """The name is gone, and with it the space."""
        self._account("", -self._charged_bytes)
        self._charged_bytes = 0
        self._removed = True

    def lose(self, start: int, stop: int, entropy: "SeededEntropy") -> int:
        """These bytes are garbage, zeroes or ones on the medium; returns how many there were."""
        stop = min(stop, len(self.durable))
        count = max(0, stop - start)
        if count:
            fill = (entropy.random_bytes(count), bytes(count), b"\xff" * count)[entropy.below(3)]
            self.durable = written(self.durable, start, fill)
            self.data = written(self.data, start, fill)
        return count

    def _charge(self, path: str, size_bytes: int) -> None:
        if self._removed:
            return
        wanted = max(size_bytes, self._reserved_bytes)
        self._account(path, wanted - self._charged_bytes)
        self._charged_bytes = wanted


class Fate:
    """What becomes of what was not synced: all of it is there, or nothing, as ``keeps`` says when it is asked, once for
    each folder and each file."""

    def __init__(self, keeps: "Callable[[], bool]") -> None:
        self._keeps = keeps
        self._decided: "dict[int, bool]" = {}

    def names(self, folder: Folder) -> "Names":
        """What is in a folder."""
        kept = self._keeps()
        return self._names(folder, lambda: kept)

    def content(self, content: Content) -> bytearray:
        """What is in a file."""
        return content.data if self._keeps() else content.durable

    def _names(self, folder: Folder, keeps: "Callable[[], bool]") -> "Names":
        names = dict(folder.durable_names)
        for change in folder.changes:
            if id(change) not in self._decided:  # a move between folders is decided once
                self._decided[id(change)] = keeps()
            if self._decided[id(change)]:
                change.apply(folder, names)
        return names


class TornFate(Fate):
    """Every sector and every change of names by itself."""

    def __init__(self, entropy: "SeededEntropy") -> None:
        super().__init__(lambda: entropy.below(2) == 1)
        self._entropy = entropy

    def names(self, folder: Folder) -> "Names":
        """See Fate."""
        return self._names(folder, self._keeps)

    def content(self, content: Content) -> bytearray:
        """See Fate."""
        found = bytearray(content.durable)
        for offset_bytes, data in content.pending:
            if data is not None:
                found = _torn(found, offset_bytes, data, self._entropy)
            elif self._keeps():
                found = truncated(found, offset_bytes)
        return found


def move(old: Folder, old_name: str, new: Folder, new_name: str) -> None:
    """A node gets another name, maybe in another folder; what had that name is replaced."""
    node = old.names.pop(old_name)
    new.names[new_name] = node
    change = Change(node, old, old_name, new, new_name)
    old.changes.append(change)
    if new is not old:
        new.changes.append(change)


def written(content: bytearray, offset_bytes: int, data: bytes) -> bytearray:
    """``content`` with ``data`` in it, in place; a gap before it is filled with zeroes."""
    if offset_bytes > len(content):
        content.extend(bytes(offset_bytes - len(content)))
    overlap = min(len(content) - offset_bytes, len(data))
    content[offset_bytes : offset_bytes + overlap] = data[:overlap]
    content.extend(data[overlap:])
    return content


def truncated(content: bytearray, size_bytes: int) -> bytearray:
    """The first ``size_bytes`` of ``content``, zeroes where it has fewer."""
    if size_bytes > len(content):
        return written(content, size_bytes, b"")
    return bytearray(memoryview(content)[:size_bytes])


def _torn(content: bytearray, offset_bytes: int, data: bytes, entropy: "SeededEntropy") -> bytearray:
    """``content`` after a write of which each sector was kept, dropped or garbled, and the size noted or not."""
    stop = offset_bytes + len(data)
    start = offset_bytes
    fates = entropy.random_bytes(2 + len(data) // SECTOR_BYTES)
    sector = 0
    while start < stop:
        end = min(stop, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        fate = fates[sector] % 3
        if fate == 1:
            content = written(content, start, data[start - offset_bytes : end - offset_bytes])
        elif fate == 2:
            content = written(content, start, entropy.random_bytes(end - start))
        start = end
        sector += 1
    if stop > len(content) and entropy.below(2) == 1:
        content = truncated(content, stop)
    return content
