"""Tokens of OpenStack's own Keystone, for a destination that keeps its objects in a Swift behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.http_status import CredentialsRefused
from host_tools.destinations.interface import DestinationUnavailable
from host_tools.destinations.keystone import KeystoneSession, Scope
from tests.swift.keystone_node import PASSWORD, PROJECT, REGION, USER, KeystoneNode
from tests.swift.parts import kept_by
from tests.swift.test_kept_in_swift import FILM, content, put
from tests.unit.evidence.running import wall_ms

pytestmark = pytest.mark.req("DEST-02")


@asynccontextmanager
async def session(node: KeystoneNode, key: str = PASSWORD, **scope: Any) -> AsyncGenerator[KeystoneSession]:
    connection = ConnectionFile("suite", "suite", "1", (node.url,), USER, key)
    made = KeystoneSession(connection, wall_ms, Scope(**{"project": PROJECT, **scope}))
    try:
        yield made
    finally:
        await made.close()


def test_a_token_leads_to_the_projects_store_and_is_renewed_when_it_was_revoked(keystone: KeystoneNode) -> None:
    async def run() -> None:
        async with session(keystone, region=REGION) as ours:
            assert "/v1/AUTH_" in await ours.storage()
            assert (await ours.request("PUT", ("renewed",))).status == 201
            await asyncio.to_thread(keystone.revoke)
            bare = await ours.bare_request("HEAD", f"{await ours.storage()}/renewed", {"X-Auth-Token": "gAAAAAB"})
            assert bare.status == 401, "a token that is none"
            assert (await ours.request("PUT", ("renewed",))).status == 202

    asyncio.run(run())


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ({"key": "other words"}, "refuses the credentials"),
        ({"project": "another"}, "refuses the credentials"),
        ({"user_domain": "Elsewhere"}, "refuses the credentials"),
        ({"region": "south"}, "has no object-store"),
    ],
)
def test_whatever_does_not_fit_is_said(keystone: KeystoneNode, scope: dict[str, str], words: str) -> None:
    async def run() -> None:
        async with session(keystone, **scope) as ours:
            with pytest.raises(DestinationUnavailable, match=words) as refused:
                await ours.storage()
            assert isinstance(refused.value, CredentialsRefused) == ("refuses" in words)

    asyncio.run(run())


def test_a_destination_keeps_its_objects_there_also_after_its_token_was_revoked(
    keystone: KeystoneNode, tmp_path: Path
) -> None:
    rows = {
        "auth": keystone.url, "user": USER, "key": PASSWORD, "project": PROJECT, "region": REGION, "container": "kept",
    }  # fmt: skip
    keys = tmp_path / "keys.toml"
    keys.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in rows.items()) + "segment_mb = 1\n")
    with kept_by(keys, tmp_path / "destination") as made:
        put(made, "one", FILM)
        keystone.revoke()
        put(made, "two", b"a note")
        assert (content(made, "one"), content(made, "two")) == (FILM, b"a note")
