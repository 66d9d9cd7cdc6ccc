"""A store that answers as OpenStack Swift does, in this process, and worse where a test wants that; ``tests/swift``
asks the real one the same."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from host_tools.evidence.own_loop import OwnLoop
from host_tools.evidence.serving import serving
from host_tools.evidence.swift_keys import SwiftKeys

USER, KEY, PROJECT, REGION = "me", "mine", "bwc", "north"
NOW = "2026-01-01T00:00:00.000000"
RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass
class SwiftLike:
    """``answers``: statuses for the next requests of a method, one each; ``etag``, ``listing``: said instead of
    the right one."""

    url: str = ""
    boxes: dict[str, dict[str, bytes]] = field(default_factory=dict)
    about: dict[str, dict[str, str]] = field(default_factory=dict)
    joined: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    answers: dict[str, list[int]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    etag: str = ""
    has_slo: bool = True
    listing_rows: int = 10_000
    listing: str = ""
    takes_identity: bool = True
    numbers: Any = field(default_factory=itertools.count)

    def keys(self, **more: Any) -> SwiftKeys:
        """What leads to it."""
        return SwiftKeys.model_validate({"auth": f"{self.url}/auth/v1.0", "user": USER, "key": KEY, **more})

    def content(self, box: str, name: str) -> bytes:
        """As a GET has it."""
        parts = self.joined.get((box, name))
        return b"".join(self.boxes[box][each] for each in parts) if parts else self.boxes[box][name]

    async def authenticate(self, request: Request) -> Response:
        if (request.headers["x-auth-user"], request.headers["x-auth-key"]) != (USER, KEY):
            return Response(status_code=401)
        return Response(headers={"X-Auth-Token": self._token(), "X-Storage-Url": f"{self.url}/v1/AUTH_me"})

    async def authenticate_3(self, request: Request) -> Response:
        asked = (await request.json())["auth"]
        user = asked["identity"]["password"]["user"]
        if (user["name"], user["password"], asked["scope"]["project"]["name"]) != (USER, KEY, PROJECT):
            return Response(status_code=401)
        place = {"interface": "public", "region": REGION, "url": f"{self.url}/v1/AUTH_me"}
        inner = {"interface": "internal", "region": REGION, "url": "http://127.0.0.1:1/"}
        catalog = [{"type": "image", "endpoints": []}, {"type": "object-store", "endpoints": [inner, place]}]
        body = json.dumps({"token": {"catalog": catalog}})
        return Response(body, 201, headers={"X-Subject-Token": self._token()}, media_type="application/json")

    async def container(self, request: Request) -> Response:
        name = request.path_params["box"]
        refused = self._refused(request)
        if refused:
            return refused
        if request.method == "PUT":
            is_new = name not in self.boxes
            self.boxes.setdefault(name, {})
            kept = {key: value for key, value in request.headers.items() if key.startswith("x-container-meta-")}
            self.about.setdefault(name, {}).update(kept if self.takes_identity else {})
            return Response(status_code=201 if is_new else 202)
        if name not in self.boxes:
            return Response(status_code=404)
        if request.method == "HEAD":
            return Response(status_code=204, headers=self.about[name])
        return self._listing(name, request.query_params)

    async def object(self, request: Request) -> Response:
        box, name = request.path_params["box"], request.path_params["name"]
        data = b""
        if request.method == "PUT":
            try:
                data = await request.body()
            except ClientDisconnect:
                return Response(status_code=499)
        refused = self._refused(request)
        if refused:
            return refused
        if request.method == "PUT":
            return self._put(box, name, data, request)
        if name not in self.boxes.get(box, {}):
            return Response(status_code=404)
        if request.method == "DELETE":
            del self.boxes[box][name]
            self.joined.pop((box, name), None)
            return Response(status_code=204)
        return self._given(box, name, request.headers.get("range", ""))

    # -- helpers

    def _token(self) -> str:
        token = f"token-{next(self.numbers)}"
        self.tokens.add(token)
        return token

    def _refused(self, request: Request) -> Response | None:
        self.asked.append(f"{request.method} {request.url.path.removeprefix('/v1/AUTH_me')}")
        if request.headers.get("x-auth-token") not in self.tokens:
            return Response(status_code=401)
        waiting = self.answers.get(request.method)
        return Response(status_code=waiting.pop(0)) if waiting else None

    def _put(self, box: str, name: str, data: bytes, request: Request) -> Response:
        if box not in self.boxes:
            return Response(status_code=404)
        etag = hashlib.md5(data).hexdigest()
        if request.headers.get("etag", etag) != etag:
            return Response(status_code=422)
        self.boxes[box][name] = data
        self.joined.pop((box, name), None)
        if self.has_slo and request.query_params.get("multipart-manifest") == "put":
            rows = json.loads(data)
            self.joined[box, name] = [row["path"].removeprefix(f"/{box}/") for row in rows]
            for row, part in zip(rows, self.joined[box, name], strict=True):
                assert hashlib.md5(self.boxes[box][part]).hexdigest() == row["etag"]
                assert len(self.boxes[box][part]) == row["size_bytes"]
            etag = '"' + hashlib.md5("".join(row["etag"] for row in rows).encode()).hexdigest() + '"'
        return Response(status_code=201, headers={"Etag": self.etag or etag})

    def _given(self, box: str, name: str, wanted: str) -> Response:
        data = self.content(box, name)
        headers = {"Etag": hashlib.md5(data).hexdigest(), "Content-Length": str(len(data))}
        found = RANGE.fullmatch(wanted)
        if not found:
            return Response(data, headers=headers)
        start, end = int(found[1]), min(int(found[2]), len(data) - 1)
        if start >= len(data):
            return Response(status_code=416)
        part = data[start : end + 1]
        headers |= {"Content-Length": str(len(part)), "Content-Range": f"bytes {start}-{end}/{len(data)}"}
        return Response(part, 206, headers=headers)

    def _listing(self, box: str, query: Any) -> Response:
        marker, prefix = query.get("marker", ""), query.get("prefix", "")
        names = [each for each in sorted(self.boxes[box]) if each > marker and each.startswith(prefix)]
        limit = min(int(query.get("limit", "10000")), self.listing_rows)
        rows = [{"name": each, "last_modified": NOW} for each in names[:limit]]
        return Response(self.listing or json.dumps(rows), media_type="application/json")


@contextmanager
def swift_like() -> Generator[SwiftLike]:
    """On loopback, in a thread of its own."""
    store, loop, stack = SwiftLike(), OwnLoop("swift-like"), AsyncExitStack()
    methods = ["PUT", "GET", "HEAD", "DELETE"]
    app = Starlette(
        routes=[
            Route("/auth/v1.0", store.authenticate),
            Route("/v3/auth/tokens", store.authenticate_3, methods=["POST"]),
            Route("/v1/AUTH_me/{box}", store.container, methods=methods),
            Route("/v1/AUTH_me/{box}/{name:path}", store.object, methods=methods),
        ]
    )
    port = loop.run(stack.enter_async_context(serving(app, "127.0.0.1", 0, None, None)))
    store.url = f"http://127.0.0.1:{port}"
    try:
        yield store
    finally:
        loop.run(stack.aclose())
        loop.close(_nothing)


async def _nothing() -> None:
    return
