"""The threat model names the test that shows each of its lines: every one is there, and every attacker has some."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house import tree

PAGE = Path("docs/security.md")
ATTACKERS = (
    "stolen card",
    "stolen camera",
    "for a night",
    "rogue dock",
    "rogue controller on the bench",
    "malicious usb device",
    "network attacker",
    "viewer account",
    "stolen controller disk",
)
NAMED = re.compile(r"`((?:attacks|unit|house|crash|hil_tests)/[\w/]+\.py)(?:::(\w+))?`")
CODE = re.compile(r"`((?:firmware|host_tools|boards|docs)/[\w/]+(?:\.\w+)?)`")


def named_tests(text: str) -> list[tuple[str, str]]:
    """Path (below ``tests/``, or ``hil_tests/``) and name of each test that the page names."""
    return [(found[1], found[2] or "") for found in NAMED.finditer(text)]


def missing(text: str) -> list[str]:
    """What is named and is not there."""
    faults: list[str] = []
    for name, test in named_tests(text):
        path = Path(name) if name.startswith("hil_tests/") else Path("tests", name)
        if not (tree.ROOT / path).is_file():
            faults.append(f"{name}: no such file")
        elif test and test not in _functions(path):
            faults.append(f"{name}::{test}: no such test")
    return faults + [f"{name}: no such code" for name in CODE.findall(text) if not (tree.ROOT / name).exists()]


def _functions(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(tree.read(path)))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def model(text: str) -> str:
    """The chapter of the threats."""
    return text.partition("\n## Who attacks\n")[2].partition("\n## ")[0]


def test_every_test_that_is_named_exists():
    tree.require_none([f"{PAGE}: {fault}" for fault in missing(tree.read(PAGE))])


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_every_attacker_has_lines_with_tests(attacker: str):
    parts = model(tree.read(PAGE)).split("\n### ")[1:]
    (part,) = [part for part in parts if attacker in part.partition("\n")[0].lower()]
    assert named_tests(part)


def test_every_line_of_the_threats_has_its_test():
    rows = [line for line in model(tree.read(PAGE)).splitlines() if line.startswith("| ") and "shown by" not in line]
    assert len(rows) > 40
    tree.require_none([f"{PAGE}: no test: {row}" for row in rows if not NAMED.search(row.rsplit("|", 2)[1])])


def test_it_can_fail():
    assert missing("`attacks/test_none.py::test_a`") == ["attacks/test_none.py: no such file"]
    assert missing("`house/test_security_page.py::test_never`") == [
        "house/test_security_page.py::test_never: no such test"
    ]
    assert missing("`house/test_security_page.py::test_it_can_fail` and `firmware/nothing.py`") == [
        "firmware/nothing.py: no such code"
    ]
