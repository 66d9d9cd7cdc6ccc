"""Questions and answers between processes of one user: JSON lines over a Unix socket in a folder.

A line is ``{"verb": ..., "arguments": {...}}``, its answer ``{"result": ...}`` or ``{"error": "one line"}``. After the
verb ``events``, unless that is refused, the connection carries one event a line until either side closes. Only the
folder's owner and root can connect; who did is told to the handler by the kernel's word (``SO_PEERCRED``).
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

LINE_BYTES_MAX = 1 << 20  # a whole status of a large system; more is a mistake
EVENTS_WAITING_MAX = 1_000  # for one listener; one that is slower loses its connection, not our memory
CONNECT_LIMIT_S = 5.0
ANSWER_LIMIT_S = 240.0  # a check of contacts over 115200 baud takes 95 s, and waits for the one at docking before it


class Peer(NamedTuple):
    """The process that asks, as it was when it connected: the kernel's word, not its own."""

    pid: int
    uid: int
    gid: int


Handler = Callable[[str, dict[str, Any], Peer], Awaitable[Any]]


class LocalError(Exception):
    """The other process cannot be asked, or refused. One line for a person."""


class LocalServer:
    """Answers on ``path`` until ``close``. ``handle`` raises LocalError to refuse. It is asked for ``events`` too: what
    it answers is not sent, whether it refuses counts."""

    def __init__(self, path: Path, handle: Handler) -> None:
        self._path = path
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._listeners: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def start(self) -> None:
        """Begin to answer. LocalError if another process does so already."""
        if self._path.exists() and answers(self._path):
            raise LocalError(f"{self._path}: another process serves this folder; stop it or use another folder")
        self._path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LINE_BYTES_MAX)
        except OSError as error:
            raise LocalError(f"{self._path}: cannot listen there ({error}); use a shorter or writable path") from error
        finally:
            os.umask(mask)

    def publish(self, event: dict[str, Any]) -> None:
        """Tell all who listen."""
        for queue in list(self._listeners):
            if queue.qsize() >= EVENTS_WAITING_MAX:
                self._listeners.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    async def close(self) -> None:
        """Stop; open connections are cut."""
        if self._server is None:
            return
        self._server.close()
        for queue in list(self._listeners):
            queue.put_nowait(None)
        for writer in list(self._connections):
            writer.close()
        tasks = [task for task in self._connections.values() if task is not None]
        if tasks:
            await asyncio.wait(tasks)
        await self._server.wait_closed()
        self._server = None
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections[writer] = asyncio.current_task()
        try:
            peer = _peer_of(writer)
            while line := await reader.readline():
                question = json.loads(line)
                answer = await self._answer(question, peer)
                if question["verb"] == "events" and "error" not in answer:
                    await self._stream_events(writer)
                    return
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, KeyError, TypeError):
            pass  # whoever asked has gone, or speaks something else; nothing of ours depends on it
        finally:
            self._connections.pop(writer, None)
            writer.close()

    async def _answer(self, question: dict[str, Any], peer: Peer) -> dict[str, Any]:
        verb, arguments = question["verb"], question.get("arguments", {})
        if not isinstance(verb, str) or not isinstance(arguments, dict):
            return {"error": "that is no question: a verb and arguments by name are"}
        try:
            return {"result": await self._handle(verb, arguments, peer)}
        except LocalError as error:
            return {"error": str(error)}

    async def _stream_events(self, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._listeners.add(queue)
        writer.write(b"{}\n")  # from here on nothing is missed
        try:
            while (event := await queue.get()) is not None:
                writer.write(json.dumps(event).encode() + b"\n")
                await writer.drain()
        finally:
            self._listeners.discard(queue)


class LocalClient:
    """Asks one server. Every call opens a connection of its own, so a restarted server is no special case."""

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what

    def call(self, verb: str, **arguments: Any) -> Any:
        """Ask and wait for the answer (blocking)."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_LIMIT_S)
            try:
                connection.connect(str(self._path))
                connection.sendall(_question(verb, arguments))
                with connection.makefile("rb") as lines:
                    line = lines.readline(LINE_BYTES_MAX)
            except OSError as error:
                raise self._absent(error) from error
        return self._result(line)

    async def ask(self, verb: str, **arguments: Any) -> Any:
        """Ask and wait for the answer."""
        reader, writer = await self._connect()
        try:
            writer.write(_question(verb, arguments))
            async with asyncio.timeout(ANSWER_LIMIT_S):
                return self._result(await reader.readline())
        except (OSError, TimeoutError) as error:
            raise self._absent(error) from error
        finally:
            await _close(writer)

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """What happens from now on; ends when the server does. The first item is empty: now we listen. LocalError if
        that is refused."""
        reader, writer = await self._connect()
        try:
            writer.write(_question("events", {}))
            first = await reader.readline()
            if first and (refusal := json.loads(first)):
                raise LocalError(refusal["error"])
            if first:
                yield {}
            while line := await reader.readline():
                yield json.loads(line)
        except OSError:
            return
        finally:
            await _close(writer)

    def follow(self) -> Generator[dict[str, Any]]:
        """The same, blocking."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_LIMIT_S)
            try:
                connection.connect(str(self._path))
                connection.sendall(_question("events", {}))
                with connection.makefile("rb") as lines:
                    if first := lines.readline(LINE_BYTES_MAX):
                        if refusal := json.loads(first):
                            raise LocalError(refusal["error"])
                        yield {}
                    connection.settimeout(None)
                    while line := lines.readline(LINE_BYTES_MAX):
                        yield json.loads(line)
            except OSError as error:
                raise self._absent(error) from error

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                return await asyncio.open_unix_connection(self._path, limit=LINE_BYTES_MAX)
        except (OSError, TimeoutError) as error:
            raise self._absent(error) from error

    def _result(self, line: bytes) -> Any:
        if not line:
            raise LocalError(f"the {self._what} at {self._path.parent} stopped while it was asked; start it again")
        answer = json.loads(line)
        if "error" in answer:
            raise LocalError(answer["error"])
        return answer["result"]

    def _absent(self, error: BaseException) -> LocalError:
        folder, what = self._path.parent, self._what
        if isinstance(error, PermissionError):
            return LocalError(f"the {what} in {folder} is another user's; ask as that user")
        if isinstance(error, TimeoutError):
            late = f"has not answered within {ANSWER_LIMIT_S:g} s"
            return LocalError(f"the {what} in {folder} {late}; what was asked may still go on there: look at its log")
        if not folder.is_dir():
            why = (
                "that is a file; name its folder"
                if folder.exists()
                else "no such folder; name another, or start it first"
            )
            return LocalError(f"no {what} answers in {folder}: {why}")
        if isinstance(error, FileNotFoundError | ConnectionRefusedError):
            return LocalError(f"no {what} answers in {folder}; start it first")
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return LocalError(
            f"the {what} in {folder} cannot be asked ({reason}); start it again, in a shorter path if need be"
        )


def _peer_of(writer: asyncio.StreamWriter) -> Peer:
    connection = writer.get_extra_info("socket")
    size = struct.calcsize("3i")  # struct ucred of Linux's <sys/socket.h>
    return Peer(*struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)))


def _question(verb: str, arguments: dict[str, Any]) -> bytes:
    return json.dumps({"verb": verb, "arguments": arguments}).encode() + b"\n"


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return  # the other end was faster


def answers(path: Path) -> bool:
    """Whether a process listens there, whatever it would say."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
        except OSError:
            return False
    return True
