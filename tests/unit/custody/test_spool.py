"""The spool keeps what it was given, counts only what is durable, and refuses what it cannot keep."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from firmware.formats import manifest as manifests
from firmware.ports.errors import IoFault
from firmware.ports.files import File, Files
from firmware.ports.memory_files import MemoryFile, MemoryFiles
from host_tools.custody.blocking import run_in_thread, run_inline
from host_tools.custody.errors import ContentMismatch, CustodyFault, CustodyRefused, SpoolDamage, SpoolFull
from host_tools.custody.index import Index
from host_tools.custody.journey import Journey
from host_tools.custody.ledger import Ledger
from host_tools.custody.spool import Spool
from tests.unit.custody.recordings import CAMERA, Sample, sample

Start = Callable[[Files], Spool]


def accept(spool: Spool, given: Sample) -> None:
    spool.accept(given.manifest_bytes, given.manifest.camera_serial, given.digest)


def send_missing(spool: Spool, given: Sample, piece_bytes: int = 300) -> None:
    for _, offset, length in spool.missing(given.recording):
        for start in range(offset, offset + length, piece_bytes):
            spool.write(given.recording, start, given.chunks[start : min(start + piece_bytes, offset + length)])


def receive(spool: Spool, given: Sample) -> None:
    accept(spool, given)
    send_missing(spool, given)
    spool.commit()


def content_of(spool: Spool, given: Sample) -> bytes:
    return b"".join(bytes(piece) for piece in spool.open_content(given.recording, given.opener))


@pytest.mark.req("LINK-06")
def test_a_recording_arrives_and_reads_back_bit_by_bit(spool: Spool, index: Index) -> None:
    given = sample()
    receive(spool, given)
    assert index.get(given.recording).state == "held"
    assert content_of(spool, given) == given.content
    assert hashlib.sha256(given.content).digest() == given.manifest.content_sha256
    words = [entry.word for entry in Ledger(index).entries(given.recording)]
    assert words == ["recorded", "sealed", "docked", "offloaded", "held"]


@pytest.mark.req("LINK-05")
def test_nothing_counts_before_the_commit(spool: Spool, files: MemoryFiles, start: Start) -> None:
    given = sample()
    accept(spool, given)
    everything = spool.missing(given.recording)
    send_missing(spool, given)
    assert spool.missing(given.recording) == everything
    assert spool.wants_commit()
    again = start(files.crash())
    assert again.missing(given.recording) == everything


@pytest.mark.req("LINK-05")
def test_committed_chunks_survive_a_power_cut_and_are_not_asked_for_again(
    spool: Spool, files: MemoryFiles, start: Start
) -> None:
    given = sample(fragments=4)
    accept(spool, given)
    for chunk in (0, 3, 5):
        spool.write(given.recording, given.manifest.chunks[chunk].offset, given.sealed(chunk))
    report = spool.commit()
    assert [ref.chunk for ref in report.committed] == [0, 3, 5]
    spool.write(given.recording, given.manifest.chunks[1].offset, given.sealed(1))
    again = start(files.crash())
    assert [piece.chunk for piece in again.missing(given.recording)] == [1, 2, 4, 6, 7]
    send_missing(again, given)
    assert again.commit().held == [given.recording]
    assert content_of(again, given) == given.content
    assert again.counters().duplicate_bytes == 0


def test_pieces_may_span_chunks_come_backwards_and_twice(spool: Spool) -> None:
    given = sample(chunk_bytes=500)
    accept(spool, given)
    step = 333
    for start in reversed(range(0, len(given.chunks), step)):
        for _ in range(2):
            spool.write(given.recording, start, given.chunks[start : start + step])
    assert spool.commit().held == [given.recording]
    assert spool.counters().duplicate_bytes >= len(given.chunks) - step
    spool.write(given.recording, 0, given.chunks[:100])  # late, after it is whole: harmless
    assert content_of(spool, given) == given.content


@pytest.mark.req("LINK-06")
@pytest.mark.parametrize("backwards", [False, True])
def test_a_chunk_with_a_wrong_digest_stays_missing(spool: Spool, backwards: bool) -> None:
    given = sample()
    accept(spool, given)
    offset = given.manifest.chunks[2].offset
    spoilt = bytearray(given.sealed(2))
    spoilt[50] ^= 1
    halves = [(offset, spoilt[:400]), (offset + 400, spoilt[400:])]
    for start, piece in reversed(halves) if backwards else halves:
        spool.write(given.recording, start, piece)
    report = spool.commit()
    assert [ref.chunk for ref in report.rejected] == [2]
    assert not report.committed
    assert spool.counters().rejected_chunks == 1
    assert [event.kind for event in spool.take_events()] == ["rejected"]
    send_missing(spool, given)
    spool.commit()
    assert content_of(spool, given) == given.content


def test_a_second_different_copy_of_a_piece_does_not_replace_the_first(spool: Spool) -> None:
    given = sample()
    accept(spool, given)
    spool.write(given.recording, 0, given.chunks[:200])
    spool.write(given.recording, 0, bytes(200))
    send_missing(spool, given)
    assert spool.commit().held == [given.recording]
    assert content_of(spool, given) == given.content


@pytest.mark.req("CTRL-08")
def test_space_is_reserved_when_a_recording_is_accepted_and_given_back_after_delivery(
    spool: Spool, index: Index
) -> None:
    given = sample()
    before = spool.storage()
    accept(spool, given)
    promised = spool.storage()
    assert promised.reserved_bytes == len(given.chunks)
    assert promised.used_bytes == 0
    assert before.free_bytes - promised.free_bytes >= len(given.chunks)
    send_missing(spool, given)
    spool.commit()
    held = spool.storage()
    assert (held.used_bytes, held.reserved_bytes) == (len(given.chunks), 0)
    with pytest.raises(CustodyRefused, match="stays until it is delivered"):
        spool.remove(given.recording)
    deliver(index, given)
    assert spool.remove(given.recording) == len(given.chunks)
    assert spool.remove(given.recording) == 0
    assert spool.storage() == before
    assert spool.missing(given.recording) == []


@pytest.mark.req("CTRL-08")
def test_what_does_not_fit_is_refused_and_leaves_nothing(index: Index, start: Start) -> None:
    files = MemoryFiles(capacity_bytes=12_000)
    spool = start(files)
    small, large = sample(1, fragments=1), sample(2, fragments=8)
    free = files.free_bytes()
    with pytest.raises(SpoolFull, match="deliver recordings or free space"):
        accept(spool, large)
    assert files.free_bytes() == free
    assert index.find(large.recording) is None
    assert files.list_folder("recordings") == []
    receive(spool, small)
    assert content_of(spool, small) == small.content


@pytest.mark.req("CTRL-08")
def test_almost_full_and_full_are_told(start: Start) -> None:
    files = MemoryFiles(capacity_bytes=40_000)
    spool = start(files)
    assert not spool.storage().almost_full
    fill = files.create("other")
    fill.write_at(0, bytes(files.free_bytes() - 4096 - 1000))
    assert spool.storage().almost_full
    assert not spool.storage().full
    fill.write_at(fill.size_bytes(), bytes(1000))
    assert spool.storage().full


def test_a_manifest_that_is_not_the_announced_one_is_refused(spool: Spool, index: Index) -> None:
    given = sample()
    cases = [
        (given.manifest_bytes, CAMERA, bytes(32), "digest is not the announced one"),
        (b"{}", CAMERA, hashlib.sha256(b"{}").digest(), "manifest"),
        (given.manifest_bytes, "CAM-0002", given.digest, "examine both cameras"),
    ]
    for data, camera, digest, text in cases:
        with pytest.raises(CustodyRefused, match=text):
            spool.accept(data, camera, digest)
    assert index.recordings() == []


def test_another_manifest_for_a_known_recording_is_refused_and_the_first_stays(spool: Spool, index: Index) -> None:
    given = sample()
    accept(spool, given)
    changed = manifests.encode(replace(given.manifest, wearer_id="somebody-else"))
    with pytest.raises(CustodyRefused, match="the accepted one stays"):
        spool.accept(changed, CAMERA, manifests.digest(changed))
    foreign = manifests.encode(replace(given.manifest, camera_serial="CAM-0002"))
    with pytest.raises(CustodyRefused, match="belongs to camera"):
        spool.accept(foreign, "CAM-0002", manifests.digest(foreign))
    assert index.get(given.recording).manifest_sha256 == given.digest
    receive(spool, given)
    assert content_of(spool, given) == given.content


def test_bytes_for_what_was_not_accepted_are_refused(spool: Spool) -> None:
    given = sample()
    with pytest.raises(CustodyRefused, match="accept its manifest first"):
        spool.write(given.recording, 0, b"x")
    with pytest.raises(CustodyRefused, match="unknown here"):
        spool.missing(given.recording)
    accept(spool, given)
    with pytest.raises(CustodyRefused, match="outside its"):
        spool.write(given.recording, len(given.chunks) - 1, b"xx")


def test_a_flipped_bit_is_found_on_reading_and_only_that_chunk_is_fetched_again(
    spool: Spool, files: MemoryFiles, index: Index
) -> None:
    given = sample()
    receive(spool, given)
    flip_bit(files, given, chunk=3)
    with pytest.raises(SpoolDamage, match="chunk 3") as caught:
        content_of(spool, given)
    assert caught.value.chunk == 3
    assert index.get(given.recording).state == "offloading"
    assert [piece.chunk for piece in spool.missing(given.recording)] == [3]
    assert "damaged" in [entry.word for entry in Ledger(index).entries(given.recording)]
    receive(spool, given)
    assert content_of(spool, given) == given.content


def test_damage_after_delivery_changes_nothing_in_the_books(spool: Spool, files: MemoryFiles, index: Index) -> None:
    given = sample()
    receive(spool, given)
    deliver(index, given)
    flip_bit(files, given, chunk=0)
    with pytest.raises(SpoolDamage):
        content_of(spool, given)
    assert index.get(given.recording).state == "delivered"


def test_content_that_contradicts_its_manifest_is_told_apart_from_damage(spool: Spool, index: Index) -> None:
    given = sample()
    data = manifests.encode(replace(given.manifest, content_sha256=bytes(32)))
    spool.accept(data, CAMERA, manifests.digest(data))
    send_missing(spool, given)
    assert spool.commit().held == [given.recording]
    with pytest.raises(ContentMismatch, match="digest is not the manifest's"):
        content_of(spool, given)
    assert index.get(given.recording).state == "held"


def test_a_file_that_vanished_or_was_cut_is_asked_for_again_after_a_restart(
    files: MemoryFiles, start: Start, index: Index
) -> None:
    gone, cut = sample(1), sample(2)
    spool = start(files)
    for given in (gone, cut):
        receive(spool, given)
    files.remove(chunks_path(gone))
    files.open(chunks_path(cut), writable=True).truncate(cut.manifest.chunks[4].offset + 10)
    again = start(files)
    assert sorted(event.kind for event in again.take_events()) == ["damaged", "damaged"]
    assert len(again.missing(gone.recording)) == 6
    assert [piece.chunk for piece in again.missing(cut.recording)] == [4, 5]
    for given in (gone, cut):
        receive(again, given)
        assert content_of(again, given) == given.content


@pytest.mark.parametrize("what", ["manifest.json", "folder"])
def test_a_lost_manifest_comes_back_with_the_next_docking(
    files: MemoryFiles, start: Start, index: Index, what: str
) -> None:
    given = sample()
    spool = start(files)
    accept(spool, given)
    spool.write(given.recording, 0, given.sealed(0))
    spool.commit()
    folder = f"recordings/{given.recording.hex()}"
    if what == "folder":
        for name in files.list_folder(folder):
            files.remove(f"{folder}/{name}")
        files.remove_folder(folder)
    else:
        files.remove(f"{folder}/{what}")
    again = start(files)
    with pytest.raises(CustodyRefused, match="accept its manifest first"):
        again.missing(given.recording)
    accept(again, given)
    assert len(again.missing(given.recording)) == (6 if what == "folder" else 5)
    receive(again, given)
    assert content_of(again, given) == given.content


def test_a_file_removed_while_it_is_received_is_noticed_before_the_recording_counts_as_held(
    spool: Spool, files: MemoryFiles, index: Index
) -> None:
    given = sample()
    accept(spool, given)
    spool.write(given.recording, 0, given.sealed(0))
    spool.commit()
    files.remove(chunks_path(given))
    send_missing(spool, given)
    report = spool.commit()
    assert report.held == []
    assert "removed while it was being received" in report.faults[0]
    assert len(spool.missing(given.recording)) == 6
    receive(spool, given)
    assert content_of(spool, given) == given.content


def test_an_empty_mount_point_is_not_taken_for_the_spool(start: Start, index: Index, spool: Spool) -> None:
    given = sample()
    receive(spool, given)
    with pytest.raises(CustodyFault, match="mount the right disk"):
        start(MemoryFiles())
    assert index.get(given.recording).state == "held"
    assert index.committed_chunks(given.recording) == list(range(6))


def test_a_folder_without_an_entry_is_kept_and_used_when_its_camera_docks(files: MemoryFiles, start: Start) -> None:
    given = sample()
    start(files)
    files.make_folder(f"recordings/{given.recording.hex()}")
    files.create(chunks_path(given)).write_at(0, b"rest of an interrupted acceptance")
    spool = start(files)
    assert [event.kind for event in spool.take_events()] == ["orphan"]
    receive(spool, given)
    assert content_of(spool, given) == given.content


def test_an_interrupted_removal_is_finished_at_the_next_start(
    files: MemoryFiles, start: Start, index: Index, spool: Spool
) -> None:
    given = sample()
    receive(spool, given)
    deliver(index, given)
    with index.transaction():
        index.note_removed(given.recording)
    start(files)
    assert files.list_folder("recordings") == []


class FailingSync(MemoryFiles):
    """A medium on which files cannot be synced while ``failing``, and lose what was not synced, as on Linux."""

    failing = False

    def open(self, path: str, writable: bool = False) -> File:
        return _FailingFile(self, cast("MemoryFile", super().open(path, writable)))

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        return _FailingFile(self, cast("MemoryFile", super().create(path, reserve_bytes)))


class _FailingFile(File):
    def __init__(self, medium: FailingSync, file: MemoryFile) -> None:
        self._medium = medium
        self._file = file
        self._broken = False
        self.read_at = file.read_at
        self.write_at = file.write_at
        self.size_bytes = file.size_bytes
        self.close = file.close

    def sync(self) -> None:
        self._broken = self._broken or self._medium.failing
        if self._broken:  # a handle that failed once never claims success again
            self._file._node.data = bytearray(self._file._node.durable)
            self._file._node.pending = []
            raise IoFault("the disk failed")
        self._file.sync()


def test_a_failed_sync_costs_that_recording_its_uncommitted_chunks_and_nothing_else(index: Index, start: Start) -> None:
    files = FailingSync()
    spool = start(files)
    given = sample()
    accept(spool, given)
    spool.write(given.recording, 0, given.sealed(0))
    spool.commit()
    spool.write(given.recording, given.manifest.chunks[1].offset, given.sealed(1))
    spool.write(given.recording, given.manifest.chunks[2].offset, given.sealed(2)[:100])
    files.failing = True
    report = spool.commit()
    assert not report.committed
    assert "could not be made durable" in report.faults[0]
    files.failing = False
    assert [piece.chunk for piece in spool.missing(given.recording)] == [1, 2, 3, 4, 5]
    send_missing(spool, given)
    assert spool.commit().held == [given.recording]
    assert content_of(spool, given) == given.content


def test_a_full_or_write_protected_disk_says_so_and_nothing_committed_is_lost(
    spool: Spool, files: MemoryFiles, index: Index
) -> None:
    given = sample()
    accept(spool, given)
    spool.write(given.recording, 0, given.sealed(0))
    spool.commit()
    spool.pause(given.recording)
    files.set_read_only(True)
    with pytest.raises(CustodyFault, match="remount it writable"):
        spool.write(given.recording, given.manifest.chunks[1].offset, given.sealed(1))
    with pytest.raises(CustodyFault, match="remount it writable"):
        accept(spool, sample(5))
    files.set_read_only(False)
    assert len(spool.missing(given.recording)) == 5
    receive(spool, given)
    assert content_of(spool, given) == given.content


def test_pause_forgets_what_is_not_committed(spool: Spool) -> None:
    given = sample()
    accept(spool, given)
    spool.write(given.recording, 0, given.chunks[:100])
    spool.write(given.recording, given.manifest.chunks[1].offset, given.sealed(1))
    spool.pause(given.recording)
    assert spool.pending_bytes() == 0
    assert not spool.commit().committed
    receive(spool, given)
    assert content_of(spool, given) == given.content


def test_one_commit_covers_many_recordings(spool: Spool, index: Index) -> None:
    many = [sample(seed) for seed in range(8)]
    for given in many:
        accept(spool, given)
        send_missing(spool, given)
    assert sorted(spool.commit().held) == sorted(given.recording for given in many)
    assert spool.counters().commits == 1
    assert index.count_by_state() == {"held": 8}
    assert Ledger(index).verify().holds


def test_a_recording_without_chunks_is_held_at_once(spool: Spool, index: Index) -> None:
    given = sample(fragments=0)
    accept(spool, given)
    assert index.get(given.recording).state == "held"
    assert content_of(spool, given) == b""


@pytest.mark.parametrize("run_blocking", [run_inline, run_in_thread])
def test_content_streams_into_a_coroutine_and_starts_again_from_the_first_byte(spool: Spool, run_blocking) -> None:
    given = sample()
    receive(spool, given)

    async def read_twice() -> list[bytes]:
        source = spool.content_source(given.recording, given.opener, run_blocking)
        return [b"".join([bytes(piece) async for piece in source]) for _ in range(2)]

    assert asyncio.run(read_twice()) == [given.content, given.content]


def deliver(index: Index, given: Sample) -> None:
    journey = Journey(index, lambda: 1)
    journey.start_delivery(given.recording, f"container-{given.recording.hex()}")
    journey.delivered(given.recording, "memory", [])


def chunks_path(given: Sample) -> str:
    return f"recordings/{given.recording.hex()}/chunks"


def flip_bit(files: MemoryFiles, given: Sample, chunk: int) -> None:
    file = files.open(chunks_path(given), writable=True)
    place = given.manifest.chunks[chunk].offset + 40
    byte = bytearray(1)
    file.read_at(place, byte)
    file.write_at(place, bytes([byte[0] ^ 4]))
