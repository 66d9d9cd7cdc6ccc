"""What the destination keeps: bytes in a store of objects, everything about them in the catalogue.

Law: an object is received into a place of its own, made durable, and then becomes the object of its name in one
transaction; so there is never half an object, and never a name without its bytes. Places that belong to no object are
what a crash left over, and go when they are looked for. Objects pass through in pieces; none is ever whole in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace

from firmware.ports.errors import PortFault
from firmware.ports.files import Files
from host_tools.destinations.checks import is_complete, merged
from host_tools.evidence import quarantine as quarantines
from host_tools.evidence.blocking import Buffer
from host_tools.evidence.catalogue import PAGE_ROWS_MAX, Catalogue, Container, StoredObject
from host_tools.evidence.errors import Refusal, StoreAway
from host_tools.evidence.objects import DiskObjects, Incoming, Objects
from host_tools.evidence.rules import search_keys
from host_tools.evidence.swift_objects import EMPTY_PLACE, LARGE_PLACE, PLACE, SwiftObjects

BOOKMARK_START = "bookmark_"
ELSEWHERE = (PLACE, LARGE_PLACE, EMPTY_PLACE)  # beginnings of places that are not on the disk

NewName = Callable[[], str]


class Upload:
    """An object on its way in. ``feed`` blocks."""

    def __init__(self, incoming: Incoming) -> None:
        self.length_bytes = 0
        self.is_kept = False
        self.incoming = incoming
        self._sha256 = hashlib.sha256()

    @property
    def path(self) -> str:
        """Where it lies; of meaning once it was settled."""
        return self.incoming.place

    @property
    def etag(self) -> str:
        """MD5 of what came so far."""
        return self.incoming.etag

    @property
    def sha256(self) -> str:
        """SHA-256 of what came so far."""
        return self._sha256.hexdigest()

    def feed(self, piece: Buffer) -> None:
        """Keep a piece. PortFault."""
        self.incoming.write(piece)
        self.length_bytes += len(piece)
        self._sha256.update(piece)


class Store:
    """Every call blocks. ``new_name``: a random word of hexadecimal digits, never the same twice; ``swift``: takes new
    objects instead of the disk."""

    def __init__(
        self,
        files: Files,
        catalogue: Catalogue,
        wall_ms: Callable[[], int],
        new_name: NewName,
        swift: SwiftObjects | None = None,
    ) -> None:
        self.files = files
        self.catalogue = catalogue
        self.swift = swift
        self._wall_ms = wall_ms
        self._new_name = new_name
        self._disk = DiskObjects(files)
        self._receiving: set[str] = set()
        self.missing: tuple[str, ...] = ()  # what ``reconciling`` has found, for people

    @property
    def objects(self) -> Objects:
        """Where new ones go."""
        return self.swift or self._disk

    def sweep(self) -> int:
        """Remove files that belong to no object, and finish what was being set apart; answers how many files went.
        Before anything is received. The disk's alone: ``reconciling`` looks at another store."""
        removed = 0
        for box in self.catalogue.recordings("quarantine <> '' AND completed_ms IS NOT NULL", (), PAGE_ROWS_MAX):
            with suppress(PortFault):  # told when it was completed; it lies where it was
                self.set_apart(box)
        for path in self._disk.places():
            if path not in self._receiving and not self.catalogue.has_file(path):
                self.files.remove(path)
                removed += 1
        return removed

    def set_apart(self, box: Container) -> None:
        """Move a recording into the quarantine. PortFault; may be repeated."""
        quarantines.set_apart(self.files, self.catalogue, box, self)

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
        upload = Upload(self.objects.begin(self._new_name(), length_bytes))
        self._receiving.add(upload.path)
        return upload

    def settle(self, upload: Upload) -> None:
        """What came is durable, though not an object yet. PortFault."""
        upload.incoming.settle()

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
        upload.is_kept = True
        self._receiving.discard(upload.path)
        if obsolete:
            self.remove(obsolete)

    def discard(self, upload: Upload) -> None:
        """What came is not wanted; what was kept meanwhile stays."""
        if not upload.is_kept:
            self._receiving.discard(upload.path)
            upload.incoming.discard()

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
        return self._of(row.file).read(row, start_byte, length_bytes)

    def drop(self, container: str) -> None:
        """Forget a container and all in it. PortFault."""
        for place in self.catalogue.drop_container(container):
            self.remove(place)
        quarantines.leave(self.files, container)

    def remove(self, place: str) -> None:
        """Let go of an object's bytes; what is gone already is gone."""
        self._of(place).remove(place)

    def _of(self, place: str) -> Objects:
        """The store that a place is of. StoreAway: its keys have been taken away."""
        if not place.startswith(ELSEWHERE):
            return self._disk
        if self.swift is None:
            raise StoreAway("objects lie in a Swift store and swift.toml is not there: restore it")
        return self.swift

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
