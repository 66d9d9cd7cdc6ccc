"""What stands before every request: whose host it names, how much it may send and how long; and the headers that every
answer carries.

Law: plain ASGI, so that nothing is buffered and event streams pass. It reads no cookie and knows no route.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from host_tools.web_kit.problems import Problem

BODY_BYTES_MAX = 1 << 20  # of a request; uploads have a limit of their own, by path
BODY_S_MAX = 60.0  # for the whole of it: 4 MiB over the slowest link that anybody administers from
TARGET_BYTES_MAX = 8 << 10  # path and query
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# No inline script or style anywhere; nothing from elsewhere; in nobody's frame.
CONTENT_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; img-src 'self' data:; "
    "object-src 'none'"
)
HEADERS: tuple[tuple[str, str], ...] = (
    ("Content-Security-Policy", CONTENT_POLICY),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), serial=(self)"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)


class Guard:
    """Wraps an application. ``hosts``: names that it answers to beside addresses and ``localhost``, so that no foreign
    name can be bent to it (DNS rebinding); ``policy``: another content policy, for a page that needs a map's tiles;
    ``uploads``: bytes that may be sent to a path, by its beginning."""

    def __init__(
        self,
        app: App,
        hosts: Callable[[], frozenset[str]],
        uploads: dict[str, int] | None = None,
        policy: str = CONTENT_POLICY,
        body_bytes_max: int = BODY_BYTES_MAX,
        body_s_max: float = BODY_S_MAX,
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._uploads = dict(uploads or {})
        self._body_bytes_max = body_bytes_max
        self._body_s_max = body_s_max
        self._headers = [
            (name.lower().encode(), (policy if name == "Content-Security-Policy" else value).encode())
            for name, value in HEADERS
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        watched = _Body(receive, self._limit_of(scope["path"]), self._body_s_max)
        sending = _Sending(send, self._headers)
        try:
            self._check(scope, watched.bytes_max)
            await self._app(scope, watched, sending)
        except Problem as problem:
            if sending.started:
                raise
            await problem.response()(scope, receive, sending)

    def _check(self, scope: Scope, bytes_max: int) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if len(scope["path"]) + len(scope.get("query_string", b"")) > TARGET_BYTES_MAX:
            raise Problem(414, f"address: more than {TARGET_BYTES_MAX} bytes: shorten it")
        host = headers.get(b"host", b"").decode("latin-1")
        if not is_own_host(host, self._hosts()):
            raise Problem(421, f"host {host[:80]!r} is not this server: use its address or one of its names")
        said = headers.get(b"content-length", b"")
        if said and (not said.isdigit() or int(said) > bytes_max):
            raise Problem(413, f"the request has more than {bytes_max} bytes: send less")
        if scope["method"] not in SAFE_METHODS:
            _require_same_site(headers, host)

    def _limit_of(self, path: str) -> int:
        found = [size for start, size in self._uploads.items() if path.startswith(start)]
        return max(found, default=self._body_bytes_max)


def is_own_host(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header names this server: an address, ``localhost``, or one of its names."""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    name = name.strip("[]").lower().rstrip(".")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name in names
    return True


class _Body:
    """``receive`` with an end to what it takes and how long it takes."""

    def __init__(self, receive: Receive, bytes_max: int, s_max: float) -> None:
        self.bytes_max = bytes_max
        self._receive = receive
        self._s_max = s_max
        self._bytes = 0
        self._whole = False
        self._deadline: float | None = None

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()  # waits for the client to go away
        loop = asyncio.get_running_loop()
        self._deadline = self._deadline or loop.time() + self._s_max
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise Problem(408, f"the request did not come whole within {self._s_max:.0f} s: send it again") from None
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._bytes > self.bytes_max:
            raise Problem(413, f"the request has more than {self.bytes_max} bytes: send less")
        return message


class _Sending:
    """``send`` that adds the headers of every answer; what has its own keeps it."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self.started = False
        self._send = send
        self._headers = headers

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            own = list(message.get("headers", []))
            known = {name.lower() for name, _ in own}
            message["headers"] = own + [row for row in self._headers if row[0] not in known]
        await self._send(message)


def _require_same_site(headers: dict[bytes, bytes], host: str) -> None:
    """A browser says where a request comes from; one from another site is nobody's wish here. Programs say nothing."""
    site = headers.get(b"sec-fetch-site", b"same-origin")
    origin = headers.get(b"origin", b"").decode("latin-1")
    if site not in (b"same-origin", b"none") or (origin and origin.partition("://")[2] != host):
        raise Problem(403, "the request comes from another site: open this server's own page", "cross-site")
