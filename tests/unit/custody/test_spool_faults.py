"""Faults of disk, index and files in every step: told, healed by the next docking, and never a loss of what counted."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from firmware.formats import manifest as manifests
from firmware.formats.chunk import ClearOpener
from firmware.ports.errors import IoFault, NoSpace
from firmware.ports.files import File, Files
from firmware.ports.memory_files import MemoryFiles
from host_tools.custody.errors import ContentMismatch, CustodyFault, CustodyRefused, SpoolDamage, SpoolFull
from host_tools.custody.index import Announcement, Index
from host_tools.custody.journey import Journey
from host_tools.custody.shelf import SEALED_BYTES_MAX
from host_tools.custody.spool import Spool
from tests.unit.custody.recordings import CAMERA, Sample, sample

Start = Callable[[Files], Spool]


class BadFiles(MemoryFiles):
    """A medium on which paths that end in one of ``bad`` fail with ``fault``."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: tuple[str, ...] = ()
        self.fault: Exception = IoFault("bad sector")

    def open(self, path: str, writable: bool = False) -> File:
        self.check(path)
        return super().open(path, writable)

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        self.check(path)
        return super().create(path, reserve_bytes)

    def remove(self, path: str) -> None:
        self.check(path)
        super().remove(path)

    def sync_folder(self, path: str) -> None:
        self.check(path + "/")
        super().sync_folder(path)

    def check(self, path: str) -> None:
        if self.bad and path.endswith(self.bad):
            raise self.fault


@contextmanager
def index_refuses(index: Index, table: str) -> Generator[None]:
    """Every new row of a table fails, as on a full disk."""
    index._database.run(f"CREATE TRIGGER no_more BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no more'); END")
    yield
    index._database.run("DROP TRIGGER no_more")


def accept(spool: Spool, given: Sample) -> None:
    spool.accept(given.manifest_bytes, given.manifest.camera_serial, given.digest)


def receive(spool: Spool, given: Sample) -> None:
    accept(spool, given)
    for _, offset, length in spool.missing(given.recording):
        spool.write(given.recording, offset, given.chunks[offset : offset + length])
    spool.commit()


def content_of(spool: Spool, given: Sample) -> bytes:
    return b"".join(bytes(piece) for piece in spool.open_content(given.recording, given.opener))


def kinds(spool: Spool) -> list[str]:
    return [event.kind for event in spool.take_events()]


def chunks_path(given: Sample) -> str:
    return f"recordings/{given.recording.hex()}/chunks"


def manifest_path(given: Sample) -> str:
    return f"recordings/{given.recording.hex()}/manifest.json"


def test_what_the_index_does_not_take_is_missing_again(spool: Spool, index: Index) -> None:
    given = sample()
    accept(spool, given)
    spool.write(given.recording, 0, given.chunks)
    with index_refuses(index, "chunks"), pytest.raises(CustodyFault, match="no more"):
        spool.commit()
    assert len(spool.missing(given.recording)) == 6
    assert not spool.commit().committed
    receive(spool, given)
    assert content_of(spool, given) == given.content


def test_damage_that_the_index_cannot_note_now_is_found_again(spool: Spool, index: Index, files: MemoryFiles) -> None:
    """Else the row would say held, the spool would say gone, and nobody would fetch it again."""
    given = sample()
    receive(spool, given)
    used_bytes = spool.storage().used_bytes
    file = files.open(chunks_path(given), writable=True)
    file.write_at(0, bytes([given.chunks[0] ^ 1]))
    file.close()
    with index_refuses(index, "ledger"), pytest.raises(CustodyFault, match="no more"):
        content_of(spool, given)
    assert index.get(given.recording).state == "held"
    assert spool.storage().used_bytes == used_bytes
    with pytest.raises(SpoolDamage):
        content_of(spool, given)
    assert [each.chunk for each in spool.missing(given.recording)] == [0]


@pytest.mark.parametrize("table", ["recordings", "ledger"])
def test_an_acceptance_that_the_index_does_not_take_leaves_nothing(
    spool: Spool, index: Index, files: MemoryFiles, table: str
) -> None:
    given = sample()
    free = files.free_bytes()
    with index_refuses(index, table), pytest.raises(CustodyFault, match="no more"):
        accept(spool, given)
    assert files.list_folder("recordings") == []
    assert files.free_bytes() == free
    assert index.find(given.recording) is None
    receive(spool, given)
    assert content_of(spool, given) == given.content


@pytest.mark.req("CTRL-08")
@pytest.mark.parametrize("bad", ["chunks", "manifest.json", "recordings/"])
def test_an_acceptance_that_the_disk_does_not_take_leaves_nothing(start: Start, index: Index, bad: str) -> None:
    files = BadFiles()
    spool = start(files)
    given = sample()
    files.bad, files.fault = (bad,), NoSpace("somebody else took the space")
    with pytest.raises(SpoolFull, match="deliver recordings or free space"):
        accept(spool, given)
    files.bad = ()
    assert index.find(given.recording) is None
    assert files.list_folder("recordings") == []
    receive(spool, given)
    assert content_of(spool, given) == given.content


def test_a_disk_that_cannot_be_read_at_the_start_is_told_and_nothing_is_forgotten(start: Start, index: Index) -> None:
    files = BadFiles()
    given = sample()
    receive(start(files), given)
    files.bad = ("chunks",)
    spool = start(files)
    assert kinds(spool) == ["fault"]
    with pytest.raises(CustodyRefused, match="not all of it is in the spool"):
        content_of(spool, given)
    assert index.committed_chunks(given.recording) == list(range(6))
    files.bad = ()
    assert content_of(start(files), given) == given.content


def test_a_chunk_that_cannot_be_read_back_is_fetched_again(start: Start, index: Index) -> None:
    files = BadFiles()
    spool = start(files)
    given = sample()
    accept(spool, given)
    spool.write(given.recording, 100, given.sealed(0)[100:])
    spool.write(given.recording, 0, given.sealed(0)[:100])
    files.bad = ("chunks",)
    report = spool.commit()
    assert [ref.chunk for ref in report.rejected] == [0]
    assert kinds(spool) == ["fault", "rejected"]
    files.bad = ()
    receive(spool, given)
    assert content_of(spool, given) == given.content


def test_a_new_name_that_cannot_be_synced_does_not_count(start: Start, index: Index) -> None:
    files = BadFiles()
    spool = start(files)
    given = sample()
    accept(spool, given)
    spool.pause(given.recording)
    files.remove(chunks_path(given))
    spool.write(given.recording, 0, given.sealed(0))
    files.bad = (given.recording.hex() + "/",)
    assert "could not be made durable" in spool.commit().faults[0]
    files.bad = ()
    receive(spool, given)
    assert content_of(spool, given) == given.content


def test_a_chunks_file_that_vanished_is_told_when_it_is_read(spool: Spool, files: MemoryFiles, index: Index) -> None:
    given = sample()
    receive(spool, given)
    files.remove(chunks_path(given))
    with pytest.raises(SpoolDamage, match="the chunks file is gone"):
        content_of(spool, given)
    assert len(spool.missing(given.recording)) == 6
    receive(spool, given)
    assert content_of(spool, given) == given.content


def test_a_chunks_file_that_vanished_between_two_dockings_is_noticed(spool: Spool, files: MemoryFiles) -> None:
    given = sample()
    accept(spool, given)
    spool.write(given.recording, 0, given.sealed(0))
    spool.commit()
    spool.pause(given.recording)
    files.remove(chunks_path(given))
    with pytest.raises(CustodyFault, match="a file of the spool is gone"):
        spool.write(given.recording, given.manifest.chunks[1].offset, given.sealed(1))
    accept(spool, given)
    assert len(spool.missing(given.recording)) == 6
    receive(spool, given)
    assert content_of(spool, given) == given.content


def test_a_manifest_that_was_damaged_while_held_is_put_back(spool: Spool, files: MemoryFiles, index: Index) -> None:
    given = sample()
    receive(spool, given)
    files.open(manifest_path(given), writable=True).write_at(5, b"#")
    files.create(manifest_path(given) + ".new").write_at(0, b"left by a crash")
    with pytest.raises(CustodyFault, match="its manifest was damaged"):
        content_of(spool, given)
    accept(spool, given)
    assert content_of(spool, given) == given.content
    assert spool.manifest(given.recording) == given.manifest


def test_a_recording_that_turns_out_whole_after_all_is_held_again(
    start: Start, files: MemoryFiles, index: Index
) -> None:
    given = sample()
    receive(start(files), given)
    index.advance(given.recording, "damaged", 1)
    again = start(files)
    assert index.get(given.recording).state == "held"
    assert content_of(again, given) == given.content


def test_a_short_file_after_delivery_is_only_told(start: Start, files: MemoryFiles, index: Index) -> None:
    given = sample()
    spool = start(files)
    receive(spool, given)
    journey = Journey(index, lambda: 1)
    journey.start_delivery(given.recording, "box")
    journey.delivered(given.recording, "memory", [])
    files.open(chunks_path(given), writable=True).truncate(10)
    again = start(files)
    assert kinds(again) == ["damaged"]
    assert index.get(given.recording).state == "delivered"
    assert again.storage().used_bytes == 10, "what is left of it takes space until it is removed"
    accept(again, given)
    assert again.missing(given.recording) == []
    again.remove(given.recording)
    with pytest.raises(CustodyRefused, match="it is not in the spool"):
        content_of(again, given)


def test_a_removal_that_the_disk_refuses_is_finished_later(start: Start, index: Index) -> None:
    files = BadFiles()
    spool = start(files)
    given = sample()
    receive(spool, given)
    journey = Journey(index, lambda: 1)
    journey.start_delivery(given.recording, "box")
    journey.delivered(given.recording, "memory", [])
    files.bad = ("chunks",)
    with pytest.raises(CustodyFault, match="check the disk"):
        spool.remove(given.recording)
    again = start(files)
    assert kinds(again) == ["fault"]
    files.bad = ()
    start(files)
    assert files.list_folder("recordings") == []


def test_an_opener_that_does_not_fit_is_no_damage(spool: Spool) -> None:
    given = sample()
    receive(spool, given)
    with pytest.raises(ContentMismatch, match="belongs to another"):
        list(spool.open_content(given.recording, ClearOpener(bytes(16))))
    assert spool.missing(given.recording) == []


def test_a_fragment_digest_that_is_wrong_is_no_damage(spool: Spool) -> None:
    given = sample()
    fragments = list(given.manifest.fragments)
    fragments[1] = replace(fragments[1], content_sha256=bytes(32))
    data = manifests.encode(replace(given.manifest, fragments=tuple(fragments)))
    spool.accept(data, CAMERA, manifests.digest(data))
    spool.write(given.recording, 0, given.chunks)
    spool.commit()
    with pytest.raises(ContentMismatch, match="fragment at chunk 2"):
        content_of(spool, given)


def test_a_chunk_longer_than_any_is_refused(spool: Spool) -> None:
    given = sample(fragments=1, chunks_each=1)
    longest = SEALED_BYTES_MAX + 1
    chunk = replace(given.manifest.chunks[0], length=longest)
    data = manifests.encode(replace(given.manifest, chunks=(chunk,), chunks_bytes=longest))
    with pytest.raises(CustodyRefused, match="update this side"):
        spool.accept(data, CAMERA, manifests.digest(data))


def test_pieces_scattered_over_a_chunk_are_given_up_not_hoarded(spool: Spool) -> None:
    given = sample(fragments=1, chunks_each=1, chunk_bytes=9_000)
    accept(spool, given)
    for place in range(0, len(given.chunks), 2):
        spool.write(given.recording, place, given.chunks[place : place + 1])
    receive(spool, given)
    assert content_of(spool, given) == given.content


def test_foreign_things_among_the_recordings_are_left_alone(start: Start, files: MemoryFiles) -> None:
    start(files)
    files.make_folder("recordings/lost+found")
    spool = start(files)
    assert kinds(spool) == []
    assert files.exists("recordings/lost+found")


def test_an_announced_recording_waits_for_its_manifest_and_keeps_its_priority(spool: Spool, index: Index) -> None:
    given = sample()
    offer = Announcement(given.recording, CAMERA, given.digest, 900, len(given.chunks), 1, 2, False, priority=5)
    assert spool.announce(offer).state == "announced"
    with pytest.raises(CustodyRefused, match="accept its manifest first"):
        spool.missing(given.recording)
    receive(spool, given)
    row = index.get(given.recording)
    assert (row.state, row.priority, row.wearer_id, row.wearer_name) == ("held", 5, "W-7", "Zoë Example")
    assert row.started_unix_ms == given.manifest.started.unix_ms


def test_a_closed_spool_starts_again(spool: Spool, start: Start, files: MemoryFiles) -> None:
    given = sample()
    accept(spool, given)
    spool.write(given.recording, 0, given.sealed(0))
    spool.close()
    again = start(files)
    assert len(again.missing(given.recording)) == 6
    receive(again, given)
    assert content_of(again, given) == given.content
