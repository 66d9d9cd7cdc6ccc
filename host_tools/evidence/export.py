"""A recording out of the destination: its objects under their names, what was said about them, the custody chain that
came with it, and a program that checks all of it.

Law: who takes it out, and where to, is in the audit trail before a byte of it is there, whichever way it leaves.
Everything is checked on its way out against what was received, and has a name that any computer takes, whatever a
controller called it; container.meta.json tells both. Whoever gets it needs no software of ours:
``sha256sum -c SHA256SUMS`` says whether the bytes are those that were received, and ``python3 -I verify.py`` (one
readable file, in the export itself) checks ledger, signatures and manifest; ``container.meta.json`` has the head.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from host_tools.accounts.audit import AuditTrail
from host_tools.accounts.roles import Actor
from host_tools.evidence import verification
from host_tools.evidence.catalogue import Container, StoredObject
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.plain_names import plain, plain_names
from host_tools.evidence.store import Store

SUMS_NAME = "SHA256SUMS"
ABOUT_NAME = "container.meta.json"  # where `bwc ledger verify --destination` looks for heads
VERIFY_NAME = "verify.py"
README_NAME = "README.txt"
README = """\
One recording, as it was received and as it lay until it was taken out.

objects/              the recording: clip (.mp4 or .mkv), bookmarks and notes (bookmark_...),
                      location (..._gpstrail.json), custody chain (custody_...json)
container.meta.json   what was told of it: wearer, camera, times, and when each object came
SHA256SUMS            the digest of every file; check them:  sha256sum -c SHA256SUMS
verify.py             checks the rest; it needs Python 3.8 and openssl, and no network:
                      python3 -I verify.py --root ROOT.pem

ROOT.pem is the root certificate of the system that recorded this. Get it from whoever runs that
system, by another way than this recording, and compare its fingerprint with theirs: without it
verify.py says that somebody signed, and not that it was them. It can be read before it is run.

Encrypted clips (with a .key beside them) are opened by the owner of the key:
    bwc destination decrypt CLIP KEY owner.pem OUT      then: python3 -I verify.py --root ROOT.pem --clip OUT
and so are location tracks, with --track.
"""
OBJECTS_NAME = "objects"  # apart, so that no object of a controller's choosing takes a name of ours
TAKEN_OUT = "export_recording"  # in the audit trail
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that the format has: times are told in container.meta.json


class Exported(NamedTuple):
    """What an export consists of: small files by name, then the recording's objects by theirs."""

    files: dict[str, bytes]
    objects: dict[str, StoredObject]


class Taker(NamedTuple):
    """Who takes a recording out, when, and where to (``to``: a folder here, or a browser at an address)."""

    trail: AuditTrail
    actor: Actor
    at_unix_ms: int
    to: str


def take(store: Store, container: str, taker: Taker) -> Exported:
    """``contents``, and who has them is on record: durable when this returns. EvidenceError; what the trail says where
    it cannot be written, and then nothing may leave. Blocks."""
    exported = contents(store, container)
    more = {"container": container, "objects": len(exported.objects), "to": taker.to}
    taker.trail.append(TAKEN_OUT, taker.actor, "done", taker.at_unix_ms, more)
    return exported


def contents(store: Store, container: str) -> Exported:
    """What goes into an export. EvidenceError if there is no such recording. Blocks."""
    row = store.catalogue.container(container)
    if row is None:
        raise EvidenceError(f"{container}: there is no such recording: search for it first")
    rows = list(store.catalogue.all_objects(container))
    names = plain_names([each.name for each in rows])
    objects = {names[each.name]: each for each in rows}
    about = json.dumps(_about(row, objects), indent=2, ensure_ascii=False).encode() + b"\n"
    program = Path(verification.__file__).read_bytes()
    sums = "".join(f"{each.sha256}  {OBJECTS_NAME}/{name}\n" for name, each in objects.items())
    files = {README_NAME: README.encode(), ABOUT_NAME: about, VERIFY_NAME: program}
    for name, data in files.items():
        sums += f"{hashlib.sha256(data).hexdigest()}  {name}\n"
    return Exported({**files, SUMS_NAME: sums.encode()}, objects)


def export(store: Store, container: str, folder: Path, taker: Taker) -> list[Path]:
    """Write a container into a new folder; answers the files. EvidenceError."""
    with store.taking_out(container):
        contents(store, container)  # what is not there leaves neither a folder nor a line
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # evidence: whoever took it out gives it on
            (folder / OBJECTS_NAME).mkdir()
            exported = take(store, container, taker)
            files = [_write(store, row, folder / OBJECTS_NAME / name) for name, row in exported.objects.items()]
            for name, data in exported.files.items():
                (folder / name).write_bytes(data)
        except OSError as error:
            raise EvidenceError(
                f"{folder}: cannot be written ({error.strerror}): name a new folder with room"
            ) from error
    return [*files, *(folder / name for name in exported.files)]


def as_zip(store: Store, container: str, exported: Exported) -> Generator[bytes, None, None]:
    """The same as a zip archive, not compressed, in pieces. EvidenceError in the middle if bytes have changed: then the
    archive ends without its directory and opens nowhere. Blocks at each piece."""
    sink, folder = _Sink(), plain(container)
    with (
        store.taking_out(container),
        zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive,
    ):
        for name, data in exported.files.items():
            archive.writestr(zipfile.ZipInfo(f"{folder}/{name}", ZIP_TIME), data)
        yield sink.take()
        for name, row in exported.objects.items():
            entry = zipfile.ZipInfo(f"{folder}/{OBJECTS_NAME}/{name}", ZIP_TIME)
            with archive.open(entry, "w", force_zip64=True) as member:
                for piece in checked(store, row):
                    member.write(piece)
                    yield sink.take()
    yield sink.take()


def checked(store: Store, row: StoredObject) -> Iterable[bytes]:
    """An object's bytes. EvidenceError at the end if they are not those that were received."""
    digest = hashlib.sha256()
    for piece in store.read(row, 0, row.length_bytes):
        digest.update(piece)
        yield piece
    if digest.hexdigest() != row.sha256:
        raise EvidenceError(f"{row.container}/{row.name}: its bytes have changed since it was received: use a backup")


class _Sink(io.RawIOBase):
    """Takes what a zip archive writes; nothing can be read or sought in it."""

    def __init__(self) -> None:
        self._taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        view = memoryview(data)  # pyright: ignore[reportArgumentType] - whatever zipfile gives is a buffer
        self._taken += view
        return view.nbytes

    def take(self) -> bytes:
        """What was written since the last time."""
        taken, self._taken = bytes(self._taken), bytearray()
        return taken


def _write(store: Store, row: StoredObject, path: Path) -> Path:
    try:
        with path.open("xb") as file:
            for piece in checked(store, row):
                file.write(piece)
    except EvidenceError:
        path.rename(path.with_name(f"{path.name}.damaged"))
        raise
    return path


def _about(row: Container, objects: Mapping[str, StoredObject]) -> dict[str, object]:
    return {
        "container": row.name,
        "metadata": row.metadata,
        "received_unix_ms": row.made_ms,
        "completed_unix_ms": row.completed_ms,
        "quarantine": row.quarantine,
        "objects": [
            {
                "name": each.name,
                "file": name,
                "length_bytes": each.length_bytes,
                "etag": each.etag,
                "sha256": each.sha256,
                "received_unix_ms": each.stored_ms,
                "metadata": each.metadata,
            }
            for name, each in objects.items()
        ],
    }
