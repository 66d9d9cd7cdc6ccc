"""The content destination API over HTTP: a small part of OpenStack Swift, and nothing beyond it.

Law: transport alone. Judgement and storage are ``Intake``'s and run where they may block; what comes is passed on in
pieces while the next piece arrives, so that memory does not grow with a clip. There is no DELETE and no COPY.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from firmware.ports.errors import NoSpace, PortFault
from host_tools.destinations.capabilities import plain_etag
from host_tools.destinations.clock_check import TIME_ZONE_HEADER
from host_tools.destinations.headers import (
    CONFIRMS_HEADER,
    CONFIRMS_SHA256,
    SHA256_HEADER,
    Resource,
    from_headers,
    to_headers,
)
from host_tools.evidence import rules
from host_tools.evidence.blocking import RunBlocking, all_ended
from host_tools.evidence.catalogue import Container, StoredObject
from host_tools.evidence.errors import Refusal, StoreAway
from host_tools.evidence.intake import Document, Intake
from host_tools.evidence.store import Upload
from host_tools.evidence.streaming import object_headers, stream
from host_tools.evidence.tokens import TOKEN_LIFE_MS, Tokens

PIECE_BYTES = 1 << 20  # to the disk at once; the next is gathered meanwhile, so two in memory a clip
MB = 1_000_000
METHODS = ("GET", "HEAD", "PUT", "POST")
NO_ROUTE = 404  # of the server's own; of the API's it says that a container is to be made
LISTING_MAX = 10_000  # rows, as Swift has it
TAKEN_MAX = 10_000  # objects that were read back and told of; then each is told of once more
RETRY_AFTER_S = 30  # what keeps a store away is seldom over sooner

_log = logging.getLogger(__name__)


class _Coming(NamedTuple):
    """What is said of an object before its bytes. ``etag`` (MD5) and ``sha256``: empty if they were not sent along;
    ``length_bytes``: None if it was not said."""

    container: str
    name: str
    metadata: dict[str, str]
    content_type: str
    etag: str
    sha256: str
    length_bytes: int | None


def make_app(intake: Intake, tokens: Tokens, run_blocking: RunBlocking) -> FastAPI:
    """The server's application."""
    app = FastAPI(title="OpenBWC content destination", docs_url=None, redoc_url=None, redirect_slashes=False)
    api = _Api(intake, tokens, run_blocking)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(PortFault, _storage_fault)
    app.add_api_route("/auth/v1.0", api.authenticate, methods=["GET"], response_class=Response)
    container_path = f"/v1/{api.account}/{{container}}"
    object_path = f"{container_path}/{{name:path}}"
    routes: tuple[tuple[str, str, Callable[..., Any]], ...] = (
        ("PUT", container_path, api.put_container),
        ("POST", container_path, api.post_container),
        ("HEAD", container_path, api.head_container),
        ("GET", container_path, api.list_container),
        ("PUT", object_path, api.put_object),
        ("POST", object_path, api.post_object),
        ("HEAD", object_path, api.head_object),
        ("GET", object_path, api.get_object),
    )
    for method, path, endpoint in routes:
        app.add_api_route(path, endpoint, methods=[method], response_class=Response)
    app.add_api_route("/v1/{rest:path}", api.elsewhere, methods=list(METHODS), include_in_schema=False)
    app.add_exception_handler(HTTPException, api.nowhere)
    return app


class _Api:
    """One method a row of the API's table."""

    def __init__(self, intake: Intake, tokens: Tokens, run_blocking: RunBlocking) -> None:
        self._intake = intake
        self._tokens = tokens
        self._run_blocking = run_blocking
        self._taken: set[tuple[str, str, str]] = set()  # from where, container, name
        self.account = f"AUTH_{re.sub(r'[^A-Za-z0-9_]', '_', intake.settings.account)}"

    async def authenticate(self, request: Request) -> Response:
        """Account and key for a token and the storage address."""
        user, key = request.headers.get("x-auth-user", ""), request.headers.get("x-auth-key", "")
        token = self._tokens.issue(user, key)
        if token is None:
            raise Refusal(401, "account or key are not right")
        headers = {
            "X-Auth-Token": token,
            "X-Storage-Token": token,  # python-swiftclient asks for either
            "X-Auth-Token-Expires": str(TOKEN_LIFE_MS // 1000),
            "X-Storage-Url": f"{request.url.scheme}://{request.url.netloc}/v1/{self.account}",
            "Cache-Control": "no-store",
            CONFIRMS_HEADER: CONFIRMS_SHA256,
        }
        if self._intake.settings.time_zone:
            headers[TIME_ZONE_HEADER] = self._intake.settings.time_zone
        return Response(status_code=200, headers=headers)

    async def put_container(self, container: str, request: Request) -> Response:
        """201 new, 202 known."""
        self._admit(request)
        metadata = _metadata(request, "Container")
        is_new = await self._run_blocking(lambda: self._intake.put_container(container, metadata))
        return Response(status_code=201 if is_new else 202)

    async def post_container(self, container: str, request: Request) -> Response:
        """Add metadata."""
        self._admit(request)
        metadata = _metadata(request, "Container")
        await self._run_blocking(lambda: self._intake.update_container(container, metadata))
        return Response(status_code=204)

    async def head_container(self, container: str, request: Request) -> Response:
        """Its metadata."""
        self._admit(request)
        store = self._intake.store
        row, (count, used_bytes) = await self._run_blocking(
            lambda: (store.required(container), store.catalogue.usage(container))
        )
        sizes = {"X-Container-Object-Count": str(count), "X-Container-Bytes-Used": str(used_bytes)}
        return Response(status_code=204, headers=_container_headers(row) | sizes)

    async def list_container(self, container: str, request: Request) -> Response:
        """Its objects, as lines or as JSON. Only where reading was declared."""
        self._admit(request)
        self._admit_reading(container)
        after, limit = request.query_params.get("marker", ""), request.query_params.get("limit", "")
        rows_max = min(int(limit), LISTING_MAX) if re.fullmatch(r"\d{1,6}", limit) else LISTING_MAX
        store = self._intake.store
        row = await self._run_blocking(lambda: store.required(container))
        rows = await self._run_blocking(lambda: store.catalogue.objects(container, after, rows_max))
        headers = _container_headers(row)
        if request.query_params.get("format") == "json":
            listing = [{"name": each.name, "bytes": each.length_bytes, "hash": each.etag} for each in rows]
            return Response(json.dumps(listing), headers=headers, media_type="application/json")
        return PlainTextResponse("".join(f"{each.name}\n" for each in rows), headers=headers)

    async def put_object(self, container: str, name: str, request: Request) -> Response:
        """201, with the MD5 of what came as Etag, and its SHA-256. What was sent along of these must fit (422)."""
        self._admit(request)
        metadata = _metadata(request, "Object")
        said = request.headers.get("content-length", "")
        length_bytes = int(said) if re.fullmatch(r"\d{1,18}", said) else None
        etag, sha256 = plain_etag(request.headers.get("etag", "")), request.headers.get(SHA256_HEADER, "")
        kind = request.headers.get("content-type", "application/octet-stream")[:100]
        coming = _Coming(container, name, metadata, kind, etag, sha256, length_bytes)
        is_short = length_bytes is not None and length_bytes <= PIECE_BYTES
        try:
            row = await (self._take_short if is_short else self._take_long)(request, coming)
        except ClientDisconnect:
            return Response(status_code=408)  # nobody hears it
        return Response(status_code=201, headers={"Etag": row.etag, SHA256_HEADER: row.sha256})

    async def post_object(self, container: str, name: str, request: Request) -> Response:
        """These metadata in place of all it had."""
        self._admit(request)
        metadata = _metadata(request, "Object")
        await self._run_blocking(lambda: self._intake.update_object(container, name, metadata))
        return Response(status_code=202)

    async def head_object(self, container: str, name: str, request: Request) -> Response:
        """Its metadata, length and Etag."""
        self._admit(request)
        found = await self._run_blocking(lambda: self._find(container, name))
        return Response(status_code=200, headers=_object_headers(found, self._intake.store.wall_ms()))

    async def get_object(self, container: str, name: str, request: Request) -> Response:
        """Its bytes, or a range of them. Only where reading was declared, and what ``System`` holds."""
        self._admit(request)
        self._admit_reading(container)
        found = await self._run_blocking(lambda: self._find(container, name))
        if isinstance(found, Document):
            return Response(found.body, headers={"Etag": found.etag}, media_type="application/json")
        await self._tell_taken(request.client.host if request.client else "", container, name)
        return await stream(self._intake.store, self._run_blocking, found, request.headers)

    async def elsewhere(self, rest: str, request: Request) -> Response:
        """Another account's storage address, or none at all."""
        self._admit(request)
        raise Refusal(403, f"{rest[:60]} is not below this account's storage address")

    async def nowhere(self, request: Request, error: Exception) -> Response:
        """What fits no address at all: a name with a line break in it never will."""
        status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
        if status == NO_ROUTE and request.url.path.startswith("/v1/"):
            known = self._tokens.holds(request.headers.get("x-auth-token", ""))
            status = 400 if known else 401
        return PlainTextResponse(f"{request.method} here: {status}\n", status_code=status, headers=headers)

    # -- helpers

    async def _take_short(self, request: Request, coming: _Coming) -> StoredObject:
        """Heard whole, then judged and kept in one go: each change of threads costs as much as writing it."""
        body = await request.body()
        return await self._run_blocking(lambda: self._keep_short(coming, body))

    def _keep_short(self, coming: _Coming, body: bytes) -> StoredObject:
        self._check_object(coming)
        upload = self._intake.store.begin(0)
        try:
            upload.feed(body)
            return self._finish(coming, upload)
        except BaseException:
            self._intake.store.discard(upload)
            raise

    async def _take_long(self, request: Request, coming: _Coming) -> StoredObject:
        """Judged by its head, and kept as it comes."""
        await self._run_blocking(lambda: self._check_object(coming))
        upload = await self._run_blocking(lambda: self._intake.store.begin(0))
        try:
            await self._receive(request, upload)
            return await self._run_blocking(lambda: self._finish(coming, upload))
        except BaseException:
            # Whatever ends it, also the end of the task: what was not confirmed is not left lying about.
            await self._run_blocking(lambda: self._intake.store.discard(upload))
            raise

    async def _receive(self, request: Request, upload: Upload) -> None:
        """Everything of the request into the upload; one piece is written and digested while the next is gathered."""
        gathered: list[bytes] = []
        gathered_bytes = taken_bytes = 0
        halves: list[asyncio.Future[None]] = []
        try:
            async for part in request.stream():
                gathered.append(part)
                gathered_bytes += len(part)
                if gathered_bytes >= PIECE_BYTES:
                    taken_bytes += gathered_bytes
                    if taken_bytes > rules.OBJECT_LENGTH_MAX:
                        raise Refusal(413, f"more than {rules.OBJECT_LENGTH_MAX} bytes")
                    await all_ended(halves)
                    halves = self._begin_piece(upload, gathered)
                    gathered, gathered_bytes = [], 0
        finally:
            await all_ended(halves)
        if gathered:
            await all_ended(self._begin_piece(upload, gathered))

    def _begin_piece(self, upload: Upload, parts: list[bytes]) -> list[asyncio.Future[None]]:
        """Side by side: the store's digest and its writing are one half, the evidence's digest is the other."""
        piece = b"".join(parts)
        halves = (partial(self._keep_piece, upload, piece), partial(upload.prove, piece))
        return [asyncio.ensure_future(self._run_blocking(half)) for half in halves]

    def _keep_piece(self, upload: Upload, piece: bytes) -> None:
        """Looks at the disk each time: others may come meanwhile, and not all say how long they are."""
        upload.keep(piece)
        self._require_room(0)

    def _finish(self, coming: _Coming, upload: Upload) -> StoredObject:
        if coming.etag.lower() not in ("", upload.etag) or coming.sha256.lower() not in ("", upload.sha256):
            raise Refusal(422, f"object {coming.name}: other bytes came than its digest says")
        return self._intake.finish_object(upload, coming.container, coming.name, coming.metadata, coming.content_type)

    def _check_object(self, coming: _Coming) -> None:
        length_bytes = coming.length_bytes
        self._intake.check_object(coming.container, coming.name, coming.metadata, length_bytes)
        if length_bytes != 0:
            self._require_room(0 if self._intake.store.swift is not None else length_bytes or 0)

    async def _tell_taken(self, origin: str, container: str, name: str) -> None:
        """Evidence that goes out again is told of before a byte of it goes; once, as a clip is asked for in pieces."""
        taken = origin, container, name
        if taken in self._taken or container in (rules.USERS, rules.DEVICES):
            return
        account = self._intake.settings.account
        await self._run_blocking(lambda: self._intake.tell(f"{account} at {origin} reads {container}/{name} back"))
        if len(self._taken) >= TAKEN_MAX:
            self._taken.clear()
        self._taken.add(taken)

    def _require_room(self, here_bytes: int) -> None:
        """Refusal 507 where the disk would have less left than objects may leave."""
        if self._intake.store.files.free_bytes() - here_bytes < self._intake.settings.keep_free_mb * MB:
            raise Refusal(507, "out of storage")

    def _find(self, container: str, name: str) -> StoredObject | Document:
        document = self._intake.document(name) if container == rules.SYSTEM else None
        found = document or self._intake.store.catalogue.object(container, name)
        if found is None:
            raise Refusal(404, f"object {name[:100]} is not there")
        return found

    def _admit(self, request: Request) -> None:
        if not self._tokens.holds(request.headers.get("x-auth-token", "")):
            raise Refusal(401, "the token is not valid: authenticate")

    def _admit_reading(self, container: str) -> None:
        """Who delivers need not be able to take evidence out again."""
        if container != rules.SYSTEM and not self._intake.settings.full_support:
            raise Refusal(403, "reading was not declared: FullStoreAndReadSupport is off")


async def _refused(_: Request, error: Exception) -> Response:
    status, text = (error.status, error.text) if isinstance(error, Refusal) else (500, "")
    return PlainTextResponse(text + "\n", status_code=status)


async def _storage_fault(_: Request, error: Exception) -> Response:
    _log.error("storage: %s", error)
    if isinstance(error, NoSpace):
        return PlainTextResponse("out of storage\n", status_code=507)
    if isinstance(error, StoreAway):
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return PlainTextResponse("the store of objects does not answer: later\n", status_code=503, headers=headers)
    return PlainTextResponse("the storage failed: look into the destination's log\n", status_code=500)


def _metadata(request: Request, resource: Resource) -> dict[str, str]:
    """Either prefix on either resource, as the public example takes them; the right one wins."""
    headers = [(name, value) for name, value in request.headers.items() if name.startswith("x-")]
    return {**from_headers(headers), **from_headers(headers, resource)}


def _container_headers(row: Container) -> dict[str, str]:
    return to_headers("Container", row.metadata)


def _object_headers(found: StoredObject | Document, now_ms: int) -> dict[str, str]:
    if isinstance(found, Document):
        return {"Etag": found.etag, "Content-Length": str(len(found.body)), "Content-Type": "application/json"}
    return object_headers(found, now_ms)
