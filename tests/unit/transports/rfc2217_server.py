"""A real RFC 2217 server: pyserial's PortManager between a TCP connection and a terminal, as in pyserial's example."""

from __future__ import annotations

import socket
import threading
from typing import Any

import serial
import serial.rfc2217

POLL_S = 0.05
READ_BYTES = 4096
PORT_MANAGER: Any = serial.rfc2217.PortManager


class TerminalPort(serial.Serial):
    """A pseudo-terminal has no modem lines; here it has them, and they are on."""

    cts = dsr = cd = property(lambda self: True)  # type: ignore[assignment]
    ri = property(lambda self: False)  # type: ignore[assignment]

    def _update_dtr_state(self) -> None:
        pass

    def _update_rts_state(self) -> None:
        pass


class Rfc2217Server:
    """Serves the terminal at ``path`` to one client after the other, until the end of the ``with``."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(POLL_S)
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="RFC 2217 server")
        self.baud_rates: list[int] = []

    @property
    def url(self) -> str:
        return f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Rfc2217Server:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """The server goes, and its connection with it."""
        self._stopping = True
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._stopping:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            client.settimeout(POLL_S)
            with client, TerminalPort(self._path, timeout=POLL_S) as port:
                self._pass_on(_Client(client), port)
                self.baud_rates.append(port.baudrate)

    def _pass_on(self, client: _Client, port: Any) -> None:
        manager: Any = PORT_MANAGER(port, client)
        reader = threading.Thread(target=_from_port, args=(port, client, manager), name="RFC 2217 server, from port")
        reader.start()
        try:
            while not client.over.is_set() and not self._stopping:
                data = client.read()
                port.write(b"".join(manager.filter(data)))
        except OSError:  # the client or the terminal was cut off
            pass
        finally:
            client.over.set()
            reader.join()


class _Client:
    """A connection, written to by PortManager and by the thread that reads the port."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self.over = threading.Event()

    def read(self) -> bytes:
        """Empty if nothing came for a while."""
        try:
            data = self._connection.recv(READ_BYTES)
        except TimeoutError:
            return b""
        if not data:
            self.over.set()
        return data

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        with self._lock:
            while len(rest) and not self.over.is_set():
                try:
                    rest = rest[self._connection.send(rest) :]
                except TimeoutError:
                    continue


def _from_port(port: Any, client: _Client, manager: Any) -> None:
    try:
        while not client.over.is_set():
            data = port.read(1)
            data += port.read(min(port.in_waiting, READ_BYTES))
            client.write(b"".join(manager.escape(data)))
    except OSError:
        pass
    finally:
        client.over.set()
