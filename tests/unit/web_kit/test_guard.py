"""What stands before every request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from host_tools.web_kit.guard import Guard, Message, Receive, Scope, Send, is_own_host

OWN = frozenset({"station.example"})
Answer = tuple[int, dict[str, str], bytes]


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads everything and says how much it was."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"SAMEORIGIN")]})
    await send({"type": "http.response.body", "body": str(size).encode()})


def ask(
    method: str = "GET",
    path: str = "/",
    pieces: tuple[bytes, ...] = (b"",),
    guard: Callable[[], Guard] = lambda: Guard(echo, lambda: OWN, {"/upload": 100}, body_bytes_max=10),
    endless: bool = False,
    headers: dict[str, str] | None = None,
) -> Answer:
    """One request through a guard."""
    sent: list[Message] = []
    given = {"host": "127.0.0.1:8440", **(headers or {})}
    scope: Scope = {
        "type": "http", "method": method, "path": path, "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
    }  # fmt: skip
    waiting = list(pieces)

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting) or endless}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(guard()(scope, receive, send))
    start: Any = sent[0]
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return start["status"], {name.decode().lower(): value.decode() for name, value in start["headers"]}, body


def test_every_answer_has_the_headers_and_keeps_its_own():
    status, headers, _ = ask()
    assert status == 200
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8440", "[::1]:8440", "[::1]", "localhost", "LOCALHOST:1", "station.example.:443"]
)
def test_own_hosts(host: str):
    assert is_own_host(host, OWN)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:8440", "localhost.evil.example", "127.0.0.1.evil.example"]
)
def test_foreign_hosts_are_turned_away(host: str):
    assert not is_own_host(host, OWN)
    status, headers, body = ask(headers={"host": host})
    assert status == 421
    assert headers["content-type"] == "application/problem+json"
    assert b"is not this server" in body


def test_a_body_has_an_end():
    assert ask("POST", pieces=(b"12345", b"67890"))[0] == 200
    assert ask("POST", pieces=(b"12345", b"67890", b"1"))[0] == 413
    assert ask("POST", pieces=(b"1",), headers={"content-length": "11"})[0] == 413
    assert ask("POST", pieces=(b"1",), headers={"content-length": "-1"})[0] == 413
    assert ask("POST", "/upload/x", pieces=(b"1" * 100,))[0] == 200
    assert ask("POST", "/upload/x", pieces=(b"1" * 101,))[0] == 413


def test_a_body_that_does_not_come_is_not_waited_for():
    slow = lambda: Guard(echo, lambda: OWN, body_s_max=0.02)  # noqa: E731
    status, _, body = ask("POST", pieces=(b"1",), guard=slow, endless=True)
    assert status == 408
    assert b"did not come whole" in body


def test_a_long_address_is_refused():
    assert ask(path="/" + "x" * 9_000)[0] == 414


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "https://127.0.0.1:8440", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://127.0.0.1:9999"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_what_changes_something_comes_from_our_own_pages(headers: dict[str, str], status: int):
    assert ask("POST", headers=headers)[0] == status
    assert ask("GET", headers=headers)[0] == 200
