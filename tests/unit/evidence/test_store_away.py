"""What controllers and people are told when the store of objects does not answer, is full, or has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.http_status import Busy, DestinationFull
from host_tools.destinations.interface import DestinationUnavailable
from host_tools.destinations.suite import BOX, CLIP, CONTENT, Pieces
from host_tools.destinations.swift import SwiftDestination
from host_tools.evidence import folder
from host_tools.evidence.catalogue import Catalogue
from host_tools.evidence.errors import EvidenceError
from tests.unit.evidence.running import OPEN_HOUSE, SECRET, Running, running, wall_ms
from tests.unit.evidence.swift_like import KEY, USER, SwiftLike, swift_like

pytestmark = pytest.mark.req("DEST-02", "CTRL-09")
READABLE = OPEN_HOUSE + "full_support = true\n"
TRACK = "20260101_000000_7CF7_gpstrail.json"


@pytest.fixture
def store() -> Iterator[SwiftLike]:
    with swift_like() as made:
        yield made


def over(store: SwiftLike, place: Path, work: Callable[[Running, SwiftDestination], Awaitable[None]]) -> None:
    """A destination that keeps its objects there, and a controller's client."""
    folder.create(place, READABLE, SECRET, wall_ms())
    (place / "swift.toml").write_text(f'auth = "{store.url}/auth/v1.0"\nuser = "{USER}"\nkey = "{KEY}"\n')

    async def run() -> None:
        async with running(place) as server:
            client = SwiftDestination(server.connection, wall_ms, run_in_thread)
            try:
                await client.open()
                await client.ensure_container(BOX, {})
                await work(server, client)
            finally:
                await client.close()

    asyncio.run(run())


async def send(client: SwiftDestination, name: str = CLIP, content: bytes = CONTENT) -> None:
    await client.put_object(BOX, name, Pieces(content), len(content), {})


def well_again(server: Running, store: SwiftLike) -> None:
    store.answers.clear()
    assert server.store.swift is not None
    server.store.swift.look()


def test_a_controller_waits_and_sends_again(store: SwiftLike, tmp_path: Path) -> None:
    async def work(server: Running, client: SwiftDestination) -> None:
        store.answers["HEAD"] = [503]
        with pytest.raises(Busy):
            await send(client)
        answer = await client.session.request("PUT", (BOX, CLIP), {}, one_piece, 1)
        assert (answer.status, answer.headers["retry-after"]) == (503, "30")
        assert server.store.catalogue.objects(BOX) == []
        await run_in_thread(lambda: well_again(server, store))
        store.answers["PUT"] = [507]
        with pytest.raises(DestinationFull):
            await send(client)
        await send(client)
        await client.complete(BOX)
        assert await server.reader.read_object(BOX, CLIP) == CONTENT

    over(store, tmp_path / "d", work)


async def one_piece():
    yield b"x"


def test_completion_waits_for_what_has_to_be_read(store: SwiftLike, tmp_path: Path) -> None:
    """Else nobody would find the recording by its place."""
    track = b'{"CoordinateEntries":[{"LocationWKT":"POINT(13.0 55.6)","SecondsFromStart":0}]}'

    async def work(server: Running, client: SwiftDestination) -> None:
        await send(client, TRACK, track)
        store.answers["GET"] = [503]
        with pytest.raises(Busy):
            await client.complete(BOX)
        assert not server.store.required(BOX).is_complete
        await run_in_thread(lambda: well_again(server, store))
        await client.complete(BOX)
        found = server.store.catalogue.rows("SELECT latitude, longitude FROM places WHERE container = ?", (BOX,))
        assert found == [(55.6, 13.0)]

    over(store, tmp_path / "d", work)


def test_what_cannot_be_read_is_a_status_and_what_has_changed_ends_early(store: SwiftLike, tmp_path: Path) -> None:
    async def work(server: Running, client: SwiftDestination) -> None:
        film = CONTENT * 30  # more than one piece of reading
        await send(client, CLIP, film)
        store.answers["GET"] = [503]
        assert (await client.session.request("GET", (BOX, CLIP))).status == 503
        await run_in_thread(lambda: well_again(server, store))
        (name,) = store.boxes["openbwc-evidence"]
        assert (await client.session.request("GET", (BOX, CLIP))).body == film
        del store.boxes["openbwc-evidence"][name]
        assert (await client.session.request("GET", (BOX, CLIP))).status == 500

    over(store, tmp_path / "d", work)


def test_bytes_that_changed_on_the_disk_are_not_given_as_whole(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path / "d", READABLE) as server:
            client = SwiftDestination(server.connection, wall_ms, run_in_thread)
            await client.open()
            await client.ensure_container(BOX, {})
            film = CONTENT * 30
            await send(client, CLIP, film)
            assert (await client.session.request("GET", (BOX, CLIP))).body == film
            (path,) = (each for each in (tmp_path / "d" / "objects").rglob("*") if each.is_file())
            path.write_bytes(film[:-1] + b"x")
            with pytest.raises(DestinationUnavailable):
                await client.session.request("GET", (BOX, CLIP))
            await client.close()

    asyncio.run(run())


def test_a_database_that_cannot_be_used_is_one_line_without_its_password(tmp_path: Path) -> None:
    for text, word in (
        ("postgresql+nonsense://me:hidden@here/none", "no database that can be used"),
        ("mysql://me:hidden@here/none", "is not known"),
        ("hidden", "is no URL"),
    ):
        with pytest.raises(EvidenceError, match=word) as caught:
            Catalogue("", text)
        assert "hidden" not in str(caught.value)
        assert "\n" not in str(caught.value)
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(EvidenceError, match="restore it from a backup"):
        Catalogue(path)
