"""Runs the destination's server on a socket until it is told to stop.

Law: owns sockets and TLS and nothing behind them. Signals are the program's, not the server's.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from host_tools.evidence.errors import EvidenceError

STOP_S_MAX = 2  # a clip in the middle is not waited for: it comes again
IDLE_S_MAX = 30  # between requests of one connection
CONNECTIONS_MAX = 200  # beyond, controllers are told 503 and come back
BACKLOG = 128


@asynccontextmanager
async def serving(
    app: Callable[..., Any], host: str, port: int, certificate: Path | None, key: Path | None
) -> AsyncGenerator[int]:
    """Serve while the block runs; the port it serves on (0 chooses one). HTTPS with a certificate. EvidenceError."""
    listener = _listen(host, port)
    server = _Server(_config(app, certificate, key))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
            raise EvidenceError("the server ended by itself: look into its log")
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


def _config(app: Callable[..., Any], certificate: Path | None, key: Path | None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        ws="none",
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=IDLE_S_MAX,
        timeout_graceful_shutdown=STOP_S_MAX,
        ssl_certfile=str(certificate) if certificate else None,
        ssl_keyfile=str(key) if key else None,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise EvidenceError(
            f"{certificate}: the certificate or its key cannot be used ({error}): make them anew"
        ) from error
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise EvidenceError(f"{host}:{port}: cannot be listened on ({error}): choose another port") from error
