"""One docked camera: greeting, wearer, offload of what it has, erase of what is delivered.

Law: a session lasts as long as the link. What is to be done with a recording is read from the index each time, so an
interruption anywhere needs no memory of where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from firmware.formats import authorisation, canonical
from firmware.formats.authorisation import UNSIGNED_SIGNER, Signer
from firmware.link import events, schema
from host_tools.controller.happenings import Happenings
from host_tools.controller.offload import Offload, OffloadFailed
from host_tools.controller.power_line import CameraPower
from host_tools.controller.probing import PROBE_FRAMES, probe_delivery
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.errors import CustodyError
from host_tools.custody.index import Index, Recording
from host_tools.custody.journey import Journey
from host_tools.protocol.connection import Connection, RequestRefused
from host_tools.system.records import SettingValue, Wearer
from host_tools.system.roster import WhoWears
from host_tools.transports.errors import LinkLost
from host_tools.trust.admission import MEMBER

LOOK_AGAIN_S = 15.0  # a camera tells when it has something new; this is for a telling that was lost
STATUS_S = 30.0  # between two looks at charge and card: a percent takes longer; whoever is given a camera is by these
RECORDINGS_LISTED_MAX = 4_096  # at once, of one camera: a month of shifts; what is beyond is listed when these are gone


@dataclass
class CameraView:
    """What the controller knows of a camera, docked or not; kept after the session for status. ``admission``: a word of
    ``admission.STATES``, with its text for people where the camera is no member."""

    serial: str
    model: str = ""
    firmware: str = ""
    location: str = ""
    online: bool = False
    wearer: str = ""
    status: dict[str, Any] = field(default_factory=dict[str, Any])
    delivery_check: dict[str, Any] = field(default_factory=dict[str, Any])
    left_unix_ms: int = 0  # when it was taken out last
    power: dict[str, Any] = field(default_factory=dict[str, Any])  # how it was charged when it was asked last
    offloading: str = ""
    trouble: str = ""
    mb_per_s: float = 0.0
    link: dict[str, Any] = field(default_factory=dict[str, Any])
    admission: str = MEMBER
    admission_text: str = ""
    offered: bool = False  # it flashes for somebody who has shown a badge
    fingerprint: str = ""  # of the certificate that a camera has shown which waits to be added


class Camera:
    """A session with a camera. ``run`` lasts as long as the link does; ``news`` wakes it when work may have come;
    ``signer``: with the key that the camera has met this controller by; ``greeted``: awaited once it is greeted;
    ``drained``: asked whenever the camera is empty, whether it has been let go; ``broadcast_key``: number and key of
    what cameras call each other with."""

    def __init__(
        self,
        connection: Connection,
        view: CameraView,
        where: Callable[[], dict[str, Any]],
        offload: Offload,
        index: Index,
        journey: Journey,
        roster: WhoWears,
        wall_ms: Callable[[], int],
        run_blocking: RunBlocking,
        happenings: Happenings,
        signer: Signer = UNSIGNED_SIGNER,
        drained: Callable[[], Awaitable[bool]] | None = None,
        greeted: Callable[[], Awaitable[None]] | None = None,
        broadcast_key: Callable[[], tuple[int, bytes]] | None = None,
    ) -> None:
        self.view = view
        self.news = asyncio.Event()
        self.power = CameraPower(connection)
        self._probing = asyncio.Lock()
        self._connection = connection
        self._where = where
        self._offload = offload
        self._index = index
        self._journey = journey
        self._roster = roster
        self._wall_ms = wall_ms
        self._run_blocking = run_blocking
        self._happenings = happenings
        self._signer = signer
        self._drained = drained
        self._greeted = greeted
        self._broadcast_key = broadcast_key
        self._met = ""  # the trouble of this look: the last one is shown until a look is over without any
        self._not_confirmed: set[bytes] = set()
        self._told_trouble: dict[bytes, str] = {}
        self._assigned: tuple[str, str, str] | None = None  # what the camera has confirmed last
        self._changed = asyncio.Event()
        self._assigning = asyncio.Lock()
        self._not_assigned = ""  # why it does not take whose it is: then it is offloaded, and nobody gets it
        self._configured: tuple[str, dict[str, SettingValue]] | None = None

    async def run(self) -> None:
        """Until the link is lost, or the camera is let go."""
        self._connection.on_message = self._on_message
        following = [asyncio.create_task(self._follow_changes()), asyncio.create_task(self._follow_status())]
        try:
            await self._greet()
            if self._greeted is not None:
                await self._greeted()
            await self.probe(PROBE_FRAMES)
            await self._keep_looking()
        finally:
            for each in following:
                each.cancel()
            try:
                for each in following:
                    await ended(each)  # it may be promising room at this moment; and the loss of the link cancels us
            finally:
                self._offload.leave()

    def look_at_change(self) -> None:
        """It may be somebody else's now, and behave otherwise: that waits for no offload."""
        self._changed.set()
        self.news.set()

    async def probe(self, frames: int) -> dict[str, Any]:
        """Test the data pair with so many frames. LinkLost."""
        async with self._probing:
            self.view.delivery_check = await probe_delivery(self._connection, 1, frames)
        return self.view.delivery_check

    async def indicate(self, pattern: str, duration_ms: int) -> None:
        """Show a lamp pattern on the camera itself."""
        number = schema.number_of(schema.LAMP_PATTERNS, pattern)
        await self._connection.ask("indicate", {"pattern": number, "duration_ms": duration_ms})

    async def assign(self) -> None:
        """Write on the camera whose it is for always, or that it is nobody's, and how it is to behave; returns when it
        has confirmed that. What it has confirmed already is not sent again. RequestRefused, LinkLost."""
        async with self._assigning:
            await self._assign()

    async def _assign(self) -> None:
        wearer = self._roster.owner_of(self.view.serial)
        # Whoever had it before has it no longer: nothing may be recorded in their name.
        wanted = (wearer.id, wearer.name, wearer.profile) if wearer is not None else ("", "", "")
        if self._assigned != wanted:
            await self._connection.ask("assign_wearer", dict(zip(("wearer", "name", "profile"), wanted, strict=True)))
            self._assigned = wanted
        self.view.wearer = wearer.name if wearer is not None else ""
        await self.configure(self._roster.wearer_for(self.view.serial))

    async def offer(self, wearer: Wearer, hold_ms: int) -> None:
        """Lend it to somebody for one time out of its bay, if it is taken before ``hold_ms`` have passed; it flashes as
        long. RequestRefused: it is as before; LinkLost: nobody knows."""
        await self.configure(wearer)
        names = {"wearer": wearer.id, "name": wearer.name, "profile": wearer.profile}
        await self._connection.ask("offer_wearer", {**names, "hold_ms": hold_ms})

    async def release(self) -> None:
        """Lend it no more: when this returns it has said that it is nobody's. RequestRefused, LinkLost."""
        await self._connection.ask("assign_wearer", {"wearer": "", "name": "", "profile": ""})

    async def configure(self, wearer: Wearer | None) -> None:
        """Tell the camera how it is to behave for this wearer, by their profile. A camera whose firmware knows no
        settings goes on without. LinkLost."""
        settings = self._roster.settings_for(wearer, self.view.model)
        wanted = (wearer.profile if wearer is not None else "", settings)
        if not settings or self._configured == wanted:
            return
        document = canonical.encode(settings)
        try:
            await self._connection.ask("configure", {"profile": wanted[0], "settings": document})
            if self._broadcast_key is not None and broadcasts(settings):
                number, key = self._broadcast_key()
                await self._connection.ask("set_broadcast_key", {"number": number, "key": key})
        except RequestRefused as refused:
            self._tell("not_configured", text=f"{self.view.serial}: {refused}; update its firmware")
        self._configured = wanted

    async def _assign_if_it_takes_it(self) -> None:
        """A camera whose card takes nothing any more still has recordings. LinkLost."""
        try:
            await self.assign()
            self._not_assigned = ""
        except RequestRefused as refused:
            text = f"{self.view.serial} does not take whose it is ({refused}): let nobody take it"
            if self._not_assigned != text:
                self._not_assigned = self.view.trouble = text
                self._tell("trouble", text=text)

    async def _follow_changes(self) -> None:
        """Somebody else's, or nobody's: at once, for whoever is told so may pull the camera out the next moment."""
        with suppress(LinkLost):  # which ends the session without this
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self._assign_if_it_takes_it()

    async def _follow_status(self) -> None:
        """It charges while it waits for its turn, and while nothing else is asked of it."""
        with suppress(LinkLost):
            while True:
                await asyncio.sleep(STATUS_S)
                with suppress(RequestRefused):  # it is as it was told last
                    await self._refresh()

    async def _keep_looking(self) -> None:
        while True:
            self.news.clear()
            if await self._look():
                return
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self.news.wait()
            except TimeoutError:
                pass  # look again all the same

    async def _greet(self) -> None:
        await self._assign_if_it_takes_it()
        await self._refresh()
        self._tell("camera_ready", wearer=self.view.wearer)
        if self.view.wearer:
            await self.indicate("assigned", 3_000)

    async def _refresh(self) -> None:
        fields = await self._connection.ask("get_camera")
        self.view.status = {**fields, "state": schema.word_of(schema.CAMERA_STATES, fields["state"])}

    async def _look(self) -> bool:
        """Do what there is to do; whether the camera is this system's no more."""
        await self._assign_if_it_takes_it()
        entries = await self._list()
        self._met = ""
        ordered = sorted(entries.values(), key=lambda entry: (-entry["priority"], entry["started_unix_ms"]))
        await self._offload.prepare(ordered, complete=len(entries) < RECORDINGS_LISTED_MAX)
        for entry in ordered:
            with self._noting_trouble(entry["recording"]):
                await self._serve(entry)
        with self._noting_trouble(b""):  # an index that cannot be read now ends no session
            rows = await self._run_blocking(lambda: self._index.recordings("erase_authorised"))
            for row in [each for each in rows if each.camera_serial == self.view.serial]:
                if row.recording not in entries.keys() | self._not_confirmed:
                    self._not_confirmed.add(row.recording)  # asked once a session: it may be another card by now
                    with self._noting_trouble(row.recording):
                        await self._erase(row)
        self.view.trouble = self._met or self._not_assigned
        if entries:
            await self._refresh()
        self._tell("camera_idle", recordings=self.view.status.get("recordings", 0))
        return not entries and await self._let_go()

    async def _let_go(self) -> bool:
        try:
            return self._drained is not None and await self._drained()
        except RequestRefused as refused:
            self.view.trouble = str(refused)
            self._tell("trouble", text=str(refused))
            return False

    @contextmanager
    def _noting_trouble(self, recording: bytes) -> Generator[None]:
        """What one recording meets does not keep the others; the empty name: what is of none."""
        try:
            yield
        except (CustodyError, OffloadFailed, RequestRefused) as error:
            self.view.trouble = self._met = str(error)
            if self._told_trouble.get(recording) != str(error):
                self._told_trouble[recording] = str(error)
                named = {"recording": recording.hex()} if recording else {}
                self._tell("trouble", **named, text=str(error))
        else:
            self._told_trouble.pop(recording, None)

    async def _list(self) -> dict[bytes, dict[str, Any]]:
        entries: dict[bytes, dict[str, Any]] = {}
        after = bytes(16)
        while len(entries) < RECORDINGS_LISTED_MAX:
            page = await self._connection.ask("list_recordings", {"after": after})
            fresh = {entry["recording"]: entry for entry in page["entries"] if entry["recording"] not in entries}
            entries.update(fresh)
            if not page["more"] or not fresh:
                break
            after = page["entries"][-1]["recording"]
        return entries

    async def _serve(self, entry: dict[str, Any]) -> None:
        row = await self._offload.announce(entry)
        if row.poison:
            raise OffloadFailed(row.poison)
        if row.state in ("announced", "offloading"):
            self.view.offloading = row.recording.hex()
            try:
                await self._offload.run(entry, self._where())
            finally:
                self.view.offloading = ""
                self.view.mb_per_s = self._offload.rates.mb_per_s
        elif row.state in ("delivered", "erase_authorised", "erased"):
            await self._erase(row)

    async def _erase(self, row: Recording) -> None:
        floor = self.view.status.get("erase_counter", 0)
        given = await self._run_blocking(lambda: self._journey.authorise_erase(row.recording, counter_floor=floor))
        answer = await self._connection.ask("erase", {"authorisation": authorisation.encode(given, self._signer)})
        await self._run_blocking(lambda: self._journey.erased(row.recording, answer["counter"]))
        self._tell("erased", recording=row.recording.hex())

    def _on_message(self, message: events.Message) -> None:
        if message.name == "camera_changed":
            self.view.status["state"] = schema.word_of(schema.CAMERA_STATES, message.fields["state"])
            self.view.status["recordings"] = message.fields["recordings"]
            self.news.set()
        elif message.name == "power_measured":
            self.power.take(message.fields)

    def _tell(self, what: str, **values: Any) -> None:
        self._happenings.tell(what, camera=self.view.serial, **values)


def broadcasts(settings: Mapping[str, SettingValue]) -> bool:
    """Whether a camera of these settings calls others, or hears them: no other gets the key to it."""
    return settings.get("broadcast_send", "off") != "off" or settings.get("broadcast_receive") is True


async def ended(task: asyncio.Task[None]) -> None:
    """Wait for a task's end, also when the port goes away meanwhile: a session is never left behind. What the loss of
    the link did to it is not of interest; the loss itself is told by whoever asks."""
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    if not task.cancelled():
        task.exception()
    if cancelled:
        raise asyncio.CancelledError
