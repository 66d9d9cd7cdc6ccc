"""What is sent beside a recording's clip: where it was made, the bookmark at its start, what people have added, and how
it came here.

Law: pure, but for the custody chain, which is read. Only what the destination has declared is sent; made from the same
words it is the same bytes, so that a repetition changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from firmware.formats import track
from firmware.formats.manifest import Manifest
from firmware.formats.track import DEGREE, Place
from host_tools.controller.delivery_notes import Notes
from host_tools.custody.heads import HeadSigner, SignedHead
from host_tools.custody.index import Index
from host_tools.custody.spool import Spool
from host_tools.destinations import custody_object
from host_tools.destinations.capabilities import STORE_BOOKMARKS, STORE_GNSS_TRACK
from host_tools.destinations.custody_object import Told
from host_tools.destinations.encryption import StoredReceipt
from host_tools.destinations.extras import Extra, Fix, bookmark, location_text, location_track, opening_bookmark
from host_tools.destinations.interface import Receipt
from host_tools.destinations.metadata import cause_word, head_metadata
from host_tools.destinations.names import clip_name, slug

CUSTODY_METADATA = {"FileType": "json"}
ID_CHARACTERS = 8  # of an opening bookmark


def beside_the_clip(
    manifest: Manifest, notes: Notes, container: str, camera_name: str, capabilities: frozenset[str]
) -> list[Extra]:
    """In the order in which they are sent: track, opening bookmark, the others."""
    found: list[Extra] = []
    fixes = fixes_of(manifest, notes)
    if fixes and STORE_GNSS_TRACK in capabilities:
        found.append(location_track(manifest, fixes))
    if STORE_BOOKMARKS in capabilities:
        if manifest.started.source != "none":
            found.append(_opening(manifest, notes, container, camera_name))
        found += [bookmark(each) for each in notes.bookmarks]
    return found


def fixes_of(manifest: Manifest, notes: Notes) -> tuple[Fix, ...]:
    """Where a recording was made, oldest first: what its camera has noted (``belief.known``); where it has noted
    nothing, what people have said."""
    places = [place for entry in manifest.track for place in track.unpack(entry.places)]
    return tuple(_fix(manifest, place) for place in places) or notes.fixes


def place_metadata(manifest: Manifest, notes: Notes) -> dict[str, str]:
    """Of the container: where it was begun and where it ended."""
    fixes = fixes_of(manifest, notes)
    if not fixes:
        return {}
    first, last = fixes[0], fixes[-1]
    return {"TriggerOnLocation": location_text(first), "TriggerOffLocation": location_text(last)}


def enclosed(
    document: bytes, manifest: Manifest, about: Mapping[str, str], wearer: str, extras: Iterable[Extra]
) -> dict[str, Any]:
    """For the ledger, what goes with a clip. ``document``: the manifest as it came; ``wearer``: what he is called at
    the destination, empty for nobody (``destinations.people`` puts both names in)."""
    named = {**about, "UserID": wearer, "BWCSerialNumber": slug(about["BWCSerialNumber"])}
    return custody_object.enclosed(document, clip_name(manifest), named, extras)


def custody_chain(index: Index, spool: Spool, head: SignedHead, signer: HeadSigner, system_id: str = "") -> bytes:
    """What the ledger tells of a recording up to its signed head, and the camera's manifest; ``system_id``: see
    ``custody_object``. Blocks. CustodyError."""
    links = [link for link in index.ledger_links(head.recording) if link.sequence <= head.head.sequence + 1]
    entries = [
        Told(link.sequence, index.hash_at(link.sequence - 1).hex(), link.hash.hex(), link.line) for link in links
    ]
    manifest = spool.manifest_document(head.recording)
    return custody_object.write(head.recording, entries, head_metadata(head), signer.chain, manifest, system_id)


def stored_as(name: str, receipt: Receipt) -> dict[str, Any]:
    """One object for the ledger: what was given, and what the destination has where that is another thing (remuxed,
    encrypted)."""
    told: dict[str, Any] = {"name": name, "etag": receipt.etag, "sha256": receipt.sha256}
    if isinstance(receipt, StoredReceipt):
        told["stored_name"] = receipt.stored_name
        told["stored_sha256"] = receipt.stored_sha256
        told["stored_bytes"] = receipt.stored_bytes
    return told


class TextSource:
    """A short text as a source."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._text:
            yield self._text


def _fix(manifest: Manifest, place: Place) -> Fix:
    """At the camera's own time, as its video has it."""
    unix_ms = manifest.started.unix_ms + place.at_ms
    return Fix(unix_ms, place.latitude / DEGREE, place.longitude / DEGREE, place.accuracy_dm / 10)


def _opening(manifest: Manifest, notes: Notes, container: str, camera_name: str) -> Extra:
    start_s = manifest.started.unix_ms // 1000
    fixes = fixes_of(manifest, notes)
    return opening_bookmark(
        hashlib.sha256(container.encode()).hexdigest()[:ID_CHARACTERS],
        start_s * 1000,
        camera_name,
        cause_word(manifest.cause_start),
        location_text(fixes[0]) if fixes else "",
        notes.category,
        notes.text,
    )
