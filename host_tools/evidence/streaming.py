"""Objects on their way out: whole or a range of them, in pieces; as the API's clients and people's browsers ask.

Law: the very bytes that were received, never another form of them; memory does not grow with a clip.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from fastapi.responses import Response, StreamingResponse

from host_tools.destinations.headers import to_headers
from host_tools.evidence.blocking import RunBlocking
from host_tools.evidence.catalogue import StoredObject
from host_tools.evidence.store import Store

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def stream(store: Store, run_blocking: RunBlocking, row: StoredObject, wanted: str) -> Response:
    """An object, or the range of it that a Range header names. 416 if there is no such range."""
    found = span(wanted, row.length_bytes)
    if found is None:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{row.length_bytes}"})
    start, length_bytes = found
    headers = {**object_headers(row), "Content-Length": str(length_bytes)}
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{start + length_bytes - 1}/{row.length_bytes}"
    body = _pieces(store, run_blocking, row, start, length_bytes)
    return StreamingResponse(body, status_code=206 if wanted else 200, headers=headers, media_type=row.content_type)


def object_headers(row: StoredObject) -> dict[str, str]:
    """What is told of an object beside its bytes."""
    return {
        **to_headers("Object", row.metadata),
        "Etag": row.etag,
        "Content-Length": str(row.length_bytes),
        "Content-Type": row.content_type,
        "Accept-Ranges": "bytes",
    }


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


async def _pieces(
    store: Store, run_blocking: RunBlocking, row: StoredObject, start: int, length_bytes: int
) -> AsyncIterator[bytes]:
    pieces = store.read(row, start, length_bytes)
    try:
        while (piece := await run_blocking(lambda: next(pieces, None))) is not None:
            yield piece
    finally:
        pieces.close()
