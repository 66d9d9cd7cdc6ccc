"""A destination's people onto another server: wearers, cameras and systems, with what was once declared to controllers.

Law: one JSON document; nothing of recordings, no secret. The new server has its own account key and certificate, so
controllers get a new connection file; the System objects tell them that it is still their destination.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, cast

from host_tools.evidence import rules
from host_tools.evidence.catalogue import Container, StoredObject
from host_tools.evidence.errors import EvidenceError, Refusal
from host_tools.evidence.intake import DECLARED, MODE
from host_tools.evidence.store import Store, Upload

FORMAT = "openbwc-destination-people"
SCHEMA = 1
FILE_BYTES_MAX = 64 << 20
KEY = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")  # what HTTP lets a header be called
MOVED = (rules.USERS, rules.DEVICES, rules.SYSTEM)


def write_people(store: Store, settings_text: str) -> bytes:
    """The document. Blocks."""
    rows = [
        {"container": each.container, "name": each.name, "metadata": each.metadata}
        for container in MOVED
        for each in store.catalogue.all_objects(container)
    ]
    facts = {key: store.catalogue.fact(key) for key in (DECLARED, MODE)}
    document = {"format": FORMAT, "schema": SCHEMA, "settings": settings_text, "facts": facts, "rows": rows}
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def read_people(data: bytes) -> dict[str, Any]:
    """The document, looked through. EvidenceError."""
    try:
        document: Any = json.loads(data) if len(data) <= FILE_BYTES_MAX else None
        fields = cast("dict[str, Any]", document)
        if fields["format"] != FORMAT or fields["schema"] != SCHEMA:
            raise ValueError("another format")
        for row in fields["rows"]:
            if row["container"] not in MOVED or not isinstance(row["name"], str):
                raise ValueError("a row that is nobody's")
            rules.check_name(row["name"], rules.OBJECT_BYTES_MAX)
            rules.check_metadata({str(key): str(value) for key, value in row["metadata"].items()})
            if not all(map(KEY.fullmatch, row["metadata"])):
                raise ValueError("a name that no header has")
        return {**fields, "settings": str(fields["settings"]), "facts": dict(fields["facts"])}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Refusal) as error:
        raise EvidenceError("this is no file of people: make one with: bwc destination export-people") from error


def take_people(
    store: Store, document: dict[str, Any], now_ms: int, told: Callable[[int], None] = lambda _: None
) -> int:
    """Put them into a new destination; answers how many. ``told``: how many are there so far. Blocks."""
    empty_md5 = hashlib.md5(b"", usedforsecurity=False).hexdigest()
    empty_sha256 = hashlib.sha256(b"").hexdigest()
    uploads = list[tuple[dict[str, Any], Upload]]()
    for row in document["rows"]:
        uploads.append((row, _empty(store)))
        told(len(uploads))
    with store.catalogue.change():
        for container in MOVED:
            if store.catalogue.container(container) is None:
                store.catalogue.keep_container(Container(container, {}, now_ms, now_ms, None))
        for row, upload in uploads:
            store.catalogue.keep_object(
                StoredObject(
                    container=row["container"],
                    name=row["name"],
                    file=upload.path,
                    etag=empty_md5,
                    sha256=empty_sha256,
                    length_bytes=0,
                    content_type="application/octet-stream",
                    metadata={str(key): str(value) for key, value in row["metadata"].items()},
                    stored_ms=now_ms,
                )
            )
        for key, value in document["facts"].items():
            if key in (DECLARED, MODE):
                store.catalogue.keep_fact(key, str(value))
    for _, upload in uploads:
        store.let_go(upload, "")
    return len(uploads)


def lost(store: Store) -> list[str]:
    """Objects that should be on the disk and are not there as long as they were, a line each. Blocks."""
    found: list[str] = []
    after = ""
    while boxes := store.catalogue.containers(after):
        after = boxes[-1].name
        for box in boxes:
            rows = (row for row in store.catalogue.all_objects(box.name) if not store.lies_whole(row))
            found += [f"object {row.name} of {row.container} is not there as it was received" for row in rows]
    return found


def _empty(store: Store) -> Upload:
    """An object without content, its file closed again: a city has more people than a process may have open files."""
    upload = store.begin(0)
    store.settle(upload)
    return upload
