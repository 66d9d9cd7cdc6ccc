"""Questions between processes over a socket in a folder."""

from __future__ import annotations

import asyncio
import socket

import pytest

from host_tools.transports.local import LocalClient, LocalError, LocalServer


async def echo(verb, arguments, peer):
    if verb == "refuse":
        raise LocalError("no such thing; name another")
    return {"verb": verb, **arguments}


def test_questions_are_answered_and_refusals_are_one_line(tmp_path):
    path = tmp_path / "s.sock"

    async def scenario() -> None:
        server = LocalServer(path, echo)
        await server.start()
        client = LocalClient(path, "bench")
        assert await client.ask("hello", x=1) == {"verb": "hello", "x": 1}
        assert await asyncio.to_thread(client.call, "hello", y=2) == {"verb": "hello", "y": 2}
        with pytest.raises(LocalError, match="name another"):
            await client.ask("refuse")
        assert path.stat().st_mode & 0o077 == 0
        await server.close()
        assert not path.exists()

    asyncio.run(scenario())


def test_events_reach_all_who_listen(tmp_path):
    path = tmp_path / "s.sock"

    async def scenario() -> None:
        server = LocalServer(path, echo)
        await server.start()
        events = LocalClient(path, "bench").events()
        assert await anext(events) == {}
        server.publish({"n": 1})
        server.publish({"n": 2})
        assert [await anext(events), await anext(events)] == [{"n": 1}, {"n": 2}]
        await server.close()
        assert [event async for event in events] == []

    asyncio.run(scenario())


def test_an_absent_server_and_a_second_one_are_named(tmp_path):
    path = tmp_path / "s.sock"

    async def scenario() -> None:
        with pytest.raises(LocalError, match="no controller answers"):
            await LocalClient(path, "controller").ask("status")
        server = LocalServer(path, echo)
        await server.start()
        with pytest.raises(LocalError, match="another process"):
            await LocalServer(path, echo).start()
        await server.close()

    asyncio.run(scenario())


def test_a_socket_left_by_a_killed_process_is_replaced(tmp_path):
    path = tmp_path / "s.sock"

    async def scenario() -> None:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))  # whoever is killed takes its name from nowhere
        assert path.is_socket()
        again = LocalServer(path, echo)
        await again.start()
        assert (await LocalClient(path, "bench").ask("hello"))["verb"] == "hello"
        await again.close()

    asyncio.run(scenario())


def test_nonsense_ends_only_its_own_connection(tmp_path):
    path = tmp_path / "s.sock"

    async def scenario() -> None:
        server = LocalServer(path, echo)
        await server.start()
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"nonsense\n[]\n")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        assert (await LocalClient(path, "bench").ask("hello"))["verb"] == "hello"
        await server.close()

    asyncio.run(scenario())
