"""Opening ports by URL: real pseudo-terminals and sockets, and one clear line for everything that is wrong."""

from __future__ import annotations

import asyncio
import os
import socket
import tty

import pytest

from host_tools.bench.programs import free_port
from host_tools.transports import errors
from host_tools.transports.pipe import FdPipe
from host_tools.transports.registry import Registry
from tests.unit.transports.parts import Collector


@pytest.fixture
def pty():
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    ends = [master, slave]
    yield ends
    for fd in ends:
        if fd >= 0:
            os.close(fd)


def test_a_pseudo_terminal_carries_every_byte_both_ways(pty):
    master, slave = pty

    async def scenario() -> None:
        pipe = await Registry().open(os.ttyname(slave))
        collector = Collector()
        pipe.start(collector)
        everything = bytes(range(256)) * 4
        assert os.write(master, everything) == 1024
        await collector.until(lambda seen: len(seen.data) == 1024)
        assert bytes(collector.data) == everything
        assert pipe.write([everything[:500], everything[500:]]) == 1024
        assert os.read(master, 4096) == everything
        pipe.close()
        pipe.close()

    asyncio.run(scenario())


@pytest.mark.req("LINK-01")
def test_an_unplugged_port_is_lost_once_and_names_itself(pty):
    master, slave = pty

    async def scenario() -> None:
        url = os.ttyname(slave)
        pipe = await Registry().open(url)
        collector = Collector()
        pipe.start(collector)
        os.close(slave)
        os.close(master)
        pty[:] = [-1, -1]
        await collector.until(lambda seen: len(seen.losses) == 1)
        assert url in str(collector.losses[0])
        assert "plug it in again" in str(collector.losses[0])
        assert pipe.write([b"x"]) == 0

    asyncio.run(scenario())


def test_a_receiver_without_room_pauses_the_pipe_until_it_resumes():
    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        pipe = FdPipe("socketpair", ours.fileno(), ours.close)
        collector = Collector(limit=10)
        pipe.start(collector)
        theirs.send(b"0123456789abcdef")
        await collector.until(lambda seen: len(seen.data) == 10)
        collector.limit = 100
        pipe.resume()
        await collector.until(lambda seen: len(seen.data) == 16)
        pipe.close()
        theirs.close()

    asyncio.run(scenario())


def test_a_full_pipe_tells_when_it_takes_bytes_again():
    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        pipe = FdPipe("socketpair", ours.fileno(), ours.close)
        collector = Collector()
        pipe.start(collector)
        block = bytes(1 << 20)
        sent = pipe.write([block, block])
        assert 0 < sent < 2 << 20
        received = 0
        while received < sent:
            received += len(theirs.recv(1 << 20))
        await collector.until(lambda seen: seen.turns > 0)
        pipe.close()
        theirs.close()

    asyncio.run(scenario())


def test_a_socket_url_connects():
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            pipe = await Registry().open(f"socket://127.0.0.1:{port}")
            peer, _ = server.accept()
            assert pipe.write([b"hello"]) == 5
            assert peer.recv(10) == b"hello"
            pipe.close()
            peer.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("ftp://somewhere", errors.UnknownScheme, ["ftp://", "serial://", "socket://"]),
        ("/dev/does-not-exist", errors.PortMissing, ["/dev/does-not-exist", "plug the board in"]),
        ("/dev/null", errors.PortError, ["/dev/null", "serial port"]),
        ("socket://127.0.0.1", errors.PortError, ["socket://HOST:PORT"]),
        ("serial:///dev/ttyS0?baud=fast", errors.PortError, ["baud"]),
        ("socket://127.0.0.1:notaport", errors.PortError, ["socket://HOST:PORT"]),
    ],
)
def test_what_cannot_be_opened_gets_one_clear_line(url, kind, words):
    with pytest.raises(kind) as caught:
        asyncio.run(Registry().open(url))
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_nobody_listening_is_a_missing_port():
    with pytest.raises(errors.PortMissing, match="nothing answers"):
        asyncio.run(Registry().open(f"socket://127.0.0.1:{free_port()}"))


def test_a_port_in_use_is_busy(pty):
    _, slave = pty

    async def scenario() -> None:
        first = await Registry().open(os.ttyname(slave))
        with pytest.raises(errors.PortBusy, match="another program"):
            await Registry().open(os.ttyname(slave))
        first.close()

    asyncio.run(scenario())
