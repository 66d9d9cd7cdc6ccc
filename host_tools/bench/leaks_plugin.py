"""Pytest plugin: fails a test that leaves a thread, a task, an open file, socket or pty, or a child process behind.

Law: looks at this process only, through ``threading``, ``asyncio`` and ``/proc``. What a fixture of a wider scope
holds is there before the test begins and is not the test's. A test that failed anyway is not accused a second time.
"""

import asyncio
import asyncio.runners
import gc
import os
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

SETTLE_SECONDS_MAX: Final = 30.0  # for threads and children that have been told to end and are about to, on any machine
POLL_SECONDS: Final = 0.01
OWN_FILES: Final = "/proc/self/fd"  # texts, not paths: these are looked through twice a test
OWN_THREADS: Final = "/proc/self/task"

# Opened once by the standard library or a C library, and kept on purpose.
KEPT_FILES: Final = frozenset({"/dev/null", "/dev/random", "/dev/urandom"})
KEPT_COMMANDS: Final = (b"multiprocessing.resource_tracker", b"multiprocessing.forkserver")

# Where every asyncio runner ends (CPython 3.11 to 3.14). It has no public hook that still sees the tasks.
CANCEL_ALL: Final = "_cancel_all_tasks"

CALL_FAILED: Final = pytest.StashKey[bool]()


@dataclass(frozen=True, slots=True)
class Holdings:
    """What this process holds: each as a name that tells one from another."""

    threads: frozenset[str]
    files: frozenset[str]
    children: frozenset[str]

    def beyond(self, before: "Holdings") -> list[str]:
        """What is held now and was not before."""
        return [
            *(f"thread {name}" for name in sorted(self.threads - before.threads)),
            *(f"open file {name}" for name in sorted(self.files - before.files)),
            *(f"child process {name}" for name in sorted(self.children - before.children)),
        ]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether the test itself failed."""
    report = yield
    if report.failed:
        item.stash[CALL_FAILED] = True
    return report


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compare what is held before and after the test."""
    before = holdings()
    with watched_tasks() as tasks:
        yield
    left = tasks + what_is_left(before)
    if left and not request.node.stash.get(CALL_FAILED, False):
        pytest.fail("left behind by this test:\n" + "\n".join(f"  {name}" for name in left), pytrace=False)


def holdings() -> Holdings:
    """What this process holds now."""
    threads = frozenset(f"{thread.name} ({thread.ident})" for thread in threading.enumerate() if thread.is_alive())
    return Holdings(threads, frozenset(open_files()), frozenset(child_processes()))


def what_is_left(before: Holdings) -> list[str]:
    """What is held beyond ``before``, after what is garbage is gone and what was ending has had time to end."""
    if not holdings().beyond(before):
        return []
    gc.collect()
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while (left := holdings().beyond(before)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return left


@contextmanager
def watched_tasks() -> Generator[list[str]]:
    """Collect the tasks that a runner finds unfinished when its main coroutine has ended, and would cancel silently."""
    found: list[str] = []
    cancel_all = getattr(asyncio.runners, CANCEL_ALL)

    def look_and_cancel(loop: asyncio.AbstractEventLoop) -> None:
        found.extend(f"task {task.get_name()}: {task.get_coro()}" for task in asyncio.all_tasks(loop))
        cancel_all(loop)

    setattr(asyncio.runners, CANCEL_ALL, look_and_cancel)
    try:
        yield found
    finally:
        setattr(asyncio.runners, CANCEL_ALL, cancel_all)


def open_files() -> Iterator[str]:
    """Descriptors of this process with what is behind them."""
    for descriptor in os.listdir(OWN_FILES):
        try:
            target = os.readlink(f"{OWN_FILES}/{descriptor}")
        except OSError:
            continue  # the descriptor with which the folder itself was read
        if target not in KEPT_FILES:
            yield f"{descriptor} {target}"


def child_processes() -> Iterator[str]:
    """Processes that this one has started and not waited for."""
    for thread in os.listdir(OWN_THREADS):
        try:
            with open(f"{OWN_THREADS}/{thread}/children") as file:
                children = file.read().split()
        except OSError:
            continue  # the thread has ended
        for child in children:
            try:
                command = Path("/proc", child, "cmdline").read_bytes()
            except OSError:
                continue
            if not any(kept in command for kept in KEPT_COMMANDS):
                words = command.replace(b"\0", b" ").decode(errors="replace").strip()
                yield f"{child} {words or '(ended, but nobody waited for it)'}"
