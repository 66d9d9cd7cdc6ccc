"""Who proves what: the destination compares what came with the digest that the camera has signed."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firmware.formats import manifest as manifests
from host_tools.custody.blocking import Tap, TappedSource, run_in_thread
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.headers import CONFIRMS_HEADER, SHA256_HEADER
from host_tools.destinations.interface import DestinationUnavailable
from host_tools.destinations.swift import SwiftDestination
from host_tools.destinations.swift_session import SwiftSession
from host_tools.evidence.serving import serving
from tests.unit.controller.test_delivery import Held
from tests.unit.custody.recordings import Sample, sample
from tests.unit.custody.test_spool import chunks_path
from tests.unit.evidence.running import OPEN_HOUSE, Running, running, wall_ms
from tests.unit.evidence.test_whole_way import connected

BOX, CLIP = "W-7_CAM-1_20260101T000000Z", "20260101_000000_7CF7.mp4"
CONTENT = bytes(range(256)) * 9_000  # longer than what is taken in one go
SHORT = CONTENT[:1_000]


class Lying(TappedSource):
    """Says one digest and gives other bytes."""

    def __init__(self, content: bytes, sha256: str) -> None:
        self._content = content
        super().__init__(self._plain, self._through, run_in_thread, sha256)

    def _plain(self) -> Generator[memoryview, None, None]:
        yield memoryview(self._content)

    def _through(self, tap: Tap) -> Generator[Sequence[memoryview], None, None]:
        tap.feed(self._content)
        yield (memoryview(self._content),)


def with_session(tmp_path: Path, work: Callable[[Running, SwiftSession], Awaitable[None]]) -> None:
    async def run() -> None:
        async with running(tmp_path / "destination", OPEN_HOUSE) as server:
            session = SwiftSession(server.connection, wall_ms)
            try:
                await session.open()
                await work(server, session)
            finally:
                await session.close()

    asyncio.run(run())


@pytest.mark.req("DEST-02")
@pytest.mark.parametrize("content", [CONTENT, SHORT])
def test_what_has_another_digest_than_was_said_is_refused_and_nothing_of_it_stays(tmp_path: Path, content: bytes):
    async def work(server: Running, session: SwiftSession) -> None:
        async def pieces() -> AsyncGenerator[bytes]:
            yield content

        async def put(sha256: str) -> int:
            headers = {SHA256_HEADER: sha256}
            answer = await session.request("PUT", (BOX, CLIP), headers, pieces, len(content))
            if answer.status == 201:
                assert answer.headers[SHA256_HEADER.lower()] == sha256
                assert answer.headers["etag"] == hashlib.md5(content).hexdigest()
            return answer.status

        assert session.confirms_sha256
        await session.request("PUT", (BOX,))
        assert await put("0" * 64) == 422
        assert server.store.catalogue.object(BOX, CLIP) is None
        assert server.store.sweep(wall_ms()) == 0
        assert await put(hashlib.sha256(content).hexdigest()) == 201
        assert await server.reader.read_object(BOX, CLIP) == content

    with_session(tmp_path, work)


@pytest.mark.req("CTRL-09")
def test_bytes_that_changed_on_the_way_are_sent_again_and_not_believed(tmp_path: Path):
    async def run() -> None:
        async with running(tmp_path / "destination", OPEN_HOUSE) as server:
            client = SwiftDestination(server.connection, wall_ms, run_in_thread)
            await client.open()
            await client.ensure_container(BOX, {})
            right = hashlib.sha256(CONTENT).hexdigest()
            with pytest.raises(DestinationUnavailable, match="got other bytes"):
                await client.put_object(BOX, CLIP, Lying(CONTENT[::-1], right), len(CONTENT), {})
            assert server.store.catalogue.object(BOX, CLIP) is None
            receipt = await client.put_object(BOX, CLIP, Lying(CONTENT, right), len(CONTENT), {})
            assert (receipt.sha256, receipt.etag) == (right, hashlib.md5(CONTENT).hexdigest())
            await client.close()

    asyncio.run(run())


@pytest.mark.req("CTRL-09")
@pytest.mark.parametrize(("said", "error"), [("", "answers no SHA-256"), ("0" * 64, "answers another SHA-256")])
def test_a_destination_that_does_not_prove_what_it_offered_to_is_not_believed(said: str, error: str):
    async def authenticate(request: Request) -> Response:
        url = f"http://{request.url.netloc}/v1/a"
        return Response(headers={"X-Auth-Token": "t", "X-Storage-Url": url, CONFIRMS_HEADER: "sha256"})

    async def take(request: Request) -> Response:
        body = await request.body()
        headers = {"Etag": hashlib.md5(body).hexdigest()} | ({SHA256_HEADER: said} if said else {})
        return Response(status_code=201, headers=headers)

    async def run() -> None:
        methods = ["PUT", "POST", "HEAD", "GET"]
        app = Starlette(routes=[Route("/auth/v1.0", authenticate), Route("/{rest:path}", take, methods=methods)])
        async with serving(app, "127.0.0.1", 0, None, None) as port:
            url = f"http://127.0.0.1:{port}/auth/v1.0"
            client = SwiftDestination(ConnectionFile("s", "a", "1", (url,), "u", "k"), wall_ms, run_in_thread)
            await client.ensure_container(BOX, {})
            with pytest.raises(DestinationUnavailable, match=error):
                await client.put_object(
                    BOX, CLIP, Lying(CONTENT, hashlib.sha256(CONTENT).hexdigest()), len(CONTENT), {}
                )
            await client.close()

    asyncio.run(run())


def deliver(tmp_path: Path, samples: list[Sample], work: Callable[[Held, Running], Awaitable[None]]) -> None:
    async def run() -> None:
        held = Held(samples)
        try:
            async with running(tmp_path / "destination", OPEN_HOUSE) as server:
                destination = connected(server.connection)
                async with held.delivering(destination):
                    await work(held, server)
                await destination.close()
        finally:
            held.close()

    asyncio.run(run())


def clips(server: Running) -> dict[str, str]:
    """SHA-256 of the clips that are there, by container."""
    store = server.store
    boxes = [row for row in store.catalogue.containers() if row.camera]
    objects = [each for box in boxes for each in store.catalogue.objects(box.name)]
    return {each.container: each.sha256 for each in objects if each.name.endswith(".mp4")}


@pytest.mark.req("CTRL-09", "DEST-02")
def test_a_chunk_that_spoils_in_the_spool_is_missing_again_and_nothing_of_it_stays_there(tmp_path: Path):
    """No chunk of these is sealed, so nothing but the content's digest can tell, and that the destination reckons."""
    spoilt, good = (sample(seed, started_unix_ms=1_767_225_600_000 + 60_000 * seed) for seed in (1, 2))

    async def work(held: Held, server: Running) -> None:
        file = held.files.open(chunks_path(spoilt), writable=True)
        file.write_at(spoilt.manifest.chunks[1].offset + 100, b"damaged")
        file.close()
        held.told.clear()
        await held.until(lambda: {"damaged", "delivered"} <= set(held.words()))
        assert held.states() == ["offloading", "delivered"]
        assert [missing.chunk for missing in held.spool.missing(spoilt.recording)] == [1]
        assert list(clips(server).values()) == [good.manifest.content_sha256.hex()]

    deliver(tmp_path, [spoilt, good], work)


@pytest.mark.req("CTRL-09")
def test_a_manifest_that_contradicts_its_content_is_set_aside(tmp_path: Path):
    given = sample()
    wrong = replace(given.manifest, content_sha256=bytes(32))
    data = manifests.encode(wrong)
    given = replace(given, manifest=wrong, manifest_bytes=data, digest=manifests.digest(data))

    async def work(held: Held, server: Running) -> None:
        await held.until(lambda: "set_aside" in held.words())
        assert "content's digest" in held.index.get(given.recording).poison
        assert clips(server) == {}

    deliver(tmp_path, [given], work)
