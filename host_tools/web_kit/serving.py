"""Runs an ASGI application on a socket until it is told to stop; HTTPS with a certificate that can be replaced.

Law: owns sockets and TLS and nothing behind them. Signals are the program's, not the server's. Whoever connects has a
limited time to say what they want. A certificate is swapped between two handshakes: connections that are open go on.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from asyncio.events import TimerHandle
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast
from weakref import WeakSet

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from host_tools.web_kit.errors import WebError
from host_tools.web_kit.tls import tls_context

STOP_S_MAX = 2  # a request in the middle is not waited for longer: it comes again
IDLE_S_MAX = 30  # between requests of one connection
HEAD_S_MAX = 10.0  # from a connection, or a request's first byte, to the end of its head: who is slower is no browser
HEAD_BYTES_MAX = 512 << 10  # of a request's head, unread: two pieces as they come from the socket
CONNECTIONS_MAX = 200  # beyond, clients are told 503 and come back
# Beyond those: sockets whose TLS is still to come. What more there are is hung up on at once: whoever connects and is
# silent for the minute that asyncio gives a handshake would else take the descriptors that recordings are written by.
SILENT_MAX = 100
BACKLOG = 128

App = Callable[..., Any]


class TlsFront:
    """The certificate that a server answers with. ``swap`` replaces it for all who connect from then on. WebError."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._now = tls_context(certificate, key)
        # The server holds this context for good; which certificate is shown is chosen at each handshake.
        self.context = tls_context(certificate, key)
        self.context.sni_callback = self._choose

    def swap(self, certificate: Path, key: Path) -> None:
        """Another certificate from now on; open connections keep theirs."""
        self._now = tls_context(certificate, key)

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _front: ssl.SSLContext) -> None:
        connection.context = self._now


@asynccontextmanager
async def serving(
    app: App, host: str, port: int, front: TlsFront | None, connections_max: int = CONNECTIONS_MAX
) -> AsyncGenerator[int]:
    """Serve while the block runs; the port it serves on (0 chooses one). HTTPS with a front. WebError."""
    listener = _listen(host, port, connections_max + SILENT_MAX)
    server = _Server(_config(app, front, connections_max))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
            raise WebError("the server ended by itself: look into its log")
        yield listener.getsockname()[1]
    finally:
        ready.cancel()
        server.should_exit = True
        await asyncio.wait({task, ready})
        listener.close()


class _Server(uvicorn.Server):
    """Says when it listens, and leaves signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class _Protocol(HttpToolsProtocol):
    """Ends connections that do not come to the point: without this a few hundred slow ones would fill the server."""

    _late: TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head_bytes += len(data)
        if self._late is not None and self._head_bytes > HEAD_BYTES_MAX:  # it is kept in memory until its end
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._forget_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._forget_head()
        self._head_bytes = 0
        self._late = self.loop.call_later(HEAD_S_MAX, self.transport.abort)

    def _forget_head(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def _config(app: App, front: TlsFront | None, connections_max: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        log_config=None,
        log_level="warning",  # that a server starts and stops is told by the program it is part of
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,  # who asks is whoever connects: the throttle counts by it
        ws="none",
        limit_concurrency=connections_max,
        timeout_keep_alive=IDLE_S_MAX,
        timeout_graceful_shutdown=STOP_S_MAX,
        ssl_context_factory=(lambda _config, _default: front.context) if front is not None else None,
    )


class _Listener(socket.socket):
    """Has so many open connections and no more."""

    def __init__(self, listening: socket.socket, most: int) -> None:
        kind = listening.family, listening.type, listening.proto
        super().__init__(*kind, fileno=listening.detach())
        self._most = most
        self._open: WeakSet[_Accepted] = WeakSet()

    def accept(self) -> tuple[socket.socket, Any]:
        """See socket; ConnectionAbortedError for one too many."""
        found, address = super().accept()
        if len(self._open) >= self._most:
            found.close()
            raise ConnectionAbortedError
        accepted = _Accepted(found, self._open)
        return accepted, address


class _Accepted(socket.socket):
    """Leaves those that are open when it is closed."""

    def __init__(self, found: socket.socket, among: WeakSet[_Accepted]) -> None:
        kind = found.family, found.type, found.proto
        super().__init__(*kind, fileno=found.detach())
        self._among = among
        among.add(self)

    def close(self) -> None:
        """See socket."""
        self._among.discard(self)
        super().close()


def _listen(host: str, port: int, most: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise WebError(f"{host}:{port}: is taken: choose another port, or end what has it") from error
        why = getattr(error, "strerror", None) or error
        raise WebError(f"{host}:{port}: cannot be listened on ({why}): choose another port") from error
    # asyncio does this for sockets that it has made itself. Without it an answer waits 40 ms for a delayed ACK; what is
    # accepted takes it over.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _Listener(listener, most)


def client_address(scope: dict[str, Any]) -> str:
    """Who asks, by the socket's word."""
    client = cast("tuple[str, int] | None", scope.get("client"))
    return client[0] if client else "unknown"
