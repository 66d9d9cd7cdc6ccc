"""Unplugged, whatever it ran over: the receiver is told once, in one line, and nothing else is heard of it."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import tty
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from host_tools.transports.pipe import FdPipe, Pipe
from host_tools.transports.registry import Registry
from host_tools.transports.usb_bulk import open_usb
from tests.unit.transports.memory_usb import MemoryUsb, memory_device
from tests.unit.transports.parts import Collector, until
from tests.unit.transports.rfc2217_server import Rfc2217Server

Cut = Callable[[], object]
BLOCK = bytes(range(256)) * 64
HELLO = b"hello"


class Terminal:
    """A pseudo-terminal and its far end."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)

    def unplug(self) -> None:
        for fd in (self._slave, self.master):
            os.close(fd)

    def say_hello(self) -> None:
        os.write(self.master, HELLO)


@asynccontextmanager
async def over_a_pty(scheme: str = "") -> AsyncGenerator[tuple[Pipe, Cut, Cut]]:
    terminal = Terminal()
    pipe = await Registry().open(scheme + terminal.path)
    yield pipe, terminal.say_hello, terminal.unplug


@asynccontextmanager
async def over_a_socket(reset: bool) -> AsyncGenerator[tuple[Pipe, Cut, Cut]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        pipe = await Registry().open(f"socket://127.0.0.1:{server.getsockname()[1]}")
        peer, _ = server.accept()
    if reset:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    yield pipe, lambda: peer.send(HELLO), peer.close


@asynccontextmanager
async def over_a_pair() -> AsyncGenerator[tuple[Pipe, Cut, Cut]]:
    ours, theirs = socket.socketpair()
    yield FdPipe("pair", ours.fileno(), ours.close), lambda: theirs.send(HELLO), theirs.close


@asynccontextmanager
async def over_rfc2217() -> AsyncGenerator[tuple[Pipe, Cut, Cut]]:
    terminal = Terminal()
    with Rfc2217Server(terminal.path) as server:
        pipe = await Registry().open(server.url)
        yield pipe, terminal.say_hello, terminal.unplug


@asynccontextmanager
async def over_usb() -> AsyncGenerator[tuple[Pipe, Cut, Cut]]:
    device = memory_device("CAM-1")

    def say_hello() -> None:
        with device.lock:
            device.pair_of("offload").to_host.append(HELLO)
            device.lock.notify_all()

    yield await open_usb("usb://1209:0b0c", MemoryUsb(device)), say_hello, device.pull_out


CARRIERS: dict[str, Any] = {
    "pty": over_a_pty,
    "threads": lambda: over_a_pty("spy://"),
    "socket closed": lambda: over_a_socket(False),
    "socket reset": lambda: over_a_socket(True),
    "socket pair": over_a_pair,
    "rfc2217": over_rfc2217,
    "usb": over_usb,
}


@pytest.mark.req("LINK-01")
@pytest.mark.parametrize("moment", ["idle", "writing", "without room"])
@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_lost_pipe_is_one_event(carrier: str, moment: str, capfd: pytest.CaptureFixture[str]):
    troubles: list[object] = []

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: troubles.append(context))
        async with CARRIERS[carrier]() as (pipe, say_hello, unplug):
            collector = Collector(limit=1 if moment == "without room" else 1 << 30)
            pipe.start(collector)
            say_hello()
            await collector.until(lambda seen: len(seen.data) > 0)
            if moment == "writing":
                await until(lambda: pipe.write([BLOCK]) < len(BLOCK))
            unplug()
            collector.limit = 1 << 30
            pipe.resume()
            await collector.until(lambda seen: bool(seen.losses))
            assert pipe.write([b"x"]) == 0
            pipe.resume()
            for _ in range(10):
                await asyncio.sleep(0)
            pipe.close()
        assert len(collector.losses) == 1
        said = str(collector.losses[0])
        assert said.startswith(f"{pipe.url} is gone (")
        assert "\n" not in said

    asyncio.run(scenario())
    assert troubles == []
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_pipe_closed_by_its_receiver_in_the_middle_of_a_read_calls_no_more(carrier: str):
    troubles: list[object] = []

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: troubles.append(context))
        async with CARRIERS[carrier]() as (pipe, say_hello, unplug):

            class Closing(Collector):
                def filled(self, count_bytes: int) -> None:
                    super().filled(count_bytes)
                    pipe.close()

            collector = Closing(limit=1)  # there is more to read when it closes
            pipe.start(collector)
            say_hello()
            await collector.until(lambda seen: len(seen.data) > 0)
            unplug()
            for _ in range(10):
                await asyncio.sleep(0)
            assert (collector.turns, collector.losses, bytes(collector.data)) == (0, [], HELLO[:1])

    asyncio.run(scenario())
    assert troubles == []


@pytest.mark.parametrize("carrier", ["pty", "socket pair"])
def test_a_write_that_finds_the_loss_does_not_tell_it_itself(carrier: str):
    async def scenario() -> None:
        async with CARRIERS[carrier]() as (pipe, _, unplug):
            collector = Collector()
            pipe.start(collector)
            unplug()
            assert pipe.write([b"x"]) == 0
            assert collector.losses == []
            await collector.until(lambda seen: len(seen.losses) == 1)

    asyncio.run(scenario())


def test_a_loss_that_a_write_found_before_the_start_is_told_after_it():
    async def scenario() -> None:
        async with over_a_pair() as (pipe, _, unplug):
            unplug()
            assert pipe.write([b"x"]) == 0
            collector = Collector()
            pipe.start(collector)
            assert collector.losses == []
            await collector.until(lambda seen: len(seen.losses) == 1)

    asyncio.run(scenario())
