"""Every case of this folder holds under CPython and under the real MicroPython, and tells both the same story."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.house.tree import ROOT
from tests.parity import (
    chip_cases,
    dock_cases,
    driver_cases,
    edge_cases,
    micropython,
    platform_cases,
    port_cases,
    rp2_cases,
    session_cases,
    wire_cases,
)

Case = Callable[[], "str | None"]

RUNNER = ROOT / "tests" / "parity" / "runner.py"
HEAP_KIB = {
    dock_cases.__name__: 256,  # host and dock in one process, and a PRBS15 table of 32 KiB
    edge_cases.__name__: 256,  # likewise
    rp2_cases.__name__: 512,  # platform, application, suites and a stand-in, all compiled in the process
    port_cases.__name__: 16384,  # a medium in memory; no board of this size has one
}


def cases_of(*modules: Any) -> Any:
    return pytest.mark.parametrize(
        ("module", "name", "case"),
        [
            pytest.param(module.__name__, name, case, id=f"{module.__name__.rpartition('.')[2]}: {name}")
            for module in modules
            for name, case in module.CASES
        ],
    )


@cache
def answers_of(module: str) -> micropython.Answers:
    """One process runs all cases of a module, once."""
    heap_kib = HEAP_KIB.get(module, micropython.HEAP_KIB)
    return micropython.Answers(micropython.run(RUNNER, module, heap_kib=heap_kib))


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the cases look for the vectors."""
    monkeypatch.chdir(ROOT)


@pytest.mark.req("LINK-01", "LINK-02")
@cases_of(wire_cases, session_cases, edge_cases)
def test_the_wire_is_the_same(module: str, name: str, case: Case):
    assert answers_of(module).story(name) == (case() or "")


@pytest.mark.req("EMU-07")
@cases_of(port_cases, driver_cases, chip_cases, dock_cases)
def test_the_firmware_tells_the_same_story(module: str, name: str, case: Case):
    assert answers_of(module).story(name) == (case() or "")


@pytest.mark.req("EMU-07")
@cases_of(platform_cases, rp2_cases)
def test_the_ports_of_a_micropython_process_pass_their_suites(module: str, name: str, case: Case):
    assert answers_of(module).story(name) == "", case
