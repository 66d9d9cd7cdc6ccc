"""Recordings that the destination has refused for good: sent to its rejected storage, or onto a drive, encrypted; and
let go when a person confirms that they are safe there.

Law: only on a person's word. What was done is written down before it is answered, so that it can be confirmed after a
restart. Until then the recording stays in the spool and on its camera; a confirmation is the delivery that the ledger
tells of, with the digests of what was stored, and only then the camera may erase.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from firmware.formats.chunk import Opener
from firmware.formats.manifest import Manifest
from firmware.ports.errors import AlreadyExists, NotFound
from firmware.ports.files import Files
from host_tools.controller.delivery import CONTROLLER_SERIAL, Delivery
from host_tools.controller.delivery_extras import TextSource, beside_the_clip, place_metadata, stored_as
from host_tools.controller.drives import Drive
from host_tools.custody import belief
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.errors import CustodyRefused
from host_tools.custody.index import Index, Recording
from host_tools.custody.journey import Journey
from host_tools.custody.spool import Spool
from host_tools.destinations.archive import write_archive
from host_tools.destinations.capabilities import STORE_BOOKMARKS, STORE_GNSS_TRACK, STORE_REJECTED_CONTENT
from host_tools.destinations.metadata import clip_metadata, recording_metadata
from host_tools.destinations.names import clip_name, container_name
from host_tools.destinations.rejected import RejectedObject, rejected_name, send_rejected

FOLDER = "rejected"
PARTIAL = ".partial"
SENT, ARCHIVED = "sent", "archived"
RECORD_BYTES_MAX = 1 << 20
ALONGSIDE = frozenset({STORE_BOOKMARKS, STORE_GNSS_TRACK})  # into an archive goes all there is


class Rejected:
    """``new_id``: a UUID never drawn before; ``files``: the controller's folder."""

    def __init__(
        self,
        index: Index,
        spool: Spool,
        delivery: Delivery,
        opener_of: Callable[[Manifest], Opener],
        files: Files,
        wall_ms: Callable[[], int],
        new_id: Callable[[], str],
        run_blocking: RunBlocking,
    ) -> None:
        self._index = index
        self._spool = spool
        self._delivery = delivery
        self._opener_of = opener_of
        self._files = files
        self._wall_ms = wall_ms
        self._new_id = new_id
        self._run_blocking = run_blocking
        self._journey = Journey(index, wall_ms)
        self._one_at_a_time = asyncio.Lock()

    def rows(self) -> list[dict[str, Any]]:
        """All that were set aside, oldest first, each with what was done with it, and whether the destination has a
        place for it. Blocks."""
        sendable = STORE_REJECTED_CONTENT in self._delivery.destination.describe().capabilities
        rows = [row for row in self._index.recordings() if row.poison and row.stored]
        return [
            {
                "recording": row.recording.hex(),
                "camera": row.camera_serial,
                "wearer": row.wearer_id,
                "started_unix_ms": row.started_unix_ms,
                "bytes": row.chunks_bytes,
                "reason": row.poison,
                "fault": self._delivery.faults.get(row.recording, ""),
                "sendable": sendable,
                "done": self._record(row.recording),
            }
            for row in rows
        ]

    async def send(self, recording: bytes) -> dict[str, Any]:
        """To the destination's rejected storage. DestinationError, CustodyError; may be repeated."""
        async with self._one_at_a_time:
            row, manifest, opener = await self._run_blocking(lambda: self._open(recording))
            record = await self._run_blocking(lambda: self._begin(recording))
            destination = self._delivery.destination
            await destination.open()
            original = row.container or self._name(manifest)
            unique, at_ms = str(record["id"]), int(record["at_unix_ms"])
            objects = self._objects(row, manifest, opener, frozenset({STORE_GNSS_TRACK}))
            is_by_uuid = bool(self._delivery.around.wearers().system_id)
            about = self._about(manifest, original, recording, is_by_uuid)
            receipts = await send_rejected(destination, unique, original, about, row.poison, at_ms, objects)
            stored = [stored_as(each.name, receipt) for each, receipt in zip(objects, receipts, strict=True)]
            where = f"{self._delivery.destination_name} {rejected_name(unique, at_ms)}"
            return await self._done(recording, {**record, "how": SENT, "where": where, "objects": stored})

    async def archive(self, recording: bytes, drive: Drive, passphrase: str) -> dict[str, Any]:
        """Onto a drive, as an encrypted archive that was read back. DestinationError, CustodyError."""
        async with self._one_at_a_time:
            row, manifest, opener = await self._run_blocking(lambda: self._open(recording))
            record = await self._run_blocking(lambda: self._begin(recording))
            original = row.container or self._name(manifest)
            objects = self._objects(row, manifest, opener, ALONGSIDE)
            about = {**self._about(manifest, original, recording), "RejectedContentReason": row.poison}
            path = _free_name(drive.folder, original)
            digest = await write_archive(path, objects, about, passphrase, drive.free_bytes, self._run_blocking)
            stored: list[dict[str, Any]] = [{"name": path.name, "sha256": digest}]
            return await self._done(recording, {**record, "how": ARCHIVED, "where": str(path), "objects": stored})

    async def confirm(self, recording: bytes) -> None:
        """A person has looked, and it is safe there: here and on its camera it may go. CustodyError."""
        async with self._one_at_a_time:
            row = await self._run_blocking(lambda: self._confirm(recording))
        self._delivery.confirmed(row)

    # -- helpers

    def _open(self, recording: bytes) -> tuple[Recording, Manifest, Opener]:
        row = self._index.get(recording)
        if not row.poison:
            raise CustodyRefused(f"recording {recording.hex()} was not set aside: it is delivered as any other")
        stored = self._spool.manifest(recording)
        opener = self._opener_of(stored)
        return row, belief.known(stored, opener), opener

    def _name(self, manifest: Manifest) -> str:
        return container_name(manifest, wearers=self._delivery.around.wearers())

    def _about(self, manifest: Manifest, container: str, recording: bytes, is_by_uuid: bool = False) -> dict[str, str]:
        around = self._delivery.around
        known = recording_metadata(manifest, container, CONTROLLER_SERIAL, around.time_zone(), is_by_uuid)
        return {**known, **place_metadata(manifest, around.notes.of(recording))}

    def _objects(
        self, row: Recording, manifest: Manifest, opener: Opener, kinds: frozenset[str]
    ) -> Sequence[RejectedObject]:
        around = self._delivery.around
        content = self._spool.content_source(row.recording, opener, self._run_blocking)
        found = [RejectedObject(clip_name(manifest), content, manifest.content_bytes, clip_metadata(manifest))]
        camera, notes = around.camera_name(manifest.camera_serial), around.notes.of(row.recording)
        for extra in beside_the_clip(manifest, notes, row.container, camera, kinds):
            found.append(RejectedObject(extra.name, TextSource(extra.body), len(extra.body), extra.metadata))
        return found

    def _begin(self, recording: bytes) -> dict[str, Any]:
        """The same identity however often it is tried."""
        record = self._record(recording)
        if "id" not in record:
            record = {"id": self._new_id(), "at_unix_ms": self._wall_ms()}
            self._write(recording, record)
        return record

    async def _done(self, recording: bytes, record: dict[str, Any]) -> dict[str, Any]:
        await self._run_blocking(lambda: self._write(recording, record))
        return {key: record[key] for key in ("how", "where", "objects")}

    def _confirm(self, recording: bytes) -> Recording:
        row, record = self._index.get(recording), self._record(recording)
        if not row.poison or "how" not in record:
            raise CustodyRefused(
                f"recording {recording.hex()}: nothing is to be confirmed: send it or archive it first"
            )
        note = f"confirmed by a person: {record['how']} to {record['where']}"
        with self._index.transaction():
            self._index.note_poison(recording, "")
            name = row.container or rejected_name(str(record["id"]), int(record["at_unix_ms"]))
            self._journey.start_delivery(recording, name)
            self._journey.delivered(recording, str(record["where"]), record["objects"])
            self._index.transfers.end(recording, "delivered", note, self._wall_ms())
        with suppress(NotFound):
            self._files.remove(_path(recording))
        return self._index.get(recording)

    def _record(self, recording: bytes) -> dict[str, Any]:
        try:
            file = self._files.open(_path(recording))
        except NotFound:
            return {}
        try:
            buffer = bytearray(min(file.size_bytes(), RECORD_BYTES_MAX))
            file.read_at(0, buffer)
        finally:
            file.close()
        with suppress(ValueError):
            return cast("dict[str, Any]", json.loads(buffer))
        return {}

    def _write(self, recording: bytes, record: dict[str, Any]) -> None:
        path = _path(recording)
        with suppress(AlreadyExists):
            self._files.make_folder(FOLDER)
            self._files.sync_folder("")
        with suppress(NotFound):
            self._files.remove(path + PARTIAL)
        file = self._files.create(path + PARTIAL)
        try:
            file.write_at(0, json.dumps(record).encode())
            file.sync()
        finally:
            file.close()
        self._files.rename(path + PARTIAL, path)
        self._files.sync_folder(FOLDER)


def _path(recording: bytes) -> str:
    return f"{FOLDER}/{recording.hex()}.json"


def _free_name(folder: Path, container: str) -> Path:
    """The recording's name, short enough for any file system; numbered where an earlier attempt has left one."""
    names = (f"{container[:80]}{f'-{number}' if number > 1 else ''}.zip" for number in itertools.count(1))
    return next(path for path in (folder / name for name in names) if not path.exists())
