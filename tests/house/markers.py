"""Requirement markers and tests as they are written, found without running anything."""

import ast
from collections.abc import Iterator

TEST_FILE_PREFIX = "test_"


def marked_requirements(text: str) -> Iterator[tuple[int, str]]:
    """Line and ID of every ``req`` marker in a file."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "req":
            for argument in node.args:
                yield node.lineno, str(argument.value) if isinstance(argument, ast.Constant) else ast.unparse(argument)


def test_functions(text: str) -> list[str]:
    """Names of the tests in a file, those in classes included."""
    return [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(TEST_FILE_PREFIX)
    ]
