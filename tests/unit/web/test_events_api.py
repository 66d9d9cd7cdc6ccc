"""The event stream as it is asked for: who may follow, how many at once, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from host_tools.web.app import Manager
from host_tools.web.events_api import CHECK_S, STREAMS_OF_ONE_MAX
from tests.patience import LIMIT_S
from tests.unit.web.office import HOME, HOST, Office


class Stream:
    """One answer while it comes. ``pieces``: what has not been looked at yet."""

    def __init__(self) -> None:
        self.status = 0
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def send(self, message: Any) -> None:
        """See ASGI."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            await self.pieces.put(message.get("body", b""))

    async def next(self) -> bytes:
        """The next piece."""
        async with asyncio.timeout(LIMIT_S):
            return await self.pieces.get()


@asynccontextmanager
async def following(manager: Manager, cookie: str) -> AsyncGenerator[Stream]:
    """A stream that has begun, or was refused; whoever reads it goes away at the end."""
    stream, gone = Stream(), asyncio.Event()
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        if (message := next(asked, None)) is not None:
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    headers = [(b"host", HOST.encode()), (b"authorization", f"Bearer {cookie}".encode())]
    path = "/api/v1/events"
    scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
             "scheme": "https", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
             "headers": headers, "client": (HOME, 4711), "server": ("127.0.0.1", 8440)}  # fmt: skip
    task = asyncio.ensure_future(manager.guarded(scope, receive, stream.send))
    try:
        await stream.next()
        yield stream
    finally:
        gone.set()
        await asyncio.wait({task}, timeout=LIMIT_S)
        await task


@pytest.mark.req("CTRL-14")
def test_one_account_closes_the_door_to_nobody_else(office: Office):
    """Of a hundred streams a viewer who opens page after page leaves some to those who work."""

    async def main() -> None:
        manager = office.manager_of("run2")  # with a ring of this loop's own
        wall, ada = office.cookie("viewer"), office.cookie("administrator")
        async with AsyncExitStack() as stack:
            for _ in range(STREAMS_OF_ONE_MAX):
                assert (await stack.enter_async_context(following(manager, wall))).status == 200
            async with following(manager, wall) as refused, following(manager, ada) as taken:
                assert (refused.status, taken.status) == (503, 200)
        assert manager.ring.streams == 0
        async with following(manager, wall) as again:
            assert again.status == 200

    asyncio.run(main())


@pytest.mark.req("CTRL-14")
def test_nothing_is_told_after_the_session_has_ended_and_that_was_looked_at(office: Office):
    async def main() -> None:
        manager = office.manager_of("run3")
        cookie = office.cookie("local_administrator")
        async with following(manager, cookie) as stream:
            manager.ring.publish("change", "first")
            assert b'"first"' in await stream.next()
            office.town.people.sessions.end(cookie)
            office.now_ms += int(CHECK_S * 1_000)
            manager.ring.publish("change", "second")
            piece = await stream.next()
            assert b"event: ended" in piece
            assert b"second" not in piece

    asyncio.run(main())
