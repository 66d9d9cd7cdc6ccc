"""The quarantine: a folder of its own for recordings that something is wrong with, under names that people read.

Law: chosen by whoever runs the destination, or there is none. The catalogue still knows each object and finds it there,
so a controller asks in vain for nothing. What is moved is copied, proven and durable before the catalogue says so, and
only then removed where it was; moving may be repeated, one at a time (``Store`` sees to that). A place in which an
object lies is never written.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast

from firmware.ports.errors import AlreadyExists, IoFault, NotFound
from firmware.ports.files import File, Files
from host_tools.destinations.custody_object import DOCUMENT_BYTES_MAX, NAME_PREFIX
from host_tools.evidence.catalogue import Catalogue, Container, StoredObject
from host_tools.evidence.errors import EvidenceError, StoreDamaged
from host_tools.evidence.plain_names import plain, plain_names

FOLDER = "quarantine"  # below the destination's own, unless another was chosen
ABOUT_NAME = "about.json"
CLIP_END, KEY_END = ".mp4", ".key"


class TwoFolders(Files):
    """The destination's folder, with ``quarantine/`` on another medium. Renaming stays within one of them."""

    def __init__(self, own: Files, apart: Files) -> None:
        self._own = own
        self._apart = apart

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        """See Files."""
        files, name = self._where(path)
        return files.create(name, reserve_bytes)

    def open(self, path: str, writable: bool = False) -> File:
        """See Files."""
        files, name = self._where(path)
        return files.open(name, writable)

    def rename(self, old_path: str, new_path: str) -> None:
        """See Files."""
        files, name = self._where(old_path)
        files.rename(name, self._where(new_path)[1])

    def remove(self, path: str) -> None:
        """See Files."""
        files, name = self._where(path)
        files.remove(name)

    def make_folder(self, path: str) -> None:
        """See Files."""
        if path == FOLDER:
            raise AlreadyExists(f"{path} is there")
        files, name = self._where(path)
        files.make_folder(name)

    def remove_folder(self, path: str) -> None:
        """See Files."""
        files, name = self._where(path)
        files.remove_folder(name)

    def list_folder(self, path: str) -> list[str]:
        """See Files."""
        files, name = self._where(path)
        return files.list_folder(name)

    def exists(self, path: str) -> bool:
        """See Files."""
        files, name = self._where(path)
        return files.exists(name)

    def sync_folder(self, path: str) -> None:
        """See Files."""
        files, name = self._where(path)
        files.sync_folder(name)

    def total_bytes(self) -> int:
        """See Files."""
        return self._own.total_bytes()

    def free_bytes(self) -> int:
        """See Files."""
        return self._own.free_bytes()

    def _where(self, path: str) -> tuple[Files, str]:
        if path == FOLDER:
            return self._apart, ""
        if path.startswith(f"{FOLDER}/"):
            return self._apart, path[len(FOLDER) + 1 :]
        return self._own, path


def with_quarantine(files: Files, chosen: Path | None, files_at: Callable[[Path], Files] | None) -> Files:
    """``files`` with the chosen folder; as they are where none was chosen. EvidenceError."""
    if chosen is None:
        return files
    if files_at is None or not chosen.is_absolute():
        raise EvidenceError(f"quarantine_folder: {chosen} must be a whole path, beginning with /")
    try:
        chosen.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise EvidenceError(f"quarantine_folder: {chosen} cannot be used ({error.strerror}): choose another") from error
    return TwoFolders(files, files_at(chosen))


class Kept(Protocol):
    """Where recordings lie that are not set apart."""

    def read(self, row: StoredObject, start_byte: int, length_bytes: int) -> Generator[bytes, None, None]:
        """Bytes of an object, a piece at a time. PortFault."""
        ...

    def remove(self, place: str) -> None:
        """Let go of an object's bytes."""
        ...


def set_apart(files: Files, catalogue: Catalogue, box: Container, kept: Kept) -> None:
    """Move all of a recording into the quarantine, with a note of why. Blocks. PortFault; may be repeated."""
    missing = trouble(files, catalogue)
    if missing:
        raise IoFault(missing)
    folder = folder_of(box.name)
    for path in (FOLDER, folder):
        with suppress(AlreadyExists):
            files.make_folder(path)
    files.sync_folder("")
    files.sync_folder(FOLDER)
    about = {"recording": box.name, "reason": box.quarantine, "metadata": box.metadata}
    _write(files, f"{folder}/{ABOUT_NAME}", json.dumps(about, indent=1, ensure_ascii=False).encode() + b"\n")
    rows = list(catalogue.all_objects(box.name))
    names = plain_names([row.name for row in rows], (ABOUT_NAME,))
    for row in rows:
        path = f"{folder}/{names[row.name]}"
        if row.file == path:
            continue
        if catalogue.has_file(path):
            raise IoFault(f"{path} is another object's place: look into the quarantine")
        _copy(files, kept.read(row, 0, row.length_bytes), row, path)
        files.sync_folder(folder)
        if _now_lies(catalogue, row, path):
            kept.remove(row.file)
    files.sync_folder(folder)


def trouble(files: Files, catalogue: Catalogue) -> str:
    """What is wrong with the quarantine's folder; empty if nothing is. On a disk that is not mounted there is nothing,
    and what would be moved there would be hidden by it later."""
    if not catalogue.has_between(f"{FOLDER}/", f"{FOLDER}0"):
        return ""
    with suppress(NotFound):
        if files.list_folder(FOLDER):
            return ""
    return "the quarantine is empty and should not be: mount its disk, or restore it from a backup"


def leave(files: Files, container: str) -> None:
    """After its objects have gone: what was left of it in the quarantine. PortFault."""
    folder = folder_of(container)
    if not files.exists(folder):
        return
    with suppress(NotFound):
        files.remove(f"{folder}/{ABOUT_NAME}")
    if not files.list_folder(folder):
        files.remove_folder(folder)


def folder_of(container: str) -> str:
    """Where a recording lies when it is set apart."""
    return f"{FOLDER}/{plain(container)}"


def digest_fault(catalogue: Catalogue, box: Container, read: Callable[[StoredObject], bytes]) -> str:
    """Why a complete recording's clip is not what its camera recorded; empty if it is, or where nothing tells: without
    the custody chain, encrypted, or in another container. ``read``: a short object. Blocks."""
    rows = {row.name: row for row in catalogue.all_objects(box.name)}
    for row in rows.values():
        if not row.name.startswith(NAME_PREFIX) or row.length_bytes > DOCUMENT_BYTES_MAX:
            continue
        wanted = _content_sha256(read(row))
        if not wanted:
            return f"{row.name} names no digest of the clip"
        for clip in rows.values():
            is_plain = clip.name.endswith(CLIP_END) and clip.name[: -len(CLIP_END)] + KEY_END not in rows
            if is_plain and clip.sha256 != wanted:
                return f"clip {clip.name} has not the digest that its camera has named"
    return ""


def _now_lies(catalogue: Catalogue, row: StoredObject, path: str) -> bool:
    """Whether it lies there from now on: not if it came anew, or was dropped, while it was copied."""
    with catalogue.change():
        known = catalogue.object(row.container, row.name)
        if known is None or known.file != row.file:
            return False
        catalogue.keep_object(replace(known, file=path))
        return True


def _content_sha256(custody: bytes) -> str:
    try:
        document = cast("dict[str, Any]", json.loads(custody))
        manifest = base64.b64decode(document["manifest"]).partition(b"\n")[0]
        return str(json.loads(manifest)["content_sha256"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _copy(files: Files, pieces: Generator[bytes, None, None], row: StoredObject, path: str) -> None:
    with suppress(NotFound):
        files.remove(path)  # of an attempt that was broken off
    target, digest = files.create(path, row.length_bytes), hashlib.sha256()
    try:
        at = 0
        with closing(pieces):
            for piece in pieces:
                target.write_at(at, piece)
                digest.update(piece)
                at += len(piece)
        if digest.hexdigest() != row.sha256:
            raise StoreDamaged(f"object {row.container}/{row.name}: its bytes have changed since it came: use a backup")
        target.sync()
    finally:
        target.close()


def _write(files: Files, path: str, data: bytes) -> None:
    with suppress(NotFound):
        files.remove(path)
    file = files.create(path)
    try:
        file.write_at(0, data)
        file.sync()
    finally:
        file.close()
