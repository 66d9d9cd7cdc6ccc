"""The Linux ports pass the suites, and are honest about what a file system cannot do."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.platform.linux import files as linux_files
from firmware.platform.linux.clock import LinuxClock
from firmware.platform.linux.entropy import LinuxEntropy
from firmware.platform.linux.files import LinuxFiles
from firmware.ports import clock_suite, entropy_suite, files_suite
from firmware.ports.clock import WALL_RTC
from firmware.ports.errors import AlreadyExists, IoFault, NoSpace, NotFound, PortFault
from firmware.ports.files_suite import get, put
from firmware.ports.limited_files import LimitedFiles

Case = Callable[..., None]


@pytest.mark.parametrize("case", files_suite.CASES, ids=lambda case: case.__name__)
def test_files(case: Case, tmp_path: Path) -> None:
    case(lambda: LinuxFiles(tmp_path))


@pytest.mark.parametrize("case", [*files_suite.CASES, *files_suite.CAPACITY_CASES], ids=lambda case: case.__name__)
def test_files_of_limited_size(case: Case, tmp_path: Path) -> None:
    case(lambda capacity_bytes=8 << 20: LimitedFiles(LinuxFiles(tmp_path), capacity_bytes))


@pytest.mark.parametrize("case", clock_suite.CASES, ids=lambda case: case.__name__)
def test_clock(case: Case) -> None:
    case(LinuxClock)


@pytest.mark.parametrize("case", entropy_suite.CASES, ids=lambda case: case.__name__)
def test_entropy(case: Case) -> None:
    case(LinuxEntropy)


def test_the_systems_wall_time_counts_only_where_it_is_believed() -> None:
    wall = LinuxClock(WALL_RTC, 2000).wall()
    assert wall.source == WALL_RTC
    assert wall.unix_ms > 1_700_000_000_000
    assert wall.uncertainty_ms == 2000


def test_no_link_leads_out_of_the_root(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    root = tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    files = LinuxFiles(root)
    for operation in (
        lambda: files.open("file"),
        lambda: files.open("folder/secret"),
        lambda: files.create("folder/new"),
        lambda: files.list_folder("folder"),
        lambda: files.remove("folder/secret"),
        lambda: files.rename("folder/secret", "mine"),
        lambda: files.make_folder("folder/new"),
        lambda: files.sync_folder("folder"),
    ):
        with pytest.raises(PortFault):
            operation()
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_a_missing_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nowhere does not exist: make it"):
        LinuxFiles(tmp_path / "nowhere")


def test_a_pipe_in_the_tree_is_no_file_and_hangs_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotFound, match="not a file"):
        LinuxFiles(tmp_path).open("pipe")


def test_a_reservation_takes_blocks_and_leaves_the_size(tmp_path: Path) -> None:
    files = LinuxFiles(tmp_path)
    file = files.create("one", 1 << 20)
    status = (tmp_path / "one").stat()
    assert status.st_size == 0
    assert not files.reserves or status.st_blocks * 512 >= 1 << 20
    file.write_at(0, b"abc")
    file.truncate(3)
    assert (tmp_path / "one").stat().st_blocks * 512 <= 65536, "what was set aside and not used is given back"
    file.close()


def test_a_reservation_beyond_the_disk_leaves_no_file_and_is_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system may take all the space there is before it refuses; whoever writes at that moment finds it full."""
    tried: list[int] = []
    monkeypatch.setattr(linux_files, "_fallocate", lambda descriptor, reserve_bytes: tried.append(reserve_bytes) or 0)
    files = LinuxFiles(tmp_path)
    with pytest.raises(NoSpace, match="cannot reserve space for huge"):
        files.create("huge", files.free_bytes() + (1 << 40))
    assert files.list_folder("") == []
    assert tried == []


@pytest.mark.parametrize("error", [errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_reservations_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    monkeypatch.setattr(linux_files, "_fallocate", lambda descriptor, reserve_bytes: error)
    files = LinuxFiles(tmp_path)
    files.create("one", 1000).close()
    assert not files.reserves
    assert (tmp_path / "one").stat().st_size == 0
    with pytest.raises(NoSpace, match="cannot reserve space for two"):
        files.create("two", files.free_bytes() + (1 << 40))


def test_a_full_disk_and_a_failed_sync(tmp_path: Path) -> None:
    """/dev/full is a disk without space; a pipe cannot be synced."""
    full = linux_files.LinuxFile("full", os.open("/dev/full", os.O_RDWR), True)
    with pytest.raises(NoSpace, match="cannot write full: no space left on device"):
        full.write_at(0, b"x")
    full.close()
    reading, writing = os.pipe()
    os.close(reading)
    pipe = linux_files.LinuxFile("pipe", writing, True)
    for _ in range(2):
        with pytest.raises(PortFault, match="cannot sync pipe"):
            pipe.sync()
    pipe.close()


@pytest.mark.parametrize(
    ("number", "fault"),
    [(errno.ENOSPC, NoSpace), (errno.EDQUOT, NoSpace), (errno.EIO, IoFault), (errno.EEXIST, AlreadyExists)],
)
def test_a_sync_that_failed_once_never_succeeds_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, fault: type[PortFault]
) -> None:
    def fail_once(descriptor: int) -> None:
        monkeypatch.undo()
        raise OSError(number, os.strerror(number))

    file = LinuxFiles(tmp_path).create("one")
    file.write_at(0, b"abc")
    monkeypatch.setattr(os, "fdatasync", fail_once)
    for _ in range(3):
        with pytest.raises(fault):
            file.sync()
    file.close()


def test_a_write_that_takes_several_calls_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux may take or give less than asked."""
    pwrite, preadv = os.pwrite, os.preadv

    def short_pwrite(descriptor: int, data: memoryview, offset: int) -> int:
        return pwrite(descriptor, data[:3], offset)

    def short_preadv(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        return preadv(descriptor, [buffers[0][:2]], offset)

    monkeypatch.setattr(os, "pwrite", short_pwrite)
    monkeypatch.setattr(os, "preadv", short_preadv)
    files = LinuxFiles(tmp_path)
    put(files, "one", b"0123456789")
    assert get(files, "one") == b"0123456789"


def test_evidence_is_for_its_owner_alone(tmp_path: Path) -> None:
    files = LinuxFiles(tmp_path)
    files.make_folder("folder")
    put(files, "folder/one", b"")
    assert (tmp_path / "folder").stat().st_mode & 0o077 == 0
    assert (tmp_path / "folder/one").stat().st_mode & 0o077 == 0


PART_BYTES = 1 << 16


def test_what_is_written_out_early_is_what_was_written(tmp_path: Path) -> None:
    content = os.urandom(4 * PART_BYTES)
    file = LinuxFiles(tmp_path).create("long")
    for start in range(0, len(content), PART_BYTES):
        file.write_at(start, content[start : start + PART_BYTES])
        file.write_out(start, PART_BYTES)
    file.sync()
    file.close()
    assert (tmp_path / "long").read_bytes() == content


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_failure_of_writing_out_is_one_of_sync_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """The kernel tells of it once; whoever asks for sync afterwards must hear it again."""
    file = LinuxFiles(tmp_path).create("long")
    file.write_at(0, bytes(PART_BYTES))
    monkeypatch.setattr(linux_files, "_sync_range", lambda *_: error)
    for act in (lambda: file.write_out(0, PART_BYTES), file.sync):
        with pytest.raises(NoSpace if error == errno.ENOSPC else IoFault):
            act()
    file.close()


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EINVAL])
def test_where_nothing_can_be_written_out_early_nothing_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    file = LinuxFiles(tmp_path).create("long")
    monkeypatch.setattr(linux_files, "_sync_range", lambda *_: error)
    for start in range(0, 3 * PART_BYTES, PART_BYTES):
        file.write_at(start, bytes(PART_BYTES))
        file.write_out(start, PART_BYTES)
    file.sync()
    file.close()
