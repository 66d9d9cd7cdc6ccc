"""The client against the reference server, and against servers that do worse."""

import asyncio
import hashlib
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from host_tools.custody.blocking import run_in_thread
from host_tools.destinations import people
from host_tools.destinations.clock_check import ClocksDisagree
from host_tools.destinations.connecting import connect
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.encryption import Decryptor, Encrypting, key_name, unwrap
from host_tools.destinations.http_status import (
    Busy,
    ContainerRefused,
    CredentialsRefused,
    DestinationFull,
    LicenceExhausted,
    RightsMissing,
)
from host_tools.destinations.interface import (
    COMPLETE,
    STATUS,
    TRANSFERRING,
    ContainerMissing,
    DestinationRefused,
    DestinationUnavailable,
    Metadata,
)
from host_tools.destinations.memory import MemoryDestination
from host_tools.destinations.people import AnotherDestination, Device, System, Wearer, push_system
from host_tools.destinations.rejected import RejectedObject, send_rejected
from host_tools.destinations.suite import BOX, CLIP, CONTENT, Pieces
from host_tools.destinations.swift import SwiftDestination, SwiftOptions
from host_tools.destinations.wrappers import Wrapper
from host_tools.evidence.certificates import self_signed
from host_tools.evidence.serving import serving
from tests.unit.evidence.running import OPEN_HOUSE, Running, running, wall_ms

RECORDING = {"UserID": "W-7", "BWCSerialNumber": "CAM-1", "BWCModel": "zero", STATUS: TRANSFERRING}


def with_client(
    tmp_path: Path, work: Callable[[Running, SwiftDestination], Awaitable[None]], settings: str = OPEN_HOUSE
) -> None:
    async def run() -> None:
        async with running(tmp_path / "destination", settings) as server:
            client = SwiftDestination(server.connection, wall_ms, run_in_thread)
            try:
                await work(server, client)
            finally:
                await client.close()

    asyncio.run(run())


async def refusal(
    connection: ConnectionFile, wall: Callable[[], int] = wall_ms, options: SwiftOptions | None = None
) -> DestinationUnavailable:
    """What opening ends with."""
    client = SwiftDestination(connection, wall, run_in_thread, options)
    try:
        with pytest.raises(DestinationUnavailable) as caught:
            await client.open()
    finally:
        await client.close()
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.req("CTRL-09", "DEST-10")
def test_only_what_is_whole_there_counts_as_held(tmp_path: Path):
    async def work(_: Running, client: SwiftDestination) -> None:
        await client.open()
        assert await client.holds(BOX) is False, "nothing is there"
        await client.ensure_container(BOX, RECORDING)
        await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {"StartTime": "1767225600"})
        assert await client.holds(BOX) is False, "it was never completed"
        await client.update_container(BOX, {STATUS: COMPLETE})
        assert await client.holds(BOX) is True

    with_client(tmp_path, work)


@pytest.mark.req("DEST-08", "DEST-01", "CTRL-09", "CTRL-10")
def test_who_is_not_the_one_of_the_file_gets_nothing(tmp_path: Path):
    async def work(server: Running, _: SwiftDestination) -> None:
        good = server.connection
        other = self_signed(("127.0.0.1",), wall_ms()).certificate
        assert "certificate" in str(await refusal(replace(good, certificates=(other,))))
        assert "certificate" in str(await refusal(replace(good, certificates=())))
        elsewhere = tuple(uri.replace("127.0.0.1", "localhost") for uri in good.auth_uris)
        assert "certificate" in str(await refusal(replace(good, auth_uris=elsewhere)))
        assert isinstance(await refusal(replace(good, key="wrong")), CredentialsRefused)
        assert isinstance(await refusal(good, lambda: wall_ms() + 120_000), ClocksDisagree)
        assert isinstance(await refusal(good, lambda: wall_ms() - 120_000), ClocksDisagree)
        assert "time zone" in str(await refusal(good, options=SwiftOptions(time_zone=lambda: "UTC")))

    with_client(tmp_path, work, OPEN_HOUSE + 'time_zone = "Europe/Stockholm"\n')


@pytest.mark.req("DEST-01", "CTRL-09")
def test_the_first_address_that_answers_is_taken_and_a_server_that_is_away_refuses_nothing(tmp_path: Path):
    async def run() -> None:
        async with running(tmp_path / "destination") as server:
            nobody = "https://127.0.0.1:1/auth/v1.0"
            addresses = (nobody, *server.connection.auth_uris)
            client = SwiftDestination(replace(server.connection, auth_uris=addresses), wall_ms, run_in_thread)
            await client.open()
            await client.ensure_container(BOX, RECORDING)
            assert str(server.port) in str(client.describe())
            port = server.port
        with pytest.raises(DestinationUnavailable):
            await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
        with pytest.raises(DestinationUnavailable, match="cannot be reached"):
            await client.open()
        async with running(tmp_path / "destination", port=port) as server:
            await client.open()
            receipt = await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
            assert await server.reader.read_object(BOX, CLIP) == CONTENT
            assert receipt.etag == hashlib.md5(CONTENT).hexdigest()
            await client.close()

    asyncio.run(run())


@pytest.mark.req("DEST-02")
def test_a_token_that_ran_out_is_renewed_in_the_middle(tmp_path: Path):
    async def work(server: Running, client: SwiftDestination) -> None:
        await client.open()
        await client.ensure_container(BOX, RECORDING)
        server.clock.now_ms += 16 * 60_000
        await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
        server.clock.now_ms += 16 * 60_000
        with pytest.raises(DestinationUnavailable, match="token ran out"):
            await client.put_object(BOX, CLIP, aiter(Pieces(CONTENT)), len(CONTENT), {})
        await client.put_object(BOX, CLIP, aiter(Pieces(CONTENT)), len(CONTENT), {})
        assert await server.reader.read_object(BOX, CLIP) == CONTENT

    with_client(tmp_path, work)


@pytest.mark.req("DEST-03", "DEST-04", "DEST-05")
def test_wearers_and_devices_are_told_of_before_their_recordings_and_when_they_change(tmp_path: Path):
    async def work(server: Running, client: SwiftDestination) -> None:
        name = "Zoë"
        announcing = people.Announcing(
            client,
            lambda user: Wearer(user, name, "4711"),
            lambda serial: Device(serial, "Front desk", "zero"),
        )
        await announcing.open()
        await announcing.ensure_container(BOX, RECORDING)
        users, devices = await server.reader.read_container("Users"), await server.reader.read_container("Devices")
        assert users is not None
        assert devices is not None
        assert users.objects["W-7"].metadata == {"Active": "True", "Name": "Zoë", "UserID": "4711"}
        assert devices.objects["CAM-1"].metadata == {"Active": "True", "Name": "Front desk", "Model": "zero"}
        name = "Zoë Renamed"
        await announcing.ensure_container(BOX, RECORDING)
        users = await server.reader.read_container("Users")
        assert users is not None
        assert users.objects["W-7"].metadata["Name"] == name
        await people.push_wearer(client, Wearer("W-7", name, is_active=False))
        assert server.destination.intake.licences_used() == 0
        odd = {**RECORDING, "UserID": "W/7 ö"}
        await announcing.ensure_container("W-7-x_CAM-1_20260101T000001Z", odd)
        row = server.store.required("W-7-x_CAM-1_20260101T000001Z")
        assert server.store.catalogue.object("Users", row.metadata["UserID"]) is not None

    with_client(tmp_path, work, "licences = 3\n")


class Strict(Wrapper):
    """A destination that knows no recording without a known wearer, and none of a time that cannot be."""

    async def ensure_container(self, name: str, metadata: Metadata) -> None:
        if name not in ("Users", "Devices"):
            users = await self.store.read_container("Users")
            if users is None or metadata.get("UserID") not in users.objects or metadata.get("StartTime") == "5":
                raise ContainerRefused("the user is unknown, or the time is")
        await super().ensure_container(name, metadata)

    @property
    def store(self) -> MemoryDestination:
        assert isinstance(self._inner, MemoryDestination)
        return self._inner


@pytest.mark.req("DEST-02", "DEST-03")
def test_what_nobody_wore_is_not_lost_on_a_destination_that_wants_a_wearer():
    async def run() -> None:
        store = MemoryDestination()
        announcing = people.Announcing(Strict(store), lambda _: None, lambda _: None)
        bare = {key: value for key, value in RECORDING.items() if key != "UserID"}
        for _ in range(2):  # also after a crash
            await announcing.ensure_container("unassigned_CAM-1_20260101T000000Z", bare)
        row = await store.read_container("unassigned_CAM-1_20260101T000000Z")
        assert row is not None
        assert row.metadata["UserID"] == "unassigned"
        with pytest.raises(ContainerRefused):
            await announcing.ensure_container("unassigned_CAM-1_20260101T000001Z", {**bare, "StartTime": "5"})
        with pytest.raises(ContainerRefused):
            await announcing.ensure_container(BOX, {**RECORDING, "StartTime": "5"})
        users = await store.read_container("Users")
        assert users is not None
        assert sorted(users.objects) == ["W-7", "unassigned"]

    asyncio.run(run())


@pytest.mark.req("DEST-04", "CTRL-09")
def test_a_licence_that_is_missing_delays_and_refuses_nothing(tmp_path: Path):
    async def work(_: Running, client: SwiftDestination) -> None:
        announcing = people.Announcing(client, lambda _: None, lambda _: None)
        await announcing.open()
        with pytest.raises(LicenceExhausted, match="no licence left"):
            await announcing.ensure_container(BOX, RECORDING)

    with_client(tmp_path, work, "licences = 0\n")


@pytest.mark.req("DEST-01", "DEST-02")
def test_a_system_knows_its_own_destination_again(tmp_path: Path):
    async def work(server: Running, client: SwiftDestination) -> None:
        await client.open()
        mine = System("4f0c", "connection-1", "Malmö")
        with pytest.raises(AnotherDestination, match="does not know this system"):
            await push_system(client, mine, is_new=False)
        await push_system(client, mine, is_new=True)
        await push_system(client, replace(mine, name="Lund"), is_new=False)
        stored = await server.reader.read_container("System")
        assert stored is not None
        assert stored.objects["4f0c"].metadata == {"ConnectionId": "connection-1", "SystemName": "Lund"}
        with pytest.raises(AnotherDestination, match="another connection"):
            await push_system(client, replace(mine, connection="connection-2"), is_new=True)

    with_client(tmp_path, work)


@pytest.mark.req("CTRL-11", "DEST-02")
def test_a_rejected_recording_goes_to_rejected_storage(tmp_path: Path):
    async def work(server: Running, client: SwiftDestination) -> None:
        await client.open()
        item = RejectedObject(CLIP, Pieces(CONTENT), len(CONTENT), {"ContainerType": "mp4"})
        for _ in range(2):
            await send_rejected(client, "0f7a", BOX, RECORDING, "unknown user", 1_767_225_600_000, [item])
        name = "RejectedContent_20260101T000000Z_0f7a"
        stored = await server.reader.read_container(name)
        assert stored is not None
        assert stored.metadata == {
            "UserID": "W-7", "BWCSerialNumber": "CAM-1", "BWCModel": "zero", "ContainerName": name,
            "RejectedContentOriginalContainer": BOX, "RejectedContentTime": "20260101T000000Z",
            "RejectedContentReason": "unknown user",
        }  # fmt: skip
        assert stored.objects[CLIP].metadata == {"ContainerType": "mp4", "RejectedContentOriginalContainer": BOX}

    async def nowhere(_: Running, client: SwiftDestination) -> None:
        await client.open()
        with pytest.raises(DestinationRefused, match="no storage for rejected content"):
            await send_rejected(client, "0f7a", BOX, RECORDING, "unknown user", None, [])

    with_client(tmp_path / "1", work, "")
    with_client(tmp_path / "2", nowhere, "capabilities = []\n")


@pytest.mark.req("DEST-01", "DEST-02")
def test_what_the_destination_wants_encrypted_only_its_owner_opens(tmp_path: Path):
    private = rsa.generate_private_key(65_537, 2048)
    pem = tmp_path / "owner.pem"
    pem.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    numbers = itertools.count(1)

    async def run() -> None:
        settings = f'{OPEN_HOUSE}public_key = "{pem}"\n'
        async with running(tmp_path / "destination", settings) as server:
            client = connect(
                server.connection, wall_ms, run_in_thread, lambda count: bytes([next(numbers)]) * count,
                lambda _: None, lambda _: None,
            )  # fmt: skip
            await client.open()
            await client.ensure_container(BOX, RECORDING)
            for done in (False, True):
                receipt = await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
                assert receipt.sha256 == hashlib.sha256(CONTENT).hexdigest()
                if not done:
                    await client.complete(BOX)
            await client.close()
            again = SwiftDestination(server.connection, wall_ms, run_in_thread)
            pem_text, key_id = server.connection.public_key, server.connection.public_key_id
            wrapped = Encrypting(again, pem_text, key_id, lambda count: b"z" * count, run_in_thread)
            await wrapped.open()
            await wrapped.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})  # after a crash: complete, so known
            await wrapped.close()
            sealed = await server.reader.read_object(BOX, CLIP)
            decryptor = Decryptor(unwrap(await server.reader.read_object(BOX, key_name(CLIP)), private))
            assert decryptor.feed(sealed) + decryptor.end() == CONTENT

    asyncio.run(run())


@pytest.mark.req("DEST-06", "DEST-02")
def test_categories_are_read_where_they_are_offered(tmp_path: Path):
    async def offered(_: Running, client: SwiftDestination) -> None:
        await client.open()
        rows = await client.read_categories()
        assert rows is not None
        assert rows[0].name == "Testimony"

    async def not_offered(_: Running, client: SwiftDestination) -> None:
        await client.open()
        assert await client.read_categories() is None

    with_client(tmp_path / "1", offered)
    with_client(tmp_path / "2", not_offered, "capabilities = []\n")


# -- servers that do worse


class Scripted:
    """A server that answers what a test says: ``answers`` by method, the last of each for ever."""

    def __init__(self, answers: dict[str, list[Response]]) -> None:
        self.answers = answers
        self.seen: list[str] = []
        self.storage = ""

    async def answer(self, request: Request) -> Response:
        await request.body()
        if request.url.path == "/auth":
            storage = self.storage or f"http://{request.url.netloc}/odd//storage/%41/"
            return Response(headers={"X-Auth-Token": "t", "X-Storage-Url": storage})
        self.seen.append(f"{request.method} {request.scope['raw_path'].decode()}")
        waiting = self.answers.get(request.method, [Response(status_code=404)])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@asynccontextmanager
async def scripted(
    answers: dict[str, list[Response]], options: SwiftOptions | None = None
) -> AsyncGenerator[tuple[Scripted, SwiftDestination]]:
    script = Scripted(answers)
    app = Starlette(routes=[Route("/{path:path}", script.answer, methods=["GET", "HEAD", "PUT", "POST"])])
    async with serving(app, "127.0.0.1", 0, None, None) as port:
        uri = f"http://127.0.0.1:{port}/auth"
        client = SwiftDestination(ConnectionFile("s", "a", "1", (uri,), "u", "k"), wall_ms, run_in_thread, options)
        try:
            yield script, client
        finally:
            await client.close()


def stored(content: bytes = CONTENT) -> Response:
    return Response(status_code=201, headers={"Etag": hashlib.md5(content).hexdigest()})


@pytest.mark.req("CTRL-09", "DEST-02")
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, DestinationRefused),
        (402, LicenceExhausted),
        (403, RightsMissing),
        (404, ContainerMissing),
        (418, DestinationUnavailable),
        (302, DestinationUnavailable),
        (500, DestinationUnavailable),
        (503, Busy),
        (507, DestinationFull),
    ],
)
def test_each_status_means_what_the_table_says(status: int, kind: type[Exception]):
    async def run() -> None:
        no = Response("no room\n", status_code=status)
        async with scripted({"PUT": [Response(status_code=201), no], "POST": [no]}) as (_, client):
            await client.open()
            await client.ensure_container(BOX, {})
            with pytest.raises(kind) as caught:
                await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
            assert type(caught.value) is kind
            assert str(status) in str(caught.value)
            with pytest.raises(kind):
                await client.complete(BOX)

    asyncio.run(run())


@pytest.mark.req("DEST-02")
def test_the_storage_address_is_used_as_it_was_given():
    async def run() -> None:
        async with scripted({"PUT": [Response(status_code=201)]}) as (script, client):
            await client.open()
            await client.ensure_container("a b:ö", {})
            assert script.seen[-1] == "PUT /odd//storage/%41/a%20b%3A%C3%B6"

    asyncio.run(run())


@pytest.mark.req("CTRL-09")
def test_an_object_counts_only_if_its_md5_was_answered():
    async def run() -> None:
        answers = [Response(status_code=201), Response(status_code=201), stored(b"other"), stored()]
        async with scripted({"PUT": answers}) as (_, client):
            await client.open()
            await client.ensure_container(BOX, {})
            for text in ("no Etag", "another Etag"):
                with pytest.raises(DestinationUnavailable, match=text):
                    await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
            await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
        async with scripted({"PUT": [Response(status_code=201)]}, SwiftOptions(requires_etag=False)) as (_, client):
            await client.open()
            await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})

    asyncio.run(run())


@pytest.mark.req("DEST-02", "CTRL-09")
def test_a_store_without_head_is_believed_to_have_what_it_was_sent():
    async def run() -> None:
        for status in (404, 405, 501):
            script = {"PUT": [Response(status_code=201), stored()], "POST": [Response(status_code=204)]}
            async with scripted(script | {"HEAD": [Response(status_code=status)]}) as (server, client):
                await client.open()
                await client.ensure_container(BOX, {STATUS: TRANSFERRING})
                await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
                await client.complete(BOX)
                sent = len(server.seen)
                await client.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
                assert len(server.seen) == sent, "nothing is sent after completion"
                with pytest.raises(DestinationRefused):
                    await client.put_object(BOX, "other.mp4", Pieces(CONTENT), len(CONTENT), {})

    asyncio.run(run())


@pytest.mark.req("DEST-02")
def test_what_a_destination_says_of_itself_must_be_whole():
    async def run() -> None:
        body = b'{"Store":{"StoreBookmarks":true}}'
        good = Response(body, headers={"Etag": hashlib.md5(body).hexdigest()})
        async with scripted({"GET": [good, Response(body, headers={"Etag": "0" * 32})]}) as (_, client):
            await client.open()
            assert client.describe().capabilities == {"StoreBookmarks"}
            with pytest.raises(DestinationUnavailable, match="object corrupt"):
                await client.open()
        async with scripted({"GET": [Response(b"<html>")]}) as (_, client):
            with pytest.raises(DestinationUnavailable, match="object corrupt"):
                await client.open()

    asyncio.run(run())


def test_an_address_that_is_none_is_said():
    async def run() -> None:
        async with scripted({}) as (script, client):
            for storage in ("ftp://elsewhere", "not a url", " "):
                script.storage = storage
                with pytest.raises(DestinationUnavailable, match="storage address"):
                    await client.open()

    asyncio.run(run())
