"""Runs programs of this folder under the real MicroPython, in a process of its own, with a small board's heap.

Law: CPython's side. What the process said is in the error of whatever went wrong.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from tests.house.micropython import tool
from tests.house.tree import ROOT
from tests.patience import LIMIT_S

HEAP_KIB = 192  # what a Pico has left; objects of the interpreter are twice as large here as there


def environment(modules: Path = ROOT) -> dict[str, str]:
    """Only what the process needs: where modules are."""
    return {"MICROPYPATH": str(modules), "PATH": os.environ.get("PATH", "")}


def command(program: Path, *arguments: str, heap_kib: int = HEAP_KIB) -> list[str]:
    """The command that runs a program of the tree."""
    return [tool("micropython"), "-X", f"heapsize={heap_kib}K", str(program), *arguments]


def run(program: Path, *arguments: str, heap_kib: int = HEAP_KIB) -> str:
    """Everything a program says, standard error last; AssertionError with it if the program fails."""
    answer = subprocess.run(
        command(program, *arguments, heap_kib=heap_kib),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    said = answer.stdout + answer.stderr
    assert answer.returncode == 0, f"micropython {program.name}: exit {answer.returncode} on {sys.platform}\n{said}"
    return said


class Answers:
    """What the cases of one module answered there: name -> (story, failure). The whole output is in ``said``."""

    def __init__(self, said: str) -> None:
        self.said = said
        self._of: dict[str, tuple[str, str]] = {}
        for line in said.splitlines():
            if line.startswith(("('", '("')):
                name, story, failure = ast.literal_eval(line)
                self._of[name] = (story, failure)

    def story(self, name: str) -> str:
        """The story of one case; AssertionError with MicroPython's own words if there is none."""
        assert name in self._of, f"MicroPython did not come to this case; it said:\n{self.said}"
        story, failure = self._of[name]
        assert not failure, f"under MicroPython:\n{failure}"
        return story
