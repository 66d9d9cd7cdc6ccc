"""The small change of the scenarios: waiting with a deadline, and ranges of bytes."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from host_tools.bench.houses import unnamed
from host_tools.bench.programs import Program, ScenarioFailed, log_end, until
from host_tools.bench.scenario_parts import covered_bytes, overlaps
from tests.patience import LIMIT_S


@pytest.mark.parametrize(
    ("ranges", "others", "pairs"),
    [
        ([(0, 10)], [(10, 20)], 0),
        ([(0, 11)], [(10, 20)], 1),
        ([(5, 6)], [(0, 20)], 1),
        ([(0, 5), (5, 9)], [(4, 6)], 2),
        ([], [(0, 5)], 0),
    ],
)
def test_ranges_that_have_bytes_in_common_are_seen(
    ranges: list[tuple[int, int]], others: list[tuple[int, int]], pairs: int
):
    assert len(overlaps(ranges, others)) == len(overlaps(others, ranges)) == pairs


def test_bytes_are_counted_once():
    assert covered_bytes([]) == 0
    assert covered_bytes([(10, 20), (0, 5)]) == 15
    assert covered_bytes([(0, 10), (5, 15), (2, 3), (15, 20)]) == 20


def test_waiting_ends_with_what_was_found_or_with_what_was_waited_for():
    found = iter([None, 0, "", "here"])
    assert until(lambda: next(found), "it") == "here"
    with pytest.raises(ScenarioFailed, match="waited 0 s for the moon"):
        until(lambda: None, "the moon", limit_s=0.01)


def test_a_program_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path):
    program = Program("thing", ["nonsense"], tmp_path / "log")
    program.start()
    until(lambda: not program.is_running(), "it to end")
    with pytest.raises(ScenarioFailed, match="the thing has ended: "):
        program.check()
    assert "nonsense" in log_end(tmp_path / "log")
    program.kill()
    assert program.stop() == 0
    assert log_end(tmp_path / "none") == "(no log)"


def test_an_emulated_bench_loses_its_own_name_and_its_boards_keep_theirs():
    text = 'name = "mine"\nseed = 5\n\n[[dock]]\nname = "dock-1"\n'
    assert unnamed(text) == '\nseed = 5\n\n[[dock]]\nname = "dock-1"\n'


STARTER = """
import sys
from pathlib import Path
from host_tools.bench.programs import Program
sys.executable = sys.argv[1]
program = Program("bench", [], Path(sys.argv[2]))
program.start()
print(program._process.pid, flush=True)
sys.stdin.read()
"""


def test_a_program_does_not_outlive_a_run_of_tests_that_is_killed(tmp_path: Path):
    endless = tmp_path / "endless"
    endless.write_text("#!/bin/sh\nexec sleep 600\n")
    endless.chmod(0o755)
    command = [sys.executable, "-c", STARTER, str(endless), str(tmp_path / "log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        its_own = os.pidfd_open(int(starter.stdout.readline()))
        try:
            assert select.select([its_own], [], [], 0)[0] == [], "it runs"
            starter.kill()
            assert select.select([its_own], [], [], LIMIT_S)[0] == [its_own], "it has ended too"
        finally:
            os.close(its_own)
