"""The dock firmware on a real MicroPython, compiled as for a Pico, tells the same story as on CPython."""

import subprocess
from pathlib import Path

import pytest

from tests.house.micropython import tool
from tests.house.tree import ROOT
from tests.parity.compiled import PORTABLE_ROOMS, compile_tree
from tests.patience import LIMIT_S
from tests.unit.dock.portable import journey

# A Pico has 192 KiB for us. Here the interpreter's objects are twice as large and bytes are not: a heap of 256 KiB here
# needs less than 192 there as long as at most half of it is bytes, and 32 KiB of it are (the table of PRBS15).
HEAP_KIB = 256


@pytest.mark.req("EMU-07")
def test_the_dock_runs_within_a_picos_heap(tmp_path: Path):
    compile_tree(tmp_path, PORTABLE_ROOMS, ROOT / "tests" / "unit" / "dock" / "portable.py")
    program = "import gc\ngc.threshold(16384)\n"  # as a board's main does
    program += "from tests.unit.dock.portable import journey\nfor line in journey():\n    print(line)\n"
    answer = subprocess.run(
        [tool("micropython"), "-X", f"heapsize={HEAP_KIB}K", "-c", program],
        env={"MICROPYPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr or answer.stdout
    assert answer.stdout.splitlines() == journey()
