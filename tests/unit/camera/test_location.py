"""A camera notes where it is as its profile has it: what its receiver says while it records, sealed, nothing else."""

from __future__ import annotations

from itertools import pairwise

import pytest

from firmware.camera.location import Location
from firmware.formats import track
from firmware.formats.manifest import Manifest
from firmware.formats.track import PLACES_BLOCK_MAX, Place
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.memory_stream import stream_pair
from firmware.secure import document
from host_tools.custody import belief
from host_tools.system.catalogue import BY_NAME
from tests.unit.camera.rig import HOLD_MS, CameraRig
from tests.unit.camera.test_behaviour import configured
from tests.unit.drivers.test_nmea import NOON, said

LATITUDE = 51.4778300
STEP = 0.0001


def walk(rig: CameraRig, seconds: int, first: int = 0, noise: bytes = b"") -> None:
    """The receiver tells a place a second, each a bit further north."""
    for number in range(first, first + seconds):
        data = noise + said(LATITUDE + STEP * number, -0.0015, NOON // 1000 + number)
        assert rig.ports.receiver.write(data) == len(data)
        rig.run(1_000)


def last(rig: CameraRig) -> Manifest:
    """Of the recording that ended last, as its recipients know it."""
    rig.press(HOLD_MS + 100)
    rig.run(500)
    assert rig.app.last_outcome is not None
    closed = rig.app.last_outcome.manifest
    assert closed is not None
    return opened(rig, closed)


def opened(rig: CameraRig, closed: Manifest) -> Manifest:
    return belief.known(closed, belief.of_system(rig.world.trust).opener_of(closed))


def places_of(closed: Manifest) -> list[Place]:
    return [place for entry in closed.track for place in track.unpack(entry.places)]


def steps_of(closed: Manifest) -> list[int]:
    """Which places of the walk are noted."""
    return [round((place.latitude / 1e7 - LATITUDE) / STEP) for place in places_of(closed)]


@pytest.mark.req("CAM-09")
def test_what_is_said_while_recording_is_noted_point_for_point():
    rig = configured(location="recording")
    rig.press()
    walk(rig, 8)
    closed = last(rig)
    places = places_of(closed)
    assert steps_of(closed) == list(range(8))
    assert [place.unix_ms for place in places] == [NOON + 1_000 * number for number in range(8)]
    pauses = [after.at_ms - before.at_ms for before, after in pairwise(places)]
    assert all(abs(pause_ms - 1_000) <= 200 for pause_ms in pauses), pauses
    assert places[0]._replace(at_ms=0) == Place(0, NOON, 514_778_300, -15_000, 43, 1, 11)
    assert 0 <= places[0].at_ms < 1_000


@pytest.mark.req("CAM-09")
def test_a_profile_without_location_notes_nothing_and_does_not_even_listen():
    for settings in ({"location": "off"}, {}):
        rig = configured(**settings)
        rig.press()
        walk(rig, 3)
        assert last(rig).track == ()
        assert rig.app.location.reader.sentences == 0


@pytest.mark.req("CAM-09")
def test_without_a_fix_there_is_no_place():
    rig = configured(location="recording")
    rig.press()
    for number in range(4):
        data = said(LATITUDE, 0.0, NOON // 1000 + number).replace(b",A,", b",V,")
        rig.ports.receiver.write(data)
        rig.run(1_000)
    closed = last(rig)
    assert closed.track == ()
    assert closed.duration_ms > 3_000


@pytest.mark.req("CAM-09")
def test_garbage_between_the_sentences_costs_no_place_and_no_picture():
    rig = configured(location="recording")
    rig.press()
    walk(rig, 5, noise=bytes(range(256)).replace(b"$", b"") * 3 + b"\r\n")
    closed = last(rig)
    assert steps_of(closed) == list(range(5))
    assert rig.app.location.reader.garbage > 4
    assert sum(each.frames for each in closed.fragments) > 0


@pytest.mark.req("CAM-09")
def test_what_was_said_before_the_recording_is_not_in_it():
    rig = configured(location="recording")
    walk(rig, 10)
    rig.press()
    rig.run(2_000)
    walk(rig, 3, first=20)
    assert steps_of(last(rig)) == [20, 21, 22]
    walk(rig, 3, first=30)
    rig.press()
    walk(rig, 2, first=40)
    assert steps_of(last(rig)) == [40, 41], "nor what was said between two"


@pytest.mark.req("CAM-09")
def test_always_while_undocked_begins_with_a_place():
    """A receiver that was listened to is read at once, and half a sentence is not lost."""
    rig = configured(location="undocked")
    walk(rig, 3)
    assert rig.app.location.reader.sentences == 6, "it is listened to"
    assert rig.app.location.newest is None, "and nothing is noted"
    rig.ports.receiver.write(said(LATITUDE + STEP * 2, -0.0015, NOON // 1000 + 7))  # said, and not heard yet
    whole = said(LATITUDE + STEP * 3, -0.0015, NOON // 1000 + 8)
    rig.ports.receiver.write(whole[:100])
    rig.press()
    rig.ports.receiver.write(whole[100:])
    rig.run(1_000)
    assert steps_of(last(rig)) == [3]
    rig.dock()
    sentences = rig.app.location.reader.sentences
    walk(rig, 2, first=9)
    assert rig.app.location.reader.sentences == sentences, "docked, nobody listens"


@pytest.mark.req("CAM-09", "CAM-19")
def test_places_survive_a_power_cut_with_their_fragments():
    rig = configured(location="recording")
    rig.press()
    walk(rig, 6)
    rig.boot()
    (stored,) = rig.app.vault.recordings()
    closed = document.decode(rig.app.vault.read_piece(stored.recording, 1, 0, stored.manifest_bytes)).manifest
    assert closed.cause_stop == "power_lost"
    steps = steps_of(opened(rig, closed))
    assert steps == list(range(len(steps)))
    assert len(steps) >= 4


@pytest.mark.req("CAM-19", "CAM-09")
def test_a_stolen_card_does_not_tell_where_it_was():
    rig = configured(location="recording")
    rig.press()
    walk(rig, 4)
    closed = last(rig)
    files = rig.files
    assert isinstance(files, MemoryFiles)
    blocks = [track.pack([place]) for place in places_of(closed)]
    assert len(blocks) == 4
    folder = f"recordings/{closed.recording.hex()}"
    for name in files.list_folder(folder):
        file = files.open(f"{folder}/{name}")
        buffer = bytearray(file.size_bytes())
        file.read_at(0, buffer)
        file.close()
        for block in blocks:
            where = block[12:20]  # latitude and longitude
            assert where not in buffer, name
            assert where.hex().encode() not in buffer, name


@pytest.mark.req("CAM-09")
def test_a_receiver_that_is_pulled_out_costs_only_places():
    rig = configured(location="recording")
    rig.press()
    walk(rig, 2)
    rig.ports.receiver.unplug()
    rig.run(3_000)
    closed = last(rig)
    assert steps_of(closed) == [0, 1]
    assert closed.duration_ms > 4_000


def test_a_board_without_a_receiver_has_nothing_to_do():
    location = Location(None)
    location.step(5, "undocked", False, 3)
    assert (location.next_deadline_ms(), location.take_block()) == (None, b"")


@pytest.mark.req("CAM-09")
def test_while_nothing_is_taken_a_block_of_places_waits_and_no_more():
    stream, receiver = stream_pair()
    location = Location(stream)
    location.step(0, "recording", False, 0)
    for number in range(100):
        receiver.write(said(LATITUDE + STEP * number, 0.0, NOON // 1000 + number))
        location.step(1_000 * number + 500, "recording", False, 0)
    block = location.take_block()
    assert len(track.unpack(block)) == PLACES_BLOCK_MAX
    assert track.unpack(block)[0].at_ms == 500
    assert location.take_block() == b""


@pytest.mark.req("CAM-09")
def test_what_a_broken_recording_left_is_not_told_of_the_next():
    """Its last fragment never came."""
    stream, receiver = stream_pair()
    location = Location(stream)
    location.step(0, "recording", False, 0)
    receiver.write(said(LATITUDE, 0.0, NOON // 1000))
    location.step(500, "recording", False, 0)
    location.step(600, "recording", False, None)
    location.step(9_000, "recording", False, 9_000)
    receiver.write(said(LATITUDE + STEP, 0.0, NOON // 1000 + 9))
    location.step(9_500, "recording", False, 9_000)
    (place,) = track.unpack(location.take_block())
    assert (place.at_ms, place.unix_ms) == (500, NOON + 9_000)


@pytest.mark.req("CAM-09")
def test_what_is_heard_late_is_noted_when_it_was_said():
    """A card has kept the camera busy for five seconds."""
    stream, receiver = stream_pair()
    location = Location(stream)
    location.step(0, "recording", False, 0)
    for number in range(1, 6):
        receiver.write(said(LATITUDE + STEP * number, 0.0, NOON // 1000 + number))
    location.step(5_200, "recording", False, 0)
    assert [place.at_ms for place in track.unpack(location.take_block())] == [1_200, 2_200, 3_200, 4_200, 5_200]


@pytest.mark.req("CAM-09")
def test_a_receiver_whose_time_jumps_moves_no_place_into_another_time():
    stream, receiver = stream_pair()
    location = Location(stream)
    location.step(0, "recording", False, 0)
    for unix_s in (NOON // 1000 - 3_600, NOON // 1000 + 3_600, NOON // 1000):
        receiver.write(said(LATITUDE, 0.0, unix_s))
    location.step(700, "recording", False, 0)
    assert [place.at_ms for place in track.unpack(location.take_block())] == [700, 700, 700]


def test_a_receiver_that_tells_ten_a_second_is_noted_once():
    stream, receiver = stream_pair()
    location = Location(stream)
    location.step(0, "recording", False, 0)
    for tenth in range(50):
        receiver.write(said(LATITUDE, 0.0, NOON // 1000 + tenth // 10, tenths=tenth % 10))
        location.step(100 * tenth, "recording", False, 0)
    assert location.reader.sentences == 98, "it was heard, but for the last"
    assert len(track.unpack(location.take_block())) == 5


def test_the_settings_word_is_the_catalogues():
    assert BY_NAME["location"].choices == ("off", "recording", "undocked")
