"""HTTP/1.1 as a controller needs it: requests whose bodies may be as long as a clip, over connections that are kept.

Law: knows HTTP and TLS, and nothing of the API above. No proxy, no redirect, no cookie, nothing sent twice. A piece of
a body is in the network's hands before the next one is asked for, so its buffer may be used again; an answer that comes
before the body has ended, ends it, and agrees to nothing. A request whose task is cancelled takes its connection along;
so does an answer after which more comes than was asked for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final, NamedTuple, cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from host_tools.custody.blocking import Buffer

CONNECT_S_MAX: Final = 10.0  # of one address; a destination has up to ten
NEXT_ADDRESS_S: Final = 0.25  # a name's next address is tried beside the first, as RFC 8305 has it
SILENCE_S_MAX: Final = 120.0  # a store that makes 5 GB durable before it answers is silent for long
ANSWER_S_MAX: Final = 600.0  # from the end of a request to that of its answer, if it comes in drops
IDLE_S_MAX: Final = 1.5  # servers close what is idle, some after 2 or 5 s; a request must not meet that
GOODBYE_S_MAX: Final = 1.0
KEPT_MAX: Final = 8  # idle connections; there are fewer lanes
ANSWER_BYTES_MAX: Final = 1 << 24  # a listing of thousands of objects; clips are never read back through here
HEAD_BYTES_MAX: Final = 1 << 16
WRITE_BYTES: Final = 256 << 10  # at once: what is encrypted and copied stays in the processor's cache
JOINED_BYTES_MAX: Final = 32 << 10  # a short body goes with its head, as one record

Body = bytes | AsyncIterator[Buffer] | None

_TARGET = re.compile(r"[!-~]*")
_TEXT = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*")
_REDIRECTS = 300  # below it, an answer agrees
_PORTS = {"http": 80, "https": 443}


class WireError(Exception):
    """No answer came; says why, as part of a line."""


class Answer(NamedTuple):
    """Of a request. ``headers``: names in lower case, the last of a name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Origin(NamedTuple):
    is_encrypted: bool
    host: str
    port: int


class Wire:
    """Connections to wherever the URLs lead. ``trust``: asked when the first encrypted one is made."""

    def __init__(
        self,
        trust: Callable[[], ssl.SSLContext],
        silence_s_max: float = SILENCE_S_MAX,
        answer_s_max: float = ANSWER_S_MAX,
    ) -> None:
        self._trust = trust
        self._context: ssl.SSLContext | None = None
        self._silence_s_max = silence_s_max
        self._answer_s_max = answer_s_max
        self._idle: dict[_Origin, list[tuple[_Connection, float]]] = {}
        self._open: set[_Connection] = set()

    async def ask(self, method: str, url: str, headers: Mapping[str, str], body: Body = None) -> Answer:
        """One request. ``headers`` say how long the body is. WireError, and whatever the body raises."""
        origin, head = _head(method, url, headers)
        connection = self._kept(origin) or await self._connect(origin)
        answer = await connection.exchange(method, head, body)
        if connection.is_reusable and sum(map(len, self._idle.values())) < KEPT_MAX:
            self._idle.setdefault(origin, []).append((connection, asyncio.get_running_loop().time()))
        else:
            connection.abort()
        return answer

    async def close(self) -> None:
        """Give all connections back."""
        self._idle.clear()
        leaving = [connection.leave() for connection in self._open]
        if leaving:
            await asyncio.gather(*leaving)

    def _kept(self, origin: _Origin) -> _Connection | None:
        kept = self._idle.get(origin, [])
        now_s = asyncio.get_running_loop().time()
        while kept:
            connection, since_s = kept.pop()
            if connection.is_reusable and now_s - since_s < IDLE_S_MAX:
                return connection
            connection.abort()
        return None

    async def _connect(self, origin: _Origin) -> _Connection:
        if origin.is_encrypted and self._context is None:
            self._context = self._trust()
        made = _Connection(self._open, self._silence_s_max, self._answer_s_max)
        context = self._context if origin.is_encrypted else None
        handshake_s = CONNECT_S_MAX if origin.is_encrypted else None
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                await asyncio.get_running_loop().create_connection(
                    lambda: made,
                    origin.host,
                    origin.port,
                    ssl=context,
                    ssl_handshake_timeout=handshake_s,
                    # One address needs no race: a race that is called off may lose a socket.
                    happy_eyeballs_delay=None if _is_address(origin.host) else NEXT_ADDRESS_S,
                )
        except TimeoutError as error:
            raise WireError(f"no connection within {CONNECT_S_MAX:.0f} s") from error
        except (OSError, UnicodeError) as error:
            raise WireError(" ".join(str(error).split()) or type(error).__name__) from error
        return made


class _Connection(asyncio.Protocol):
    """One request at a time. ``known``: it is in there while it is open."""

    def __init__(self, known: set[_Connection], silence_s_max: float, answer_s_max: float) -> None:
        self._known = known
        self._silence_s_max = silence_s_max
        self._answer_s_max = answer_s_max
        self._loop = asyncio.get_running_loop()
        self._lost = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_paused = False
        self._fault = ""
        self._parser: HttpResponseParser | None = None
        self._method = ""
        self._forget()

    # -- requests

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow."""
        return self._is_kept and not self._fault and not self._lost.done()

    async def exchange(self, method: str, head: bytes, body: Body) -> Answer:
        """Send, and hear the answer. WireError."""
        self._forget()
        self._method, self._parser = method, HttpResponseParser(self)
        try:
            is_whole = await self._send(head, body)
            await self._hear()
            if not is_whole and self._status < _REDIRECTS:
                raise WireError("it agreed before it had everything")
            self._is_kept = self._is_kept and is_whole
        except BaseException:
            self.abort()
            raise
        finally:
            self._parser = None
        return Answer(self._status, self._headers, bytes(self._body))

    def abort(self) -> None:
        """Away, at once."""
        self._is_kept = False
        if self._transport is not None:
            self._transport.abort()

    async def leave(self) -> None:
        """Away, and say so."""
        if self._transport is None:
            return
        self._transport.close()
        await asyncio.wait([self._lost], timeout=GOODBYE_S_MAX)
        if not self._lost.done():
            self._transport.abort()
            await asyncio.wait([self._lost], timeout=GOODBYE_S_MAX)

    async def _send(self, head: bytes, body: Body) -> bool:
        """Whether all of it went out."""
        if body is None or isinstance(body, bytes):
            self._write(head + (body or b""))
            return True
        async for piece in body:
            view = memoryview(piece)
            if head:
                is_short = len(view) <= JOINED_BYTES_MAX
                self._write(head + bytes(view) if is_short else head)
                view, head = (view[:0] if is_short else view), b""
            for start in range(0, len(view), WRITE_BYTES):
                self._write(view[start : start + WRITE_BYTES])
                while self._is_paused and not self._is_done:
                    self._require()
                    await self._wait()
            if self._is_done or self._lost.done():
                return False  # whoever answers before the end does not want the rest
        if head:
            self._write(head)
        return True

    async def _hear(self) -> None:
        """All of the answer."""
        try:
            async with asyncio.timeout(self._answer_s_max):
                while not self._is_done:
                    self._require()
                    await self._wait()
        except TimeoutError as error:
            raise WireError(f"no whole answer came within {self._answer_s_max:.0f} s") from error

    def _write(self, data: Buffer) -> None:
        if self._transport is not None and not self._is_done:
            self._transport.write(data)

    def _require(self) -> None:
        if self._fault:
            raise WireError(self._fault)
        if self._lost.done():
            error: Exception | None = self._lost.result()
            raise WireError(f"the connection was closed{f': {error}' if error else ''}") from error

    async def _wait(self) -> None:
        """Until something has happened."""
        self._waiter = self._loop.create_future()
        try:
            async with asyncio.timeout(self._silence_s_max):
                await self._waiter
        except TimeoutError as error:
            raise WireError(f"nothing was heard for {self._silence_s_max:.0f} s") from error
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _forget(self) -> None:
        self._status = 0
        self._headers: dict[str, str] = {}
        self._head_bytes = self._heard_bytes = 0
        self._body = bytearray()
        self._is_done = self._is_kept = False

    def _fail(self, text: str) -> None:
        self._fault = self._fault or text
        self.abort()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See Protocol."""
        self._transport = cast("asyncio.Transport", transport)
        self._known.add(self)
        if transport.get_extra_info("ssl_object") is None:
            # What the kernel does not take is kept by reference in newer Pythons: it is waited for. Encrypted, it is a
            # copy.
            self._transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        """See Protocol."""
        if self._parser is None or self._is_done:
            self._fail("it spoke without being asked")
            return
        self._heard_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._is_kept = False
            if not self._is_done:
                self._fail("its answer is not HTTP")
        # The parser gathers a header until it has ended, so what has come is counted and not what it tells.
        if self._heard_bytes > (2 * ANSWER_BYTES_MAX if self._status else HEAD_BYTES_MAX) and not self._is_done:
            self._fail("its answer is too long")
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """See Protocol."""
        self._known.discard(self)
        if not self._lost.done():
            self._lost.set_result(exc)
        is_delimited = "content-length" in self._headers or "transfer-encoding" in self._headers
        if exc is None and self._status and not is_delimited and not self._fault:
            self._is_done = True  # the end of the connection is the end of such an answer
        self._wake()

    def pause_writing(self) -> None:
        """See Protocol."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """See Protocol."""
        self._is_paused = False
        self._wake()

    # -- HttpResponseParser

    def on_message_begin(self) -> None:
        """See httptools. An answer after the answer is nobody's."""
        self._is_kept = self._is_kept and not self._is_done

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools. What stands behind a body, or in an answer after this one, says nothing."""
        if self._status:
            return
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_BYTES_MAX:
            self._fail("its answer is too long")
        else:
            self._headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip(" \t")

    def on_headers_complete(self) -> None:
        """See httptools."""
        if self._status:
            return
        status = self._parser.get_status_code() if self._parser is not None else 0
        if status < 200:  # "go on", and the like: the answer is still to come
            self._headers = {}
            return
        self._status = status
        if self._method == "HEAD":
            self._end()

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        if self._is_done or self._fault:
            self._is_kept = False  # a body after HEAD
            return
        self._body += body
        if len(self._body) > ANSWER_BYTES_MAX:
            self._fail("its answer is too long")

    def on_message_complete(self) -> None:
        """See httptools."""
        if self._status and not self._is_done and not self._fault:
            self._end()

    def _end(self) -> None:
        self._is_done = True
        self._is_kept = self._parser is not None and self._parser.should_keep_alive()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _head(method: str, url: str, headers: Mapping[str, str]) -> tuple[_Origin, bytes]:
    """Where a request goes, and its first part. WireError."""
    try:
        parts = urlsplit(url)
        port, peer = parts.port, (parts.hostname or "").encode("idna").decode()
    except ValueError as error:
        raise WireError(f"{url[:100]} is no address") from error
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.scheme not in _PORTS or not peer or not _TARGET.fullmatch(target):
        raise WireError(f"{url[:100]} is no address")
    host = f"[{peer}]" if ":" in peer else peer
    authority = host if port is None or port == _PORTS[parts.scheme] else f"{host}:{port}"
    lines = [f"{method} {target} HTTP/1.1", f"Host: {authority}"]
    for name, value in headers.items():
        if not _TARGET.fullmatch(name) or not _TEXT.fullmatch(value):
            raise WireError(f"header {name[:60]} cannot be sent")
        lines.append(f"{name}: {value}")
    origin = _Origin(parts.scheme == "https", peer, port or _PORTS[parts.scheme])
    return origin, "\r\n".join((*lines, "", "")).encode()
