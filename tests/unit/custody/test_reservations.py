"""Space for docked cameras: promised before it is used, never twice, and never kept for a camera that is gone."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from host_tools.custody.errors import SpoolFull
from host_tools.custody.index import Announcement, Index
from host_tools.custody.journey import Journey
from host_tools.custody.reservations import Reservations
from host_tools.custody.spool import Spool
from tests.unit.custody.conftest import SPARE_BYTES
from tests.unit.custody.recordings import Sample, sample

pytestmark = pytest.mark.req("CTRL-08")
Start = Callable[[Files], Spool]
A, B = "CAM-A", "CAM-B"


def size(given_: Sample) -> int:
    return len(given_.chunks) + len(given_.manifest_bytes)


def take(spool: Spool, given_: Sample) -> None:
    """Receive a recording whole."""
    spool.accept(given_.manifest_bytes, given_.manifest.camera_serial, given_.digest)
    spool.write(given_.recording, 0, given_.chunks)
    assert spool.commit().held == [given_.recording]


@pytest.fixture
def both() -> tuple[Sample, Sample]:
    """A recording of each of two cameras, of the same size."""
    return sample(1, camera=A, chunk_bytes=10_000), sample(2, camera=B, chunk_bytes=10_000)


def small(both: tuple[Sample, Sample], start: Start) -> Spool:
    """A spool with room for one and a half of them."""
    return start(MemoryFiles(capacity_bytes=SPARE_BYTES + size(both[0]) * 3 // 2))


def test_what_is_promised_to_one_camera_is_not_given_to_another(both: tuple[Sample, Sample], start: Start) -> None:
    spool = small(both, start)
    first, second = both
    assert spool.reserve(A, {first.recording: size(first)}).refused == ()
    storage = spool.storage()
    assert storage.reserved_bytes == size(first)
    assert storage.level == "ok"
    promise = spool.reserve(B, {second.recording: size(second)})
    assert (promise.granted_bytes, promise.refused, promise.refused_bytes) == (0, (second.recording,), size(second))
    assert (spool.storage().level, spool.storage().refused_bytes) == ("full", size(second))
    with pytest.raises(SpoolFull, match="it stays on its camera"):
        spool.accept(second.manifest_bytes, B, second.digest)
    take(spool, first)
    assert spool.storage().reserved_bytes == 0
    assert spool.storage().used_bytes == len(first.chunks)


def test_a_reservation_ends_when_the_destination_has_acknowledged(
    both: tuple[Sample, Sample], start: Start, index: Index
) -> None:
    spool = small(both, start)
    first, second = both
    journey = Journey(index, lambda: 5_000)
    spool.reserve(A, {first.recording: size(first)})
    spool.reserve(B, {second.recording: size(second)})
    take(spool, first)
    journey.start_delivery(first.recording, "box")
    assert spool.reserve(B, {second.recording: size(second)}).refused != ()
    journey.delivered(first.recording, "memory", [])
    spool.remove(first.recording)
    assert spool.reserve(B, {second.recording: size(second)}).refused == ()
    assert spool.storage().level == "ok"
    take(spool, second)


def test_a_camera_that_leaves_gives_its_promise_back(both: tuple[Sample, Sample], start: Start) -> None:
    spool = small(both, start)
    first, second = both
    spool.reserve(A, {first.recording: size(first)})
    spool.reserve(B, {second.recording: size(second)})
    spool.release(B)
    assert spool.storage().level == "ok", "what is refused to nobody is no trouble"
    spool.release(A)
    assert spool.storage().reserved_bytes == 0
    assert spool.reserve(B, {second.recording: size(second)}).refused == ()


def test_what_was_accepted_keeps_its_space_when_its_camera_leaves(both: tuple[Sample, Sample], start: Start) -> None:
    spool = small(both, start)
    first, second = both
    spool.reserve(A, {first.recording: size(first)})
    spool.accept(first.manifest_bytes, A, first.digest)
    spool.write(first.recording, 0, first.chunks[:100])
    spool.pause(first.recording)
    spool.release(A)
    assert spool.storage().reserved_bytes == len(first.chunks)
    assert spool.reserve(B, {second.recording: size(second)}).refused == (second.recording,)


def test_what_is_here_or_delivered_wants_no_space(spool: Spool, index: Index) -> None:
    given_ = sample(1)
    wanted = {given_.recording: size(given_)}
    assert spool.reserve("CAM-0001", wanted).granted_bytes == size(given_)
    take(spool, given_)
    assert spool.reserve("CAM-0001", wanted).granted_bytes == 0
    journey = Journey(index, lambda: 5_000)
    journey.start_delivery(given_.recording, "box")
    journey.delivered(given_.recording, "memory", [])
    spool.remove(given_.recording)
    assert spool.reserve("CAM-0001", wanted).granted_bytes == 0, "the camera has it still, until it may erase it"


def test_the_important_ones_come_first_and_what_was_promised_stays() -> None:
    reservations = Reservations()
    assert reservations.renew(A, {b"1": 60, b"2": 60, b"3": 30}, 100).refused == (b"2",)
    # Another, more important recording appears: what was promised is not taken back for it.
    promise = reservations.renew(A, {b"0": 50, b"1": 60, b"2": 60, b"3": 30}, 100)
    assert promise.refused == (b"0", b"2")
    reservations.settle(b"1")
    assert reservations.promised_bytes() == 30
    assert reservations.promised_bytes(but_for=b"3") == 0


@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.just("renew"),
                st.sampled_from((A, B, "CAM-C")),
                st.dictionaries(st.binary(min_size=1, max_size=1), st.integers(0, 50), max_size=5),
            ),
            st.tuples(st.just("release"), st.sampled_from((A, B, "CAM-C")), st.just({})),
            st.tuples(st.just("settle"), st.just(""), st.dictionaries(st.binary(min_size=1, max_size=1), st.just(0))),
        ),
        max_size=20,
    )
)
def test_promises_never_exceed_the_medium_are_never_negative_and_do_not_leak(
    steps: list[tuple[str, str, dict[bytes, int]]],
) -> None:
    reservations, medium_bytes = Reservations(), 100
    for step, camera, recordings in steps:
        if step == "renew":
            reservations.renew(camera, recordings, medium_bytes)
        elif step == "release":
            reservations.release(camera)
        else:
            for recording in recordings:
                reservations.settle(recording)
        assert 0 <= reservations.promised_bytes() <= medium_bytes
        assert reservations.refused_bytes() >= 0
    for camera in (A, B, "CAM-C"):
        reservations.release(camera)
    assert (reservations.promised_bytes(), reservations.refused_bytes()) == (0, 0)


def announcement(given_: Sample) -> Announcement:
    return Announcement(
        given_.recording, "CAM-0001", given_.digest, len(given_.manifest_bytes), len(given_.chunks), 1, 2, False
    )


def test_a_recording_that_its_camera_does_not_have_any_more_is_an_alarm_that_names_it(
    spool: Spool, index: Index
) -> None:
    here, half, gone, there = (sample(seed) for seed in (1, 2, 3, 4))
    take(spool, here)
    spool.accept(half.manifest_bytes, "CAM-0001", half.digest)
    spool.announce(announcement(gone))
    spool.announce(announcement(there))
    noted = spool.note_absent("CAM-0001", {there.recording})
    assert {row.recording for row in noted} == {half.recording, gone.recording}
    for row in noted:
        assert row.recording.hex() in row.trouble
        assert "recover its card" in row.trouble
    assert {row.recording for row in index.troubled(10)} == {half.recording, gone.recording}
    assert spool.note_absent("CAM-0001", {there.recording}) == [], "told once"
    assert spool.note_absent("CAM-0002", set()) == []

    spool.write(half.recording, 0, half.chunks)  # another card, the same camera: it has it after all
    spool.commit()
    assert index.get(half.recording).trouble == ""
