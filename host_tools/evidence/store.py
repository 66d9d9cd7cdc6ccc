"""What the destination keeps: bytes in files, everything about them in the catalogue.

Law: an object is received into a file of its own, made durable, and then becomes the object of its name in one
transaction; so there is never half an object, and never a name without its bytes. Files that belong to no object are
what a crash left over, and go at the next start. Objects pass through in pieces; none is ever whole in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace

from firmware.ports.errors import AlreadyExists, NotFound, PortFault
from firmware.ports.files import File, Files
from host_tools.destinations.checks import is_complete, merged
from host_tools.evidence import quarantine as quarantines
from host_tools.evidence.blocking import Buffer
from host_tools.evidence.catalogue import PAGE_ROWS_MAX, Catalogue, Container, StoredObject
from host_tools.evidence.errors import Refusal
from host_tools.evidence.rules import search_keys

OBJECTS = "objects"
BOOKMARK_START = "bookmark_"
SHARD_CHARACTERS = 2  # 256 folders: thousands of files each at a million objects
READ_BYTES = 1 << 20  # a piece of an object on its way out

NewName = Callable[[], str]


class Upload:
    """An object on its way in. ``feed`` blocks."""

    def __init__(self, file: File, path: str) -> None:
        self.path = path
        self.length_bytes = 0
        self._file = file
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    @property
    def etag(self) -> str:
        """MD5 of what came so far."""
        return self._md5.hexdigest()

    @property
    def sha256(self) -> str:
        """SHA-256 of what came so far."""
        return self._sha256.hexdigest()

    def feed(self, piece: Buffer) -> None:
        """Keep a piece. PortFault."""
        self._file.write_at(self.length_bytes, piece)
        self.length_bytes += len(piece)
        self._md5.update(piece)
        self._sha256.update(piece)

    def sync(self) -> None:
        """Everything that came is on the medium. PortFault."""
        self._file.sync()
        self._file.close()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


class Store:
    """Every call blocks. ``new_name``: a random word of hexadecimal digits, never the same twice."""

    def __init__(self, files: Files, catalogue: Catalogue, wall_ms: Callable[[], int], new_name: NewName) -> None:
        self.files = files
        self.catalogue = catalogue
        self._wall_ms = wall_ms
        self._new_name = new_name
        self._receiving: set[str] = set()
        with suppress(AlreadyExists):
            files.make_folder(OBJECTS)

    def sweep(self) -> int:
        """Remove files that belong to no object, and finish what was being set apart; answers how many files went.
        Before anything is received."""
        removed = 0
        for box in self.catalogue.recordings("quarantine <> '' AND completed_ms IS NOT NULL", (), PAGE_ROWS_MAX):
            with suppress(PortFault):  # told when it was completed; it lies where it was
                quarantines.set_apart(self.files, self.catalogue, box)
        for shard in self.files.list_folder(OBJECTS):
            for name in self.files.list_folder(f"{OBJECTS}/{shard}"):
                path = f"{OBJECTS}/{shard}/{name}"
                if path not in self._receiving and not self.catalogue.has_file(path):
                    self.files.remove(path)
                    removed += 1
        return removed

    def put_container(self, name: str, metadata: dict[str, str], quarantine: str = "") -> bool:
        """Make a container or add to one; whether it is new."""
        with self.catalogue.change():
            known = self.catalogue.container(name)
            now_ms = self._wall_ms()
            row = known or Container(name, {}, now_ms, now_ms, None)
            self._keep(row, metadata, quarantine)
            return known is None

    def update_container(self, name: str, metadata: dict[str, str], quarantine: str = "") -> Container:
        """Add metadata. Refusal 404."""
        with self.catalogue.change():
            return self._keep(self.required(name), metadata, quarantine)

    def begin(self, length_bytes: int) -> Upload:
        """A place for an object that may be ``length_bytes`` long (0: not known). PortFault."""
        name = self._new_name()
        folder = f"{OBJECTS}/{name[:SHARD_CHARACTERS]}"
        try:
            self.files.make_folder(folder)
        except AlreadyExists:
            pass
        else:
            self.files.sync_folder(OBJECTS)
        path = f"{folder}/{name}"
        self._receiving.add(path)
        try:
            return Upload(self.files.create(path, length_bytes), path)
        except BaseException:
            self._receiving.discard(path)
            raise

    def settle(self, upload: Upload) -> None:
        """What came is on the medium, though not an object yet. PortFault."""
        upload.sync()
        self.files.sync_folder(upload.path.rpartition("/")[0])

    def keep(
        self, upload: Upload, container: str, name: str, metadata: dict[str, str], content_type: str
    ) -> tuple[StoredObject, str]:
        """Within a transaction: what was settled is the object from now on. With it the file that is nobody's when the
        transaction has ended, if there is one. Refusal: the container is gone, or complete without such an object."""
        row = StoredObject(
            container=container,
            name=name,
            file=upload.path,
            etag=upload.etag,
            sha256=upload.sha256,
            length_bytes=upload.length_bytes,
            content_type=content_type,
            metadata=metadata,
            stored_ms=self._wall_ms(),
            category=metadata.get("CategoryID", "") if name.startswith(BOOKMARK_START) else "",
        )
        box, known = self.required(container), self.catalogue.object(container, name)
        if not box.is_complete:
            self.catalogue.keep_object(row)
            return row, known.file if known is not None else ""
        if known is None or known.etag != row.etag:
            raise Refusal(400, f"container {container} is complete: nothing can be added to it")
        return known, upload.path

    def let_go(self, upload: Upload, obsolete: str) -> None:
        """After the transaction of ``keep``."""
        self._receiving.discard(upload.path)
        if obsolete:
            self.remove_files([obsolete])

    def discard(self, upload: Upload) -> None:
        """What came is not wanted."""
        upload.close()
        self._receiving.discard(upload.path)
        self.remove_files([upload.path])

    def update_object(self, container: str, name: str, metadata: dict[str, str]) -> StoredObject:
        """These metadata in place of all it had. Refusal 404; 400 in a complete container."""
        with self.catalogue.change():
            box, row = self.required(container), self.catalogue.object(container, name)
            if row is None:
                raise Refusal(404, f"object {name} is not there")
            if box.is_complete and row.metadata != metadata:
                raise Refusal(400, f"container {container} is complete: nothing in it can be changed")
            row = replace(row, metadata=metadata)
            self.catalogue.keep_object(row)
            return row

    def required(self, name: str) -> Container:
        """The container. Refusal 404."""
        row = self.catalogue.container(name)
        if row is None:
            raise Refusal(404, f"container {name} is not there")
        return row

    def read(self, row: StoredObject, start_byte: int, length_bytes: int) -> Generator[bytes, None, None]:
        """Bytes of an object, a piece at a time. PortFault."""
        file = self.files.open(row.file)
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

    def drop(self, container: str) -> None:
        """Forget a container and all in it. PortFault."""
        self.remove_files(self.catalogue.drop_container(container))
        quarantines.leave(self.files, container)

    def remove_files(self, paths: list[str]) -> None:
        """Let go of files; what is gone already is gone."""
        for path in paths:
            with suppress(NotFound):
                self.files.remove(path)

    def _keep(self, row: Container, metadata: dict[str, str], quarantine: str) -> Container:
        found = merged(row.metadata, metadata)
        now_ms = self._wall_ms()
        completed_ms = row.completed_ms
        if completed_ms is None and is_complete(found):
            completed_ms = now_ms
        keys = search_keys(row.name, found)
        row = replace(
            row,
            metadata=found,
            changed_ms=now_ms,
            completed_ms=completed_ms,
            quarantine=quarantine or row.quarantine,
            **keys._asdict(),
        )
        self.catalogue.keep_container(row)
        return row
