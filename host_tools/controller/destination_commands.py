"""Commands about the destination: its connection file, what is known of recordings before they go there, and those that
it has refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, SecretStr

from firmware.formats.moment import UNIX_MS_MAX
from firmware.ports.errors import PortFault
from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.controller.delivery import Delivery
from host_tools.controller.delivery_notes import BOOKMARKS_MAX, FIXES_MAX
from host_tools.controller.delivery_rejected import Rejected
from host_tools.controller.drives import Drive, DriveError, check_drive, exfat_drives, find_drive
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.errors import CustodyError
from host_tools.custody.index import Index, Recording
from host_tools.destinations.archive import check_passphrase
from host_tools.destinations.attached import Attached
from host_tools.destinations.checks import VALUE_BYTES_MAX, encoded_bytes
from host_tools.destinations.connection_file import FILE_BYTES_MAX
from host_tools.destinations.extras import NOTE_BYTES_MAX, Bookmark, Fix
from host_tools.destinations.interface import DestinationError
from host_tools.trust.errors import TrustError

T = TypeVar("T")

BOOKMARK_ID_CHARACTERS_MAX = 30
SENT = ("delivered", "erase_authorised", "erased")  # states after which nothing more is sent of a recording
RecordingId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Words = Annotated[str, Field(max_length=NOTE_BYTES_MAX)]
Short = Annotated[str, Field(max_length=64)]
UnixMs = Annotated[int, Field(ge=0, le=UNIX_MS_MAX)]  # one that is sent as a date: a later one is in no calendar


class GivenFix(BaseModel):
    """Where a camera was, at a time."""

    unix_ms: UnixMs
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    accuracy_m: Annotated[float, Field(ge=0, le=1e7)] = 0.0


class DestinationCommands(CommandGroup):
    """A facade of one controller's delivery. ``attached``: None where it delivers to a folder; ``require_passphrase``:
    of the system, raises what is wrong with it."""

    def __init__(
        self,
        gate: Gate,
        delivery: Delivery,
        attached: Attached | None,
        rejected: Rejected,
        index: Index,
        require_passphrase: Callable[[str], Awaitable[None]],
        run_blocking: RunBlocking,
    ) -> None:
        super().__init__(gate)
        self._delivery = delivery
        self._attached = attached
        self._rejected = rejected
        self._index = index
        self._require_passphrase = require_passphrase
        self._run_blocking = run_blocking

    @command
    async def connect_destination(
        self, actor: Actor, connection_file: SecretStr, wearers_by_uuid: bool = False
    ) -> dict[str, Any]:
        """Take another connection file of the same destination. ``wearers_by_uuid``: of a connection of former times,
        where the destination takes no wearer by the ID that people know; it stays so."""
        data = connection_file.get_secret_value().encode()
        if self._attached is None:
            raise CommandError("this controller delivers to a folder: start it with --destination CONNECTION-FILE")
        if len(data) > FILE_BYTES_MAX:
            raise CommandError(f"this is no connection file: it has more than {FILE_BYTES_MAX} bytes")
        new = await self._told(self._attached.replace_connection(data, wearers_by_uuid))
        self._delivery.news.set()
        return {"site": new.site, "addresses": list(new.auth_uris)}

    @command
    async def recording_description(self, actor: Actor, recording: RecordingId) -> dict[str, Any]:
        """Category and note that go with a recording, as they were given here; ``open``: they can still be changed."""
        row = await self._run_blocking(lambda: self._index.find(bytes.fromhex(recording)))
        if row is None:
            raise CommandError(f"recording {recording}: is unknown here: see the list of recordings")
        notes = await self._run_blocking(lambda: self._delivery.around.notes.of(row.recording))
        category_id, category_name = notes.category
        said = {"category_id": category_id, "category_name": category_name, "note": notes.text}
        return {**said, "open": row.state not in SENT, "version": notes.version}

    @command
    async def describe_recording(
        self,
        actor: Actor,
        recording: RecordingId,
        category_id: Short = "",
        category_name: Short = "",
        note: Words = "",
        version: int | None = None,
    ) -> None:
        """Give a recording its category and note; they go with it to the destination. ``version``: of those that were
        looked at."""
        row = await self._to_come(recording)
        notes = self._delivery.around.notes
        category = (category_id, category_name or self._category_name(category_id))
        if encoded_bytes(category[1]) > VALUE_BYTES_MAX:
            raise CommandError(f"category_name: at most {VALUE_BYTES_MAX} bytes as a destination takes it")
        await self._kept(lambda: notes.describe(row.recording, category, note, version))

    @command
    async def bookmark_recording(
        self,
        actor: Actor,
        recording: RecordingId,
        id: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$", max_length=BOOKMARK_ID_CHARACTERS_MAX)],
        at_unix_ms: UnixMs,
        text: Words = "",
        category_id: Short = "",
    ) -> None:
        """Mark a moment of a recording."""
        row = await self._to_come(recording)
        mark = Bookmark(id, at_unix_ms, None, text, category_id, self._category_name(category_id))
        notes = self._delivery.around.notes
        if len((await self._run_blocking(lambda: notes.of(row.recording))).bookmarks) >= BOOKMARKS_MAX:
            raise CommandError(f"a recording has {BOOKMARKS_MAX} bookmarks at most")
        await self._kept(lambda: notes.mark(row.recording, mark))

    @command
    async def locate_recording(
        self, actor: Actor, recording: RecordingId, fixes: Annotated[list[GivenFix], Field(max_length=FIXES_MAX)]
    ) -> None:
        """Say where a recording was made whose camera has not noted it."""
        row = await self._to_come(recording)
        if await self._run_blocking(lambda: self._is_located(row.recording)):
            raise CommandError(f"recording {recording}: its camera has noted where it was, and that is what is sent")
        track = [Fix(each.unix_ms, each.latitude, each.longitude, each.accuracy_m) for each in fixes]
        await self._kept(lambda: self._delivery.around.notes.locate(row.recording, track))

    @command
    async def rejected_recordings(self, actor: Actor) -> list[dict[str, Any]]:
        """What the destination has refused, and what was done with it."""
        return await self._run_blocking(self._rejected.rows)

    @command
    async def send_rejected_recording(self, actor: Actor, recording: RecordingId) -> dict[str, Any]:
        """Send one to the destination's rejected storage."""
        return await self._told(self._rejected.send(bytes.fromhex(recording)))

    @command
    async def archive_drives(self, actor: Actor) -> list[dict[str, Any]]:
        """The exFAT drives that are plugged in and mounted here, what is free on each, and what is wrong with it."""
        try:
            found = await self._run_blocking(exfat_drives)
        except DriveError as error:
            raise CommandError(str(error)) from error
        return [{"drive": str(each.folder), "free_bytes": each.free_bytes, "fault": _fault(each)} for each in found]

    @command
    async def archive_rejected_recording(
        self,
        actor: Actor,
        recording: RecordingId,
        drive: Annotated[str, Field(min_length=1, max_length=4_096)],
        passphrase: SecretStr,
        archive_passphrase: SecretStr,
        archive_passphrase_again: SecretStr,
        any_drive: bool = False,
    ) -> dict[str, Any]:
        """Write one onto a drive as an encrypted archive. ``passphrase``: the system's; ``any_drive``: also one that is
        not an exFAT drive."""
        secret = archive_passphrase.get_secret_value()
        try:
            check_passphrase(secret, archive_passphrase_again.get_secret_value())
            await self._require_passphrase(passphrase.get_secret_value())
            place = await self._run_blocking(lambda: find_drive(Path(drive)))
            if not any_drive:
                check_drive(place)
        except (DestinationError, DriveError, TrustError) as error:
            raise CommandError(str(error)) from error
        return await self._told(self._rejected.archive(bytes.fromhex(recording), place, secret))

    @command
    async def confirm_rejected_recording(self, actor: Actor, recording: RecordingId) -> None:
        """Say that a rejected recording is safe where it was sent or archived; here it may go."""
        await self._told(self._rejected.confirm(bytes.fromhex(recording)))

    async def _told(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except (CustodyError, DestinationError, PortFault) as error:
            raise CommandError(str(error)) from error

    async def _kept(self, work: Callable[[], None]) -> None:
        try:
            await self._run_blocking(work)
        except PortFault as fault:
            raise CommandError(f"this cannot be kept ({fault}): check the controller's disk") from fault

    async def _to_come(self, recording: str) -> Recording:
        """CommandError if nothing more can be said of it."""
        row = await self._run_blocking(lambda: self._index.find(bytes.fromhex(recording)))
        if row is None:
            raise CommandError(f"recording {recording}: is unknown here: see the list of recordings")
        if row.state in SENT:
            raise CommandError(f"recording {recording}: was delivered, and nothing is sent after that: tell it there")
        return row

    def _is_located(self, recording: bytes) -> bool:
        """Nobody knows yet while its manifest is not here: then what the camera noted counts later."""
        try:
            return self._delivery.is_located(recording)
        except CustodyError:
            return False

    def _category_name(self, category_id: str) -> str:
        known = self._attached.categories if self._attached is not None else None
        return next((each.name for each in known or () if each.id == category_id), "")


def _fault(drive: Drive) -> str:
    try:
        check_drive(drive)
    except DriveError as error:
        return str(error)
    return ""
