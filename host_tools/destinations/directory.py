"""A folder as destination: one folder a container, one file an object, metadata beside them as JSON.

Law: an object is written under a temporary name, synced, renamed, and its folder synced, before it is confirmed. The
marker ``destination.toml`` is made once, by ``create``; a folder without it is not ours (a disk that is not mounted, a
folder that was moved) and is never filled or made anew by itself.
"""

import json
import tomllib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any, TypeVar, cast

from firmware.ports.errors import AlreadyExists, IoFault, NoSpace, NotFound, PortFault, ReadOnly
from firmware.ports.files import File, Files
from host_tools.custody.blocking import Buffer, RunBlocking
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
from host_tools.destinations.receiving import Intake, reading

MARKER = "destination.toml"
LAYOUT = 1
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
        await self._run(lambda files: _read_marker(files, self._location))

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
            async with reading(source) as pieces:
                async for piece in pieces:
                    await self._run_blocking(lambda piece=piece: intake.feed(piece))
            receipt = intake.receipt()
            await self._run(lambda files: _require_same(files, container, name, receipt))
            return receipt
        file = await self._run(lambda files: _begin(files, container, name))
        try:
            async with reading(source) as pieces:
                async for piece in pieces:
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

    def _run(self, work: Callable[[Files], T]) -> Awaitable[T]:
        return self._run_blocking(lambda: self._guarded(work))

    def _guarded(self, work: Callable[[Files], T]) -> T:
        """Work on the folder, if it is there and ours."""
        try:
            if self._files is None:
                self._files = self._open_files()
            if not self._files.exists(MARKER):
                raise NotFound(f"{MARKER} does not exist")
            return work(self._files)
        except PortFault as fault:
            raise _unavailable(self._location, fault) from fault


def _read_marker(files: Files, location: str) -> None:
    """DestinationUnavailable unless the marker is one that this software understands."""
    try:
        layout = tomllib.loads(_read_file(files, MARKER).decode()).get("layout")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DestinationUnavailable(
            f"destination folder {location}: {MARKER} is damaged ({error}): restore it from a backup"
        ) from error
    if layout != LAYOUT:
        raise DestinationUnavailable(
            f"destination folder {location}: {MARKER} has layout {layout!r}, this software knows {LAYOUT}: "
            "use the software that made it"
        )


def _probe(files: Files) -> None:
    _write_whole(files, "", _PROBE, b"can this folder be written?\n")
    files.remove(_PROBE)


def _ensure_container(files: Files, name: str, metadata: Metadata) -> None:
    with suppress(AlreadyExists):
        files.make_folder(name)
    known: dict[str, str] = {}
    if files.exists(f"{name}/{_CONTAINER_META}"):
        known = _container_metadata(files, name)
    _write_container(files, name, merged(known, metadata))
    files.sync_folder("")


def _update_container(files: Files, name: str, metadata: Metadata) -> None:
    _write_container(files, name, merged(_container_metadata(files, name), metadata))


def _write_container(files: Files, name: str, metadata: Metadata) -> None:
    document = {"layout": LAYOUT, "metadata": dict(metadata)}
    _write_whole(files, f"{name}/", _CONTAINER_META, _json(document))
    files.sync_folder(name)


def _container_metadata(files: Files, name: str) -> dict[str, str]:
    try:
        document = _read_json(files, f"{name}/{_CONTAINER_META}")
    except NotFound as fault:
        raise ContainerMissing(f"container {name} is not there: make it first") from fault
    return cast("dict[str, str]", document["metadata"])


def _begin(files: Files, container: str, name: str) -> File:
    path = f"{container}/{_PARTIAL}{name}"
    with suppress(NotFound):
        files.remove(path)
    return files.create(path)


def _append(file: File, intake: Intake, piece: Buffer) -> None:
    offset_bytes = intake.received_bytes
    intake.feed(piece)
    file.write_at(offset_bytes, piece)


def _finish(files: Files, file: File, container: str, name: str, stored: StoredObject) -> None:
    file.sync()
    file.close()
    document = {"layout": LAYOUT, "metadata": stored.metadata, **asdict(stored.receipt)}
    files.rename(f"{container}/{_PARTIAL}{name}", f"{container}/{name}")
    _write_whole(files, f"{container}/", name + RESERVED_SUFFIX, _json(document))
    files.sync_folder(container)


def _require_same(files: Files, container: str, name: str, receipt: Receipt) -> None:
    stored = _read_container(files, container)
    known = stored.objects.get(name) if stored else None
    if known is None or known.receipt != receipt:
        raise DestinationRefused(f"container {container} is complete: object {name} cannot be added or changed")


def _read_container(files: Files, name: str) -> StoredContainer | None:
    try:
        found = StoredContainer(_container_metadata(files, name))
    except ContainerMissing:
        return None
    for file_name in files.list_folder(name):
        object_name = file_name.removesuffix(RESERVED_SUFFIX)
        if object_name != file_name and file_name != _CONTAINER_META and not file_name.startswith(_PARTIAL):
            document = _read_json(files, f"{name}/{file_name}")
            receipt = Receipt(document["etag"], document["sha256"], document["length_bytes"])
            found.objects[object_name] = StoredObject(document["metadata"], receipt)
    return found


def _read_json(files: Files, path: str) -> dict[str, Any]:
    try:
        document: object = json.loads(_read_file(files, path))
    except ValueError as error:
        raise IoFault(f"{path} is damaged ({error})") from error
    if not isinstance(document, dict) or "metadata" not in document:
        raise IoFault(f"{path} is damaged: it holds no metadata")
    return cast("dict[str, Any]", document)


def _read_file(files: Files, path: str) -> bytes:
    file = files.open(path)
    try:
        buffer = bytearray(file.size_bytes())
        return bytes(memoryview(buffer)[: file.read_at(0, buffer)])
    finally:
        file.close()


def _write_whole(files: Files, folder: str, name: str, data: bytes) -> None:
    """Write a small file under a temporary name and move it into place; the caller syncs the folder."""
    partial = f"{folder}{_PARTIAL}{name}"
    with suppress(NotFound):
        files.remove(partial)
    file = files.create(partial)
    try:
        file.write_at(0, data)
        file.sync()
    finally:
        file.close()
    files.rename(partial, folder + name)


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _unavailable(location: str, fault: PortFault) -> DestinationUnavailable:
    what = f"destination folder {location}"
    if isinstance(fault, NoSpace):
        return DestinationUnavailable(f"{what} is full ({fault}): free space on its disk")
    if isinstance(fault, ReadOnly):
        return DestinationUnavailable(
            f"{what} cannot be written ({fault}): check its owner and that it is not read-only"
        )
    if isinstance(fault, NotFound):
        missing = str(fault).partition(": ")[0]  # without the port's remedy: here it is another one
        return DestinationUnavailable(
            f"{what} is not there or not whole ({missing}): mount its disk or put it back; "
            "it is not made anew by itself"
        )
    return DestinationUnavailable(f"{what} failed ({fault}): check its disk")
