"""Delivery: takes every held recording to the destination, a few at once, completion last, and keeps trying.

Law: the index says what is to be delivered, so a restart resumes by looking. A destination that is away delays
everything and loses nothing: it is asked ever more seldom, at moments that chance spreads. A recording that the
destination refuses, or that cannot be read, is set aside with the reason; one that fails for now waits by itself.
Neither delays the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from firmware.formats.chunk import Opener
from firmware.formats.manifest import Manifest
from firmware.ports.errors import PortFault
from host_tools.controller.delivery_around import Around
from host_tools.controller.delivery_extras import (
    CUSTODY_METADATA,
    TextSource,
    beside_the_clip,
    custody_chain,
    enclosed,
    place_metadata,
    stored_as,
)
from host_tools.controller.delivery_lanes import LANES_MAX, Lanes
from host_tools.controller.delivery_losses import Losses
from host_tools.controller.delivery_notes import Notes
from host_tools.controller.happenings import Happening, Happenings
from host_tools.custody import belief
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.errors import ContentMismatch, CustodyError, CustodyRefused, SpoolDamage
from host_tools.custody.heads import HeadSigner, SignedHead
from host_tools.custody.index import Index, Recording
from host_tools.custody.journey import Journey
from host_tools.custody.spool import Spool
from host_tools.custody.transfers import Outcome, Transfer
from host_tools.destinations import custody_object
from host_tools.destinations.capabilities import STORE_CUSTODY_CHAIN
from host_tools.destinations.extras import Extra
from host_tools.destinations.faults import fault_word
from host_tools.destinations.interface import (
    Destination,
    DestinationRefused,
    DestinationUnavailable,
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
ASK_S = 60.0  # an idle controller says "ready" of what answered within this, and tells of an outage as soon
PRUNE_S = 3_600.0  # history is told in days
NAME_ATTEMPTS_MAX = 100  # recordings of one wearer, camera and second: a clock that was set back again and again
CONTROLLER_SERIAL = "openbwc-controller"
TOLD_KINDS = ("wearer", "camera")  # of the domain's records: what a destination is told at once


@dataclass(slots=True)
class _Delay:
    """Of a recording that failed by itself: how often in a row, and when it may be tried again (loop time)."""

    failures: int
    due_s: float


class _Around(NamedTuple):
    """What a recording is sent among, as it was when its delivery began."""

    declared: frozenset[str]
    camera_name: str
    time_zone: str


class _Parcel(NamedTuple):
    """What is sent: the clip by its manifest and ``opener``, what is told of it, and what goes beside it."""

    manifest: Manifest
    opener: Opener
    container: str
    about: dict[str, str]
    extras: list[Extra]


def always_half() -> float:
    """A chance that is none, for controllers that are alone."""
    return 0.5


def unsigned() -> HeadSigner:
    """Where no system's trust signs the ledger's heads."""
    return HeadSigner(CONTROLLER_SERIAL)


class Delivery:
    """``run`` is a task of the controller; ``news`` wakes it; ``trouble`` is empty while the destination answers.

    ``chance``: from 0 to 1, for the waits; ``head_signer``: asked for each recording, as certificates are renewed.
    ``fault``: one word for the trouble (``destinations.faults``); ``faults``: of recordings that fail by themselves.
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
        around: Around | None = None,
        lanes_max: int = LANES_MAX,
    ) -> None:
        self.news = asyncio.Event()
        self.trouble = self.fault = ""
        self.faults: dict[bytes, str] = {}
        self.around = around or Around()
        self.losses = Losses(index, self.around.upkeep, run_blocking)
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
        self._lanes = Lanes(self._look, self._deliver_or_tell, self.news, lanes_max)
        self._prune_s = 0.0
        self._answered_s: float | None = None  # when the destination did so last
        happenings.listen(self._react)

    @property
    def destination(self) -> Destination:
        """Where recordings go."""
        return self._destination

    @property
    def destination_name(self) -> str:
        """What and where the destination is."""
        return str(self._destination.describe())

    def more(self) -> None:
        """Another recording is held. While the destination is away that is no reason to ask it earlier."""
        if not self.trouble:
            self.news.set()

    def retry(self) -> None:
        """A person wants everything tried again, now."""
        if self.around.upkeep is not None:
            self.around.upkeep.forget_refusals()
        self.losses.look_again()
        self.news.set()

    def is_located(self, recording: bytes) -> bool:
        """Whether its camera has noted where it was. CustodyError while its manifest is not here. Blocks."""
        return bool(self._spool.manifest(recording).track)

    def confirmed(self, row: Recording) -> None:
        """A person has taken a refused recording elsewhere: its camera may let go of it as of any other."""
        self.faults.pop(row.recording, None)
        self._happenings.tell(
            "delivered", recording=row.recording.hex(), camera=row.camera_serial, container=row.container
        )
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
            self._set_trouble(str(away), fault_word(away))
            self.losses.look_again()
            return False
        except CustodyError as fault:
            self._happenings.tell("custody_fault", text=str(fault))
            return False
        self._set_trouble("", "")
        return True

    async def _deliver_all(self) -> None:
        rows = await self._look()
        upkeep = self.around.upkeep
        is_due = self.losses.is_due(self._wall_ms()) or (upkeep is not None and upkeep.is_due())
        if rows or self.trouble or is_due or self._is_long_silent():
            await self._destination.open()
            await self._destination.check()
            self._answered_s = asyncio.get_running_loop().time()
        if upkeep is not None:
            await upkeep.upkeep()
        known = set(self.losses.lost)
        for row in await self.losses.look(self._wall_ms()):
            await self._deliver_again(row)
        for recording, lost in self.losses.lost.items():
            if recording not in known:
                self._happenings.tell("lost", recording=recording.hex(), text=lost.text)
        await self._lanes.run(rows)

    async def _look(self) -> list[Recording]:
        return self._due(await self._run_blocking(self._waiting))

    async def _deliver_or_tell(self, row: Recording) -> None:
        """One recording. Raises only what concerns all: the destination is away, the index fails."""
        try:
            await self._deliver(row)
        except (DestinationRefused, SourceMismatch, ContentMismatch) as final:
            self.faults[row.recording] = fault_word(final)
            await self._set_aside(row, str(final))
        except DestinationUnavailable as away:
            await self._end(row, "waiting", str(away))
            await self._destination.check()  # raises if it is the destination; else it is this recording alone
            self.faults[row.recording] = fault_word(away)
            await self._delay(row, str(away))
        except SpoolDamage as damage:
            await self._end(row, "waiting", str(damage))
            self._happenings.tell("damaged", recording=row.recording.hex(), text=str(damage))
        except CustodyError as error:
            await self._end(row, "waiting", str(error))
            await self._delay(row, str(error))
        else:
            self._delays.pop(row.recording, None)
            self.faults.pop(row.recording, None)
            self._lanes.arrived()

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
        around = self._surroundings(row)
        parcel = await self._run_blocking(lambda: self._begin(row, around))
        container = parcel.container
        self._happenings.tell("delivery_started", recording=row.recording.hex(), container=container)
        stored = await self._send(row, parcel)
        await self._run_blocking(lambda: self._finish(row, stored))
        self._happenings.tell("delivered", recording=row.recording.hex(), camera=row.camera_serial, container=container)
        await self._let_go(row)

    async def _deliver_again(self, row: Recording) -> None:
        """What the destination acknowledged and has lost since: the same under the same name."""
        around = self._surroundings(row)
        try:
            parcel = await self._run_blocking(lambda: self._pack(row, row.container, self._open(row), around))
            await self._send(row, parcel)
        except (DestinationRefused, SourceMismatch, CustodyError) as error:
            self._happenings.tell("custody_fault", text=str(error))
        else:
            self._happenings.tell("delivered_again", recording=row.recording.hex(), container=row.container)

    async def _send(self, row: Recording, parcel: _Parcel) -> list[dict[str, Any]]:
        """Container, clip, what goes beside it, completion; answers what was stored, for the ledger."""
        manifest, opener, container, about, extras = parcel
        await self._destination.ensure_container(container, about)
        sha256 = manifest.content_sha256.hex()
        content = self._spool.content_source(row.recording, opener, self._run_blocking, sha256)
        name = clip_name(manifest)
        receipt = await self._destination.put_object(
            container, name, content, manifest.content_bytes, clip_metadata(manifest)
        )
        if receipt.sha256 != sha256:
            raise DestinationRefused(
                f"{self.destination_name} stored other bytes than recording {row.recording.hex()}; examine its storage"
            )
        stored = [stored_as(name, receipt)]
        for extra in extras:
            put = await self._destination.put_object(
                container, extra.name, TextSource(extra.body), len(extra.body), extra.metadata
            )
            stored.append(stored_as(extra.name, put))
        signer = self._head_signer()
        wants_chain = STORE_CUSTODY_CHAIN in self._destination.describe().capabilities
        head, chain = await self._run_blocking(lambda: self._sign(row, signer, wants_chain))
        if wants_chain:
            name = custody_object.object_name(row.recording)
            put = await self._destination.put_object(container, name, TextSource(chain), len(chain), CUSTODY_METADATA)
            stored.append(stored_as(name, put))
        await self._destination.complete(container, completion_metadata(head))
        return stored

    def _sign(self, row: Recording, signer: HeadSigner, wants_chain: bool) -> tuple[SignedHead, bytes]:
        head = self._journey.sign_head(row.recording, signer)
        system_id = self.around.wearers().system_id
        return head, custody_chain(self._index, self._spool, head, signer, system_id) if wants_chain else b""

    def _surroundings(self, row: Recording) -> _Around:
        declared, around = self._destination.describe().capabilities, self.around
        return _Around(declared, around.camera_name(row.camera_serial), around.time_zone())

    def _begin(self, row: Recording, around: _Around) -> _Parcel:
        opened = manifest, _, _ = self._open(row)
        with self._index.transaction():  # two of one name must not both find it free
            container = self._name(row, manifest)
            self._index.transfers.begin(
                row.recording, self.destination_name, container, manifest.content_bytes, self._wall_ms()
            )
            return self._pack(row, container, opened, around)

    def _pack(self, row: Recording, container: str, opened: tuple[Manifest, Opener, Notes], around: _Around) -> _Parcel:
        """All that is sent beside the clip, written down before it is."""
        manifest, opener, notes = opened
        wearers = self.around.wearers()
        about = recording_metadata(
            manifest, container, CONTROLLER_SERIAL, around.time_zone, bool(wearers.system_id)
        ) | place_metadata(manifest, notes)
        extras = beside_the_clip(manifest, notes, container, around.camera_name, around.declared)
        wearer = wearers.of(manifest.wearer_id) if manifest.wearer_id else ""
        told = enclosed(self._spool.manifest_document(row.recording), manifest, about, wearer, extras)
        self._journey.enclose(row.recording, told)
        return _Parcel(manifest, opener, container, about, extras)

    def _open(self, row: Recording) -> tuple[Manifest, Opener, Notes]:
        """The manifest as its recipients know it: the destination is told who wore the camera, and where it was."""
        stored = self._spool.manifest(row.recording)
        opener = self._opener_of(stored)
        return belief.known(stored, opener), opener, self.around.notes.of(row.recording)

    def _name(self, row: Recording, manifest: Manifest) -> str:
        wearer = (manifest.wearer_id, manifest.wearer_name)
        wearers = self.around.wearers()
        if row.container.startswith(f"{wearers.of(manifest.wearer_id)}_"):  # else it is another destination's name
            return self._journey.start_delivery(row.recording, row.container, wearer).container
        for attempt in range(NAME_ATTEMPTS_MAX):
            container = container_name(manifest, attempt, wearers)
            if not self._index.has_container(container):
                return self._journey.start_delivery(row.recording, container, wearer).container
        raise CustodyRefused(
            f"recording {row.recording.hex()}: no free name at the destination; check the camera's clock"
        )

    def _finish(self, row: Recording, stored: list[dict[str, Any]]) -> None:
        with self._index.transaction():
            self._journey.delivered(row.recording, self.destination_name, stored)
            self._index.transfers.end(row.recording, "delivered", "", self._wall_ms())

    # -- what did not go well

    async def _set_aside(self, row: Recording, reason: str) -> None:
        await self._end(row, "refused", reason)
        await self._run_blocking(lambda: self._journey.poison(row.recording, reason))
        self._happenings.tell("set_aside", recording=row.recording.hex(), text=reason, fault=self._fault_of(row))

    async def _delay(self, row: Recording, reason: str) -> None:
        delay = self._delays.setdefault(row.recording, _Delay(0, 0.0))
        delay.failures += 1
        wait_s = ALONE_PLAN.wait_ms(delay.failures, self._chance()) / 1000
        delay.due_s = asyncio.get_running_loop().time() + wait_s
        await self._run_blocking(lambda: self._journey.trouble(row.recording, reason))
        self._happenings.tell("trouble", recording=row.recording.hex(), text=reason, fault=self._fault_of(row))

    async def _end(self, row: Recording, outcome: Outcome, reason: str) -> None:
        await self._run_blocking(lambda: self._index.transfers.end(row.recording, outcome, reason, self._wall_ms()))

    def _react(self, happening: Happening) -> None:
        if happening["what"] == "changed" and happening.get("kind") in TOLD_KINDS:
            self.more()

    def _fault_of(self, row: Recording) -> str:
        return self.faults.get(row.recording, "")

    def _set_trouble(self, text: str, fault: str) -> None:
        self.fault = fault
        if text == self.trouble:
            return
        self.trouble = text
        self._happenings.tell("destination", text=text or "answers again", ok=not text, fault=fault)

    # -- keeping order

    async def _let_go(self, row: Recording) -> None:
        """Free the spool's copy, unless it is kept for a while; what the disk does not let go now is let go at a later
        look."""
        try:
            await self._run_blocking(lambda: self._let_go_now(row))
        except (CustodyError, PortFault) as fault:
            self._happenings.tell("custody_fault", text=str(fault))

    def _let_go_now(self, row: Recording) -> None:
        if not self._is_kept(row):
            self._spool.remove(row.recording)
            self.around.notes.forget(row.recording)

    def _is_kept(self, row: Recording) -> bool:
        """Whether there is room for it, and its time is not over."""
        if not self.around.keep_ms or self._spool.storage().level != "ok":
            return False
        return self._index.get(row.recording).changed_unix_ms + self.around.keep_ms > self._wall_ms()

    async def _tidy(self) -> None:
        """What was delivered and is still here (the controller died in between, the disk failed, its time is over)
        goes; history that is too old goes."""
        for row in await self._run_blocking(self._index.lingering):
            await self._let_go(row)
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._prune_s:
            self._prune_s = now_s + PRUNE_S
            await self._run_blocking(lambda: self._index.transfers.prune(self._wall_ms()))

    def _is_long_silent(self) -> bool:
        return self._answered_s is None or asyncio.get_running_loop().time() - self._answered_s >= ASK_S

    def _until_due_s(self) -> float:
        if self.around.upkeep is not None and self.around.upkeep.is_due():
            return 0.0
        now_s = asyncio.get_running_loop().time()
        return max(0.0, min([LOOK_S, *(delay.due_s - now_s for delay in self._delays.values())]))

    async def _pause(self, limit_s: float) -> None:
        try:
            async with asyncio.timeout(limit_s):
                await self.news.wait()
        except TimeoutError:
            return  # look again
