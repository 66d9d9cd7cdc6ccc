"""A recording that no destination takes, onto a drive: an AES-256 encrypted zip that 7-Zip opens.

Law: written under another name, made durable, read back and compared, and only then given its name; the recording
itself stays where it is until a person confirms. Contents pass through in pieces. The key comes from the passphrase by
the format's own 1000 rounds, which are few, so the passphrase has to be long.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from host_tools.custody.blocking import Buffer, RunBlocking
from host_tools.destinations.interface import DestinationError
from host_tools.destinations.receiving import Intake, reading
from host_tools.destinations.rejected import RejectedObject

PASSPHRASE_CHARACTERS_MIN = 14  # with few rounds: five random words, or as many characters
PASSPHRASE_CHARACTERS_MAX = 200
OVERHEAD_BYTES = 4_096  # of an object: headers twice, salt, check; and of the archive's end
READ_BYTES = 1 << 20
ABOUT_NAME = "container.json"
UNFINISHED = ".partial"


class ArchiveError(DestinationError):
    """The archive was not written; one line with the remedy. The recording is where it was."""


def check_passphrase(passphrase: str, again: str) -> None:
    """ArchiveError unless both are the same and long enough."""
    if passphrase != again:
        raise ArchiveError("the two passphrases differ: type them again")
    if not PASSPHRASE_CHARACTERS_MIN <= len(passphrase) <= PASSPHRASE_CHARACTERS_MAX or len(set(passphrase)) < 6:
        raise ArchiveError(f"the archive's passphrase is too weak: use {PASSPHRASE_CHARACTERS_MIN} characters or more")


async def write_archive(
    path: Path,
    objects: Sequence[RejectedObject],
    metadata: Mapping[str, str],
    passphrase: str,
    free_bytes: int,
    run_blocking: RunBlocking,
) -> str:
    """Write a recording and what is known of it; answers the archive's SHA-256. ``free_bytes``: on the drive.
    ArchiveError, and whatever a source raises."""
    needed_bytes = sum(item.length_bytes + OVERHEAD_BYTES for item in objects) + OVERHEAD_BYTES
    if needed_bytes > free_bytes:
        raise ArchiveError(
            f"{path}: {needed_bytes / 1e6:.0f} MB are needed, {free_bytes / 1e6:.0f} MB are free: make room"
        )
    if await run_blocking(path.exists):
        raise ArchiveError(f"{path}: exists: choose another name")
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        await run_blocking(partial(unfinished.unlink, missing_ok=True))  # of an attempt before, or what leads elsewhere
        digests = await _write(unfinished, objects, metadata, passphrase, run_blocking)
        return await run_blocking(lambda: _settle(unfinished, path, digests, passphrase))
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be written ({error.strerror}): check the drive") from error
    finally:
        with suppress(OSError):
            await run_blocking(partial(unfinished.unlink, missing_ok=True))


async def _write(
    path: Path,
    objects: Sequence[RejectedObject],
    metadata: Mapping[str, str],
    passphrase: str,
    run_blocking: RunBlocking,
) -> dict[str, str]:
    """Digests by name, of what went in."""
    archive = await run_blocking(lambda: _opened(path, passphrase, "x"))
    digests: dict[str, str] = {}
    try:
        for item in objects:
            intake = Intake(item.name, item.length_bytes)
            member = await run_blocking(partial(archive.open, item.name, "w", force_zip64=True))
            try:
                async with reading(item.source) as pieces:
                    async for piece in pieces:
                        await run_blocking(partial(_add, member, intake, piece))
            finally:
                await run_blocking(member.close)
            digests[item.name] = intake.receipt().sha256
        text = json.dumps({"metadata": dict(metadata), "sha256": digests}, indent=2, ensure_ascii=False).encode()
        await run_blocking(partial(archive.writestr, ABOUT_NAME, text))
        digests[ABOUT_NAME] = hashlib.sha256(text).hexdigest()
    finally:
        await run_blocking(archive.close)
    return digests


def _opened(path: Path, passphrase: str, mode: str) -> Any:
    import pyzipper

    archive = pyzipper.AESZipFile(path, mode, compression=pyzipper.ZIP_STORED, allowZip64=True)
    archive.setpassword(passphrase.encode())
    if mode != "r":
        archive.setencryption(pyzipper.WZ_AES, nbits=256)
    return archive


def _add(member: Any, intake: Intake, piece: Buffer) -> None:
    intake.feed(piece)
    member.write(bytes(piece))


def _settle(unfinished: Path, path: Path, digests: Mapping[str, str], passphrase: str) -> str:
    """Durable, compared, named."""
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # read from the drive, not from memory
        whole = hashlib.file_digest(file, "sha256").hexdigest()
    archive = _opened(unfinished, passphrase, "r")
    try:
        for name, wanted in digests.items():
            digest = hashlib.sha256()
            with archive.open(name) as member:
                while piece := member.read(READ_BYTES):
                    digest.update(piece)
            if digest.hexdigest() != wanted:
                raise ArchiveError(f"{path}: {name} reads back otherwise than it was written: use another drive")
    finally:
        archive.close()
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)  # the drive is pulled as soon as this is told, and the camera may erase after that
    finally:
        os.close(folder)
    return whole
