"""Objects on their way out: whole or a range of them, in pieces; as the API's clients and people's browsers ask.

Law: the very bytes that were received, never another form of them; memory does not grow with a clip. Whoever asks for
all of an object gets its last piece only if the whole is what was received; what cannot be read at all is said by a
status, before the first byte. Ranges and their condition are RFC 9110's (13.1.5, 14.2), and the same for all who ask.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import AsyncIterator, Generator, Mapping
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime

from fastapi.responses import Response, StreamingResponse

from firmware.ports.errors import PortFault
from host_tools.destinations.headers import to_headers
from host_tools.evidence.blocking import RunBlocking
from host_tools.evidence.catalogue import StoredObject
from host_tools.evidence.errors import StoreDamaged
from host_tools.evidence.store import Store

_log = logging.getLogger(__name__)
_RANGE = re.compile(r"bytes=([0-9]{0,40})-([0-9]{0,40})", re.IGNORECASE)  # longer than any number that somebody means


async def stream(store: Store, run_blocking: RunBlocking, row: StoredObject, asked: Mapping[str, str]) -> Response:
    """An object, or the range of it that the request's headers ask for: of ``Range``, where ``If-Range`` is fulfilled.
    416 if there is no such range. PortFault."""
    now_ms = store.wall_ms()
    wanted = asked.get("range", "").strip()
    if not _is_of_bytes(wanted) or not is_the_same(asked.get("if-range", ""), row, now_ms):
        wanted = ""
    found = span(wanted, row.length_bytes)
    if found is None:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{row.length_bytes}"})
    start, length_bytes = found
    headers = {**object_headers(row, now_ms), "Content-Length": str(length_bytes)}
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{start + length_bytes - 1}/{row.length_bytes}"
    is_whole = length_bytes == row.length_bytes
    pieces = whole(store, row) if is_whole else store.read(row, start, length_bytes)
    first = await run_blocking(lambda: next(pieces, None))
    body = _pieces(run_blocking, first, pieces)
    return StreamingResponse(body, status_code=206 if wanted else 200, headers=headers, media_type=row.content_type)


def object_headers(row: StoredObject, now_ms: int) -> dict[str, str]:
    """What is told of an object beside its bytes."""
    changed_s = _changed_s(row, now_ms)
    return {
        **to_headers("Object", row.metadata),
        "Etag": row.etag,
        "Content-Length": str(row.length_bytes),
        "Content-Type": row.content_type,
        "Accept-Ranges": "bytes",
        **({} if changed_s is None else {"Last-Modified": formatdate(changed_s, usegmt=True)}),
    }


def is_the_same(condition: str, row: StoredObject, now_ms: int) -> bool:
    """Whether the object is still what an ``If-Range`` names: by its Etag, compared strongly, in quotes as HTTP has
    them or without as Swift has them; or by the time of its last change, in any of HTTP's three forms. An empty
    condition holds."""
    text = condition.strip()
    if text in ("", row.etag, f'"{row.etag}"'):
        return True
    if text.startswith(('"', "W/")):  # another one, or a weak one, which is never enough for a part
        return False
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC) == _moment(_changed_s(row, now_ms))
    except (ValueError, OverflowError):
        return False


def span(wanted: str, length_bytes: int) -> tuple[int, int] | None:
    """First byte and length of a range; all where none is named; None if it lies outside."""
    if not wanted:
        return 0, length_bytes
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        count = min(int(found[2]), length_bytes)
        return (length_bytes - count, count) if count else None
    start = int(found[1])
    end = min(int(found[2]), length_bytes - 1) if found[2] else length_bytes - 1
    return (start, end - start + 1) if start <= end else None


def whole(store: Store, row: StoredObject) -> Generator[bytes, None, None]:
    """All of an object, the last piece when it is known to be what was received. PortFault. Blocks."""
    digest, held = hashlib.sha256(), b""
    for piece in store.read(row, 0, row.length_bytes):
        digest.update(piece)
        if held:
            yield held
        held = piece
    if digest.hexdigest() != row.sha256:
        raise StoreDamaged(f"object {row.container}/{row.name}: its bytes have changed since it came: use a backup")
    if held:
        yield held


def _is_of_bytes(wanted: str) -> bool:
    """Other units are to be passed over, whatever they count; what is no range at all is left to ``span``."""
    unit, equals, _ = wanted.partition("=")
    return not equals or unit.rstrip().lower() == "bytes"


def _changed_s(row: StoredObject, now_ms: int) -> int | None:
    """When its bytes came last. None while that second is not over: then it may change within it once more, and a part
    of the one would be joined to a part of the other."""
    changed_s = row.stored_ms // 1000
    return changed_s if changed_s < now_ms // 1000 else None


def _moment(unix_s: int | None) -> datetime | None:
    return None if unix_s is None else datetime.fromtimestamp(unix_s, UTC)


async def _pieces(
    run_blocking: RunBlocking, piece: bytes | None, pieces: Generator[bytes, None, None]
) -> AsyncIterator[bytes]:
    try:
        while piece is not None:
            yield piece
            piece = await run_blocking(lambda: next(pieces, None))
    except PortFault as error:
        _log.error("storage: %s", error)
        raise  # the answer ends before its length, and the client sees that it has not all
    finally:
        await run_blocking(pieces.close)
