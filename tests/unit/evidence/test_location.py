"""Where a camera was, from its manifest to the destination: the trail where it takes one, else begin and end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from firmware.formats import manifest as manifests
from firmware.formats.manifest import TrackEntry
from firmware.formats.moment import UNIX_MS_MAX, Moment
from firmware.formats.track import Place
from host_tools.accounts.audit import AuditTrail
from host_tools.accounts.people import actor_of
from host_tools.controller.commands import CommandError, Commands, Gate
from host_tools.controller.delivery import Delivery
from host_tools.controller.delivery_extras import beside_the_clip, fixes_of, place_metadata
from host_tools.controller.delivery_notes import Notes
from host_tools.controller.destination_commands import DestinationCommands
from host_tools.controller.happenings import Happenings
from host_tools.custody import belief
from host_tools.custody.blocking import run_in_thread
from host_tools.custody.errors import ContentMismatch
from host_tools.destinations import capabilities
from host_tools.destinations.extras import Fix, read_track
from host_tools.destinations.memory import MemoryDestination
from host_tools.evidence import viewing
from host_tools.evidence.places import location_place, track_points
from host_tools.evidence.search import Query, search
from host_tools.evidence.settings import ServerSettings
from tests.unit.accounts.parts import ADAS, HOME, NOW_MS, town
from tests.unit.controller.test_delivery import Held, clear_opener, quick, wall_ms
from tests.unit.custody.recordings import STARTED_UNIX_MS, Sample, sample
from tests.unit.evidence.running import Running, running
from tests.unit.evidence.test_beside_recordings import BOX, around, nobody

pytestmark = pytest.mark.usefixtures("quick")
__all__ = ("quick",)

# In the southern and western hemisphere, with the receiver's own clock two seconds off the camera's.
PLACES = tuple(
    Place(900 + 1_000 * n, STARTED_UNIX_MS + 2_900 + 1_000 * n, -338_688_197 + 90 * n, -706_483_000 - 40 * n, 43, 1, 9)
    for n in range(5)
)
WALKED = sample(1, places=PLACES)
TYPED = Fix(STARTED_UNIX_MS, 1.0, 2.0, 3.0)


class Delivered(NamedTuple):
    delivery: Delivery
    server: Running


@asynccontextmanager
async def delivered(folder: Path, given: Sample, settings: str = "", typed: bool = False) -> AsyncGenerator[Delivered]:
    """Into a destination of its own. ``typed``: somebody has said where it was made, too."""
    held = Held([given])
    try:
        async with running(folder, settings) as server, nobody().attached(server.connection) as attached:
            about = around(attached, 3_600_000)
            if typed:
                about.notes.locate(given.recording, [TYPED])
            async with held.delivering(attached, around=about) as delivery:
                await held.until(lambda: "delivered" in held.words())
                yield Delivered(delivery, server)
    finally:
        held.close()


def near(server: Running, latitude: float, longitude: float) -> list[str]:
    return [row.name for row in search(server.store.catalogue, Query(near=(latitude, longitude), radius_m=20))]


@pytest.mark.req("CAM-09", "DEST-05", "DEST-11")
@pytest.mark.parametrize("typed", [False, True], ids=["alone", "though somebody says otherwise"])
def test_the_trail_arrives_place_for_place_and_is_found_and_shown(tmp_path: Path, typed: bool):
    async def run() -> None:
        async with delivered(tmp_path / "d", WALKED, typed=typed) as (delivery, server):
            (name,) = [row.name for row in server.store.catalogue.objects(BOX) if row.name.endswith("_gpstrail.json")]
            data = await server.reader.read_object(BOX, name)
            for point, place in zip(track_points(data), PLACES, strict=True):
                assert point["latitude"] == pytest.approx(place.latitude / 1e7, abs=6e-7)
                assert point["longitude"] == pytest.approx(place.longitude / 1e7, abs=6e-7)
                assert point["seconds"] == place.at_ms / 1000, "since the recording's start, as the picture has it"
            assert [fix.unix_ms for fix in read_track(data)] == [STARTED_UNIX_MS + place.at_ms for place in PLACES]
            box = server.store.required(BOX)
            assert box.metadata["TriggerOnLocation"] == "-33.868820;-70.648300;4;1767225600"
            assert box.metadata["TriggerOffLocation"] == "-33.868784;-70.648316;4;1767225604"
            assert near(server, -33.86882, -70.6483) == [BOX]
            assert near(server, 1.0, 2.0) == []
            shown = viewing.recording(server.store, box, ServerSettings())
            assert len(shown["track"]) == len(PLACES)
            assert [each["location"][:10] for each in shown["bookmarks"]] == ["-33.868820"]
            assert delivery.is_located(WALKED.recording)

    asyncio.run(run())


@pytest.mark.req("CAM-09", "DEST-11")
def test_a_destination_without_trails_gets_begin_and_end_and_finds_by_them(tmp_path: Path):
    settings = 'full_support = false\ncapabilities = ["StoreBookmarks", "StoreUserIDKey"]\n'

    async def run() -> None:
        async with delivered(tmp_path / "d", WALKED, settings) as (_, server):
            names = [row.name for row in server.store.catalogue.objects(BOX)]
            assert not [name for name in names if "gpstrail" in name]
            box = server.store.required(BOX)
            assert box.metadata["TriggerOnLocation"].startswith("-33.868820;")
            assert box.metadata["TriggerOffLocation"].startswith("-33.868784;")
            assert near(server, -33.86882, -70.6483) == [BOX]
            assert near(server, -33.8, -70.6483) == []

    asyncio.run(run())


@pytest.mark.req("CAM-09")
def test_without_a_fix_nothing_is_said_of_any_place(tmp_path: Path):
    async def run() -> None:
        async with delivered(tmp_path / "d", sample(1)) as (delivery, server):
            box = server.store.required(BOX)
            assert not [row.name for row in server.store.catalogue.objects(BOX) if "gpstrail" in row.name]
            assert not {"TriggerOnLocation", "TriggerOffLocation"} & set(box.metadata)
            assert not delivery.is_located(sample(1).recording)

    asyncio.run(run())


def test_what_people_say_counts_where_the_camera_has_said_nothing():
    assert fixes_of(sample(1).manifest, Notes(fixes=(TYPED,))) == (TYPED,)
    assert fixes_of(WALKED.manifest, Notes(fixes=(TYPED,)))[0].unix_ms == STARTED_UNIX_MS + 900


@pytest.mark.req("CAM-09")
def test_nobody_says_otherwise_than_the_camera_did():
    async def run() -> None:
        other = sample(2)
        held = Held([WALKED, other])
        actor = actor_of(place.people.sessions.find(place.people.login("ada", ADAS, HOME, NOW_MS), NOW_MS), HOME)
        destination, none = MemoryDestination(), Happenings(wall_ms)
        delivery = Delivery(held.index, held.spool, destination, wall_ms, clear_opener, run_in_thread, none)
        unused: Any = None
        gate = Gate(AuditTrail(place.store), wall_ms, run_in_thread)
        group = DestinationCommands(gate, delivery, None, unused, held.index, unused, run_in_thread)
        commands = Commands([group])
        fixes = [{"unix_ms": 1, "latitude": 1.0, "longitude": 2.0}]
        with pytest.raises(CommandError, match="its camera has noted where it was"):
            await commands.call(actor, "locate_recording", {"recording": WALKED.recording.hex(), "fixes": fixes})
        await commands.call(actor, "locate_recording", {"recording": other.recording.hex(), "fixes": fixes})
        assert delivery.around.notes.of(other.recording).fixes == (Fix(1, 1.0, 2.0, 0.0),)
        assert delivery.around.notes.of(WALKED.recording).is_empty
        held.close()

    with town() as place:
        place.settled()
        asyncio.run(run())


@pytest.mark.req("CAM-09", "DEST-05")
def test_what_has_no_place_on_earth_or_in_a_calendar_is_not_taken():
    """One that was taken would keep this recording, and the others with it, from ever being sent."""

    async def run() -> None:
        other = sample(2)
        held = Held([other])
        actor = actor_of(place.people.sessions.find(place.people.login("ada", ADAS, HOME, NOW_MS), NOW_MS), HOME)
        destination, none = MemoryDestination(), Happenings(wall_ms)
        delivery = Delivery(held.index, held.spool, destination, wall_ms, clear_opener, run_in_thread, none)
        unused: Any = None
        gate = Gate(AuditTrail(place.store), wall_ms, run_in_thread)
        commands = Commands([DestinationCommands(gate, delivery, None, unused, held.index, unused, run_in_thread)])
        recording = other.recording.hex()
        for bad in ({"unix_ms": UNIX_MS_MAX + 1}, {"latitude": float("nan")}, {"accuracy_m": float("inf")}):
            fixes = [{"unix_ms": 1, "latitude": 1.0, "longitude": 2.0, **bad}]
            with pytest.raises(CommandError, match=next(iter(bad))):
                await commands.call(actor, "locate_recording", {"recording": recording, "fixes": fixes})
        mark = {"recording": recording, "id": "1", "at_unix_ms": UNIX_MS_MAX}
        with pytest.raises(CommandError, match="at_unix_ms"):
            await commands.call(actor, "bookmark_recording", {**mark, "at_unix_ms": UNIX_MS_MAX + 1})
        await commands.call(actor, "bookmark_recording", mark)
        notes = delivery.around.notes.of(other.recording)
        extras = beside_the_clip(other.manifest, notes, BOX, "camera", frozenset({capabilities.STORE_BOOKMARKS}))
        assert extras[-1].metadata["StartTime"].startswith("9999-01-01")
        held.close()

    with town() as place:
        place.settled()
        asyncio.run(run())


def test_a_camera_without_a_clock_tells_seconds_all_the_same():
    timeless = replace(WALKED.manifest, started=Moment(5_000, 0, "none", 0), stopped=Moment(7_000, 0, "none", 0))
    (extra,) = beside_the_clip(timeless, Notes(), "box", "camera", frozenset({capabilities.STORE_GNSS_TRACK}))
    assert [point["seconds"] for point in track_points(extra.body)] == [0.9, 1.9, 2.9, 3.9, 4.9]
    assert place_metadata(timeless, Notes())["TriggerOnLocation"] == "-33.868820;-70.648300;4;0"


@pytest.mark.req("CAM-09")
def test_a_block_that_is_no_track_is_no_recording_of_ours():
    damaged = replace(WALKED.manifest, track=(TrackEntry(1, bytes(5)),))
    assert manifests.decode(manifests.encode(damaged)) == damaged, "whoever stores it cannot know: it may be sealed"
    with pytest.raises(ContentMismatch, match="a block of 5 bytes"):
        belief.known(damaged, clear_opener(damaged))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("-33.868820;-70.648300;4;1767225600", (-33.86882, -70.6483)),
        ("51.4, -0.0015", (51.4, -0.0015)),
        ("51.4 0.5", (51.4, 0.5)),
        ("+59.3300+018.0600+4+1767225600", (59.33, 18.06)),
        ("59.33-018.06;4", (59.33, -18.06)),
        ("91.5;0.5;1;2", None),
        ("51.4", None),
        ("51;0;1;2", None),
        ("somewhere", None),
        ("", None),
    ],
)
def test_a_location_is_read_whatever_parts_it(text: str, place: tuple[float, float] | None):
    assert location_place(text) == place
