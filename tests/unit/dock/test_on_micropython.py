"""The dock firmware on a real MicroPython, compiled as for a Pico, tells the same story as on CPython."""

import subprocess
from pathlib import Path

import pytest

from tests.house.micropython import compile_for_board, tool
from tests.house.tree import ROOT
from tests.patience import LIMIT_S
from tests.unit.dock.portable import journey

PORTABLE_ROOMS = ("link", "ports", "drivers", "dock")
# A Pico has 192 KiB for us; objects of the interpreter on a 64-bit PC are twice the size.
HEAP_KIB = 2 * 192


def compile_tree(folder: Path) -> None:
    sources = [ROOT / "firmware" / "__init__.py", ROOT / "tests" / "unit" / "dock" / "portable.py"]
    for room in PORTABLE_ROOMS:
        sources += sorted((ROOT / "firmware" / room).glob("*.py"))
    for source in sources:
        target = (folder / source.relative_to(ROOT)).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        assert compile_for_board(source, target) == ""


@pytest.mark.req("EMU-07")
def test_the_dock_runs_within_a_picos_heap(tmp_path: Path):
    compile_tree(tmp_path)
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
