"""The dock's program compiled as for a Pico, so that MicroPython only loads it: what a board's heap has to hold.

Law: one folder for a whole run of tests, made when it is wanted first and gone with the process. It holds no source but
``main.py``, which starts the program.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from tests.house.micropython import compile_for_board
from tests.house.tree import ROOT

PORTABLE_ROOMS = ("link", "ports", "drivers", "dock")
PROGRAM = ("firmware/version.py", "tests/parity/dock_program.py", "tests/parity/dock_board.py")
# What loading leaves behind is collected on the way: else it is holes in a heap that is nearly full.
MAIN = "import gc\ngc.threshold(16384)\nimport sys\nfrom tests.parity.dock_program import main\nmain(sys.argv[1:])\n"


def compile_tree(folder: Path, rooms: Iterable[str], *more: Path) -> None:
    """``firmware``'s rooms and further sources below ``folder``, each where it is in the tree."""
    sources = [ROOT / "firmware" / "__init__.py", *more]
    for room in rooms:
        sources += sorted((ROOT / "firmware" / room).glob("*.py"))
    for source in sources:
        target = (folder / source.relative_to(ROOT)).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        assert compile_for_board(source, target) == ""


@lru_cache(1)
def dock_program() -> Path:
    """The file to run; all that it imports is beside it."""
    folder = Path(_kept().name)
    compile_tree(folder, (*PORTABLE_ROOMS, "platform/unix_micropython"), *(ROOT / name for name in PROGRAM))
    (folder / "main.py").write_text(MAIN, encoding="utf-8")
    return folder / "main.py"


@lru_cache(1)
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="bwc-mpy-")
