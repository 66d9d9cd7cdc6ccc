"""A board at the end of a pseudo-terminal, as small as a board can be, and a host's connection to it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from firmware.drivers.cable import Cable, Refusal
from firmware.link import schema
from firmware.link.session import BOARD, Session
from host_tools.emulator.plugs import PtyPlug
from host_tools.protocol.connection import Connection
from host_tools.protocol.constructs import ConstructCodec
from host_tools.transports.pipe import Pipe
from host_tools.transports.registry import open_serial

RECORDING = bytes(range(16))
CONTENT = random.Random(5).randbytes(400_000)
IDENTITY: dict[str, Any] = {
    "kind": 1,
    "model": "small",
    "serial": "CAM-0001",
    "firmware": "1.2.3",
    "boot": b"bootboot",
    "uptime_ms": 12,
    "system": "",
}


class PtyBoard:
    """Answers a few questions and serves CONTENT as one recording."""

    def __init__(self, link: Path, handlers: dict[str, Any] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.timer: asyncio.TimerHandle | None = None
        self.plug = PtyPlug(link, self.step)
        self.sessions = 0
        usual: dict[str, Any] = {
            "identify": lambda fields: ("identity", IDENTITY),
            "set_time": lambda fields: None,
            "set_lamp": self._refuse,
        }
        self.cable = Cable(self.plug, self._session, handlers or usual, self._read)
        self.plug.put_in()

    def step(self) -> None:
        self.cable.pump(int(self.loop.time() * 1000))
        self.plug.want_write(self.cable.wants_write())
        if self.timer is not None:
            self.timer.cancel()
        deadline_ms = self.cable.next_deadline_ms()
        self.timer = self.loop.call_at(deadline_ms / 1000, self.step) if deadline_ms is not None else None

    def unplug(self) -> None:
        self.plug.pull_out()
        if self.timer is not None:
            self.timer.cancel()

    def _session(self) -> Session:
        self.sessions += 1
        return Session(BOARD, 1000 + self.sessions, payload_max=8192, slack_bytes=8192)

    def _refuse(self, fields: dict[str, Any]) -> None:
        raise Refusal("not_found", f"no bay {fields['bay']}")

    def _read(self, recording: bytes, part: int, offset: int, length: int) -> memoryview:
        if recording != RECORDING or part != schema.PART_CHUNKS:
            raise Refusal("not_found", "no such recording")
        return memoryview(CONTENT)[offset : offset + length]


@asynccontextmanager
async def connected_later(
    url: Path, wrap: Callable[[Pipe], Pipe] = lambda pipe: pipe, nonce: int = 77
) -> AsyncGenerator[Connection]:
    """A host's connection to whatever is behind a path, not opened yet."""
    connection = Connection(wrap(await open_serial(str(url))), nonce, ConstructCodec())
    try:
        yield connection
    finally:
        connection.close()


@asynccontextmanager
async def connected(url: Path, wrap: Callable[[Pipe], Pipe] = lambda pipe: pipe) -> AsyncGenerator[Connection]:
    """The same, opened."""
    async with connected_later(url, wrap) as connection:
        await connection.open()
        yield connection


async def pulled(connection: Connection) -> bytes:
    """All of CONTENT."""
    copy = bytearray(len(CONTENT))

    def take(offset: int, data: memoryview) -> None:
        copy[offset : offset + len(data)] = data

    await connection.pull(RECORDING, schema.PART_CHUNKS, 0, len(CONTENT), take)
    return bytes(copy)
