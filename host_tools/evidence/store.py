"""What the destination keeps: bytes in a store of objects, everything about them in the catalogue.

Law: an object is received into a place of its own, made durable, and then becomes the object of its name in one
transaction; so there is never half an object, and never a name without its bytes. What came whole and belongs to no
object is what a crash left over, or what a catalogue from a backup does not know: it goes when that catalogue has seen
it for a week. Objects pass through in pieces; none is ever whole in memory.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Collection, Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import Any

from firmware.ports.errors import PortFault
from firmware.ports.files import Files
from host_tools.destinations.checks import is_complete, merged
from host_tools.evidence import quarantine as quarantines
from host_tools.evidence.blocking import Buffer
from host_tools.evidence.catalogue import PAGE_ROWS_MAX, Catalogue, Container, StoredObject
from host_tools.evidence.errors import Refusal, StoreAway
from host_tools.evidence.objects import OBJECTS, PART_END, DiskObjects, Incoming, Objects
from host_tools.evidence.rules import DEVICES, SYSTEM, USERS, kind_of, search_keys
from host_tools.evidence.swift_objects import EMPTY_PLACE, LARGE_PLACE, PLACE, SwiftObjects

BOOKMARK_START = "bookmark_"
DAY_MS = 86_400_000
NOBODYS_MS = 7 * DAY_MS  # seen as nobody's, until it goes: time for people to find the newer backup
LOOK_MS_MAX = 3 * DAY_MS  # that one look counts for, whatever the clock says meanwhile
NOBODYS_FACT = "nobodys "  # of the catalogue: what a store has of it, and for how long that was seen
ENDING = ("recording", "other")  # kinds of containers that can be complete: people and rejected content never are
EMPTIED = (
    "objects/ is empty and should not be: mount its disk, or restore it from a backup; "
    "where all is lost, make a folder in it"
)
ELSEWHERE = (PLACE, LARGE_PLACE, EMPTY_PLACE)  # beginnings of places that are not on the disk

NewName = Callable[[], str]


class Upload:
    """An object on its way in. ``feed`` blocks; its halves may run side by side, each after its own last."""

    def __init__(self, incoming: Incoming, word: str) -> None:
        self.length_bytes = 0
        self.word = word  # that its place ends with
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
        """Keep a piece and prove it. PortFault."""
        self.keep(piece)
        self.prove(piece)

    def keep(self, piece: Buffer) -> None:
        """The store's half. PortFault."""
        self.incoming.write(piece)
        self.length_bytes += len(piece)

    def prove(self, piece: Buffer) -> None:
        """The digest's half."""
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
        self.wall_ms = wall_ms
        self._new_name = new_name
        self._disk = DiskObjects(files)
        self._receiving: set[str] = set()  # words
        self._moving: set[str] = set()  # containers on their way into the quarantine, or out of the world
        self._leaving: Counter[str] = Counter()  # containers that are being taken out
        self._at_once = threading.Lock()  # of the two
        self._has_objects = False  # the disk, as far as was seen
        self.waiting = 0  # files that were nobody's at the last sweep, and stay until they were so for a week
        self.missing: tuple[str, ...] = ()  # what ``reconciling`` has found, for people

    @property
    def objects(self) -> Objects:
        """Where new ones go."""
        return self.swift or self._disk

    def sweep(self, now_ms: int) -> int:
        """Remove what never came whole and what was nobody's for long enough, and finish what was being set apart;
        answers how many files went. Before anything is received. The disk's alone: ``reconciling`` looks at another
        store."""
        for box in self.catalogue.recordings("quarantine <> '' AND completed_ms IS NOT NULL", (), PAGE_ROWS_MAX):
            with suppress(PortFault):  # told when it was completed; it lies where it was
                self.set_apart(box)
        places = [path for path in self._disk.places() if not self.is_receiving(path.removesuffix(PART_END))]
        going = [path for path in places if path.endswith(PART_END)]
        whole = [path for path in places if not path.endswith(PART_END) and not self.catalogue.has_file(path)]
        outwaited = self.outwaited("disk", whole, now_ms)
        self.waiting = len(whole) - len(outwaited)
        going += outwaited
        for path in going:
            self.files.remove(path)
        return len(going)

    def is_receiving(self, place: str) -> bool:
        """Whether that is still on its way in."""
        return place.rpartition("/")[2] in self._receiving

    def outwaited(self, kind: str, nobodys: Collection[str], now_ms: int) -> list[str]:
        """Which of a store's places that are nobody's this catalogue has seen as that for a week. Asked with each look:
        what is not named any more is forgotten."""
        with self.catalogue.change():
            then: dict[str, Any] = json.loads(self.catalogue.fact(NOBODYS_FACT + kind) or "{}")
            before = then.get("waited_ms", {})
            step_ms = max(0, min(now_ms - then.get("looked_ms", now_ms), LOOK_MS_MAX))
            waited_ms = {place: before[place] + step_ms if place in before else 0 for place in nobodys}
            self.catalogue.keep_fact(NOBODYS_FACT + kind, json.dumps({"looked_ms": now_ms, "waited_ms": waited_ms}))
        return [place for place, each_ms in waited_ms.items() if each_ms >= NOBODYS_MS]

    def set_apart(self, box: Container) -> None:
        """Move a recording into the quarantine, unless somebody else does so now. PortFault; may be repeated."""
        with self._alone_with(box.name) as is_alone:
            if is_alone:
                quarantines.set_apart(self.files, self.catalogue, box, self)

    def put_container(self, name: str, metadata: dict[str, str], quarantine: str = "") -> bool:
        """Make a container or add to one; whether it is new."""
        with self.catalogue.change():
            known = self.catalogue.container(name)
            now_ms = self.wall_ms()
            row = known or Container(name, {}, now_ms, now_ms, None)
            self._keep(row, metadata, quarantine)
            return known is None

    def find_again(self) -> None:
        """Learn what containers are found by that an earlier version took for nothing to look for."""
        nameless = "SELECT name FROM containers WHERE camera = '' AND name NOT IN (?, ?, ?)"
        for (name,) in self.catalogue.rows(nameless, (SYSTEM, USERS, DEVICES)):
            row = self.required(name)
            keys = search_keys(name, row.metadata)
            if keys.camera:
                self.catalogue.keep_container(replace(row, **keys._asdict()))

    def update_container(self, name: str, metadata: dict[str, str], quarantine: str = "") -> Container:
        """Add metadata. Refusal 404."""
        with self.catalogue.change():
            return self._keep(self.required(name), metadata, quarantine)

    def emptied(self) -> str:
        """What is told of a disk that should have objects and has none: it is not mounted, and what came now would be
        hidden as soon as it is. Empty if it has some, or need not."""
        if not self._has_objects:
            is_empty = not self.files.list_folder(OBJECTS)
            if is_empty and self.catalogue.has_between(f"{OBJECTS}/", f"{OBJECTS}0"):
                return EMPTIED
            self._has_objects = True
        return ""

    def begin(self, length_bytes: int) -> Upload:
        """A place for an object that may be ``length_bytes`` long (0: not known). PortFault."""
        emptied = "" if self.swift is not None else self.emptied()
        if emptied:
            raise StoreAway(emptied)
        word = self._new_name()
        self._receiving.add(word)
        try:
            return Upload(self.objects.begin(word, length_bytes), word)
        except PortFault:
            self._receiving.discard(word)
            raise

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
            stored_ms=self.wall_ms(),
            category=metadata.get("CategoryID", "") if name.startswith(BOOKMARK_START) else "",
        )
        box, known = self.required(container), self.catalogue.object(container, name)
        if not box.is_complete:
            self.catalogue.keep_object(row)
            return row, known.file if known is not None else ""
        if known is None or known.sha256 != row.sha256:
            raise Refusal(400, f"container {container} is complete: nothing can be added to it")
        row = replace(known, file=upload.path)  # what came now is proven; what lay there may be gone
        self.catalogue.keep_object(row)
        return row, known.file

    def let_go(self, upload: Upload, obsolete: str) -> None:
        """After the transaction of ``keep``."""
        upload.is_kept = True
        self._receiving.discard(upload.word)
        if obsolete:
            self.remove(obsolete)

    def discard(self, upload: Upload) -> None:
        """What came is not wanted; what was kept meanwhile, or may have been, stays."""
        self._receiving.discard(upload.word)
        if not upload.is_kept:
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

    def lies_whole(self, row: StoredObject) -> bool:
        """Whether the disk has as many bytes of an object as there should be; True of what lies elsewhere."""
        if row.file.startswith(ELSEWHERE):
            return True
        try:
            file = self.files.open(row.file)
        except PortFault:
            return False
        with closing(file):
            return file.size_bytes() == row.length_bytes

    def drop(self, container: str) -> bool:
        """Forget a container and all in it; False, and nothing is done, while somebody takes it out or moves it, or
        where it lies cannot be seen. PortFault."""
        row = self.catalogue.container(container)
        is_apart = row is not None and row.quarantine
        if self.emptied() or (is_apart and quarantines.trouble(self.files, self.catalogue)):
            return False
        with self._alone_with(container) as is_alone:
            if not is_alone:
                return False
            with self._at_once:
                if self._leaving[container] > 0:
                    return False
                places = self.catalogue.drop_container(container)
            for place in places:
                self.remove(place)
            quarantines.leave(self.files, container)
        return True

    @contextmanager
    def _alone_with(self, container: str) -> Generator[bool]:
        """Whether nobody else moves or drops it; nobody does while the block runs then. Never waits: what is copied
        may be gigabytes, and whoever asks meanwhile would hold a worker for as long."""
        with self._at_once:
            is_alone = container not in self._moving
            self._moving.add(container)
        try:
            yield is_alone
        finally:
            if is_alone:
                with self._at_once:
                    self._moving.discard(container)

    @contextmanager
    def taking_out(self, container: str) -> Generator[None]:
        """While the block runs the container does not go, however long it was kept."""
        with self._at_once:
            self._leaving[container] += 1
        try:
            yield
        finally:
            with self._at_once:
                self._leaving[container] -= 1
                if not self._leaving[container]:
                    del self._leaving[container]

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
        if row.is_complete:
            return row  # it stays what it was when it became so
        found = merged(row.metadata, metadata)
        now_ms = self.wall_ms()
        completed_ms = now_ms if is_complete(found) and kind_of(row.name) in ENDING else None
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
