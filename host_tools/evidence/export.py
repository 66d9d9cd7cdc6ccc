"""A recording out of the destination: its objects under their names, what was said about them, and their digests.

Law: everything is checked on its way out against what was received. Whoever gets the folder needs no software of ours:
``sha256sum -c SHA256SUMS`` says whether it is what was received; ``container.meta.json`` has the ledger's signed head.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from host_tools.evidence.catalogue import Container, StoredObject
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.store import Store

SUMS_NAME = "SHA256SUMS"
ABOUT_NAME = "container.meta.json"  # where `bwc ledger verify --destination` looks for heads
OBJECTS_NAME = "objects"  # apart, so that no object of a controller's choosing takes a name of ours


def export(store: Store, container: str, folder: Path) -> list[Path]:
    """Write a container into a new folder; answers the files. EvidenceError."""
    row = store.catalogue.container(container)
    if row is None:
        raise EvidenceError(f"{container}: there is no such recording: search for it first")
    objects = store.catalogue.objects(container)
    try:
        (folder / OBJECTS_NAME).mkdir(parents=True)
        files = [_write(store, each, folder) for each in objects]
        about = folder / ABOUT_NAME
        about.write_text(json.dumps(_about(row, objects), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        sums = "".join(f"{each.sha256}  {OBJECTS_NAME}/{each.name}\n" for each in objects)
        sums += f"{hashlib.sha256(about.read_bytes()).hexdigest()}  {ABOUT_NAME}\n"
        (folder / SUMS_NAME).write_text(sums, encoding="utf-8")
    except OSError as error:
        raise EvidenceError(f"{folder}: cannot be written ({error.strerror}): name a new folder with room") from error
    return [*files, about, folder / SUMS_NAME]


def _write(store: Store, row: StoredObject, folder: Path) -> Path:
    path, digest = folder / OBJECTS_NAME / row.name, hashlib.sha256()
    with path.open("xb") as file:
        for piece in store.read(row, 0, row.length_bytes):
            file.write(piece)
            digest.update(piece)
    if digest.hexdigest() != row.sha256:
        path.rename(path.with_name(f"{row.name}.damaged"))
        raise EvidenceError(f"{row.container}/{row.name}: its bytes have changed since it was received: use a backup")
    return path


def _about(row: Container, objects: list[StoredObject]) -> dict[str, object]:
    return {
        "container": row.name,
        "metadata": row.metadata,
        "received_unix_ms": row.made_ms,
        "completed_unix_ms": row.completed_ms,
        "quarantine": row.quarantine,
        "objects": [
            {
                "name": each.name,
                "length_bytes": each.length_bytes,
                "etag": each.etag,
                "sha256": each.sha256,
                "received_unix_ms": each.stored_ms,
                "metadata": each.metadata,
            }
            for each in objects
        ],
    }
