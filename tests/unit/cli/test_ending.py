"""Programs that are told to end: Ctrl-C and SIGTERM do the same, nothing is left, the exit code says which it was."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tools.bench.programs import until
from host_tools.cli import ending
from tests.patience import LIMIT_S

# arguments, what is there once it runs, the exit codes of SIGINT and SIGTERM, what is gone in the end
PROGRAMS = [
    (("emulate", "--cameras", "0"), "bench/bench.sock", (0, 0)),
    (("crash", "--processes", "1", "--side", "camera"), "", (ending.INTERRUPTED_EXIT, ending.TERMINATED_EXIT)),
]


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """Handlers are the process's."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    ending._told.clear()


def test_sigterm_is_ctrl_c_with_another_exit_code():
    ending.end_in_order()
    assert ending.exit_code() == ending.INTERRUPTED_EXIT
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    assert ending.exit_code() == ending.TERMINATED_EXIT


def test_a_terminal_that_is_closed_is_ctrl_c_too_unless_nohup_says_otherwise():
    ending.end_in_order()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGHUP)
    assert ending.exit_code() == 129
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ending.end_in_order()
    signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_what_runs_in_a_loop_is_taken_down_in_order():
    ending.end_in_order()
    told: list[str] = []

    async def program() -> None:
        try:
            asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
            await asyncio.sleep(LIMIT_S)
        finally:
            await asyncio.sleep(0)  # taking down may take its time
            told.append("taken down")

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(program())
    assert told == ["taken down"]


def test_where_ctrl_c_is_ignored_sigterm_ends_all_the_same():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ending.end_in_order()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("arguments", "sign", "codes"), PROGRAMS, ids=[each[0][0] for each in PROGRAMS])
def test_a_program_that_is_told_to_end_leaves_nothing(
    tmp_path: Path, arguments: tuple[str, ...], sign: str, codes: tuple[int, int], number: int
):
    program = subprocess.Popen(
        [sys.executable, "-m", "host_tools.cli", *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(ending.__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    until(lambda: (tmp_path / sign).exists() if sign else _children(program.pid), "it to begin")
    os.killpg(program.pid, number) if number == signal.SIGINT else program.send_signal(number)
    said = program.communicate(timeout=LIMIT_S)[0].decode()
    assert program.returncode == codes[number == signal.SIGTERM], said
    assert "Traceback" not in said
    assert not list(tmp_path.rglob("*.sock"))
    until(lambda: not _session(program.pid), "its last process to go")


def test_a_bench_whose_terminal_is_closed_leaves_no_port(tmp_path: Path):
    command = [sys.executable, "-m", "host_tools.cli", "emulate", "--cameras", "0", "--folder", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as program:
        until(lambda: (tmp_path / "ports" / "dock-1").exists(), "it to begin")
        program.send_signal(signal.SIGHUP)
        said = program.communicate(timeout=LIMIT_S)[1].decode()
    assert program.returncode == 0, said
    assert list((tmp_path / "ports").iterdir()) == []
    assert not (tmp_path / "bench.sock").exists()


def _children(pid: int) -> list[int]:
    return [each for each, stat in _stats() if int(stat[1]) == pid and b"spawn_main" in _command(each)]


def _session(pid: int) -> list[int]:
    """Processes of that session that are more than an entry."""
    return [each for each, stat in _stats() if int(stat[3]) == pid and stat[0] != "Z"]


def _stats() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                yield int(entry.name), (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended meanwhile


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
