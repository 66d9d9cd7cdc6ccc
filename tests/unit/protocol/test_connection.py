"""A host connection against a real board's cable, over a socket pair."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from firmware.drivers.cable import Cable, Refusal
from firmware.link.session import BOARD, Session
from firmware.ports.stream import Stream
from host_tools.protocol.connection import Connection, RequestRefused, VersionMismatch, drop_front
from host_tools.protocol.constructs import ConstructCodec
from host_tools.transports.errors import LinkLost
from host_tools.transports.pipe import FdPipe
from tests.patience import LIMIT_S

Handler = Callable[[dict[str, Any]], tuple[str, dict[str, Any]] | None]
CONTENT = os.urandom(3_000_000)


class SocketStream(Stream):
    """A board's stream over one end of a socket pair."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        end.setblocking(False)

    def is_open(self) -> bool:
        return self.end.fileno() >= 0

    def read_into(self, buffer):
        try:
            return self.end.recv_into(buffer)
        except BlockingIOError:
            return 0

    def write(self, data):
        try:
            return self.end.send(data)
        except BlockingIOError:
            return 0


class Board:
    """Steps a cable on the loop whenever its socket is ready or its deadline has come."""

    def __init__(self, end: socket.socket) -> None:
        self.loop = asyncio.get_running_loop()
        self.stream = SocketStream(end)
        self.timer: asyncio.TimerHandle | None = None
        self.writing = False
        handlers: dict[str, Handler] = {
            "set_lamp": self._refuse,
            "get_bays": lambda fields: ("bays", {"entries": []}),
            "set_time": lambda fields: None,
            "list_recordings": lambda fields: None,
        }
        self.cable = Cable(self.stream, lambda: Session(BOARD, 5), handlers, self._read)
        self.loop.add_reader(end, self.step)
        self.step()

    def step(self) -> None:
        self.cable.pump(int(self.loop.time() * 1000))
        if self.cable.wants_write() != self.writing:
            self.writing = not self.writing
            if self.writing:
                self.loop.add_writer(self.stream.end, self.step)
            else:
                self.loop.remove_writer(self.stream.end)
        if self.timer is not None:
            self.timer.cancel()
        deadline_ms = self.cable.next_deadline_ms()
        self.timer = self.loop.call_at(deadline_ms / 1000, self.step) if deadline_ms is not None else None

    def unplug(self) -> None:
        if not self.stream.is_open():
            return
        if self.timer is not None:
            self.timer.cancel()
        self.loop.remove_reader(self.stream.end)
        if self.writing:
            self.loop.remove_writer(self.stream.end)
        self.stream.end.close()

    def _refuse(self, fields):
        raise Refusal("not_found", f"no bay {fields['bay']}")

    def _read(self, recording, part, offset, length):
        if recording != b"R" * 16:
            raise Refusal("not_found", "no such recording")
        return memoryview(CONTENT)[offset : offset + length]


@asynccontextmanager
async def connected() -> AsyncGenerator[tuple[Connection, Board]]:
    ours, theirs = socket.socketpair()
    board = Board(theirs)
    connection = Connection(FdPipe("pair", ours.fileno(), ours.close), 9, ConstructCodec())
    try:
        await connection.open()
        yield connection, board
    finally:
        connection.close()
        board.unplug()


def test_questions_answers_and_refusals():
    async def scenario() -> None:
        async with connected() as (connection, _):
            assert await connection.ask("get_bays") == {"entries": []}
            await connection.ask("set_time", {"unix_ms": 1, "uncertainty_ms": 1})
            with pytest.raises(RequestRefused, match="no bay 3") as refused:
                await connection.ask("set_lamp", {"bay": 3, "pattern": 1})
            assert refused.value.code == "not_found"
            with pytest.raises(RequestRefused, match="unsupported"):
                await connection.ask("get_camera")

    asyncio.run(scenario())


@pytest.mark.req("LINK-05")
def test_pulled_ranges_arrive_bit_identical_many_at_once():
    async def scenario() -> None:
        async with connected() as (connection, _):
            copy = bytearray(len(CONTENT))

            def take(offset: int, data: memoryview) -> None:
                copy[offset : offset + len(data)] = data

            step = 300_000
            async with asyncio.TaskGroup() as tasks:
                for offset in range(0, len(CONTENT), step):
                    length = min(step, len(CONTENT) - offset)
                    tasks.create_task(connection.pull(b"R" * 16, 0, offset, length, take))
            assert bytes(copy) == CONTENT
            with pytest.raises(RequestRefused, match="not_found"):
                await connection.pull(b"X" * 16, 0, 0, 10, take)

    asyncio.run(scenario())


def test_unplugging_fails_what_is_under_way_with_one_error():
    async def scenario() -> None:
        async with connected() as (connection, board):
            pulling = asyncio.ensure_future(connection.pull(b"R" * 16, 0, 0, 3_000_000, lambda *_: None))
            asking = asyncio.ensure_future(connection.ask("get_bays"))
            board.unplug()
            for waiting in (pulling, asking):
                with pytest.raises(LinkLost, match="pair"):
                    await asyncio.wait_for(waiting, LIMIT_S)
            assert connection.closed.done()
            with pytest.raises(LinkLost):
                await connection.ask("get_bays")

    asyncio.run(scenario())


def test_nobody_at_the_other_end_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr("firmware.link.session.OPEN_LIMIT_MS", 300)

    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        connection = Connection(FdPipe("pair", ours.fileno(), ours.close), 9, ConstructCodec())
        with pytest.raises(LinkLost, match="no board answers"):
            await connection.open()
        theirs.close()

    asyncio.run(scenario())


@pytest.mark.req("LINK-03")
def test_a_board_of_another_version_is_named_with_the_remedy(monkeypatch):
    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        connection = Connection(FdPipe("pair", ours.fileno(), ours.close), 9, ConstructCodec())
        opening = asyncio.ensure_future(connection.open())
        await asyncio.sleep(0)
        with monkeypatch.context() as newer:
            newer.setattr("firmware.link.schema.PROTOCOL_VERSION", 4)
            newer.setattr("firmware.link.schema.PROTOCOL_VERSION_OLDEST", 3)
            board = Board(theirs)
            board.step()
        with pytest.raises(VersionMismatch, match="link version 3 to 4, we speak 1; update"):
            await opening
        board.unplug()

    asyncio.run(scenario())


def test_drop_front_keeps_the_rest_of_a_buffer():
    buffers: list[bytes | bytearray | memoryview] = [b"abc", b"defg", b"h"]
    assert not drop_front(buffers, 5)
    assert [bytes(buffer) for buffer in buffers] == [b"fg", b"h"]
    assert drop_front(buffers, 3)
    assert buffers == []


@pytest.mark.req("LINK-03")
def test_an_answer_to_another_question_is_refused():
    async def go() -> None:
        async with connected() as (connection, _board):
            with pytest.raises(RequestRefused, match=r"refused \(malformed\): the board answered with done"):
                await connection.ask("list_recordings", {"after": bytes(16)})

    asyncio.run(go())
