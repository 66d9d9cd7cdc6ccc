"""What is sent beside a recording's clip: where it was made, the bookmark at its start, and what people have added.

Law: pure. Only what the destination has declared is sent; made from the same words it is the same bytes, so that a
repetition changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

from firmware.formats.manifest import Manifest
from host_tools.controller.delivery_notes import Notes
from host_tools.destinations.capabilities import STORE_BOOKMARKS, STORE_GNSS_TRACK
from host_tools.destinations.encryption import StoredReceipt
from host_tools.destinations.extras import Extra, bookmark, location_text, location_track, opening_bookmark
from host_tools.destinations.interface import Receipt
from host_tools.destinations.metadata import cause_word

ID_CHARACTERS = 8  # of an opening bookmark


def beside_the_clip(
    manifest: Manifest, notes: Notes, container: str, camera_name: str, capabilities: frozenset[str]
) -> list[Extra]:
    """In the order in which they are sent: track, opening bookmark, the others."""
    found: list[Extra] = []
    if notes.fixes and STORE_GNSS_TRACK in capabilities:
        found.append(location_track(manifest, notes.fixes))
    if STORE_BOOKMARKS in capabilities:
        if manifest.started.source != "none":
            found.append(_opening(manifest, notes, container, camera_name))
        found += [bookmark(each) for each in notes.bookmarks]
    return found


def place_metadata(notes: Notes) -> dict[str, str]:
    """Of the container: where it was begun and where it ended."""
    if not notes.fixes:
        return {}
    first, last = notes.fixes[0], notes.fixes[-1]
    return {"TriggerOnLocation": location_text(first), "TriggerOffLocation": location_text(last)}


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


def _opening(manifest: Manifest, notes: Notes, container: str, camera_name: str) -> Extra:
    start_s = manifest.started.unix_ms // 1000
    return opening_bookmark(
        hashlib.sha256(container.encode()).hexdigest()[:ID_CHARACTERS],
        start_s * 1000,
        camera_name,
        cause_word(manifest.cause_start),
        location_text(notes.fixes[0]) if notes.fixes else "",
        notes.category,
        notes.text,
    )
