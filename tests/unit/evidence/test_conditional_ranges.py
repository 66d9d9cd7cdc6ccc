"""A part of an object only while it is the object that the other parts are of: ``If-Range``, RFC 9110, 13.1.5."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.datastructures import Headers
from starlette.responses import StreamingResponse

from host_tools.custody.blocking import run_inline
from host_tools.evidence.catalogue import StoredObject
from host_tools.evidence.folder import Destination
from host_tools.evidence.streaming import is_the_same, object_headers, stream
from tests.unit.evidence.running import Running
from tests.unit.evidence.test_complete_stays import ABOUT, BOX, NOW_MS, opened, receive
from tests.unit.evidence.test_people_api import BOX as RECORDED
from tests.unit.evidence.test_people_api import GIVEN, clip_of, fill, running, with_people
from tests.unit.evidence.test_server import SwiftSession, make, put, with_server

pytestmark = pytest.mark.req("DEST-11", "DEST-02")
FILM = b"0123456789" * 10
NEXT_S_MS = (NOW_MS // 1000 + 1) * 1000
OTHER = '"d41d8cd98f00b204e9800998ecf8427e"'


@pytest.fixture
def made(tmp_path: Path) -> Generator[Destination]:
    """A destination with one clip, received at ``NOW_MS``; its clock stands a minute later."""
    with opened(tmp_path / "d") as (made, _):
        made.intake.put_container(BOX, ABOUT)
        receive(made, "a.mp4", FILM)
        made.store.wall_ms = lambda: NOW_MS + 60_000
        yield made


def row_of(made: Destination) -> StoredObject:
    row = made.store.catalogue.object(BOX, "a.mp4")
    assert row is not None
    return row


def ask(made: Destination, headers: Mapping[str, str]) -> tuple[int, bytes]:
    async def read() -> tuple[int, bytes]:
        answer = await stream(made.store, run_inline, row_of(made), Headers(headers))
        if not isinstance(answer, StreamingResponse):
            return answer.status_code, bytes(answer.body)
        return answer.status_code, b"".join([bytes(each) async for each in answer.body_iterator])  # type: ignore[arg-type]

    return asyncio.run(read())


def test_a_part_comes_where_the_condition_holds_and_all_of_it_where_it_does_not(made: Destination) -> None:
    row = row_of(made)
    told = object_headers(row, made.store.wall_ms())
    moment = told["Last-Modified"]
    part, whole = (206, FILM[10:20]), (200, FILM)
    for condition, wanted in {
        row.etag: part,
        f'"{row.etag}"': part,
        f' "{row.etag}" ': part,
        moment: part,
        f'W/"{row.etag}"': whole,
        f'"{row.etag}': whole,
        OTHER: whole,
        f'"{row.etag}", {OTHER}': whole,
        "*": whole,
        "yesterday": whole,
        "Sat, 01 Jan 2000 00:00:00 GMT": whole,
        "Fri, 31 Dec 9999 23:59:60 GMT": whole,
        "": part,
    }.items():
        assert ask(made, {"Range": "bytes=10-19", "If-Range": condition}) == wanted, condition
        assert ask(made, {"If-Range": condition}) == whole, "a condition of no range"
        outside = (416, b"") if wanted == part else whole
        assert ask(made, {"Range": "bytes=900-", "If-Range": condition}) == outside


def test_a_time_is_told_and_believed_in_each_form_of_http(made: Destination) -> None:
    row = replace(row_of(made), stored_ms=784_111_777_400)
    assert object_headers(row, NOW_MS)["Last-Modified"] == "Sun, 06 Nov 1994 08:49:37 GMT"
    for text in ("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"):
        assert is_the_same(text, row, NOW_MS), text
    for text in ("Sun, 06 Nov 1994 08:49:38 GMT", "Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:37 +0100"):
        assert not is_the_same(text, row, NOW_MS), text


def test_a_time_says_nothing_while_its_second_is_not_over(made: Destination) -> None:
    """What comes twice within a second has one time and two contents."""
    row, later = row_of(made), object_headers(row_of(made), NEXT_S_MS)["Last-Modified"]
    for now_ms in (NOW_MS, NEXT_S_MS - 1, 0):  # the last: somebody has set the clock back
        assert "Last-Modified" not in object_headers(row, now_ms)
        assert not is_the_same(later, row, now_ms)
        assert is_the_same(row.etag, row, now_ms)
    assert is_the_same(later, row, NEXT_S_MS)


def test_other_units_are_passed_over(made: Destination) -> None:
    for said, wanted in {
        "lines=1-2": (200, FILM), "octets=0-5": (200, FILM), "=0-5": (200, FILM),
        "Bytes=0-4": (206, FILM[:5]), "bytes": (416, b""), "bytes=a-b": (416, b""),
    }.items():  # fmt: skip
        assert ask(made, {"Range": said}) == wanted, said


def test_both_ways_out_have_it(tmp_path: Path) -> None:
    """A controller's and a browser's."""

    async def as_controller(_: Running, session: SwiftSession) -> None:
        await make(session, BOX, UserID="W-7")
        await put(session, BOX, "a.mp4", FILM)
        etag = (await session.request("HEAD", (BOX, "a.mp4"))).headers["etag"]
        for condition, status in ((etag, 206), (OTHER, 200)):
            asked = {"Range": "bytes=0-4", "If-Range": condition}
            assert (await session.request("GET", (BOX, "a.mp4"), asked)).status == status

    with_server(tmp_path / "1", "requires_known = false\nfull_support = true\n", as_controller)

    async def as_browser() -> None:
        async with running(tmp_path / "2", "") as server:
            await fill(server)
            async with with_people(server) as enter:
                vera, path = await enter("vera"), f"/api/v1/recordings/{RECORDED}/objects/{clip_of(server)}"
                etag = (await vera.get(path, headers={"Range": "bytes=0-0"})).headers["etag"]
                for condition, status, content in ((etag, 206, GIVEN.content[:5]), (OTHER, 200, GIVEN.content)):
                    answer = await vera.get(path, headers={"Range": "bytes=0-4", "If-Range": condition})
                    assert (answer.status_code, answer.content) == (status, content)

    asyncio.run(as_browser())
