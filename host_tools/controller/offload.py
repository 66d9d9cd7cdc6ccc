"""Offload of one recording from one camera: manifest, then the chunks that are missing, many pulls in flight.

Law: what is missing is read from the spool's committed chunks, never remembered; so resuming after anything is the
same as starting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from firmware.link import schema
from host_tools.controller.committer import Committer
from host_tools.controller.happenings import Happenings
from host_tools.controller.turns import Turns
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.errors import CustodyError, CustodyRefused
from host_tools.custody.index import Announcement, Recording
from host_tools.custody.shelf import MissingChunk
from host_tools.custody.spool import Spool
from host_tools.protocol.connection import Connection

PULLS_AT_ONCE = 4  # chunks in flight from one camera: two to four seconds of video, some megabytes
ROUNDS_MAX = 5  # a chunk that comes wrong this often will not come right: the card or the memory of the camera is bad
PROGRESS_BYTES = 1 << 18  # between two tellings of progress


class OffloadFailed(Exception):
    """This recording cannot be offloaded from this camera now. One line that says why."""


@dataclass(slots=True)
class Rates:
    """What one camera has sent since the controller started, and in how much time of transferring."""

    bytes_received: int = 0
    seconds: float = 0.0

    @property
    def mb_per_s(self) -> float:
        """Megabytes (10**6) a second; 0 before anything was sent."""
        return self.bytes_received / self.seconds / 1e6 if self.seconds else 0.0


class Offload:
    """Offloads from one connection. ``entry`` is one record of the camera's list of recordings."""

    def __init__(
        self,
        connection: Connection,
        camera_serial: str,
        spool: Spool,
        committer: Committer,
        run_blocking: RunBlocking,
        happenings: Happenings,
        turns: Turns,
        prioritised: Callable[[], bool] = bool,
    ) -> None:
        self.rates = Rates()
        self._refused: tuple[bytes, ...] = ()
        self._turns = turns
        self._prioritised = prioritised
        self._connection = connection
        self._camera_serial = camera_serial
        self._spool = spool
        self._committer = committer
        self._run_blocking = run_blocking
        self._happenings = happenings

    async def announce(self, entry: dict[str, Any]) -> Recording:
        """Note in the index that the camera has this recording."""
        announcement = Announcement(
            entry["recording"],
            self._camera_serial,
            entry["manifest_sha256"],
            entry["manifest_bytes"],
            entry["chunks_bytes"],
            entry["started_unix_ms"],
            entry["duration_ms"],
            entry["interrupted"],
            entry["priority"],
        )
        return await self._run_blocking(lambda: self._spool.announce(announcement))

    async def prepare(self, entries: Iterable[dict[str, Any]], complete: bool) -> None:
        """Have room set aside for what the camera has (the most important first), and tell of what it does not have
        any more though it is not whole here. ``complete``: these are all that it has."""
        wanted = {entry["recording"]: entry["chunks_bytes"] + entry["manifest_bytes"] for entry in entries}
        try:
            await self._reserve(wanted)
            if complete:
                await self._tell_absent(wanted)
        except CustodyError as fault:
            self._happenings.tell("custody_fault", text=str(fault))

    def leave(self) -> None:
        """The camera is gone: what was set aside for it is free again, but for what has been accepted."""
        self._spool.release(self._camera_serial)

    async def run(self, entry: dict[str, Any], docked: dict[str, Any]) -> None:
        """Until the recording is held. LinkLost, RequestRefused, CustodyError, OffloadFailed."""
        recording: bytes = entry["recording"]
        manifest = await self._pull_manifest(entry)
        await self._run_blocking(
            lambda: self._spool.accept(manifest, self._camera_serial, entry["manifest_sha256"], docked, recording)
        )
        started_s = asyncio.get_running_loop().time()
        self._tell(entry, "offload_started")
        try:
            with self._turns.taking_part(self._prioritised()):
                await self._pull_missing(recording, entry)
        finally:
            self.rates.seconds += asyncio.get_running_loop().time() - started_s
            await _to_its_end(self._pause(recording))
        self._tell(entry, "offloaded", mb_per_s=round(self.rates.mb_per_s, 2))

    async def _reserve(self, wanted: dict[bytes, int]) -> None:
        # Blocking work goes on though whoever waits for it is cancelled: it must not promise after ``leave``.
        await _to_its_end(self._renew(wanted))

    async def _renew(self, wanted: dict[bytes, int]) -> None:
        promise = await self._run_blocking(lambda: self._spool.reserve(self._camera_serial, wanted))
        if promise.refused and promise.refused != self._refused:
            self._happenings.tell(
                "spool_full",
                camera=self._camera_serial,
                recordings=len(promise.refused),
                text=f"{len(promise.refused)} recordings of camera {self._camera_serial} stay on it: the spool has no "
                f"room for {promise.refused_bytes} bytes; deliver recordings or free space",
            )
        self._refused = promise.refused

    async def _tell_absent(self, present: dict[bytes, int]) -> None:
        for row in await self._run_blocking(lambda: self._spool.note_absent(self._camera_serial, present.keys())):
            self._happenings.tell("lost", camera=self._camera_serial, recording=row.recording.hex(), text=row.trouble)

    async def _pull_missing(self, recording: bytes, entry: dict[str, Any]) -> None:
        for _ in range(ROUNDS_MAX):
            missing = self._spool.missing(recording)
            if not missing:
                return
            await self._pull_chunks(recording, missing, entry)
            await self._committer.flush()
        raise OffloadFailed(
            f"recording {recording.hex()}: chunks keep arriving damaged from camera {self._camera_serial}; "
            "try another bay, then examine the camera's card"
        )

    async def _pull_manifest(self, entry: dict[str, Any]) -> bytes:
        manifest = bytearray(entry["manifest_bytes"])

        def take(offset: int, data: memoryview) -> None:
            manifest[offset : offset + len(data)] = data

        for offset in range(0, len(manifest), schema.PULL_BYTES_MAX):
            length = min(schema.PULL_BYTES_MAX, len(manifest) - offset)
            await self._connection.pull(entry["recording"], schema.PART_MANIFEST, offset, length, take)
        return bytes(manifest)

    async def _pull_chunks(self, recording: bytes, missing: list[MissingChunk], entry: dict[str, Any]) -> None:
        progress = _Progress(entry["chunks_bytes"] - sum(chunk.length_bytes for chunk in missing))
        queue = iter(missing)
        faults: list[CustodyError] = []

        def take(offset: int, data: memoryview) -> None:
            try:
                self._spool.write(recording, offset, data)
            except CustodyError as fault:  # told by the worker: this runs inside the pipe's reading
                faults.append(fault)
                return
            self.rates.bytes_received += len(data)
            if progress.add(len(data)):
                self._tell(entry, "progress", bytes_here=progress.bytes_here)

        async def work(number: int) -> None:
            for chunk in queue:
                await self._turns.turn(number, self._prioritised())
                await self._connection.pull(recording, schema.PART_CHUNKS, chunk.offset_bytes, chunk.length_bytes, take)
                if faults:
                    raise faults[0]
                self._committer.written()

        try:
            async with asyncio.TaskGroup() as workers:
                for number in range(PULLS_AT_ONCE):
                    workers.create_task(work(number))
        except* Exception as errors:  # noqa: BLE001  unwrapped: the first failure of the workers is theirs, not a group
            raise _first(errors) from None

    async def _pause(self, recording: bytes) -> None:
        """What has arrived whole counts, whatever ended the offload; what has not is forgotten."""
        try:
            await self._committer.flush()
            await self._run_blocking(lambda: self._spool.pause(recording))
        except CustodyRefused:
            return  # it is not in the spool
        except CustodyError as error:
            self._happenings.tell("custody_fault", text=str(error))

    def _tell(self, entry: dict[str, Any], what: str, **details: Any) -> None:
        self._happenings.tell(
            what,
            camera=self._camera_serial,
            recording=entry["recording"].hex(),
            bytes_whole=entry["chunks_bytes"],
            **details,
        )


class _Progress:
    def __init__(self, bytes_here: int) -> None:
        self.bytes_here = bytes_here
        self._told = bytes_here

    def add(self, count: int) -> bool:
        self.bytes_here += count
        if self.bytes_here - self._told < PROGRESS_BYTES:
            return False
        self._told = self.bytes_here
        return True


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await work that must not stop half-way: who is cancelled meanwhile goes on only when it has ended."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        raise


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
