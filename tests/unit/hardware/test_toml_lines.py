"""Lines of keys: every path that tomllib reads has the line on which it stands."""

import tomllib
from typing import Any

import pytest

from host_tools.hardware.files import BOARDS_FOLDER
from host_tools.hardware.toml_lines import key_lines

TRICKY = '''# a comment with [brackets] = and "quotes"
top = 1
a.b.c = "dotted" # and a comment ]
"quoted key" = 'literal # no comment'

[table] # comment
text = """
three
lines with ] } = and # inside
"""
raw = \'\'\'one
two\'\'\'
list = [ # comment ]
  1, [2, 3],
  { x = 1, y = [ "}", ']' ] },
]
date = 1979-05-27T07:32:00Z

[[things]]
name = "first"
[things.inner]
deep = true

[[things]]
name = "second"
[[things.parts]]
n = 1
[[things.parts]]
n = 2
'''


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key, each in value.items():
            found += paths(each, (*path, key))
    if isinstance(value, list):
        for index, each in enumerate(value):
            found += paths(each, (*path, index))
    return found


def test_keys_are_found_where_they_stand():
    lines = key_lines(TRICKY)
    assert set(paths(tomllib.loads(TRICKY))) == set(lines)
    numbered = TRICKY.splitlines()
    for path, text in {
        ("top",): "top",
        ("a", "b", "c"): "a.b.c",
        ("quoted key",): '"quoted key"',
        ("table",): "[table]",
        ("table", "text"): "text",
        ("table", "raw"): "raw",
        ("table", "list", 2, "y"): "{ x",
        ("table", "date"): "date",
        ("things", 0, "inner", "deep"): "deep",
        ("things", 1, "name"): 'name = "second"',
        ("things", 1, "parts", 1, "n"): "n = 2",
    }.items():
        assert numbered[lines[path] - 1].strip().startswith(text), path


@pytest.mark.parametrize("model", sorted(path.parent.name for path in BOARDS_FOLDER.glob("*/board.toml")))
def test_every_key_of_every_board_file_has_a_line(model: str):
    text = (BOARDS_FOLDER / model / "board.toml").read_text()
    lines = key_lines(text)
    assert set(paths(tomllib.loads(text))) == set(lines)
    numbered = text.splitlines()
    for path, line in lines.items():
        names = [step for step in path if isinstance(step, str)]
        if names and isinstance(path[-1], str):
            assert names[-1] in numbered[line - 1]
