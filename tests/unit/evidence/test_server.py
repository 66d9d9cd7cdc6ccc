"""The reference server spoken to over HTTPS, request by request."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from host_tools.destinations import capabilities
from host_tools.destinations.headers import to_headers
from host_tools.destinations.swift_session import Answer, SwiftSession
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.tokens import TOKEN_LIFE_MS
from tests.patience import LIMIT_S
from tests.unit.evidence.running import OPEN_HOUSE, SECRET, Running, running, wall_ms

BOX = "W-7_CAM-1_20260101T000000Z"
CLIP = "20260101_000000_7CF7.mp4"
CONTENT = bytes(range(256)) * 9_000  # 2.3 MB: several pieces to the disk
DAY_S = 86_400


def with_server(
    tmp_path: Path, settings: str, work: Callable[[Running, SwiftSession], Awaitable[None]], is_encrypted: bool = True
) -> None:
    async def run() -> None:
        async with running(tmp_path / "destination", settings, is_encrypted) as server:
            session = SwiftSession(server.connection, wall_ms)
            try:
                await session.open()
                await work(server, session)
            finally:
                await session.close()

    asyncio.run(run())


async def put(
    session: SwiftSession,
    box: str,
    name: str,
    content: bytes = b"",
    about: dict[str, str] | None = None,
    etag: str = "",
) -> Answer:
    async def pieces() -> AsyncGenerator[bytes]:
        for start in range(0, len(content), 100_000):
            yield content[start : start + 100_000]

    headers = to_headers("Object", about or {}) | ({"ETag": etag} if etag else {})
    return await session.request("PUT", (box, name), headers, pieces, len(content))


async def make(session: SwiftSession, box: str, **about: str) -> Answer:
    return await session.request("PUT", (box,), to_headers("Container", about))


@pytest.mark.req("DEST-02")
def test_an_object_is_stored_once_it_is_whole_and_its_etag_is_its_md5(tmp_path: Path):
    async def work(server: Running, session: SwiftSession) -> None:
        assert (await make(session, BOX)).status == 201
        assert (await make(session, BOX)).status == 202
        answer = await put(session, BOX, CLIP, CONTENT)
        assert (answer.status, answer.headers["etag"]) == (201, hashlib.md5(CONTENT).hexdigest())
        assert await server.reader.read_object(BOX, CLIP) == CONTENT
        wrong = await put(session, BOX, CLIP, b"other", etag="0" * 32)
        assert wrong.status == 422
        right = await put(session, BOX, CLIP, b"other", etag=f'"{hashlib.md5(b"other").hexdigest()}"')
        assert right.status == 201
        assert await server.reader.read_object(BOX, CLIP) == b"other"
        assert len(files(server)) == 1

    with_server(tmp_path, OPEN_HOUSE, work)


def files(server: Running) -> list[Path]:
    return [path for path in (server.destination.folder / "objects").rglob("*") if path.is_file()]


@pytest.mark.req("DEST-08")
def test_wrong_credentials_and_old_tokens_are_not_let_in(tmp_path: Path):
    async def work(server: Running, session: SwiftSession) -> None:
        uri = server.connection.auth_uris[0]
        for user, key in (("controller", "wrong"), ("other", SECRET), ("", ""), ("controller", SECRET + "x")):
            answer = await session.bare_request("GET", uri, {"X-Auth-User": user, "X-Auth-Key": key})
            assert answer.status == 401
            assert "x-auth-token" not in answer.headers
        answer = await session.bare_request("GET", uri, {"X-Auth-User": "controller", "X-Auth-Key": SECRET})
        token, url = answer.headers["x-auth-token"], f"{answer.headers['x-storage-url']}/System/Capabilities.json"
        assert (await session.bare_request("GET", url, {"X-Auth-Token": token})).status == 200
        assert (await session.bare_request("GET", url, {"X-Auth-Token": token + "x"})).status == 401
        other = url.replace("AUTH_controller", "AUTH_other")
        assert (await session.bare_request("GET", other, {"X-Auth-Token": token})).status == 403
        assert (await session.bare_request("DELETE", url, {"X-Auth-Token": token})).status == 405
        server.clock.now_ms += TOKEN_LIFE_MS
        assert (await session.bare_request("GET", url, {"X-Auth-Token": token})).status == 401
        assert (await make(session, BOX)).status == 201, "a session fetches a new token by itself"

    with_server(tmp_path, OPEN_HOUSE, work)


@pytest.mark.req("DEST-02", "DEST-06")
def test_its_own_documents_have_their_md5_and_cannot_be_overwritten(tmp_path: Path):
    async def work(_: Running, session: SwiftSession) -> None:
        for name in ("Capabilities.json", "Capability.json", "Categories.json"):
            answer = await session.request("GET", ("System", name))
            assert answer.headers["etag"] == hashlib.md5(answer.body).hexdigest()
            await make(session, "System")
            assert (await put(session, "System", name, b"{}")).status == 403
        body = (await session.request("GET", ("System", "Categories.json"))).body
        assert [tuple(row) for row in capabilities.parse_categories(body)] == [("Traffic", "5")]

    with_server(tmp_path, OPEN_HOUSE + '[[category]]\nid = "5"\nname = "Traffic"\nretention_days = 30\n', work)


@pytest.mark.req("DEST-02", "DEST-03")
def test_unknown_people_are_never_stored_and_disabled_ones_are(tmp_path: Path):
    async def work(_: Running, session: SwiftSession) -> None:
        for known in ("Users", "Devices"):
            await make(session, known)
        refused = await make(session, BOX, UserID="W-7", BWCSerialNumber="CAM-1")
        assert (refused.status, b"W-7" in refused.body) == (400, True)
        await put(session, "Users", "W-7", about={"Active": "False", "Name": "Zoë"})
        refused = await make(session, BOX, UserID="W-7", BWCSerialNumber="CAM-1")
        assert (refused.status, b"CAM-1" in refused.body) == (400, True)
        await put(session, "Devices", "CAM-1", about={"Active": "True"})
        assert (await make(session, BOX, UserID="W-7", BWCSerialNumber="CAM-1")).status == 201
        nobody = "unassigned_CAM-1_20260101T000000Z"
        assert (await make(session, nobody, BWCSerialNumber="CAM-1")).status == 201

    with_server(tmp_path, "", work)


@pytest.mark.req("DEST-04", "DEST-03")
@pytest.mark.parametrize(("mode", "counted", "free"), [("wearer", "Users", "Devices"), ("device", "Devices", "Users")])
def test_a_licence_is_a_wearer_or_a_device_in_use(tmp_path: Path, mode: str, counted: str, free: str):
    async def work(server: Running, session: SwiftSession) -> None:
        for container in ("Users", "Devices"):
            await make(session, container)
        on, off = {"Active": "True"}, {"Active": "False"}
        assert [(await put(session, free, name, about=on)).status for name in "abc"] == [201, 201, 201]
        assert [(await put(session, counted, name, about=on)).status for name in "abc"] == [201, 201, 402]
        assert (await put(session, counted, "a", about=on)).status == 201, "who has a licence keeps it"
        assert (await put(session, counted, "c", about=off)).status == 201
        assert (await session.request("POST", (counted, "c"), to_headers("Object", on))).status == 402
        assert (await session.request("POST", (counted, "a"), to_headers("Object", off))).status == 202
        assert (await session.request("POST", (counted, "c"), to_headers("Object", on))).status == 202
        assert server.destination.intake.licences_used() == 2
        assert any("licences" in text for text in server.told)

    with_server(tmp_path, f'mode = "{mode}"\nlicences = 2\n', work)


@pytest.mark.req("DEST-03")
def test_an_id_that_people_see_is_one_users_alone(tmp_path: Path):
    async def work(_: Running, session: SwiftSession) -> None:
        await make(session, "Users")
        statuses = [
            (await put(session, "Users", name, about={"UserID": key})).status
            for name, key in (("a", "4711"), ("b", "4711"), ("a", "4711"), ("b", ""), ("c", ""))
        ]
        assert statuses == [201, 400, 201, 201, 201]

    with_server(tmp_path, OPEN_HOUSE, work)


@pytest.mark.req("DEST-07")
@pytest.mark.parametrize(
    "about",
    [
        {"StartTime": "5"},
        {"StartTime": str(wall_ms() // 1000 + 2 * DAY_S)},
        {"TriggerOnTime": "noon"},
        {"StartTime": "1767225600", "StopTime": "1767225500"},
    ],
)
def test_bad_times_are_refused_or_set_apart(tmp_path: Path, about: dict[str, str]):
    async def refuse(server: Running, session: SwiftSession) -> None:
        assert (await make(session, BOX, **about)).status == 400
        assert (await make(session, BOX)).status == 201
        assert (await put(session, BOX, CLIP, b"x", about)).status == 400
        assert (await put(session, BOX, CLIP, b"")).status == 400, "a clip of no length"
        iso = {"StartTime": "2026-01-01T00:00:00.000Z"}
        assert (await put(session, BOX, "bookmark_20260101T000000Z_1", b"", iso)).status == 201
        assert (await session.request("POST", (BOX,), to_headers("Container", about))).status == 400

    async def set_apart(server: Running, session: SwiftSession) -> None:
        assert (await make(session, BOX, **about)).status == 201
        assert (await put(session, BOX, CLIP, b"x", about)).status == 201
        row = server.store.required(BOX)
        assert row.quarantine
        assert [BOX in text and "quarantine" in text for text in server.told] == [True]

    with_server(tmp_path / "1", OPEN_HOUSE, refuse)
    with_server(tmp_path / "2", OPEN_HOUSE + "quarantine_days = 3\n", set_apart)


@pytest.mark.req("DEST-02", "CTRL-11")
def test_rejected_content_is_taken_whatever_it_is_where_it_was_declared(tmp_path: Path):
    box = "RejectedContent_UnknownTime_0f7a"

    async def taken(_: Running, session: SwiftSession) -> None:
        assert (
            await make(session, box, UserID="nobody", StartTime="5", RejectedContentReason="bad time")
        ).status == 201
        assert (await put(session, box, CLIP, b"", {"StartTime": "7", "StopTime": "6"})).status == 201

    async def not_taken(_: Running, session: SwiftSession) -> None:
        assert (await make(session, box)).status == 403

    with_server(tmp_path / "1", "", taken)
    with_server(tmp_path / "2", 'capabilities = ["StoreBookmarks"]\n', not_taken)


@pytest.mark.req("DEST-02")
def test_a_complete_recording_takes_nothing_more(tmp_path: Path):
    async def work(server: Running, session: SwiftSession) -> None:
        await make(session, BOX, Status="Transferring")
        await put(session, BOX, CLIP, b"x")
        done = await session.request(
            "POST", (BOX,), to_headers("Container", {"Status": "Complete", "TriggerOff": "Button"})
        )
        assert done.status == 204
        assert (await put(session, BOX, CLIP, b"x")).status == 201
        assert (await put(session, BOX, CLIP, b"y")).status == 400
        assert (await put(session, BOX, "more.mp4", b"y")).status == 400
        changed = await session.request("POST", (BOX, CLIP), to_headers("Object", {"ContainerType": "mkv"}))
        assert changed.status == 400
        assert server.store.required(BOX).metadata == {"Status": "Complete", "TriggerOff": "Button"}
        assert len(files(server)) == 1

    with_server(tmp_path, OPEN_HOUSE, work)


@pytest.mark.req("DEST-11", "DEST-02")
def test_reading_back_needs_full_support(tmp_path: Path):
    async def denied(_: Running, session: SwiftSession) -> None:
        await make(session, BOX, UserID="W-7")
        await put(session, BOX, CLIP, CONTENT, {"ContainerType": "mp4"})
        head = await session.request("HEAD", (BOX, CLIP))
        assert (head.status, head.headers["content-length"]) == (200, str(len(CONTENT)))
        assert head.headers["x-object-meta-containertype"] == "mp4"
        assert (await session.request("GET", (BOX, CLIP))).status == 403
        assert (await session.request("GET", (BOX,))).status == 403

    async def allowed(server: Running, session: SwiftSession) -> None:
        await make(session, BOX, UserID="W-7")
        await put(session, BOX, CLIP, CONTENT)
        await put(session, BOX, "empty", b"")
        assert (await session.request("GET", (BOX, CLIP))).body == CONTENT
        assert (await session.request("GET", (BOX, "empty"))).body == b""
        ranges = {
            "bytes=0-9": (206, CONTENT[:10]),
            "bytes=2303990-": (206, CONTENT[2_303_990:]),
            "bytes=-7": (206, CONTENT[-7:]),
            "bytes=2303999-9999999": (206, CONTENT[-1:]),
            "bytes=2304000-": (416, b""),
            "bytes=9-1": (416, b""),
            "bytes=-": (416, b""),
            "lines=1-2": (200, CONTENT),
        }
        for wanted, expected in ranges.items():
            answer = await session.request("GET", (BOX, CLIP), {"Range": wanted})
            assert (answer.status, answer.body) == expected, wanted
        read = [line for line in server.told if "reads" in line]
        assert read == [f"controller at 127.0.0.1 reads {BOX}/{name} back" for name in (CLIP, "empty")], "once each"
        listing = json.loads((await session.request("GET", (BOX,), query="format=json")).body)
        assert [(row["name"], row["bytes"]) for row in listing] == [(CLIP, len(CONTENT)), ("empty", 0)]
        assert (await session.request("GET", (BOX,), query="limit=1")).body == f"{CLIP}\n".encode()
        assert (await session.request("GET", (BOX, "nothing"))).status == 404
        assert (await session.request("HEAD", ("nothing",))).status == 404

    with_server(tmp_path / "1", OPEN_HOUSE, denied)
    with_server(tmp_path / "2", OPEN_HOUSE + "full_support = true\n", allowed)


@pytest.mark.req("DEST-02")
@pytest.mark.parametrize("name", ["a/b", "..", "x" * 257, "a\nb"])
def test_names_that_no_store_takes(tmp_path: Path, name: str):
    async def work(_: Running, session: SwiftSession) -> None:
        assert (await make(session, name)).status in (400, 403, 404)  # httpx takes ".." away
        await make(session, BOX)
        long = name if len(name) < 257 else name * 5
        assert (await put(session, BOX, long, b"x")).status in (400, 403, 404, 405)

    with_server(tmp_path, OPEN_HOUSE, work)


@pytest.mark.req("DEST-02")
def test_a_sender_that_disappears_leaves_nothing(tmp_path: Path):
    async def work(server: Running, session: SwiftSession) -> None:
        await make(session, BOX)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        answer = await session.bare_request(
            "GET", server.connection.auth_uris[0], {"X-Auth-User": "controller", "X-Auth-Key": SECRET}
        )
        token = answer.headers["x-auth-token"]
        lines = [f"PUT /v1/AUTH_controller/{BOX}/{CLIP} HTTP/1.1", "Host: x", f"X-Auth-Token: {token}"]
        writer.write("\r\n".join([*lines, "Content-Length: 9000000", "", ""]).encode() + CONTENT)
        await writer.drain()
        async with asyncio.timeout(LIMIT_S):
            while not files(server):
                await make(session, BOX)
            writer.close()
            while files(server):
                await make(session, BOX)
        assert server.store.catalogue.objects(BOX) == []
        assert await reader.read() == b""

    with_server(tmp_path, OPEN_HOUSE, work, is_encrypted=False)


@pytest.mark.req("DEST-10")
def test_what_was_stored_is_there_after_a_restart_and_leftovers_are_not(tmp_path: Path):
    async def first(server: Running, session: SwiftSession) -> None:
        await make(session, BOX, UserID="W-7")
        await put(session, BOX, CLIP, CONTENT)
        shard = server.destination.folder / "objects" / "zz"
        shard.mkdir()
        (shard / "left-over.part").write_bytes(b"half")

    async def second(server: Running, _: SwiftSession) -> None:
        assert await server.reader.read_object(BOX, CLIP) == CONTENT
        assert len(files(server)) == 1

    with_server(tmp_path, OPEN_HOUSE, first)
    with_server(tmp_path, OPEN_HOUSE, second)


@pytest.mark.req("DEST-02", "DEST-04")
def test_what_was_declared_once_must_stay(tmp_path: Path):
    async def nothing(_: Running, __: SwiftSession) -> None:
        return

    place = tmp_path / "destination"
    with_server(tmp_path, 'capabilities = ["StoreBookmarks"]\n', nothing)
    (place / "server.toml").write_text('capabilities = ["StoreBookmarks", "StoreSignedVideo"]\n')
    with_server(tmp_path, "", nothing)
    (place / "server.toml").write_text("capabilities = []\n")
    with pytest.raises(EvidenceError, match="StoreBookmarks, StoreSignedVideo"):
        with_server(tmp_path, "", nothing)
    (place / "server.toml").write_text('mode = "device"\n')
    with pytest.raises(EvidenceError, match="mode"):
        with_server(tmp_path, "", nothing)
