"""Plain HTTP: the way to HTTPS, or not even that; and addresses as people write them."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from host_tools.cli.web import Address, read_address
from host_tools.controller.settings import SettingsError
from host_tools.web.redirect import Redirect
from tests.unit.web.office import problem


def ask(host: str, https_only: bool = False) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(Redirect(8440, lambda: https_only))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get("/cameras?secret=1", headers={"Host": host})

    return asyncio.run(one())


@pytest.mark.req("CTRL-15")
@pytest.mark.parametrize("host", ["station.example", "station.example:80", "192.0.2.7", "[2001:db8::7]:80"])
def test_it_leads_to_the_manager_and_repeats_nothing(host: str):
    answer = ask(host)
    name = host.removesuffix(":80")
    assert (answer.status_code, answer.headers["location"]) == (307, f"https://{name}:8440/")
    assert answer.headers["cache-control"] == "no-store", "the port is another one where this one is taken"
    assert not answer.content


@pytest.mark.req("CTRL-15")
def test_where_it_is_switched_off_it_says_so_and_no_more():
    problem(ask("station.example", https_only=True), 403, "https-only")


@pytest.mark.parametrize("host", ["", "a b", "evil.example/x", "x\ty", "user@evil.example"])
def test_a_host_that_is_none_leads_nowhere(host: str):
    problem(ask(host), 421)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8440", Address("127.0.0.1", 8440)),
        ("[::1]:0", Address("::1", 0)),
        ("station.example:443", Address("station.example", 443)),
    ],
)
def test_addresses(text: str, address: Address):
    assert read_address(text, "web") == address


@pytest.mark.parametrize("text", ["", "8440", ":8440", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "x:-1", "x:8a"])
def test_addresses_that_are_none_are_named(text: str):
    with pytest.raises(SettingsError, match="is no address and port"):
        read_address(text, "web")
