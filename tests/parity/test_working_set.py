"""What one session of a small board needs of its heap, at its fullest: measured, and run in a heap of that size."""

from __future__ import annotations

import pytest

from tests.house.tree import ROOT
from tests.parity import micropython

PROGRAM = ROOT / "tests" / "parity" / "working_set.py"
WORKING_SET_KIB_MAX = 40
WORLD_KIB = 256  # interpreter, modules and the other end's frames, beside what is measured


def measured(*arguments: str) -> dict[str, int]:
    said = micropython.run(PROGRAM, *arguments, heap_kib=WORLD_KIB)
    print(said)
    return {name: int(count) for name, _, count in (line.rpartition(" ") for line in said.splitlines())}


@pytest.mark.req("EMU-07")
def test_a_full_session_of_512_byte_frames_keeps_less_than_40_kib():
    rows = measured()
    assert set(rows) >= {"session as opened", "pull queue", "control stream, outgoing", "most at once"}
    assert min(rows.values()) > 0, rows
    assert rows["most at once"] < WORKING_SET_KIB_MAX * 1024, rows


@pytest.mark.req("EMU-07")
def test_a_full_session_runs_in_a_heap_of_40_kib():
    assert measured(str(WORKING_SET_KIB_MAX))["most at once"] > 0


def test_a_heap_that_is_too_small_is_noticed():
    with pytest.raises(AssertionError, match="MemoryError"):
        measured("24")
