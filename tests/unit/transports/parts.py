"""What the tests of all transports share: a receiver that keeps everything, a small board on any plug, a session."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any, Protocol

from firmware.drivers.cable import Cable, Refusal
from firmware.link.session import BOARD, Session
from host_tools.protocol.connection import Connection
from host_tools.protocol.constructs import ConstructCodec
from host_tools.transports.errors import LinkLost
from host_tools.transports.pipe import Pipe
from tests.patience import LIMIT_S

DEADLINE_S = LIMIT_S
RECORDING = bytes(range(16))
CONTENT = random.Random(7).randbytes(1_000_000)
RANGE_BYTES = 150_000


class Collector:
    """A receiver that keeps everything; ``limit`` bounds its room."""

    def __init__(self, limit: int = 1 << 30) -> None:
        self.data = bytearray()
        self.limit = limit
        self.turns = 0
        self.changed = asyncio.Event()
        self.losses: list[LinkLost] = []
        self._room = bytearray(4096)

    def space(self) -> memoryview:
        return memoryview(self._room)[: max(0, self.limit - len(self.data))]

    def filled(self, count_bytes: int) -> None:
        self.data += self._room[:count_bytes]
        self.changed.set()

    def turn_over(self) -> None:
        self.turns += 1
        self.changed.set()

    def lost(self, error: LinkLost) -> None:
        self.losses.append(error)
        self.changed.set()

    async def until(self, condition: Callable[[Collector], bool]) -> None:
        while not condition(self):
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), DEADLINE_S)


async def until(condition: Callable[[], object]) -> None:
    """For what no event tells: until a condition holds, or the deadline has passed."""
    loop = asyncio.get_running_loop()
    holds: asyncio.Future[None] = loop.create_future()

    def look() -> None:
        if holds.done():
            return
        if condition():
            holds.set_result(None)
        else:
            loop.call_later(0.001, look)

    look()
    await asyncio.wait_for(holds, DEADLINE_S)


class Plug(Protocol):
    """A board's Stream that can be put in and pulled out, such as the emulator's PtyPlug."""

    def is_open(self) -> bool: ...
    def read_into(self, buffer: bytearray | memoryview) -> int: ...
    def write(self, data: bytes | bytearray | memoryview) -> int: ...
    def put_in(self) -> None: ...
    def pull_out(self) -> None: ...
    def want_write(self, wanted: bool) -> None: ...


class SmallBoard:
    """Answers a question and serves CONTENT as one recording. ``make_plug`` gets what steps the board."""

    def __init__(self, make_plug: Callable[[Callable[[], None]], Any]) -> None:
        self.loop = asyncio.get_running_loop()
        self.timer: asyncio.TimerHandle | None = None
        self.sessions = 0
        self.plug: Plug = make_plug(self.step)
        handlers: dict[str, Any] = {"get_bays": lambda fields: ("bays", {"entries": []})}
        self.cable = Cable(self.plug, self._session, handlers, self._read)  # type: ignore[arg-type]
        self.plug.put_in()

    def step(self) -> None:
        if not self.plug.is_open():
            return
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

    def _read(self, recording: bytes, part: int, offset: int, length: int) -> memoryview:
        if recording != RECORDING:
            raise Refusal("not_found", "no such recording")
        return memoryview(CONTENT)[offset : offset + length]


async def whole_session(pipe: Pipe, length: int = len(CONTENT)) -> None:
    """Open, ask, pull the front of CONTENT in several ranges at once, close; every byte must be right."""
    connection = Connection(pipe, 77, ConstructCodec())
    try:
        async with asyncio.timeout(DEADLINE_S):
            await connection.open()
            assert await connection.ask("get_bays") == {"entries": []}
            assert await pulled(connection, length) == CONTENT[:length]
    finally:
        connection.close()


async def pulled(connection: Connection, length: int = len(CONTENT)) -> bytes:
    """The front of CONTENT."""
    copy = bytearray(length)

    def take(offset: int, data: memoryview) -> None:
        copy[offset : offset + len(data)] = data

    async with asyncio.TaskGroup() as tasks:
        for offset in range(0, length, RANGE_BYTES):
            tasks.create_task(connection.pull(RECORDING, 0, offset, min(RANGE_BYTES, length - offset), take))
    return bytes(copy)
