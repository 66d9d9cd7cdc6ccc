"""Requirement markers and tests as they are written, found without running anything."""

import ast
from functools import cache

from tests.house.shape import statements

TEST_FILE_PREFIX = "test_"


@cache
def marked_requirements(text: str) -> tuple[tuple[int, str], ...]:
    """Line and ID of every ``req`` marker in a file."""
    return tuple(
        (node.lineno, str(argument.value) if isinstance(argument, ast.Constant) else ast.unparse(argument))
        for node in (ast.walk(ast.parse(text)) if "req" in text else ())
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "req"
        for argument in node.args
    )


@cache
def test_functions(text: str) -> tuple[str, ...]:
    """Names of the tests in a file, those in classes included."""
    return tuple(
        node.name
        for node in statements(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(TEST_FILE_PREFIX)
    )
