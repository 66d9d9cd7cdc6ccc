"""What is complete stays what it was: who has the controllers' key adds recordings, and changes and removes none."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.errors import IoFault
from host_tools.destinations.headers import to_headers
from host_tools.destinations.swift_session import SwiftSession
from host_tools.evidence import folder, retention
from host_tools.evidence.errors import Refusal
from host_tools.evidence.folder import Destination
from host_tools.evidence.search import Query, search
from tests.unit.evidence.running import OPEN_HOUSE, Running
from tests.unit.evidence.test_server import BOX, CLIP, files, make, put, with_server

pytestmark = pytest.mark.req("DEST-02", "DEST-06")
NOW_MS = 1_767_225_600_000
DAY_MS = 86_400_000
ABOUT = {"UserID": "W-7", "BWCSerialNumber": "CAM-1", "StartTime": "1767225600", "TimeZone": "UTC"}
KEPT = OPEN_HOUSE + "quarantine_days = 1\nkeep_days = 3000\n"


@contextmanager
def opened(place: Path, settings: str = OPEN_HOUSE, now_ms: int = NOW_MS) -> Generator[tuple[Destination, list[str]]]:
    names, told = itertools.count(), list[str]()
    if not place.exists():
        folder.create(place, settings, "secret", NOW_MS)
    with folder.opened(
        place, LinuxFiles(place), lambda: now_ms, lambda: f"{next(names):032x}"[::-1], told.append
    ) as made:
        yield made, told


def receive(made: Destination, name: str, content: bytes = b"a film", box: str = BOX) -> None:
    made.intake.check_object(box, name, {}, len(content))
    upload = made.store.begin(0)
    upload.feed(content)
    made.intake.finish_object(upload, box, name, {}, "video/mp4")


def test_nobody_can_say_otherwise_of_a_recording_that_is_complete(tmp_path: Path) -> None:
    """Neither who wore the camera, nor when it was, nor that something is wrong with it: by those two it would go."""

    async def work(server: Running, session: SwiftSession) -> None:
        await make(session, BOX, **ABOUT)
        await put(session, BOX, CLIP, b"a film")
        done = await session.request("POST", (BOX,), to_headers("Container", {"Status": "Complete"}))
        assert done.status == 204
        before, objects = server.store.required(BOX), server.store.catalogue.objects(BOX)
        for about in ({"UserID": "W-8"}, {"StartTime": "1262304000"}, {"StartTime": "5"}, {"UserID": ""}):
            told = await session.request("POST", (BOX,), to_headers("Container", about))
            assert (told.status, (await make(session, BOX, **about)).status) == (204, 202), "as one who repeats himself"
        assert (await put(session, BOX, CLIP, b"")).status == 400
        assert (await put(session, BOX, "more.mp4", b"", {"StartTime": "5"})).status == 400
        assert server.store.required(BOX) == before
        assert server.store.catalogue.objects(BOX) == objects
        assert any("other words about it are not taken (UserID)" in line for line in server.told)
        assert retention.clean_up(server.store, server.destination.settings, before.made_ms + 2 * DAY_MS) == []
        assert [row.name for row in search(server.store.catalogue, Query(wearer="W-7"))] == [BOX]
        assert len(server.told) == 8, "a repetition is nothing to tell"
        assert (await make(session, BOX, **ABOUT)).status == 202
        assert len(server.told) == 8

    with_server(tmp_path, KEPT, work)


def test_people_and_rejected_content_are_never_complete(tmp_path: Path) -> None:
    """Else one request would end all registering of wearers, and rejected content would be refused."""

    async def work(server: Running, session: SwiftSession) -> None:
        for box in ("Users", "Devices", "System", "RejectedContent_UnknownTime_0f7a"):
            await make(session, box)
            done = await session.request("POST", (box,), to_headers("Container", {"Status": "Complete"}))
            assert done.status == 204
            assert (await put(session, box, "W-7", b"", {"Active": "True"})).status == 201
            changed = await session.request("POST", (box, "W-7"), to_headers("Object", {"Active": "False"}))
            assert changed.status == 202, box
            assert server.store.required(box).completed_ms is None

    with_server(tmp_path, OPEN_HOUSE, work)


@pytest.mark.req("DEST-04")
@pytest.mark.parametrize(("mode", "box"), [("wearer", "Users"), ("device", "Devices")])
def test_nobody_gets_a_licence_by_being_somebody_else_first(tmp_path: Path, mode: str, box: str) -> None:
    """Who has the ID of another is that one; whoever has it no longer needs a licence of his own."""
    with opened(tmp_path / "d", f'{OPEN_HOUSE}licences = 1\nmode = "{mode}"\n') as (made, _):
        made.intake.put_container(box, {})
        receive_as(made, box, "one", {"UserID": "4711", "Name": "Zoë"})
        if box == "Devices":
            with pytest.raises(Refusal, match="all 1 licences"):
                receive_as(made, box, "two", {"UserID": "4711", "Name": "Zoë"})
            return
        receive_as(made, box, "two", {"UserID": "4711", "Name": "Zoë"})
        for name in ("one", "two"):
            with pytest.raises(Refusal, match="all 1 licences"):
                made.intake.update_object(box, name, {"UserID": "4712", "Name": "Zoë"})
        made.intake.update_object(box, "two", {"UserID": "4711", "Name": "Zoë", "Active": "False"})
        made.intake.update_object(box, "one", {"UserID": "4712", "Name": "Zoë"})
        assert made.intake.licences_used() == 1


def receive_as(made: Destination, box: str, name: str, about: dict[str, str]) -> None:
    made.intake.finish_object(made.store.begin(0), box, name, about, "")


def test_a_machine_whose_clock_nobody_has_set_refuses_nothing_for_good(tmp_path: Path) -> None:
    with opened(tmp_path / "d"):
        pass
    for settings in ("", "quarantine_days = 5\n"):
        with opened(tmp_path / f"d{len(settings)}", OPEN_HOUSE + settings, now_ms=1_000) as (made, _):
            made.intake.put_container("Users", {})
            with pytest.raises(Refusal, match="clock") as refusal:
                made.intake.put_container(BOX, ABOUT)
            assert refusal.value.status == 503
            assert made.store.catalogue.container(BOX) is None
    with opened(tmp_path / "d") as (made, _):
        assert made.intake.put_container(BOX, ABOUT)


def test_names_that_mean_no_letters_are_not_one_name(tmp_path: Path) -> None:
    """Two of them would be the same, and the second would take the place of the first."""
    with opened(tmp_path / "d") as (made, _):
        made.intake.put_container(BOX, ABOUT)
        for name in (b"\xff.mp4", b"\xfe.mp4"):
            with pytest.raises(Refusal, match="UTF-8") as refusal:
                receive(made, name.decode(errors="replace"))
            assert refusal.value.status == 400
        assert made.store.catalogue.objects(BOX) == []


def test_what_can_never_be_an_address_is_told_so(tmp_path: Path) -> None:
    """404 would have a controller make the container anew for ever."""

    async def work(server: Running, session: SwiftSession) -> None:
        await make(session, BOX)
        assert (await put(session, BOX, "a\nb.mp4", b"x")).status == 400
        url = f"{await session.storage()}/{BOX}/a%0Ab"
        assert (await session.bare_request("PUT", url, {})).status == 401, "nobody is told before he is known"
        assert (await session.bare_request("DELETE", url[:-4], {})).status == 405

    with_server(tmp_path, OPEN_HOUSE, work)


def test_digests_are_compared_whatever_the_case_of_their_letters(tmp_path: Path) -> None:
    async def work(server: Running, session: SwiftSession) -> None:
        await make(session, BOX)
        assert (await put(session, BOX, CLIP, b"abc", etag="900150983CD24FB0D6963F7D28E17F72")).status == 201
        sha256 = {"X-Object-Sha256": hashlib.sha256(b"").hexdigest().upper()}
        assert (await session.request("PUT", (BOX, "empty"), sha256)).status == 201

    with_server(tmp_path, OPEN_HOUSE, work)


def test_a_disk_is_never_filled_by_several_at_once_or_by_one_that_does_not_say_how_long_it_is(tmp_path: Path) -> None:
    """Each was let in while there was room for it alone."""

    async def work(server: Running, session: SwiftSession) -> None:
        await make(session, BOX)
        shrinking = Shrinking(server.destination.folder)
        server.store.files = shrinking
        assert (await put(session, BOX, CLIP, bytes(4 << 20))).status == 507
        assert shrinking.asked > 2
        assert files(server) == []

    with_server(tmp_path, OPEN_HOUSE + "keep_free_mb = 100\n", work)


class Shrinking(LinuxFiles):
    """Another writer takes what there is, a little between any two looks."""

    asked = 0

    def free_bytes(self) -> int:
        self.asked += 1
        return 108_000_000 - 2_000_000 * self.asked


def test_bytes_stay_where_a_disk_does_not_say_whether_their_row_counts(tmp_path: Path) -> None:
    with opened(tmp_path / "d") as (made, _):
        made.intake.put_container(BOX, ABOUT)
        upload = made.store.begin(0)
        upload.feed(b"a film")
        with pytest.raises(IoFault):
            in_doubt(made, upload)
        made.store.discard(upload)
        assert (tmp_path / "d" / upload.path).read_bytes() == b"a film"
        assert not made.store.is_receiving(upload.path), "it is nobody's, and goes as that"


def in_doubt(made: Destination, upload: object) -> None:
    """The disk fails in the very commit: the row may be there after the next start."""
    made.store.catalogue._database._do = lambda statement: failing(statement)
    try:
        made.intake.finish_object(upload, BOX, CLIP, {}, "video/mp4")  # type: ignore[arg-type]
    finally:
        del made.store.catalogue._database._do


def failing(statement: str) -> None:
    if statement == "COMMIT":
        raise IoFault("cannot sync: input/output error")
