"""Group commit: how many syncs many cameras cost together, side by side or one by one."""

import threading
from collections.abc import Callable, Sequence

import pytest

from firmware.ports.files import File
from firmware.ports.memory_files import MemoryFiles
from host_tools.custody.blocking import SideBySide, one_by_one
from host_tools.custody.index import Index, open_index
from host_tools.custody.spool import SYNCS_AT_ONCE, Spool
from tests.unit.custody.recordings import Sample, sample

CAMERAS = 8
CHUNKS = 16


class CountingFile(File):
    """Counts the syncs of its medium."""

    def __init__(self, inner: File, syncs: list[str], path: str) -> None:
        self._inner = inner
        self._syncs = syncs
        self._path = path
        for name in ("read_at", "write_at", "size_bytes", "truncate", "close"):
            setattr(self, name, getattr(inner, name))

    def sync(self) -> None:
        self._syncs.append(self._path)
        self._inner.sync()


class CountingFiles(MemoryFiles):
    """A medium that writes down every sync of a file."""

    def __init__(self) -> None:
        super().__init__()
        self.syncs: list[str] = []

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        return CountingFile(super().create(path, reserve_bytes), self.syncs, path)

    def open(self, path: str, writable: bool = False) -> File:
        return CountingFile(super().open(path, writable), self.syncs, path)


def fleet() -> list[Sample]:
    """A recording of each of eight cameras, sixteen chunks each."""
    return [
        sample(seed, fragments=CHUNKS, chunks_each=1, chunk_bytes=1_000, camera=f"CAM-{seed}")
        for seed in range(CAMERAS)
    ]


def deliver_interleaved(spool: Spool, many: list[Sample], commit_every_chunks: int) -> None:
    """All cameras send a chunk each in turn."""
    waiting = 0
    for chunk in range(CHUNKS):
        for given in many:
            entry = given.manifest.chunks[chunk]
            spool.write(given.recording, entry.offset, given.sealed(chunk))
            waiting += 1
            if waiting == commit_every_chunks:
                spool.commit()
                waiting = 0
    spool.commit()


def syncs_and_commits(commit_every_chunks: int) -> tuple[int, int]:
    """What offloading the fleet costs."""
    files, index = CountingFiles(), open_index(":memory:")
    spool = Spool(files, index, lambda: 5_000, spare_bytes=4_096)
    many = fleet()
    for given in many:
        spool.accept(given.manifest_bytes, given.manifest.camera_serial, given.digest)
    files.syncs.clear()
    deliver_interleaved(spool, many, commit_every_chunks)
    assert index.count_by_state() == {"held": CAMERAS}
    spool.close()
    index.close()
    return len(files.syncs), spool.counters().commits


@pytest.mark.req("LINK-07", "CTRL-08")
def test_eight_cameras_share_their_syncs() -> None:
    chunks = CAMERAS * CHUNKS
    assert syncs_and_commits(1) == (chunks, chunks), "each chunk alone: a sync and a transaction for each"
    assert syncs_and_commits(2 * CAMERAS) == (chunks // 2, chunks // (2 * CAMERAS))


def test_syncs_side_by_side_are_the_same_syncs(index: Index) -> None:
    threads: set[int] = set()
    pool = SideBySide(SYNCS_AT_ONCE)

    def noting(jobs: Sequence[Callable[[], None]]) -> None:
        def noted(job: Callable[[], None]) -> None:
            threads.add(threading.get_ident())
            job()

        pool([lambda job=job: noted(job) for job in jobs])

    files = CountingFiles()
    spool = Spool(files, index, lambda: 5_000, spare_bytes=4_096, together=noting)
    many = fleet()
    for given in many:
        spool.accept(given.manifest_bytes, given.manifest.camera_serial, given.digest)
        spool.write(given.recording, 0, given.chunks)
    files.syncs.clear()
    assert sorted(spool.commit().held) == sorted(given.recording for given in many)
    assert sorted(files.syncs) == sorted(f"recordings/{given.recording.hex()}/chunks" for given in many)
    assert threading.get_ident() not in threads
    spool.close()
    pool.close()


@pytest.mark.parametrize("threads", [0, 3])
def test_jobs_are_done_when_it_returns_and_one_alone_needs_no_thread(threads: int) -> None:
    pool = SideBySide(threads or 1)
    together = pool if threads else one_by_one
    done: list[int] = []
    where: list[int] = []
    together([lambda number=number: done.append(number) for number in range(20)])
    together([lambda: where.append(threading.get_ident())])
    together([])
    assert sorted(done) == list(range(20))
    assert where == [threading.get_ident()]
    pool.close()


def test_one_file_that_cannot_be_synced_costs_the_others_nothing(index: Index) -> None:
    files = CountingFiles()
    pool = SideBySide(SYNCS_AT_ONCE)
    spool = Spool(files, index, lambda: 5_000, spare_bytes=4_096, together=pool)
    many = fleet()
    for given in many:
        spool.accept(given.manifest_bytes, given.manifest.camera_serial, given.digest)
        spool.write(given.recording, 0, given.chunks)
    shelf = spool._shelves.find(many[3].recording)
    assert shelf is not None
    shelf.close()  # its sync fails
    report = spool.commit()
    assert len(report.held) == CAMERAS - 1
    assert len(report.faults) == 1
    assert many[3].recording.hex() in report.faults[0]
    assert len(spool.missing(many[3].recording)) == CHUNKS
    spool.write(many[3].recording, 0, many[3].chunks)
    assert spool.commit().held == [many[3].recording]
    spool.close()
    pool.close()
