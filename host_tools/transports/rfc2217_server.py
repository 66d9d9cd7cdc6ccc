"""A serial port for clients of RFC 2217 (``rfc2217://HOST:PORT``): pyserial, terminal programs, other controllers.

Law: passes bytes on, whatever port it is that ``open_port`` opens; one client at a time, as a port has one user. Who
reaches the address has the port: it listens on this machine alone unless told otherwise.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from host_tools.transports import telnet
from host_tools.transports.errors import LinkLost, PortError
from host_tools.transports.pipe import Pipe
from host_tools.transports.serial_ports import BAUD_RATE

LOOPBACK = "127.0.0.1"
SIGNATURE = "OpenBWC"
READ_BYTES = 1 << 16
WAITING_BYTES_MAX = 1 << 18  # for a client that does not read: then the port is held up
LEAVE_LIMIT_S = 1.0  # for the client before, who may have just hung up
RETRY_S = 0.02  # until such a client is looked at again


class Rfc2217Server:
    """``open_port``: opens the port anew for each client. PortError: the client is sent away."""

    def __init__(self, open_port: Callable[[], Awaitable[Pipe]], host: str = LOOPBACK, port: int = 0) -> None:
        self._open_port = open_port
        self._host = host
        self._asked_port = port
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._in_use = asyncio.Lock()

    @property
    def port(self) -> int:
        """Where it listens; 0 before ``start``."""
        found: int = self._server.sockets[0].getsockname()[1] if self._server is not None else 0
        return found

    async def start(self) -> None:
        """Listen. OSError if it cannot."""
        self._server = await asyncio.start_server(self._serve, self._host, self._asked_port)

    async def close(self) -> None:
        """Stop; a client loses its port."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._serving):
            task.cancel()
        if self._serving:
            await asyncio.wait(list(self._serving))
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.ensure_future(self._pass_on(reader, writer))
        self._serving.add(serving)
        try:
            await serving
        except (OSError, TimeoutError, PortError, LinkLost, asyncio.CancelledError):
            pass  # the client, the port or the server has gone; the client sees the end of its connection
        finally:
            self._serving.discard(serving)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(LEAVE_LIMIT_S):
            await self._in_use.acquire()
        try:
            await _Client(await self._open_port(), reader, writer).run()
        finally:
            self._in_use.release()


class _Client:
    """One client with the port, as the port's Receiver."""

    def __init__(self, pipe: Pipe, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._pipe = pipe
        self._reader = reader
        self._writer = writer
        self._decoder = telnet.TelnetServerDecoder(BAUD_RATE, SIGNATURE)
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._may_write = asyncio.Event()
        self._loss: LinkLost | None = None

    async def run(self) -> None:
        """Until either side is gone."""
        self._pipe.start(self)
        try:
            while data := await self._reader.read(READ_BYTES):
                await self._to_port(self._decoder.feed(data))
                if self._decoder.answers:
                    self._writer.write(bytes(self._decoder.answers))
                    self._decoder.answers.clear()
                self._pipe.resume()
        finally:
            self._pipe.close()

    async def _to_port(self, data: bytes) -> None:
        rest = memoryview(data)
        while len(rest):
            self._may_write.clear()
            rest = rest[self._pipe.write([rest]) :]
            if self._loss is not None:
                raise self._loss
            if len(rest):
                await self._may_write.wait()

    # -- Receiver of the port

    def space(self) -> memoryview:
        waiting_bytes = self._writer.transport.get_write_buffer_size()
        if self._decoder.suspended or waiting_bytes > WAITING_BYTES_MAX:
            asyncio.get_running_loop().call_later(RETRY_S, self._pipe.resume)
            return self._buffer[:0]
        return self._buffer

    def filled(self, count_bytes: int) -> None:
        self._writer.write(telnet.escape(bytes(self._buffer[:count_bytes])))

    def turn_over(self) -> None:
        self._may_write.set()

    def lost(self, error: LinkLost) -> None:
        self._loss = error
        self._may_write.set()
        self._writer.close()
        self._reader.feed_eof()
