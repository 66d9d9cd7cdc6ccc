"""Every case of this folder holds under CPython and under the real MicroPython, and tells both the same story."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.house.tree import ROOT
from tests.parity import dock_cases, driver_cases, micropython, port_cases, session_cases, wire_cases

MODULES = (wire_cases, session_cases, port_cases, driver_cases, dock_cases)
CASES = [
    pytest.param(module.__name__, name, case, id=f"{module.__name__.rpartition('.')[2]}: {name}")
    for module in MODULES
    for name, case in module.CASES
]
RUNNER = ROOT / "tests" / "parity" / "runner.py"
HEAP_KIB = {
    dock_cases.__name__: 256,  # host and dock in one process, and a PRBS15 table of 32 KiB
    port_cases.__name__: 16384,  # a medium in memory; no board of this size has one
}


@cache
def answers_of(module: str) -> micropython.Answers:
    """One process runs all cases of a module, once."""
    heap_kib = HEAP_KIB.get(module, micropython.HEAP_KIB)
    return micropython.Answers(micropython.run(RUNNER, module, heap_kib=heap_kib))


@pytest.mark.req("LINK-01", "EMU-07")
@pytest.mark.parametrize(("module", "name", "case"), CASES)
def test_both_interpreters_tell_the_same_story(module: str, name: str, case: Callable[[], str | None], monkeypatch):
    monkeypatch.chdir(ROOT)
    assert answers_of(module).story(name) == (case() or "")
