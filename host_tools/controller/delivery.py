"""Delivery: one task takes every held recording to the destination, completion last, and keeps trying.

Law: the index says what is to be delivered, so a restart resumes by looking. A destination that is away delays
everything and loses nothing; a recording that the destination refuses, or that cannot be read, is set aside with the
reason and delays nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from firmware.formats.chunk import Opener
from firmware.formats.manifest import Manifest
from host_tools.controller.happenings import Happenings
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.errors import ContentMismatch, CustodyError, CustodyRefused, SpoolDamage
from host_tools.custody.index import Index, Recording
from host_tools.custody.journey import Journey
from host_tools.custody.spool import Spool
from host_tools.destinations.interface import (
    Destination,
    DestinationRefused,
    DestinationUnavailable,
    Receipt,
    SourceMismatch,
)
from host_tools.destinations.metadata import clip_metadata, completion_metadata, recording_metadata
from host_tools.destinations.names import clip_name, container_name

RETRY_S_FIRST = 1.0  # after the destination was away; doubled while it stays away
RETRY_S_MAX = 30.0
LOOK_S = 10.0  # a telling can be lost; the index cannot
NAME_ATTEMPTS_MAX = 100  # recordings of one wearer, camera and second: a clock that was set back again and again
CONTROLLER_SERIAL = "openbwc-controller"
TIME_ZONE = "UTC"


class Delivery:
    """``run`` is a task of the controller; ``news`` wakes it; ``trouble`` is empty while the destination answers."""

    def __init__(
        self,
        index: Index,
        spool: Spool,
        destination: Destination,
        wall_ms: Callable[[], int],
        opener_of: Callable[[Manifest], Opener],
        run_blocking: RunBlocking,
        happenings: Happenings,
    ) -> None:
        self.news = asyncio.Event()
        self.trouble = ""
        self._index = index
        self._spool = spool
        self._destination = destination
        self._journey = Journey(index, wall_ms)
        self._opener_of = opener_of
        self._run_blocking = run_blocking
        self._happenings = happenings

    @property
    def destination_name(self) -> str:
        """What and where the destination is."""
        return str(self._destination.describe())

    async def run(self) -> None:
        """Deliver what is held, again and again."""
        retry_s = RETRY_S_FIRST
        while True:
            self.news.clear()
            if await self._try_all():
                retry_s = RETRY_S_FIRST
                await self._pause(LOOK_S)
            else:
                await self._pause(retry_s)
                retry_s = min(retry_s * 2, RETRY_S_MAX)

    async def _try_all(self) -> bool:
        """Whether all went well, or failed for good; False if trying again soon may help."""
        try:
            await self._deliver_all()
        except (DestinationUnavailable, DestinationRefused) as away:
            self._set_trouble(str(away))
            return False
        except CustodyError as fault:
            self._happenings.tell("custody_fault", text=str(fault))
            return False
        self._set_trouble("")
        return True

    async def _deliver_all(self) -> None:
        rows = await self._run_blocking(self._waiting)
        if rows or self.trouble:
            await self._destination.open()
            await self._destination.check()
        delayed: DestinationUnavailable | None = None
        for row in rows:
            try:
                await self._deliver(row)
            except (DestinationRefused, SourceMismatch, ContentMismatch) as final:
                await self._set_aside(row, str(final))
            except DestinationUnavailable as away:
                await self._destination.check()  # raises if it is the destination; else it is this recording alone
                await self._note_trouble(row, str(away))
                delayed = away
            except SpoolDamage as damage:
                self._happenings.tell("damaged", recording=row.recording.hex(), text=str(damage))
            except CustodyError as error:
                await self._note_trouble(row, str(error))
        if delayed is not None:
            raise delayed

    def _waiting(self) -> list[Recording]:
        rows = [*self._index.recordings("delivering"), *self._index.recordings("held")]
        return [row for row in rows if not row.poison]

    async def _deliver(self, row: Recording) -> None:
        manifest, container = await self._run_blocking(lambda: self._begin(row))
        self._happenings.tell("delivery_started", recording=row.recording.hex(), container=container)
        await self._destination.ensure_container(
            container, recording_metadata(manifest, container, CONTROLLER_SERIAL, TIME_ZONE)
        )
        content = self._spool.content_source(row.recording, self._opener_of(manifest), self._run_blocking)
        receipt = await self._destination.put_object(
            container, clip_name(manifest), content, manifest.content_bytes, clip_metadata(manifest)
        )
        if receipt.sha256 != manifest.content_sha256.hex():
            raise DestinationRefused(
                f"{self.destination_name} stored other bytes than recording {row.recording.hex()}; examine its storage"
            )
        await self._destination.complete(container, completion_metadata())
        await self._run_blocking(lambda: self._finish(row, manifest, receipt))
        self._happenings.tell("delivered", recording=row.recording.hex(), camera=row.camera_serial, container=container)

    def _begin(self, row: Recording) -> tuple[Manifest, str]:
        manifest = self._spool.manifest(row.recording)
        if row.container:
            return manifest, self._journey.start_delivery(row.recording, row.container).container
        for attempt in range(NAME_ATTEMPTS_MAX):
            container = container_name(manifest, attempt)
            if not self._index.has_container(container):
                return manifest, self._journey.start_delivery(row.recording, container).container
        raise CustodyRefused(
            f"recording {row.recording.hex()}: no free name at the destination; check the camera's clock"
        )

    def _finish(self, row: Recording, manifest: Manifest, receipt: Receipt) -> None:
        stored = {"name": clip_name(manifest), "etag": receipt.etag, "sha256": receipt.sha256}
        self._journey.delivered(row.recording, self.destination_name, [stored])
        self._spool.remove(row.recording)

    async def _set_aside(self, row: Recording, reason: str) -> None:
        await self._run_blocking(lambda: self._journey.poison(row.recording, reason))
        self._happenings.tell("set_aside", recording=row.recording.hex(), text=reason)

    async def _note_trouble(self, row: Recording, reason: str) -> None:
        await self._run_blocking(lambda: self._journey.trouble(row.recording, reason))
        self._happenings.tell("trouble", recording=row.recording.hex(), text=reason)

    def _set_trouble(self, text: str) -> None:
        if text == self.trouble:
            return
        self.trouble = text
        self._happenings.tell("destination", text=text or "answers again", ok=not text)

    async def _pause(self, limit_s: float) -> None:
        try:
            async with asyncio.timeout(limit_s):
                await self.news.wait()
        except TimeoutError:
            return  # look again
