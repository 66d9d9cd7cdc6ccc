"""A serial port behind a network server: pyserial's real PortManager, a pseudo-terminal, and a real board behind it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from host_tools.bench.programs import free_port
from host_tools.emulator.plugs import PtyPlug
from host_tools.protocol.connection import Connection
from host_tools.protocol.constructs import ConstructCodec
from host_tools.transports import errors, telnet
from host_tools.transports import rfc2217_server as own_server
from host_tools.transports.pipe import Pipe
from host_tools.transports.registry import Registry
from host_tools.transports.rfc2217 import Rfc2217Pipe
from host_tools.transports.serial_ports import open_by_pyserial, open_serial
from host_tools.transports.threaded import ThreadedPipe
from tests.patience import LIMIT_S
from tests.unit.transports.parts import DEADLINE_S, Collector, SmallBoard, pulled, until, whole_session
from tests.unit.transports.rfc2217_server import Rfc2217Server

# pyserial 3.5 names its threads the old way, and leaves a connection that the server has cut to the garbage collector.
PYSERIALS_WAYS = [
    pytest.mark.filterwarnings("ignore:set(Daemon|Name).. is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*<socket.socket:pytest.PytestUnraisableExceptionWarning"),
]


def patiently(url: str) -> Awaitable[Pipe]:
    """pyserial gives a server three seconds to agree; a busy machine needs more."""
    return open_by_pyserial(f"{url}{'&' if '?' in url else '?'}timeout={LIMIT_S:.0f}")


CLIENTS = [
    pytest.param(Registry().open, id="ours"),
    pytest.param(patiently, id="pyserial", marks=PYSERIALS_WAYS),
]


@contextmanager
def answering(answers: list[bytes]) -> Generator[str]:
    """A server that says one thing after the other, each when it has heard something, and then nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                for answer in answers:
                    client.recv(4096)
                    client.sendall(answer)
                while client.recv(4096):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"rfc2217://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def with_board(tmp_path: Path, act: Callable[[SmallBoard, Rfc2217Server], Awaitable[None]]) -> None:
    async def scenario() -> None:
        board = SmallBoard(lambda wake: PtyPlug(tmp_path / "port", wake))
        try:
            with Rfc2217Server(str(tmp_path / "port")) as server:
                await act(board, server)
        finally:
            board.unplug()

    asyncio.run(scenario())


@pytest.mark.req("LINK-01")
def test_a_whole_session_with_pulls(tmp_path):
    async def act(board: SmallBoard, server: Rfc2217Server) -> None:
        pipe = await Registry().open(server.url + "?baud=1000000")
        assert isinstance(pipe, Rfc2217Pipe)
        assert (pipe.kind, pipe.nominal_bytes_per_s) == ("rfc2217", 100_000)
        await whole_session(pipe)
        await whole_session(await Registry().open(server.url + "?ign_set_control"))
        assert server.baud_rates == [1_000_000]

    with_board(tmp_path, act)


@pytest.mark.req("LINK-01", "EMU-03")
@pytest.mark.parametrize("opener", CLIENTS)
def test_our_own_server_serves_either_client_one_after_the_other(tmp_path, opener):
    async def scenario() -> None:
        board = SmallBoard(lambda wake: PtyPlug(tmp_path / "port", wake))
        server = own_server.Rfc2217Server(lambda: open_serial(str(tmp_path / "port")))
        await server.start()
        url = f"rfc2217://127.0.0.1:{server.port}"
        try:
            await whole_session(await opener(f"{url}?baud=1000000"), 100_000)
            held = await opener(url)
            with pytest.raises(errors.PortError):
                await Registry().open(url)  # it is in use
            collector = Collector()
            held.start(collector)
            await server.close()
            await collector.until(lambda seen: bool(seen.losses))
        finally:
            board.unplug()
            await server.close()
        # pySerial's own thread takes its time to end.
        await until(lambda: not any(url in thread.name for thread in threading.enumerate()))

    asyncio.run(scenario())


def test_our_own_server_tells_a_client_of_an_unplugged_board(tmp_path):
    async def scenario() -> None:
        board = SmallBoard(lambda wake: PtyPlug(tmp_path / "port", wake))
        server = own_server.Rfc2217Server(lambda: open_serial(str(tmp_path / "port")))
        await server.start()
        url = f"rfc2217://127.0.0.1:{server.port}"
        connection = Connection(await Registry().open(url), 3, ConstructCodec())
        await connection.open()
        pulling = asyncio.ensure_future(pulled(connection))
        await until(lambda: connection.session.pulls.bytes_in)
        board.unplug()
        with pytest.raises(ExceptionGroup) as lost:
            await asyncio.wait_for(pulling, DEADLINE_S)
        assert lost.group_contains(errors.LinkLost, match="is gone")
        with pytest.raises(errors.PortError):
            await Registry().open(url)  # the board is away
        await server.close()

    asyncio.run(scenario())


@pytest.mark.req("LINK-01")
@pytest.mark.filterwarnings("ignore:set(Daemon|Name).. is deprecated:DeprecationWarning")
def test_a_whole_session_through_the_threads_of_pyserials_own_client(tmp_path):
    async def act(board: SmallBoard, server: Rfc2217Server) -> None:
        pipe = await patiently(server.url)
        assert isinstance(pipe, ThreadedPipe)
        assert pipe.kind == "rfc2217"
        await whole_session(pipe, 100_000)

    with_board(tmp_path, act)


@pytest.mark.parametrize("opener", CLIENTS)
@pytest.mark.parametrize("end", ["the board is unplugged", "the server goes"])
def test_an_end_in_the_middle_of_a_pull_is_one_lost_link(tmp_path, opener, end):
    async def act(board: SmallBoard, server: Rfc2217Server) -> None:
        pipe: Pipe = await opener(server.url)
        connection = Connection(pipe, 3, ConstructCodec())
        await connection.open()
        pulling = asyncio.ensure_future(pulled(connection))
        await until(lambda: connection.session.pulls.bytes_in)
        if end == "the server goes":
            await asyncio.to_thread(server.stop)
        else:
            board.unplug()
        with pytest.raises(ExceptionGroup) as lost:
            await asyncio.wait_for(pulling, DEADLINE_S)
        assert lost.group_contains(errors.LinkLost, match="rfc2217://127.0.0.1.* is gone")
        assert connection.closed.done()

    with_board(tmp_path, act)


@pytest.mark.parametrize("opener", CLIENTS)
def test_nobody_there_is_one_clear_line(opener):
    port = free_port()
    with pytest.raises(
        errors.PortMissing, match=r"rfc2217://127\.0\.0\.1.*nothing answers there.*[Rr]efused"
    ) as caught:
        asyncio.run(opener(f"rfc2217://127.0.0.1:{port}"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([], "no agreement in 0 s"),
        ([b"login: "], "no agreement in 0 s"),
        ([bytes([255, telnet.DONT, telnet.COM_PORT])], "refuses"),
        ([bytes([255, telnet.DO, telnet.COM_PORT])], "no agreement in 0 s"),
    ],
)
def test_something_else_that_answers_is_told_apart(monkeypatch, answers, why):
    monkeypatch.setattr("host_tools.transports.rfc2217.AGREE_LIMIT_S", LIMIT_S if why == "refuses" else 0.2)
    with answering(answers) as url, pytest.raises(errors.PortError, match=f"does not speak RFC 2217.*{why}.*socket://"):
        asyncio.run(Registry().open(url))


def test_a_server_that_hangs_up_at_once_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Timer(0, lambda: server.accept()[0].close()).start()
        with pytest.raises(errors.PortError, match=r"does not speak RFC 2217 .*is gone"):
            asyncio.run(Registry().open(f"rfc2217://127.0.0.1:{server.getsockname()[1]}"))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("rfc2217://127.0.0.1", "rfc2217://HOST:PORT"),
        ("rfc2217://127.0.0.1:1?loging=debug", "unknown option loging=debug"),
        ("rfc2217://127.0.0.1:1?baud=fast", "no baud rate"),
    ],
)
def test_a_url_that_is_wrong_is_told_before_anything_is_opened(url, words):
    with pytest.raises(errors.PortError, match=words):
        asyncio.run(Registry().open(url))


def agreed(number: int) -> list[bytes]:
    """What a server says until the port is set, and then about flow."""
    told = bytes([255, telnet.SB, telnet.COM_PORT])
    end = bytes([255, telnet.SE])
    return [
        bytes([255, telnet.DO, telnet.COM_PORT]),
        told + bytes([telnet.SET_BAUD_RATE + telnet.FROM_SERVER, 0, 0, 0x25, 0x80]) + end,
        told + bytes([number + telnet.FROM_SERVER]) + end,
    ]


def test_a_server_that_asks_for_a_pause_gets_it():
    answers = agreed(telnet.FLOW_SUSPEND)
    resumed = agreed(telnet.FLOW_RESUME)[-1]

    async def scenario(url: str) -> None:
        pipe = await Registry().open(url)
        collector = Collector()
        pipe.start(collector)
        assert pipe.write([b"first"]) == 5
        await collector.until(lambda seen: pipe.write([]) == 0 and seen.turns > 0)
        assert pipe.write([b"later"]) == 0
        pipe.close()

    with answering([*answers, resumed]) as url:
        asyncio.run(scenario(url))


def test_a_receiver_without_room_holds_the_server_up_and_loses_nothing():
    content = bytes(range(256)) * 4000

    async def scenario(url: str) -> None:
        pipe = await Registry().open(url)
        collector = Collector(limit=1000)
        pipe.start(collector)
        pipe.write([b"now"])
        await collector.until(lambda seen: len(seen.data) == 1000)
        collector.limit = 1 << 30
        pipe.resume()
        await collector.until(lambda seen: len(seen.data) == len(content))
        assert bytes(collector.data) == content
        pipe.close()

    with answering([*agreed(telnet.FLOW_RESUME)[:2], telnet.escape(content)]) as url:
        asyncio.run(scenario(url))
