"""A request's head is kept in memory until its end, before anybody is known: so it has one."""

import asyncio
from typing import Any

import pytest

from host_tools.web_kit.serving import HEAD_BYTES_MAX, serving
from tests.patience import LIMIT_S


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Reads what it is sent, and says how much that was."""
    count, more = 0, True
    while more:
        message = await receive()
        count, more = count + len(message.get("body", b"")), message.get("more_body", False)
    body = str(count).encode()
    head = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("line", [b"X-A: " + b"y" * 60_000 + b"\r\n", b"y" * 60_000])
def test_a_head_without_end_ends_the_connection(line: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("host_tools.web_kit.serving.HEAD_S_MAX", 2 * LIMIT_S)  # who is fast enough is not late

    async def main() -> None:
        async with asyncio.timeout(LIMIT_S), serving(hello, "127.0.0.1", 0, None) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
            with pytest.raises((ConnectionResetError, BrokenPipeError, asyncio.IncompleteReadError)):
                await endless(reader, writer, line)
            writer.close()

    asyncio.run(main())


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes) -> None:
    for _ in range(200 * HEAD_BYTES_MAX // len(line)):
        writer.write(line)
        await writer.drain()
    await reader.readexactly(1)


def test_what_follows_a_head_is_no_head():
    """Also where several requests come in one piece."""
    body = bytes(HEAD_BYTES_MAX * 2)
    one = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    async def main() -> None:
        async with asyncio.timeout(LIMIT_S), serving(hello, "127.0.0.1", 0, None) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(one * 3 + one[:20])
            for following in (b"", b"", one[20:], b""):
                await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(len(str(len(body)))) == str(len(body)).encode()
                writer.write(following)
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())
