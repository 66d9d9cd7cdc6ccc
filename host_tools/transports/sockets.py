"""TCP: a board, or a server that passes a serial port on as it is, behind ``socket://HOST:PORT``."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from host_tools.transports.errors import PortError, PortMissing
from host_tools.transports.pipe import FdPipe, Kind, Pipe

CONNECT_LIMIT_S = 5.0


async def open_socket(url: str) -> Pipe:
    """``socket://host:port``: a TCP connection, without Nagle's delay."""
    return await connect(url, "socket")


async def connect(url: str, kind: Kind, nominal_bytes_per_s: float | None = None) -> FdPipe:
    """A pipe to host and port of the URL. PortError, PortMissing."""
    host, port = _host_and_port(url)
    loop = asyncio.get_running_loop()
    try:
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise PortMissing(f"{url}: {host} is not a name or address known here ({error}); check the host") from error
    connection = await _connected(url, addresses)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return FdPipe(url, connection.fileno(), connection.close, kind, nominal_bytes_per_s)


def nothing_answers(url: str, number: int | None, text: str) -> PortMissing:
    """One line for a connection that nobody accepted; ``number``: the errno, if there is one."""
    said = os.strerror(number) if number else text or "no answer in time"
    return PortMissing(f"{url}: nothing answers there ({said}); start the board or check host and port")


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port is None:
        raise PortError(f"{url}: host or port is missing or wrong; write {parts.scheme}://HOST:PORT")
    return host, port


async def _connected(url: str, addresses: Sequence[tuple[int, int, int, str, Any]]) -> socket.socket:
    """To the first address that answers; ``localhost`` has two of them, and a server often listens on one."""
    loop = asyncio.get_running_loop()
    reason: Exception = OSError("it has no address")
    for family, kind, protocol, _, address in addresses:
        connection = socket.socket(family, kind, protocol)
        connection.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                await loop.sock_connect(connection, address)
        except (OSError, TimeoutError) as error:
            connection.close()
            reason = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise nothing_answers(url, getattr(reason, "errno", None), str(reason)) from reason
