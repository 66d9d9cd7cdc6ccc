"""What goes beside a recording's clip, what becomes of one that was refused, and of one that the destination lost."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from firmware.formats.chunk import ClearOpener
from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.delivery import Delivery
from host_tools.controller.delivery_around import Around
from host_tools.controller.delivery_notes import NoteBook, Notes
from host_tools.controller.delivery_rejected import Rejected
from host_tools.controller.delivery_view import destination_alerts, destination_view
from host_tools.controller.drives import Drive, DriveError, check_drive, find_drive
from host_tools.custody.blocking import run_in_thread
from host_tools.custody.errors import CustodyRefused
from host_tools.custody.ledger import read_entry
from host_tools.destinations import connection_file
from host_tools.destinations.attached import Attached
from host_tools.destinations.extras import Bookmark, Fix, read_track
from host_tools.destinations.interface import DestinationError, DestinationRefused, Receipt, Source
from host_tools.destinations.wrappers import Wrapper
from host_tools.evidence.search import Query, search
from tests.patience import LIMIT_S
from tests.unit.controller.test_delivery import Held, quick
from tests.unit.controller.test_delivery import wall_ms as held_wall_ms
from tests.unit.custody.recordings import CAMERA, STARTED_UNIX_MS, Sample, sample
from tests.unit.destinations.test_archive import WORDS
from tests.unit.evidence.running import Running, running, wall_ms
from tests.unit.evidence.test_attached import Controller, People, user

pytestmark = pytest.mark.usefixtures("quick")
__all__ = ("quick",)

GIVEN = sample(1)
TRACK = [Fix(STARTED_UNIX_MS + 1_000 * at, 59.33 + at / 10_000, 18.06, 4.0) for at in range(3)]
BOX = f"{user('W-7')}_CAM-0001_20260101T000000Z"


def nobody() -> Controller:
    return Controller(people=People())


def around(attached: Attached, keep_ms: int = 0) -> Around:
    return Around(NoteBook(MemoryFiles()), attached, lambda: "Europe/Stockholm", lambda _: "Night shift", keep_ms)


def told(held: Held, given: Sample, word: str) -> dict[str, Any]:
    """What the ledger says of a recording beside a word."""
    return next(
        entry.details for entry in map(read_entry, held.index.ledger_links(given.recording)) if entry.word == word
    )


@pytest.mark.req("DEST-05", "DEST-06", "DEST-03", "DEST-11")
def test_bookmark_category_note_and_place_go_with_it_and_the_ledger_names_each_object(tmp_path: Path):
    async def run() -> None:
        held = Held([GIVEN])
        async with (
            running(tmp_path / "destination", "") as server,
            nobody().attached(server.connection) as attached,
        ):
            about = around(attached)
            about.notes.describe(GIVEN.recording, ("5", "Traffic"), "Both cars were blue.")
            about.notes.mark(GIVEN.recording, Bookmark("m1", STARTED_UNIX_MS + 1_000, text="the turn"))
            about.notes.locate(GIVEN.recording, TRACK)
            async with held.delivering(attached, around=about) as delivery:
                await held.until(lambda: "delivered" in held.words())
                view = destination_view(delivery)
            assert (view["fault"], view["lacks"], view["own_time_zone"]) == ("", {}, "Europe/Stockholm")
            assert abs(view["clock_ahead_ms"]) < view["clock_tolerance_ms"] == 60_000
            assert view["categories"][4] == {"name": "Traffic", "id": "5"}
            assert about.notes.of(GIVEN.recording).is_empty, "they are not kept longer than needed"
            catalogue = server.store.catalogue
            box = server.store.required(BOX)
            assert box.metadata["TimeZone"] == "Europe/Stockholm"
            assert box.metadata["TriggerOnLocation"].startswith("59.330000;18.060000;4;")
            rows = {row.name.partition("_")[0]: row for row in catalogue.objects(BOX)}
            marks = [row for row in catalogue.objects(BOX) if row.name.startswith("bookmark_")]
            assert marks[0].metadata["Tags"] == "TriggerOn:Button;CameraName:Night shift"
            assert (marks[0].metadata["CategoryID"], marks[0].metadata["CategoryName"]) == ("5", "Traffic")
            text = await server.reader.read_object(BOX, marks[0].name)
            for line in (b"Camera: Night shift", b"Activation: Button", b"Category: Traffic", b"Both cars were blue."):
                assert line in text
            assert await server.reader.read_object(BOX, marks[1].name) == b"the turn"
            assert len(rows) >= 2
            assert [row.name for row in search(catalogue, Query(category="5"))] == [BOX]
            near = Query(near=(59.33, 18.06), radius_m=50)
            assert [row.name for row in search(catalogue, near)] == [BOX]
            names = {each["name"] for each in told(held, GIVEN, "delivered")["objects"]}
            assert names == {row.name for row in catalogue.objects(BOX)}
        held.close()

    asyncio.run(run())


class Refusing(Wrapper):
    """Refuses every clip while it is told to."""

    refuses = True

    async def put_object(self, container: str, name: str, source: Source, length_bytes: int, metadata: Any) -> Receipt:
        if self.refuses and not container.startswith("RejectedContent"):
            raise DestinationRefused("destination: can never store this")
        return await super().put_object(container, name, source, length_bytes, metadata)


def rejected_of(held: Held, delivery: Delivery, files: MemoryFiles) -> Rejected:
    ids = iter(["5fc4c3a6-0000-4000-8000-000000000001", "5fc4c3a6-0000-4000-8000-000000000002"])
    return Rejected(
        held.index,
        held.spool,
        delivery,
        lambda manifest: ClearOpener(manifest.recording),
        files,
        wall_ms,
        lambda: next(ids),
        run_in_thread,
    )


@pytest.mark.req("CTRL-11", "CTRL-09")
def test_what_was_refused_is_sent_or_archived_and_stays_until_a_person_confirms(tmp_path: Path):
    async def run() -> None:
        one, other = GIVEN, sample(2, started_unix_ms=STARTED_UNIX_MS + 60_000)
        held, files = Held([one, other]), MemoryFiles()
        async with (
            running(tmp_path / "destination", "") as server,
            nobody().attached(server.connection) as attached,
        ):
            destination = Refusing(attached)
            async with held.delivering(destination, around=around(attached)) as delivery:
                await held.until(lambda: held.words().count("set_aside") == 2)
                rejected = rejected_of(held, delivery, files)
                assert [row["fault"] for row in rejected.rows()] == ["refused", "refused"]
                with pytest.raises(CustodyRefused, match="nothing is to be confirmed"):
                    await rejected.confirm(one.recording)
                sent = await rejected.send(one.recording)
                again = await rejected.send(one.recording)
                assert sent == again, "it may be repeated"
                (box,) = [row for row in server.store.catalogue.containers() if row.name.startswith("Rejected")]
                assert box.metadata["RejectedContentOriginalContainer"] == BOX
                assert box.metadata["RejectedContentReason"].startswith("destination: can never store this")
                drive = Drive(tmp_path, tmp_path, "exfat", "", None, 10**9)
                attempts = [await rejected.archive(other.recording, drive, WORDS) for _ in range(3)]
                assert len({each["where"] for each in attempts}) == 3, "whatever an earlier attempt has left"
                archived = attempts[-1]
                must_open(Path(archived["where"]), other)
                assert held.states() == ["delivering", "delivering"], "they stay"
                rejected = rejected_of(held, delivery, files)  # the controller was started again
                assert [row["done"]["how"] for row in rejected.rows()] == ["sent", "archived"]
                await rejected.confirm(one.recording)
                await rejected.confirm(other.recording)
                assert held.states() == ["delivered", "delivered"]
                assert rejected.rows() == []
                assert held.words().count("delivered") == 2
                async with asyncio.timeout(LIMIT_S):
                    while held.spool.storage().used_bytes:  # noqa: ASYNC110  letting go tells nobody
                        await asyncio.sleep(0.01)
                assert delivery.losses.lost == {}, "nobody looks for them there"
            assert told(held, other, "delivered")["objects"] == archived["objects"]
            assert told(held, one, "delivered")["objects"][0]["sha256"] == one.manifest.content_sha256.hex()
        held.close()

    asyncio.run(run())


def must_open(path: Path, given: Sample) -> None:
    """With 7-Zip, and nothing of ours."""
    seven = shutil.which("7z") or shutil.which("7zz")
    if seven is None:
        return
    out = path.parent / "opened"
    subprocess.run([seven, "x", f"-p{WORDS}", f"-o{out}", str(path)], check=True, capture_output=True)
    (clip,) = out.glob("*.mp4")
    assert clip.read_bytes() == given.content
    about = json.loads((out / "container.json").read_text())
    assert about["metadata"]["BWCSerialNumber"] == CAMERA


@pytest.mark.req("CTRL-22", "CTRL-09")
def test_the_next_destination_is_not_asked_for_what_the_one_before_has(tmp_path: Path):
    async def run() -> None:
        held, controller = Held([GIVEN]), nobody()
        async with (
            running(tmp_path / "one", "") as one,
            running(tmp_path / "two", "") as two,
            controller.attached(one.connection) as attached,
        ):
            async with held.delivering(attached, around=around(attached, 3_600_000)):
                await held.until(lambda: "delivered" in held.words())
            await attached.forget()
            assert held.index.transfers.note_left("left for another") == 1
            await attached.replace_connection(connection_file.write(two.connection))
            asked = len(held.told)
            async with held.delivering(attached, around=around(attached, 3_600_000)) as delivery:
                async with asyncio.timeout(LIMIT_S):
                    while delivery.losses.is_due(held_wall_ms()):  # noqa: ASYNC110  a look tells nobody
                        await asyncio.sleep(0.01)
                assert delivery.losses.lost == {}
            assert not {"lost", "delivered_again"} & {each["what"] for each in held.told[asked:]}
            assert two.store.catalogue.container(BOX) is None
            (kept,) = held.index.transfers.history(held_wall_ms())
            assert (kept.outcome, kept.reason) == ("delivered", "left for another")
        held.close()

    asyncio.run(run())


@pytest.mark.req("CTRL-09", "DEST-10")
@pytest.mark.parametrize("keep_ms", [3_600_000, 0])
def test_what_a_restored_destination_has_lost_is_sent_again_or_named(tmp_path: Path, keep_ms: int):
    async def run() -> None:
        held, place = Held([GIVEN]), tmp_path / "destination"
        controller = nobody()
        async with running(place, "") as server:
            async with (
                controller.attached(server.connection) as attached,
                held.delivering(attached, around=around(attached, keep_ms)),
            ):
                await held.until(lambda: "delivered" in held.words())
            forget(server)
            port = server.port
        async with (
            running(place, "", port=port) as server,
            controller.attached() as attached,
            held.delivering(attached, around=around(attached, keep_ms)) as delivery,
        ):
            if keep_ms:
                await held.until(lambda: "delivered_again" in held.words())
                assert server.store.required(BOX).is_complete
                assert (await server.reader.read_object(BOX, clip_of(server))) == GIVEN.content
            else:
                await held.until(lambda: "lost" in held.words())
                (text,) = destination_alerts(delivery).values()
                assert BOX in text
                assert "restore a newer backup" in text
            assert held.states() == ["delivered"]
        held.close()

    asyncio.run(run())


def forget(server: Running) -> None:
    """As if it had been restored from before the delivery."""
    for place in server.store.catalogue.drop_container(BOX):
        server.store.remove(place)


def clip_of(server: Running) -> str:
    return next(row.name for row in server.store.catalogue.objects(BOX) if row.name.endswith(".mp4"))


def test_notes_are_kept_whole_and_damaged_ones_count_as_none():
    files = MemoryFiles()
    book = NoteBook(files)
    book.describe(b"r" * 16, ("1", "Testimony"), "a note")
    book.mark(b"r" * 16, Bookmark("m", 5, 9, "x", tags={"k": "v"}))
    book.locate(b"r" * 16, TRACK)
    found = NoteBook(files).of(b"r" * 16)
    assert found.category == ("1", "Testimony")
    assert found.bookmarks == (Bookmark("m", 5, 9, "x", tags={"k": "v"}),)
    assert found.fixes == tuple(TRACK)
    file = files.open(f"notes/{(b'r' * 16).hex()}.json", writable=True)
    file.write_at(0, b"[")
    file.close()
    assert NoteBook(files).of(b"r" * 16) == Notes()
    book.forget(b"r" * 16)
    book.forget(b"r" * 16)


@pytest.mark.req("DEST-03")
def test_tracks_are_read_from_gpx_and_from_the_apis_own_form():
    gpx = b"""<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
        <trkpt lat="59.3302" lon="18.06"><time>2026-01-01T00:00:02Z</time></trkpt>
        <trkpt lat="59.33" lon="18.06"><time>2026-01-01T00:00:00Z</time></trkpt><trkpt lat="1" lon="2"/>
        </trkseg></trk></gpx>"""
    assert read_track(gpx) == [Fix(STARTED_UNIX_MS, 59.33, 18.06), Fix(STARTED_UNIX_MS + 2_000, 59.3302, 18.06)]
    own = b'{"CoordinateEntries":[{"LocationWKT":"POINT(18.06 59.33)","Timestamp":"2026-01-01T00:00:00.000Z"}]}'
    assert read_track(own) == [Fix(STARTED_UNIX_MS, 59.33, 18.06)]
    for bad in (b"<gpx>", b"{}", b"<!DOCTYPE x [<!ENTITY a 'b'>]><gpx/>", own.replace(b"59.33", b"95.33")):
        with pytest.raises(DestinationError, match="no track"):
            read_track(bad)


@pytest.mark.req("CTRL-11")
def test_a_drive_is_exfat_and_has_one_partition(tmp_path: Path):
    stick = tmp_path / "media" / "stick one"
    stick.mkdir(parents=True)
    mounts, blocks = tmp_path / "mountinfo", tmp_path / "block"
    place = str(stick).replace(" ", "\\040")
    disk = tmp_path / "devices" / "sdb"
    (disk / "sdb1").mkdir(parents=True)
    (disk / "sdb1" / "partition").write_text("1")
    blocks.mkdir()
    (blocks / "sdb1").symlink_to(disk / "sdb1")
    root = "21 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
    mounts.write_text(f"{root}99 21 8:17 / {place} rw - exfat /dev/sdb1 rw\nnonsense\n")
    drive = find_drive(stick, mounts, blocks)
    assert (drive.mount_point, drive.file_system, drive.partitions) == (stick, "exfat", 1)
    assert drive.free_bytes > 0
    check_drive(drive)
    (disk / "sdb2").mkdir()
    (disk / "sdb2" / "partition").write_text("2")
    with pytest.raises(DriveError, match="2 partitions"):
        check_drive(find_drive(stick, mounts, blocks))
    with pytest.raises(DriveError, match="ext4, not on an exFAT drive"):
        check_drive(find_drive(tmp_path, mounts, blocks))
    with pytest.raises(DriveError, match="mount it"):
        find_drive(tmp_path / "nothing", mounts, blocks)
