"""Every implementation and every wrapper passes the one suite."""

import asyncio
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.memory_files import MemoryFiles
from host_tools.custody.blocking import run_in_thread, run_inline
from host_tools.destinations import directory
from host_tools.destinations.directory import DirectoryDestination
from host_tools.destinations.interface import DestinationUnavailable
from host_tools.destinations.memory import MemoryDestination
from host_tools.destinations.suite import CASES, Case, Subject
from host_tools.destinations.wrappers import Failing, Failure, Retry, Spy, Throttle

Make = Callable[[Path], Subject]


async def no_sleep(_: int) -> None:
    return


def memory(_: Path) -> Subject:
    store = MemoryDestination()
    return Subject(store, store)


def folder(tmp_path: Path) -> Subject:
    directory.create(LinuxFiles(tmp_path), str(tmp_path), "test")
    store = DirectoryDestination(lambda: LinuxFiles(tmp_path), str(tmp_path), run_in_thread)
    return Subject(store, store)


def folder_in_memory(_: Path) -> Subject:
    files = MemoryFiles()
    directory.create(files, "memory", "test")
    store = DirectoryDestination(lambda: files, "memory", run_inline)
    return Subject(store, store)


def spied(tmp_path: Path) -> Subject:
    store = folder_in_memory(tmp_path)
    return Subject(Spy(store.destination), store.reader)


def throttled(tmp_path: Path) -> Subject:
    store = folder_in_memory(tmp_path)
    ticks = itertools.count()
    return Subject(Throttle(store.destination, 1 << 20, lambda: next(ticks), no_sleep), store.reader)


def failing_and_retried(tmp_path: Path) -> Subject:
    """Every operation fails twice, in every way, and the suite does not notice."""
    store = folder_in_memory(tmp_path)
    down = DestinationUnavailable("the cable is out: put it in")
    plan = [
        Failure("open", 1, down),
        Failure("check", 1, down, "after"),
        Failure("ensure_container", 1, down),
        Failure("ensure_container", 2, down, "after"),
        Failure("update_container", 1, down, "after"),
        Failure("put_object", 1, down),
        Failure("put_object", 2, down, "during", 10_000),
        Failure("put_object", 3, down, "after"),
        Failure("complete", 1, down),
        Failure("complete", 2, down, "after"),
    ]
    return Subject(Retry(Failing(store.destination, plan), no_sleep, lambda: 0.5), store.reader)


@pytest.mark.req("DEST-03", "CTRL-09")
@pytest.mark.parametrize("make", [memory, folder, folder_in_memory, spied, throttled, failing_and_retried])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_suite(make: Make, case: Case, tmp_path: Path) -> None:
    async def run() -> None:
        await case(make(tmp_path))

    asyncio.run(run())


def test_the_real_folder_holds_the_file_under_its_own_name(tmp_path: Path) -> None:
    asyncio.run(CASES[0](folder(tmp_path)))
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    box = "W-7_CAM-1_20260101T000000Z"
    assert found == [
        box,
        f"{box}/20260101_000000_7CF7.mp4",
        f"{box}/20260101_000000_7CF7.mp4.meta.json",
        f"{box}/container.meta.json",
        "destination.toml",
    ]
    assert os.stat(tmp_path / box / "20260101_000000_7CF7.mp4").st_mode & 0o077 == 0
