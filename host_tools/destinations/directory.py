"""A folder as destination: one folder a container, one file an object, metadata beside them as JSON.

Law: an object is written under a temporary name, synced, renamed, and its folder synced, before it is confirmed. The
marker ``destination.toml`` is made once, by ``create``; a folder without it is not ours (a disk that is not mounted, a
folder that was moved) and is never filled or made anew by itself.
"""

import json
import tomllib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from firmware.ports.errors import AlreadyExists, NoSpace, NotFound, PortFault, ReadOnly
from firmware.ports.files import File, Files
from host_tools.custody.blocking import RunBlocking
from host_tools.destinations.checks import RESERVED_SUFFIX, check_metadata, check_name, is_complete, merged
from host_tools.destinations.interface import (
    COMPLETE,
    STATUS,
    ContainerMissing,
    Description,
    DestinationRefused,
    DestinationUnavailable,
    Metadata,
    Receipt,
    Source,
)
from host_tools.destinations.memory import StoredContainer, StoredObject
from host_tools.destinations.receiving import Intake

MARKER = "destination.toml"
LAYOUT = 1
SMALL_BYTES_MAX = 1 << 20  # of a marker or a metadata file; the latter hold at most 90 values of 256 bytes
_CONTAINER_META = "container" + RESERVED_SUFFIX
_PARTIAL = ".partial-"
_PROBE = ".probe"

T = TypeVar("T")


def create(files: Files, location: str, identity: str) -> None:
    """Make an empty folder a destination, once; one that is a destination already stays as it is. Blocks.

    ``identity``: a random word that tells destinations apart. DestinationRefused if the folder holds other things.
    """
    try:
        if files.exists(MARKER):
            _read_marker(files, location)
            return
        if files.list_folder(""):
            raise DestinationRefused(
                f"destination folder {location} holds files but no {MARKER}: name an empty folder, or put {MARKER} back"
            )
        text = f'# Makes this folder an OpenBWC destination. Do not remove.\nlayout = {LAYOUT}\nid = "{identity}"\n'
        _write_whole(files, "", MARKER, text.encode())
        files.sync_folder("")
    except PortFault as fault:
        raise _unavailable(location, fault) from fault


class DirectoryDestination:
    """``open_files`` opens the folder through the files port, anew each time the destination is opened; ``location``
    names it for people. Blocking work goes through ``run_blocking``."""

    def __init__(self, open_files: Callable[[], Files], location: str, run_blocking: RunBlocking) -> None:
        self._open_files = open_files
        self._location = location
        self._run_blocking = run_blocking
        self._files: Files | None = None

    async def open(self) -> None:
        """See Destination."""
        self._files = None
        await self._run(_read_marker_of(self._location))

    async def close(self) -> None:
        """See Destination."""
        self._files = None

    async def check(self) -> None:
        """See Destination: the folder is there, is ours, and a file can be written and made durable in it."""
        await self._run(_probe)

    def describe(self) -> Description:
        """See Destination."""
        return Description("directory", self._location)

    async def ensure_container(self, name: str, metadata: Metadata) -> None:
        """See Destination."""
        check_name(name)
        check_metadata(metadata)
        await self._run(lambda files: _ensure_container(files, name, metadata))

    async def update_container(self, name: str, metadata: Metadata) -> None:
        """See Destination."""
        check_name(name)
        check_metadata(metadata)
        await self._run(lambda files: _update_container(files, name, metadata))

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        """See Destination."""
        check_name(container)
        check_name(name)
        check_metadata(metadata)
        is_done = await self._run(lambda files: is_complete(_container_metadata(files, container)))
        intake = Intake(name, length_bytes)
        if is_done:
            async for piece in source:
                await self._run_blocking(lambda piece=piece: intake.feed(piece))
            receipt = intake.receipt()
            await self._run(lambda files: _require_same(files, container, name, receipt))
            return receipt
        file = await self._run(lambda files: _begin(files, container, name))
        try:
            async for piece in source:
                await self._run(lambda _, piece=piece: _append(file, intake, piece))
            receipt = intake.receipt()
            await self._run(lambda files: _finish(files, file, container, name, StoredObject(dict(metadata), receipt)))
        except BaseException:
            # Also when the task is cancelled: what was not confirmed is not left lying about.
            await self._run_blocking(lambda: self._discard(file, container, name))
            raise
        return receipt

    async def complete(self, container: str, metadata: Metadata | None = None) -> None:
        """See Destination."""
        await self.update_container(container, {**(metadata or {}), STATUS: COMPLETE})

    async def read_container(self, name: str) -> StoredContainer | None:
        """What has been received, for whoever looks into the store itself."""
        check_name(name)
        return await self._run(lambda files: _read_container(files, name))

    async def read_object(self, container: str, name: str) -> bytes:
        """The bytes of an object, all at once: for tests. People open the file."""
        check_name(container)
        check_name(name)
        return await self._run(lambda files: _read_file(files, f"{container}/{name}"))

    def _discard(self, file: File, container: str, name: str) -> None:
        file.close()
        if self._files is not None:
            with suppress(PortFault):
                self._files.remove(f"{container}/{_PARTIAL}{name}")

    def _run(self, work: Callable[[Files], T]) -> "Any":
        return self._run_blocking(lambda: self._guarded(work))

    def _guarded(self, work: Callable[[Files], T]) -> T:
        """Work on the folder, if it is there and ours."""
        try:
            if self._files is None:
                self._files = self._open_files()
            if not self._files.exists(MARKER):
                raise NotFound(f"{MARKER} does not exist")
            return work(self._files)
        except NoSpace as fault:
            raise DestinationUnavailable(f"destination folder {self._location} is full: free space on its disk") from fault
        except PortFault as fault:
            raise _unavailable(self._location, fault) from fault
