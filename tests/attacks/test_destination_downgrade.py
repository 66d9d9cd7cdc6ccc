"""A destination, or somebody in its place, that would have recordings sent in the clear."""

from __future__ import annotations

import asyncio

import pytest

from host_tools.destinations.connection_file import ConnectionFileError, parse
from host_tools.destinations.interface import DestinationUnavailable
from host_tools.destinations.swift_session import Answer, SwiftSession
from tests.unit.destinations.test_connection_file import file


class Answering(SwiftSession):
    """Authentication has gone well, and names this storage address."""

    def __init__(self, storage: str) -> None:
        super().__init__(parse(file()), lambda: 1_767_225_600_000)
        self.said = storage
        self.sent: list[str] = []

    async def _send(self, method, url, headers, body):
        self.sent.append(url)
        return Answer(200, {"x-auth-token": "t", "x-storage-url": self.said}, b"")


@pytest.mark.parametrize(
    "storage", ["http://10.0.0.1/v1/AUTH_a", "ftp://10.0.0.1/", "", "//10.0.0.1/v1", "file:///srv"]
)
def test_who_began_encrypted_never_goes_on_in_the_clear(storage: str):
    session = Answering(storage)
    with pytest.raises(DestinationUnavailable):
        asyncio.run(session.request("GET", ("System",)))
    assert session.sent == ["https://10.0.0.1:8443/auth/v1.0"], "nothing was sent to the storage address"


def test_an_encrypted_storage_address_is_used():
    session = Answering("https://10.0.0.1:8443/v1/AUTH_a")
    asyncio.run(session.request("GET", ("System",)))
    assert session.sent[-1] == "https://10.0.0.1:8443/v1/AUTH_a/System"


def test_a_file_with_a_certificate_names_no_address_without():
    with pytest.raises(ConnectionFileError, match="https address"):
        parse(file(AuthenticationTokenURI=["http://10.0.0.1/auth/v1.0"]))
