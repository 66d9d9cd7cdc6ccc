"""Names of pseudo-terminals whose maker was killed: they are nobody's any more, whatever has their number now."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import signal
import subprocess
import sys
import tty
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from host_tools.emulator.rendezvous import benches_folder, port_path, register
from host_tools.transports.errors import PortMissing
from host_tools.transports.held_ports import MARK, HeldFolder, is_abandoned, is_left_over
from host_tools.transports.serial_ports import open_serial

MAKER = """
import sys, os
from pathlib import Path
from host_tools.transports.held_ports import HeldFolder
held = HeldFolder(Path(sys.argv[1]))
master, slave = os.openpty()
(Path(sys.argv[1]) / "dock-1").symlink_to(os.ttyname(slave))
print("made", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def own_benches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The benches of this test alone: whatever starts forgets those of everybody that have ended."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


@contextmanager
def shell() -> Generator[tuple[int, str]]:
    """Somebody's terminal: its other end, and its name."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    try:
        yield master, os.ttyname(slave)
    finally:
        os.close(master)
        os.close(slave)


def killed_maker(folder: Path) -> None:
    """A program that makes ports and is killed."""
    maker = subprocess.Popen(
        [sys.executable, "-c", MAKER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "made\n"
        assert not is_left_over(folder / "dock-1")
        maker.send_signal(signal.SIGKILL)
        maker.wait()


@pytest.mark.req("EMU-03")
def test_a_killed_bench_has_no_ports_whoever_has_their_numbers_now(tmp_path: Path):
    ports = tmp_path / "ports"
    killed_maker(ports)
    link = register("killed", tmp_path)
    try:
        assert (ports / "dock-1").is_symlink(), "its name outlives it"
        assert is_abandoned(ports)
        with shell() as (master, name):
            (ports / "dock-1").unlink()
            (ports / "dock-1").symlink_to(name)  # the number is given out again
            for url in (str(ports / "dock-1"), f"serial://{ports}/dock-1"):
                with pytest.raises(PortMissing, match="has ended and left its name behind; start that anew"):
                    asyncio.run(open_serial(url))
            with pytest.raises(PortMissing, match="no bench killed is running"):
                port_path("emu://killed/dock-1")
            with pytest.raises(BlockingIOError):
                os.read(master, 1)
    finally:
        link.unlink(missing_ok=True)


def test_the_next_bench_forgets_the_names_of_killed_ones(tmp_path: Path):
    killed_maker(tmp_path / "first" / "ports")
    first = register("gone", tmp_path / "first")
    held = HeldFolder(tmp_path / "second" / "ports")
    second = register("here", tmp_path / "second")
    try:
        assert not first.is_symlink()
        register("third", tmp_path / "third").unlink()
        assert second.is_symlink(), "one that runs is not forgotten"
        with pytest.raises(PortMissing, match=r"no bench gone is running; there is: .*here"):
            port_path("emu://gone/dock-1")
    finally:
        held.release()
        (benches_folder() / "here").unlink()


def test_a_folder_is_held_by_one_and_free_afterwards(tmp_path: Path):
    held = HeldFolder(tmp_path)
    with pytest.raises(BlockingIOError):
        HeldFolder(tmp_path)
    assert not is_abandoned(tmp_path)
    held.release()
    held.release()
    assert not (tmp_path / MARK).exists()
    HeldFolder(tmp_path).release()


def test_where_nothing_can_be_locked_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def no_locks(fd: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    held = HeldFolder(tmp_path)
    (tmp_path / "dock-1").symlink_to("/dev/null")
    assert not is_abandoned(tmp_path)
    assert not is_left_over(tmp_path / "dock-1")
    held.release()


def test_a_link_of_somebody_else_is_opened_as_it_is(tmp_path: Path):
    with shell() as (_master, name):
        link = tmp_path / "gps"
        link.symlink_to(name)

        async def go() -> None:
            (await open_serial(str(link))).close()

        asyncio.run(go())
    assert not is_left_over(link)
