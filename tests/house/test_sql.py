"""What may stand in a statement: our own columns and limits, and marks in the place of values. This is why ruff's S608
is off in the rooms that keep databases."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import tree

ROOMS = ("host_tools/accounts", "host_tools/custody", "host_tools/evidence")
STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|PRAGMA|ALTER|DROP|REPLACE|WITH)\b")

# file -> what else it puts into a statement, and where that comes from
OTHERS = {
    "host_tools/accounts/store.py": {"marks", "changes"},
    "host_tools/custody/database.py": {"application_id", "version", "name", "schema_version"},
    "host_tools/custody/index.py": {"where", "assignments", "marks"},
    "host_tools/evidence/catalogue.py": {"where", "table", "column", "changes"},
}
CONSTANT = re.compile(r"(\w+\.)?_?[A-Z][A-Z0-9_]*")  # of our own files
MARKS = re.compile(r"""['"], ?['"]\.join\(['"]\?['"] \* .+\)|['"], ?['"]\.join\(\(?f?['"].*""")


def foreign(text: str, allowed: set[str]) -> Iterator[tuple[int, str]]:
    """Line and text of whatever is put into a statement and is neither a constant nor allowed."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr) and STATEMENT.match(_beginning(node)):
            for value in node.values:
                said = ast.unparse(value.value) if isinstance(value, ast.FormattedValue) else ""
                if said and said not in allowed and not CONSTANT.fullmatch(said) and not MARKS.fullmatch(said):
                    yield value.lineno, said
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add) and _is_statement(node.left):
            said = ast.unparse(node.right)
            if not isinstance(node.right, ast.Constant) and said not in allowed and not CONSTANT.fullmatch(said):
                yield node.lineno, said
        elif isinstance(node, ast.Attribute) and node.attr == "format" and _is_statement(node.value):
            yield node.lineno, ast.unparse(node)


def _beginning(node: ast.JoinedStr) -> str:
    first = node.values[0] if node.values else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def _is_statement(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return bool(STATEMENT.match(_beginning(node)))
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(STATEMENT.match(node.value))


def test_statements_are_made_of_our_own_words():
    tree.require_none(
        [
            f"{path}:{line}: {said} stands in a statement: give it as a value"
            for path in tree.python_files(*ROOMS)
            for line, said in foreign(tree.read(path), OTHERS.get(path.as_posix(), set()))
        ]
    )


def test_statements_are_in_these_rooms_alone():
    tree.require_none(
        [
            f"{path}: holds a statement: its room belongs into tests/house/test_sql.py"
            for path in tree.python_files("firmware", "host_tools", "boards")
            if not any(path.is_relative_to(room) for room in ROOMS) and _has_statement(path)
        ]
    )


def _has_statement(path: Path) -> bool:
    return bool(re.search(r"""["'](SELECT|INSERT INTO|UPDATE|DELETE FROM) [\w*{]""", tree.read(path)))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('f"SELECT {_COLUMNS} FROM a WHERE b = ?"', 0),
        ('f"SELECT x FROM a WHERE b = {name}"', 1),
        ("f\"DELETE FROM {table} WHERE a = '{name}'\"", 1),
        ('"SELECT x FROM a WHERE b = %s" % name', 1),
        ('"SELECT x FROM a WHERE b = " + name', 1),
        ('"SELECT x FROM a WHERE b = {}".format(name)', 1),
        ("f\"INSERT INTO a VALUES ({', '.join('?' * len(values))})\"", 0),
        ('f"see {name}"', 0),
    ],
)
def test_it_can_fail(text: str, count: int):
    assert len(list(foreign(text, {"table"}))) == count
