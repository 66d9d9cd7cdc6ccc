"""Where the destination's objects lie: a seam, and the disk behind it (``swift_objects`` is the other).

Law: bytes by place, and nothing of containers, names or people. A place is what the catalogue keeps as an object's
``file``; its beginning says which store it is of. What was settled is durable; what was not may be gone at any moment,
and shows on the disk by its name. Every call blocks and may raise PortFault.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import suppress
from typing import Protocol

from firmware.ports.errors import AlreadyExists, NotFound
from firmware.ports.files import File, Files
from host_tools.evidence.blocking import Buffer
from host_tools.evidence.catalogue import StoredObject

OBJECTS = "objects"
PART_END = ".part"  # of a file that has not come whole
SHARD_CHARACTERS = 2  # 256 folders: thousands of files each at a million objects
READ_BYTES = 1 << 20  # a piece of an object on its way out
# A long object goes to the medium while it comes, so that little is left to wait for at its end, and the memory that it
# passed through is used again.
WRITE_OUT_BYTES = 8 << 20


class Incoming(Protocol):
    """An object on its way in."""

    @property
    def place(self) -> str:
        """Where it lies; of meaning once it was settled."""
        ...

    @property
    def etag(self) -> str:
        """MD5 of what came so far."""
        ...

    def write(self, piece: Buffer) -> None:
        """Take a piece; it may be changed afterwards."""
        ...

    def settle(self) -> None:
        """Everything that came is durable there, and is what came."""
        ...

    def discard(self) -> None:
        """It is not wanted, settled or not; nothing of it stays."""
        ...


class Objects(Protocol):
    """A store of objects."""

    def begin(self, name: str, length_bytes: int) -> Incoming:
        """A place for an object. ``name``: hexadecimal, never the same twice; ``length_bytes``: 0: not known."""
        ...

    def read(self, row: StoredObject, start_byte: int, length_bytes: int) -> Generator[bytes, None, None]:
        """Bytes of an object, a piece at a time."""
        ...

    def remove(self, place: str) -> None:
        """Let go of an object; what is gone already is gone."""
        ...

    def trouble(self) -> str:
        """What keeps it from taking anything, in one line with the remedy; empty if nothing does."""
        ...


class DiskObjects:
    """Files below the destination's own folder."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._shards: set[str] = set()  # that are known to be durable
        with suppress(AlreadyExists):
            files.make_folder(OBJECTS)
        files.sync_folder("")

    def begin(self, name: str, length_bytes: int) -> DiskIncoming:
        """See Objects."""
        folder = f"{OBJECTS}/{name[:SHARD_CHARACTERS]}"
        if folder not in self._shards:  # it may be there and not yet be durable: made a moment ago, or before a crash
            with suppress(AlreadyExists):
                self._files.make_folder(folder)
            self._files.sync_folder(OBJECTS)
            self._shards.add(folder)
        path = f"{folder}/{name}"
        return DiskIncoming(self._files, self._files.create(path + PART_END, length_bytes), path)

    def read(self, row: StoredObject, start_byte: int, length_bytes: int) -> Generator[bytes, None, None]:
        """See Objects."""
        file = self._files.open(row.file)
        try:
            end_byte = start_byte + length_bytes
            while start_byte < end_byte:
                buffer = bytearray(min(READ_BYTES, end_byte - start_byte))
                count = file.read_at(start_byte, buffer)
                if count == 0:
                    raise NotFound(f"{row.file} ends at byte {start_byte}")
                yield bytes(buffer[:count])
                start_byte += count
        finally:
            file.close()

    def remove(self, place: str) -> None:
        """See Objects."""
        with suppress(NotFound):
            self._files.remove(place)

    def trouble(self) -> str:
        """See Objects: what a disk lacks is said of its room."""
        return ""

    def places(self) -> Generator[str, None, None]:
        """All that lie there, also what has not come whole."""
        for shard in self._files.list_folder(OBJECTS):
            for name in self._files.list_folder(f"{OBJECTS}/{shard}"):
                yield f"{OBJECTS}/{shard}/{name}"


class DiskIncoming:
    """See Incoming."""

    def __init__(self, files: Files, file: File, path: str) -> None:
        self.place = path
        self._path = path + PART_END
        self._files = files
        self._file = file
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._at = self._out = 0

    @property
    def etag(self) -> str:
        """See Incoming."""
        return self._md5.hexdigest()

    def write(self, piece: Buffer) -> None:
        """See Incoming."""
        self._file.write_at(self._at, piece)
        self._at += len(piece)
        self._md5.update(piece)
        if self._at - self._out >= WRITE_OUT_BYTES:
            self._file.write_out(self._out, self._at - self._out)
            self._out = self._at

    def settle(self) -> None:
        """See Incoming."""
        self._file.sync()
        self._file.close()
        self._files.rename(self._path, self.place)
        self._path = self.place
        self._files.sync_folder(self.place.rpartition("/")[0])

    def discard(self) -> None:
        """See Incoming."""
        self._file.close()
        with suppress(NotFound):
            self._files.remove(self._path)
