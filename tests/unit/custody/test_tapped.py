"""Content that whoever takes it digests by himself: the same bytes, and what is wrong with them is found in the end."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from firmware.formats import manifest as manifests
from firmware.formats.chunk import ClearOpener
from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from host_tools.custody.blocking import Buffer, run_in_thread
from host_tools.custody.content import BATCH_BYTES
from host_tools.custody.errors import ContentMismatch, CustodyFault, CustodyRefused, SpoolDamage
from host_tools.custody.index import Index
from host_tools.custody.spool import Spool
from tests.unit.custody.recordings import CAMERA, Sample, sample
from tests.unit.custody.test_spool import accept, chunks_path, receive


class Digest:
    """A tap. ``is_blind``: somebody else digests."""

    def __init__(self, is_blind: bool = False) -> None:
        self.content = bytearray()
        self._is_blind = is_blind

    def feed(self, piece: Buffer) -> None:
        self.content += piece

    def sha256(self) -> str | None:
        return None if self._is_blind else hashlib.sha256(self.content).hexdigest()


def read(spool: Spool, given: Sample, tap: Digest) -> bytes:
    batches = spool.open_tapped(given.recording, given.opener, tap)
    return b"".join(bytes(piece) for batch in batches for piece in batch)


def spoil(files: Files, given: Sample, offset_bytes: int) -> None:
    file = files.open(chunks_path(given), writable=True)
    file.write_at(offset_bytes, b"\0spoilt\0")
    file.close()


def put(spool: Spool, given: Sample, data: bytes) -> None:
    spool.accept(data, CAMERA, manifests.digest(data))
    spool.write(given.recording, 0, given.chunks)
    spool.commit()


@pytest.mark.parametrize("is_blind", [False, True])
def test_it_is_the_same_content_and_the_tap_sees_all_of_it(spool: Spool, is_blind: bool) -> None:
    given = sample()
    receive(spool, given)
    tap = Digest(is_blind)
    assert read(spool, given, tap) == given.content == bytes(tap.content)


def test_a_long_one_comes_in_batches_of_which_two_are_valid(index: Index, start: Callable[[Files], Spool]) -> None:
    spool = start(MemoryFiles(capacity_bytes=16 << 20))
    given = sample(fragments=5, chunks_each=2, chunk_bytes=1 << 20)
    receive(spool, given)
    batches = list[bytes]()
    before: list[memoryview] = []
    for batch in spool.open_tapped(given.recording, given.opener, Digest()):
        assert sum(map(len, batch)) <= BATCH_BYTES
        assert b"".join(before) == (batches[-1] if batches else b""), "the one before is still what it was"
        batches.append(b"".join(batch))
        before = list(batch)
    assert len(batches) == 5
    assert b"".join(batches) == given.content


def test_a_damaged_chunk_is_found_at_the_end_and_is_missing_again(
    spool: Spool, files: MemoryFiles, index: Index
) -> None:
    given = sample()
    receive(spool, given)
    spoil(files, given, given.manifest.chunks[3].offset + 100)
    with pytest.raises(SpoolDamage) as caught:
        read(spool, given, Digest())
    assert caught.value.chunk == 3
    assert [missing.chunk for missing in spool.missing(given.recording)] == [3]
    assert index.get(given.recording).state == "offloading"


@pytest.mark.parametrize("is_blind", [False, True])
def test_a_chunk_that_does_not_open_is_found_at_once(spool: Spool, files: MemoryFiles, is_blind: bool) -> None:
    given = sample()
    receive(spool, given)
    spoil(files, given, given.manifest.chunks[2].offset)
    tap = Digest(is_blind)
    with pytest.raises(SpoolDamage):
        read(spool, given, tap)
    assert bytes(tap.content) == given.content[: len(tap.content)]
    assert [missing.chunk for missing in spool.missing(given.recording)] == [2]


def test_a_file_that_was_cut_is_damage(spool: Spool, files: MemoryFiles) -> None:
    given = sample()
    receive(spool, given)
    file = files.open(chunks_path(given), writable=True)
    file.truncate(given.manifest.chunks[5].offset + 10)
    file.close()
    with pytest.raises(SpoolDamage):
        read(spool, given, Digest(is_blind=True))
    assert [missing.chunk for missing in spool.missing(given.recording)] == [5]


def test_a_manifest_that_contradicts_its_content_is_no_damage(spool: Spool) -> None:
    given = sample()
    put(spool, given, manifests.encode(replace(given.manifest, content_sha256=bytes(32))))
    with pytest.raises(ContentMismatch, match="content's digest"):
        read(spool, given, Digest())
    assert spool.missing(given.recording) == []


def test_an_opener_that_does_not_fit_is_no_damage(spool: Spool) -> None:
    given = sample()
    receive(spool, given)
    with pytest.raises(ContentMismatch, match="belongs to another"):
        list(spool.open_tapped(given.recording, ClearOpener(bytes(16)), Digest()))
    assert spool.missing(given.recording) == []


def test_what_reads_otherwise_each_time_is_nobodys_chunk(spool: Spool) -> None:
    class Forgetful(Digest):
        def feed(self, piece: Buffer) -> None:
            super().feed(bytes(len(piece)))

    given = sample()
    receive(spool, given)
    with pytest.raises(CustodyFault, match="check the memory and the disk"):
        read(spool, given, Forgetful())
    assert spool.missing(given.recording) == []


def test_what_is_not_whole_is_not_read(spool: Spool) -> None:
    given = sample()
    accept(spool, given)
    with pytest.raises(CustodyRefused, match="not all of it"):
        read(spool, given, Digest())


def test_a_reader_that_stops_gives_the_file_back(spool: Spool) -> None:
    given = sample()
    receive(spool, given)

    async def run() -> None:
        source = spool.content_source(given.recording, given.opener, run_in_thread)
        batches = source.tapped(Digest())
        assert await anext(batches)
        await batches.aclose()

    asyncio.run(run())
    spool.close()
