"""A controller without its cables: index, spool, journey, delivery and destination on one medium, and a camera's card
beside them that does not lose power.

Law: composes and steps the real parts; every promise that one of them makes is noted in ``Promises`` the moment it has
been made, and judged elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from firmware.formats import authorisation
from firmware.formats.chunk import new_opener
from firmware.link.schema import PART_CHUNKS, PART_MANIFEST
from firmware.ports.files import Files
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.subtree_files import SubtreeFiles
from host_tools.controller.delivery import Delivery
from host_tools.controller.happenings import Happenings
from host_tools.custody.blocking import run_inline
from host_tools.custody.files_vfs import FilesVfs
from host_tools.custody.index import Announcement, Index, open_index
from host_tools.custody.journey import Journey
from host_tools.custody.ledger import Head
from host_tools.custody.spool import Spool
from host_tools.destinations.directory import DirectoryDestination, create
from host_tools.simulation.cuts.recordings import CAMERA_SERIAL, STARTED_UNIX_MS, Camera, Made, read_part
from host_tools.simulation.loop import VirtualLoop

INDEX_FILE = "custody.db"
SPARE_BYTES = 1 << 20  # on a full disk the index must still find room
CHUNKS_MAX = 1 << 20  # all of them
PIECE_BYTES = 1_500  # what arrives at once: chunks of 3 KB come in three pieces
DELIVERY_S_MAX = 3_600  # virtual; a destination that is there takes everything within seconds
DELIVERY_LOOK_S = 1.0

T = TypeVar("T")
MakeSpool = Callable[[Files, Index], Spool]


def wall_ms() -> int:
    """It does not matter here."""
    return STARTED_UNIX_MS + 86_400_000


def plain_spool(files: Files, index: Index) -> Spool:
    """The spool as it is."""
    return Spool(files, index, wall_ms, spare_bytes=SPARE_BYTES)


def plain_index(vfs: FilesVfs) -> Index:
    """The index as it is: ``synchronous=FULL``."""
    return open_index(INDEX_FILE, vfs=vfs.name, exclusive=True)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a controller is made of. Tests put in parts that break a promise, to see that it is noticed."""

    wrap: Callable[[Files], Files] = lambda files: files
    make_spool: MakeSpool = plain_spool
    open_index: Callable[[FilesVfs], Index] = plain_index


@dataclass(slots=True)
class Promises:
    """What the controller has said. ``heads``: where the ledger stood each time something was said."""

    accepted: set[bytes] = field(default_factory=set[bytes])
    committed: set[tuple[bytes, int]] = field(default_factory=set[tuple[bytes, int]])
    held: set[bytes] = field(default_factory=set[bytes])
    delivered: set[bytes] = field(default_factory=set[bytes])
    erased: set[bytes] = field(default_factory=set[bytes])
    counter: int = 0
    heads: list[Head] = field(default_factory=list[Head])


class Offered:
    """The camera in the bay: its card, and what was recorded on it."""

    def __init__(self, recordings: tuple[int, ...], fragment_bytes: int = 3_000) -> None:
        self.made: dict[bytes, Made] = {}
        self.camera = Camera(MemoryFiles(), self.made, "offered", fragment_bytes)
        self.recordings = [self.camera.record(seconds) for seconds in recordings]

    def announcements(self) -> list[Announcement]:
        """What the camera lists."""
        return [
            Announcement(
                entry.recording,
                CAMERA_SERIAL,
                entry.manifest_sha256,
                entry.manifest_bytes,
                entry.chunks_bytes,
                entry.started_unix_ms,
                entry.duration_ms,
                entry.interrupted,
            )
            for entry in self.camera.vault.recordings()
        ]

    def manifest(self, told: Announcement) -> bytes:
        """The manifest of a recording."""
        return read_part(self.camera.vault, told.recording, PART_MANIFEST, told.manifest_bytes)


class Desk:
    """Starts where the last one stopped. ``close`` gives everything back, also with the power off."""

    def __init__(self, files: Files, parts: Parts, promises: Promises, offered: Offered) -> None:
        self.promises = promises
        self.offered = offered
        files = parts.wrap(files)
        self._vfs = FilesVfs(SubtreeFiles(files, "index"), SeededEntropy("salt"), wall_ms)
        self._destination_files = SubtreeFiles(files, "destination")
        opened: Index | None = None
        try:
            self.index = opened = parts.open_index(self._vfs)
            self.spool = parts.make_spool(SubtreeFiles(files, "spool"), self.index)
            self.journey = Journey(self.index, wall_ms)
        except BaseException:
            self._give_back(opened)
            raise

    def close(self) -> None:
        """An orderly end."""
        self.spool.close()
        self._give_back(self.index)

    def _give_back(self, index: Index | None) -> None:
        try:
            if index is not None:
                index.close()
        finally:
            self._vfs.close()

    # -- what a controller does

    def accept(self, told: Announcement) -> None:
        """Announce a recording and take it on. CustodyError."""
        self.spool.announce(told)
        self.spool.accept(self.offered.manifest(told), CAMERA_SERIAL, told.manifest_sha256)
        self._note(self.promises.accepted, {told.recording})

    def fetch(self, recording: bytes, chunks_max: int = CHUNKS_MAX, commit_every: int = 2) -> None:
        """Pull what is missing, group by group; at the end all that has arrived is committed."""
        left = min(chunks_max, len(self.spool.missing(recording)))
        while left > 0:
            self.receive(recording, min(left, commit_every))
            self.commit()
            left -= commit_every

    def receive(self, recording: bytes, chunks_max: int) -> None:
        """Some of what is missing, piece by piece; of every third chunk the last piece comes first."""
        for number, offset, length in self.spool.missing(recording)[:chunks_max]:
            data = self.offered.camera.vault.read_piece(recording, PART_CHUNKS, offset, length)
            starts = list(range(0, length, PIECE_BYTES))
            for start in reversed(starts) if number % 3 == 2 else starts:
                self.spool.write(recording, offset + start, data[start : start + PIECE_BYTES])

    def commit(self) -> None:
        """Make durable what has arrived, and note what counts now."""
        report = self.spool.commit()
        self._note(self.promises.held, set(report.held))
        self.promises.committed |= set(report.committed)

    def deliver(self) -> None:
        """Run the delivery until nothing waits for it."""
        run_virtually(self._deliver())

    def erase(self, recording: bytes) -> None:
        """Give leave, have the camera erase, and take its answer."""
        given = self.journey.authorise_erase(recording, counter_floor=self.offered.camera.vault.erase_counter())
        self.promises.counter = given.counter
        self._note(set(), set())
        erased = self.offered.camera.vault.erase(authorisation.encode(given), CAMERA_SERIAL)
        self.journey.erased(recording, erased.counter)
        self._note(self.promises.erased, {recording})

    def life(self) -> None:
        """Everything that is still to be done, whatever has been done before."""
        for told in self.offered.announcements():
            state = self.spool.announce(told).state
            if state in ("announced", "offloading"):
                self.accept(told)
                self.fetch(told.recording)
        self.deliver()
        for told in self.offered.announcements():
            self.erase(told.recording)
        for row in self.index.recordings("erase_authorised"):
            self.erase(row.recording)  # the camera has erased it, and its answer was lost

    async def _deliver(self) -> None:
        happenings = Happenings(wall_ms)
        delivery = Delivery(
            self.index,
            self.spool,
            DirectoryDestination(lambda: self._destination_files, "destination", run_inline),
            wall_ms,
            lambda manifest: new_opener(manifest.suite, manifest.recording),
            run_inline,
            happenings,
        )
        happenings.listen(self._on_happening)
        task = asyncio.get_running_loop().create_task(delivery.run())
        try:
            for _ in range(int(DELIVERY_S_MAX / DELIVERY_LOOK_S)):
                await asyncio.sleep(DELIVERY_LOOK_S)
                if task.done() or not self._to_deliver():
                    return
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.result()

    def _to_deliver(self) -> bool:
        counts = self.index.count_by_state()
        return bool(counts.get("held", 0) + counts.get("delivering", 0))

    def _on_happening(self, happening: dict[str, Any]) -> None:
        if happening["what"] == "delivered":
            self._note(self.promises.delivered, {bytes.fromhex(happening["recording"])})

    def _note(self, noted: set[bytes], more: set[bytes]) -> None:
        noted |= more
        self.promises.heads.append(self.index.ledger_head())


def new_medium(capacity_bytes: int) -> MemoryFiles:
    """The controller's disk on its first day: three folders, and the destination made."""
    medium = MemoryFiles(capacity_bytes)
    for name in ("index", "spool", "destination"):
        medium.make_folder(name)
    medium.sync_folder("")
    create(SubtreeFiles(medium, "destination"), "destination", "d-1")
    return medium


def run_virtually(work: Coroutine[Any, Any, T]) -> T:
    """A coroutine on a loop of its own, in no time."""
    errors: list[str] = []
    loop = VirtualLoop(errors.append)
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()
