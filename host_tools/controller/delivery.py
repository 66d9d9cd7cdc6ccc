"""Delivery: one task takes every held recording to the destination, completion last, and keeps trying.

Law: the index says what is to be delivered, so a restart resumes by looking. A destination that is away delays
everything and loses nothing: it is asked ever more seldom, at moments that chance spreads. A recording that the
destination refuses, or that cannot be read, is set aside with the reason; one that fails for now waits by itself.
Neither delays the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from firmware.formats.chunk import Opener
from firmware.formats.manifest import Manifest
from host_tools.controller.happenings import Happenings
from host_tools.custody import belief
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.errors import ContentMismatch, CustodyError, CustodyRefused, SpoolDamage
from host_tools.custody.heads import HeadSigner
from host_tools.custody.index import Index, Recording
from host_tools.custody.journey import Journey
from host_tools.custody.spool import Spool
from host_tools.custody.transfers import Outcome, Transfer
from host_tools.destinations.interface import (
    Destination,
    DestinationRefused,
    DestinationUnavailable,
    Receipt,
    SourceMismatch,
)
from host_tools.destinations.metadata import clip_metadata, completion_metadata, recording_metadata
from host_tools.destinations.names import clip_name, container_name
from host_tools.destinations.wrappers import RetryPlan

# While the destination is away: a second, doubled up to half a minute, each taken between half and all of it.
AWAY_PLAN = RetryPlan(first_ms=1_000, wait_ms_max=30_000)
# A recording that fails though the destination answers: it may need a person, who is told, so there is no hurry.
ALONE_PLAN = RetryPlan(first_ms=5_000, wait_ms_max=600_000)
LOOK_S = 10.0  # a telling can be lost; the index cannot
PRUNE_S = 3_600.0  # history is told in days
NAME_ATTEMPTS_MAX = 100  # recordings of one wearer, camera and second: a clock that was set back again and again
CONTROLLER_SERIAL = "openbwc-controller"
TIME_ZONE = "UTC"


@dataclass(slots=True)
class _Delay:
    """Of a recording that failed by itself: how often in a row, and when it may be tried again (loop time)."""

    failures: int
    due_s: float


def always_half() -> float:
    """A chance that is none, for controllers that are alone."""
    return 0.5


def unsigned() -> HeadSigner:
    """Where no system's trust signs the ledger's heads."""
    return HeadSigner(CONTROLLER_SERIAL)


class Delivery:
    """``run`` is a task of the controller; ``news`` wakes it; ``trouble`` is empty while the destination answers.

    ``chance``: from 0 to 1, for the waits; ``head_signer``: asked for each recording, as certificates are renewed.
    """

    def __init__(
        self,
        index: Index,
        spool: Spool,
        destination: Destination,
        wall_ms: Callable[[], int],
        opener_of: Callable[[Manifest], Opener],
        run_blocking: RunBlocking,
        happenings: Happenings,
        chance: Callable[[], float] = always_half,
        head_signer: Callable[[], HeadSigner] = unsigned,
    ) -> None:
        self.news = asyncio.Event()
        self.trouble = ""
        self._index = index
        self._spool = spool
        self._destination = destination
        self._wall_ms = wall_ms
        self._journey = Journey(index, wall_ms)
        self._opener_of = opener_of
        self._run_blocking = run_blocking
        self._happenings = happenings
        self._chance = chance
        self._head_signer = head_signer
        self._delays: dict[bytes, _Delay] = {}
        self._prune_s = 0.0

    @property
    def destination_name(self) -> str:
        """What and where the destination is."""
        return str(self._destination.describe())

    def more(self) -> None:
        """Another recording is held. While the destination is away that is no reason to ask it earlier."""
        if not self.trouble:
            self.news.set()

    def history(self) -> list[Transfer]:
        """What is being sent, what waits, and what ended within three days. CustodyError. Blocks."""
        return self._index.transfers.history(self._wall_ms())

    async def run(self) -> None:
        """Deliver what is held, again and again."""
        failures = 0
        while True:
            self.news.clear()
            if await self._try_all():
                failures = 0
                await self._pause(self._until_due_s())
            else:
                failures += 1
                await self._pause(AWAY_PLAN.wait_ms(failures, self._chance()) / 1000)

    async def _try_all(self) -> bool:
        """Whether the destination answered; False if nothing can be sent now."""
        try:
            await self._tidy()
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
        rows = self._due(await self._run_blocking(self._waiting))
        if rows or self.trouble:
            await self._destination.open()
            await self._destination.check()
        for row in rows:
            await self._deliver_or_tell(row)

    async def _deliver_or_tell(self, row: Recording) -> None:
        """One recording. Raises only what concerns all: the destination is away, the index fails."""
        try:
            await self._deliver(row)
        except (DestinationRefused, SourceMismatch, ContentMismatch) as final:
            await self._set_aside(row, str(final))
        except DestinationUnavailable as away:
            await self._end(row, "waiting", str(away))
            await self._destination.check()  # raises if it is the destination; else it is this recording alone
            await self._delay(row, str(away))
        except SpoolDamage as damage:
            await self._end(row, "waiting", str(damage))
            self._happenings.tell("damaged", recording=row.recording.hex(), text=str(damage))
        except CustodyError as error:
            await self._end(row, "waiting", str(error))
            await self._delay(row, str(error))
        else:
            self._delays.pop(row.recording, None)

    def _waiting(self) -> list[Recording]:
        rows = [*self._index.recordings("delivering"), *self._index.recordings("held")]
        return [row for row in rows if not row.poison]

    def _due(self, rows: list[Recording]) -> list[Recording]:
        """Those whose turn it is. A delay ends early when a person has lifted the trouble."""
        now_s = asyncio.get_running_loop().time()
        delayed = {row.recording for row in rows if row.trouble and row.recording in self._delays}
        self._delays = {recording: delay for recording, delay in self._delays.items() if recording in delayed}
        return [row for row in rows if row.recording not in delayed or self._delays[row.recording].due_s <= now_s]

    async def _deliver(self, row: Recording) -> None:
        manifest, opener, container = await self._run_blocking(lambda: self._begin(row))
        self._happenings.tell("delivery_started", recording=row.recording.hex(), container=container)
        await self._destination.ensure_container(
            container, recording_metadata(manifest, container, CONTROLLER_SERIAL, TIME_ZONE)
        )
        content = self._spool.content_source(row.recording, opener, self._run_blocking)
        receipt = await self._destination.put_object(
            container, clip_name(manifest), content, manifest.content_bytes, clip_metadata(manifest)
        )
        if receipt.sha256 != manifest.content_sha256.hex():
            raise DestinationRefused(
                f"{self.destination_name} stored other bytes than recording {row.recording.hex()}; examine its storage"
            )
        head = await self._run_blocking(lambda: self._journey.sign_head(row.recording, self._head_signer()))
        await self._destination.complete(container, completion_metadata(head))
        await self._run_blocking(lambda: self._finish(row, manifest, receipt))
        self._happenings.tell("delivered", recording=row.recording.hex(), camera=row.camera_serial, container=container)
        await self._let_go(row.recording)

    def _begin(self, row: Recording) -> tuple[Manifest, Opener, str]:
        """The manifest as its recipients know it: who wore the camera is told to the destination."""
        stored = self._spool.manifest(row.recording)
        opener = self._opener_of(stored)
        manifest = belief.known(stored, opener)
        container = self._name(row, manifest)
        self._index.transfers.begin(
            row.recording, self.destination_name, container, manifest.content_bytes, self._wall_ms()
        )
        return manifest, opener, container

    def _name(self, row: Recording, manifest: Manifest) -> str:
        wearer = (manifest.wearer_id, manifest.wearer_name)
        if row.container:
            return self._journey.start_delivery(row.recording, row.container, wearer).container
        for attempt in range(NAME_ATTEMPTS_MAX):
            container = container_name(manifest, attempt)
            if not self._index.has_container(container):
                return self._journey.start_delivery(row.recording, container, wearer).container
        raise CustodyRefused(
            f"recording {row.recording.hex()}: no free name at the destination; check the camera's clock"
        )

    def _finish(self, row: Recording, manifest: Manifest, receipt: Receipt) -> None:
        stored = {"name": clip_name(manifest), "etag": receipt.etag, "sha256": receipt.sha256}
        with self._index.transaction():
            self._journey.delivered(row.recording, self.destination_name, [stored])
            self._index.transfers.end(row.recording, "delivered", "", self._wall_ms())

    # -- what did not go well

    async def _set_aside(self, row: Recording, reason: str) -> None:
        await self._end(row, "refused", reason)
        await self._run_blocking(lambda: self._journey.poison(row.recording, reason))
        self._happenings.tell("set_aside", recording=row.recording.hex(), text=reason)

    async def _delay(self, row: Recording, reason: str) -> None:
        delay = self._delays.setdefault(row.recording, _Delay(0, 0.0))
        delay.failures += 1
        wait_s = ALONE_PLAN.wait_ms(delay.failures, self._chance()) / 1000
        delay.due_s = asyncio.get_running_loop().time() + wait_s
        await self._run_blocking(lambda: self._journey.trouble(row.recording, reason))
        self._happenings.tell("trouble", recording=row.recording.hex(), text=reason)

    async def _end(self, row: Recording, outcome: Outcome, reason: str) -> None:
        await self._run_blocking(lambda: self._index.transfers.end(row.recording, outcome, reason, self._wall_ms()))

    def _set_trouble(self, text: str) -> None:
        if text == self.trouble:
            return
        self.trouble = text
        self._happenings.tell("destination", text=text or "answers again", ok=not text)

    # -- keeping order

    async def _let_go(self, recording: bytes) -> None:
        """Free the spool's copy; what the disk does not let go now is let go at a later look."""
        try:
            await self._run_blocking(lambda: self._spool.remove(recording))
        except CustodyError as fault:
            self._happenings.tell("custody_fault", text=str(fault))

    async def _tidy(self) -> None:
        """What was delivered and is still here (the controller died in between, the disk failed) goes; history that is
        too old goes."""
        for row in await self._run_blocking(self._index.lingering):
            await self._let_go(row.recording)
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._prune_s:
            self._prune_s = now_s + PRUNE_S
            await self._run_blocking(lambda: self._index.transfers.prune(self._wall_ms()))

    def _until_due_s(self) -> float:
        now_s = asyncio.get_running_loop().time()
        return max(0.0, min([LOOK_S, *(delay.due_s - now_s for delay in self._delays.values())]))

    async def _pause(self, limit_s: float) -> None:
        try:
            async with asyncio.timeout(limit_s):
                await self.news.wait()
        except TimeoutError:
            return  # look again
