"""The client's HTTP against servers that do as they please."""

import asyncio
import gc
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import pytest

from host_tools.destinations.wire import ANSWER_BYTES_MAX, Answer, Wire, WireError
from tests.patience import LIMIT_S

PIECE = b"p" * (1 << 20)
PIECES = 64

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Counts its connections, and does with each what its script says."""

    def __init__(self, script: Script) -> None:
        self.connections = 0
        self.ended = asyncio.Event()
        self.url = ""
        self._script = script

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended.set()
            writer.close()


@asynccontextmanager
async def serving(script: Script) -> AsyncGenerator[Server]:
    made = Server(script)
    listener = await asyncio.start_server(made.meet, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1/a"
    try:
        yield made
    finally:
        listener.close()
        await asyncio.wait_for(made.ended.wait(), LIMIT_S)


async def head_of(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def with_wire(script: Script, work: Callable[[Server, Wire], Awaitable[None]], silence_s_max: float = LIMIT_S) -> None:
    async def run() -> None:
        async with asyncio.timeout(LIMIT_S), serving(script) as server:
            wire = Wire(lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), silence_s_max)
            try:
                await work(server, wire)
            finally:
                await wire.close()

    asyncio.run(run())


class Long:
    """A body of PIECES pieces; ``given`` counts, ``is_closed`` tells whether it was left in order."""

    def __init__(self) -> None:
        self.given = 0
        self.is_closed = False

    async def __call__(self) -> AsyncGenerator[bytes]:
        try:
            for _ in range(PIECES):
                self.given += 1
                yield PIECE
        finally:
            self.is_closed = True


async def put(server: Server, wire: Wire, body: Long) -> Answer:
    async with aclosing(body()) as pieces:
        return await wire.ask("PUT", server.url, {"Content-Length": str(PIECES * len(PIECE))}, pieces)


def test_one_connection_serves_many_requests_and_head_has_no_body() -> None:
    heads: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-A: b\r\n\r\n", b"HTTP/1.1 100 Go on\r\n\r\n"):
            heads.append(await head_of(reader))
            writer.write(answer)
        writer.write(b"HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
        await reader.read()

    async def work(server: Server, wire: Wire) -> None:
        answer = await wire.ask("HEAD", server.url, {"X-Auth-Token": "t"})
        assert (answer.status, answer.headers["x-a"], answer.body) == (200, "b", b"")
        assert await wire.ask("POST", server.url + "?x=1", {"Content-Length": "2"}, b"in") == Answer(
            201, {"transfer-encoding": "chunked"}, b"abc"
        )
        assert server.connections == 1
        host = server.url.split("/")[2].encode()
        assert heads[0] == b"HEAD /v1/a HTTP/1.1\r\nHost: " + host + b"\r\nX-Auth-Token: t\r\n\r\n"
        assert heads[1].startswith(b"POST /v1/a?x=1 HTTP/1.1\r\n")

    with_wire(script, work)


def test_an_answer_that_comes_early_ends_the_body() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 507 Full\r\nContent-Length: 4\r\n\r\nfull")
        while await reader.read(1 << 16):
            continue

    async def work(server: Server, wire: Wire) -> None:
        body = Long()
        assert (await put(server, wire, body))[::2] == (507, b"full")
        assert body.given < PIECES
        assert body.is_closed
        await server.ended.wait()  # the rest of the body was never sent: this connection is of no use any more

    with_wire(script, work)


def test_who_does_not_read_is_not_fed() -> None:
    """Back-pressure: what the kernel holds, and one piece; then the time is over."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        while not writer.is_closing():
            writer.write(b"")
            await asyncio.sleep(0)
            if done.is_set():
                return

    done = asyncio.Event()

    async def work(server: Server, wire: Wire) -> None:
        body = Long()
        with pytest.raises(WireError, match="nothing was heard"):
            await put(server, wire, body)
        done.set()
        assert body.given < PIECES // 2
        assert body.is_closed

    with_wire(script, work, silence_s_max=0.2)


def test_a_request_that_is_cancelled_takes_its_connection_along() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        begun.set()
        assert await reader.read(1) == b"p"
        await reader.read()  # to the end, which comes

    begun = asyncio.Event()

    async def work(server: Server, wire: Wire) -> None:
        async def body() -> AsyncGenerator[bytes]:
            yield PIECE
            await asyncio.Event().wait()

        async def one() -> None:
            async with aclosing(body()) as pieces:
                await wire.ask("PUT", server.url, {"Content-Length": "9000000"}, pieces)

        task = asyncio.create_task(one())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.ended.wait()

    with_wire(script, work)


def test_whenever_it_is_called_off_while_it_connects_no_socket_is_left() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            wire = Wire(ssl.create_default_context)
            for turns in range(20):  # the loop's, until it is called off
                asking = asyncio.create_task(wire.ask("GET", f"http://127.0.0.1:{silent.getsockname()[1]}/", {}))
                for _ in range(turns):
                    await asyncio.sleep(0)
                asking.cancel()
                await asyncio.wait([asking])
                assert asking.cancelled()
            await wire.close()

    asyncio.run(run())
    gc.collect()  # a socket that nobody has closed is told of now


def test_what_the_body_raises_comes_through_as_it_is() -> None:
    async def script(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def work(server: Server, wire: Wire) -> None:
        async def body() -> AsyncGenerator[bytes]:
            yield PIECE
            raise OSError("the disk")

        with pytest.raises(OSError, match="the disk"):
            async with aclosing(body()) as pieces:
                await wire.ask("PUT", server.url, {"Content-Length": "9000000"}, pieces)

    with_wire(script, work)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "was closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "was closed"),
        (b"220 mail.example ESMTP\r\n", "not HTTP"),
        (b"HTTP/1.1 101 Other\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: %b\r\n\r\n" % (b"x" * 70_000), "too long"),
        (b"HTTP/1.1 200 OK\r\n\r\n%b" % (b"x" * (ANSWER_BYTES_MAX + 1)), "too long"),
    ],
)
def test_what_is_no_answer_is_told(answer: bytes, said: str) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(answer)
        await writer.drain()

    async def work(server: Server, wire: Wire) -> None:
        with pytest.raises(WireError, match=said):
            await wire.ask("GET", server.url, {})

    with_wire(script, work)


def test_an_answer_without_length_ends_with_its_connection() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nall of it")

    async def work(server: Server, wire: Wire) -> None:
        for _ in range(2):
            assert (await wire.ask("GET", server.url, {})).body == b"all of it"
        assert server.connections == 2

    with_wire(script, work)


def test_a_connection_that_was_closed_or_speaks_unasked_is_not_used_again() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 204 Done\r\n\r\n" + (b"more" if len(met) else b""))
        met.append(None)
        await writer.drain()

    met: list[None] = []

    async def work(server: Server, wire: Wire) -> None:
        for number in range(3):
            assert (await wire.ask("GET", server.url, {})).status == 204
            assert server.connections == number + 1
            await server.ended.wait()
            server.ended.clear()
            await asyncio.sleep(0.01)  # its end is on the way; were it not, the next request would say so
        server.ended.set()

    with_wire(script, work)


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("ftp://h/", {}),
        ("http:///x", {}),
        ("http://h:x/", {}),
        ("http://h/a b", {}),
        ("http://h/a\r\nX: y", {}),
        ("http://h/", {"X-A": "b\r\nX-B: c"}),
        ("http://h/", {"X A": "b"}),
        ("http://h/", {"X-A": "\udc80"}),
        ("http://h\udc80/", {}),
    ],
)
def test_nothing_is_sent_that_would_read_otherwise(url: str, headers: dict[str, str]) -> None:
    async def run() -> None:
        wire = Wire(lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        with pytest.raises(WireError, match=r"no address|cannot be sent"):
            await wire.ask("GET", url, headers)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("method", "answer", "status"),
    [
        ("PUT", b"HTTP/1.1 507 Full\r\nContent-Length: 0\r\n\r\nHTTP/1.1 201 Made\r\nX-B: c\r\n\r\n", 507),
        ("PUT", b"HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 ", 422),
        ("PUT", b"HTTP/1.1 204 Done\r\n\r\nmore", 204),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmore", 200),
    ],
)
def test_what_comes_after_an_answer_changes_nothing_and_ends_the_connection(method: str, answer: bytes, status: int):
    """A server that took the rest of a body for another request says 507 and then 400: never 400 to the recording."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(answer)
        await reader.read()

    async def work(server: Server, wire: Wire) -> None:
        for number in range(2):
            found = await wire.ask(method, server.url, {})
            assert (found.status, found.body, found.headers.get("x-b")) == (status, b"", None)
            assert server.connections == number + 1

    with_wire(script, work)


def test_what_stands_behind_a_body_is_no_header_and_blanks_are_no_value() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nEtag: right \t\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"1\r\nx\r\n0\r\nEtag: wrong\r\nX-Object-Sha256: wrong\r\n\r\n")
        await reader.read()

    async def work(server: Server, wire: Wire) -> None:
        found = await wire.ask("GET", server.url, {})
        assert (found.body, found.headers) == (b"x", {"etag": "right", "transfer-encoding": "chunked"})

    with_wire(script, work)


def test_who_agrees_before_it_has_everything_has_not_agreed() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n")
        while await reader.read(1 << 16):
            continue

    async def work(server: Server, wire: Wire) -> None:
        with pytest.raises(WireError, match="before it had everything"):
            await put(server, wire, Long())

    with_wire(script, work)


def test_a_header_without_end_is_not_gathered() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(8):
            writer.write(PIECE)
            await writer.drain()

    async def work(server: Server, wire: Wire) -> None:
        with pytest.raises(WireError, match="too long"):
            await wire.ask("GET", server.url, {})

    with_wire(script, work)


def test_an_answer_in_drops_is_not_waited_for_without_end() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not reader.at_eof() and not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.01)

    async def work(server: Server, _: Wire) -> None:
        wire = Wire(lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), LIMIT_S, answer_s_max=0.1)
        with pytest.raises(WireError, match="no whole answer"):
            await wire.ask("GET", server.url, {})
        await wire.close()

    with_wire(script, work)


def test_a_host_in_another_script_is_named_as_the_network_has_it() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await head_of(reader))
        writer.write(b"HTTP/1.1 204 Done\r\n\r\n")

    heads: list[bytes] = []

    async def work(server: Server, wire: Wire) -> None:
        port = server.url.split(":")[2].split("/")[0]
        await wire.ask("GET", f"http://\N{FULLWIDTH LATIN SMALL LETTER L}ocalhost:{port}/", {})
        assert f"Host: localhost:{port}\r\n".encode() in heads[0]

    with_wire(script, work)
