"""The portable rooms keep the dialect; the checks see each thing they are for; MicroPython itself agrees."""

from pathlib import Path

import pytest

from tests.house import dialect, micropython, tree

PORTABLE = tree.python_files(*tree.PORTABLE)


@pytest.fixture(scope="module")
def absences(tmp_path_factory: pytest.TempPathFactory) -> tree.Check:
    modules = {name for path in PORTABLE for name in dialect.module_names(tree.read(path))}
    modules |= {"asyncio", "binascii", "collections", "struct", "time", "hashlib"}  # for the samples below
    found = micropython.capabilities(modules, tmp_path_factory.mktemp("micropython"))
    own_names = frozenset(
        name for path in tree.python_files("firmware") for name in dialect.defined_names(tree.read(path))
    )
    return dialect.absences(found, own_names)


def test_there_are_portable_files():
    assert len(PORTABLE) > 10


@pytest.mark.req("EMU-07")
def test_portable_rooms_keep_the_syntax():
    tree.hold(PORTABLE, dialect.syntax)


@pytest.mark.req("EMU-07")
def test_portable_rooms_use_only_what_micropython_has(absences: tree.Check):
    tree.hold(PORTABLE, absences)


@pytest.mark.req("EMU-07")
def test_every_portable_file_compiles_for_the_board(tmp_path: Path):
    answers = (micropython.compile_for_board(path, tmp_path / "out.mpy") for path in PORTABLE)
    tree.require_none([answer for answer in answers if answer])


@pytest.mark.req("EMU-07")
def test_every_portable_module_imports_under_micropython(tmp_path: Path):
    tree.require_none(micropython.import_failures([tree.module_name(path) for path in PORTABLE], tmp_path))


@pytest.mark.parametrize(
    "bad",
    [
        "match x:\n    case 1:\n        pass\n",
        "def f(a, /):\n    pass\n",
        "x = [*a, 1]\n",
        "x = (*a, 1)\n",
        "x = {*a}\n",
        "x = {**a}\n",
        "x = a[::2]\n",
        "raise ValueError() from fault\n",
        "class A:\n    __slots__ = ('x',)\n",
        "isinstance(x, int)\n",
        "isinstance(x, (bytes, int))\n",
        "for name, value in table.items():\n    pass\n",
        "x = [value for value in table.values()]\n",
        "x = list(table.keys())\n",
        "if TYPE_CHECKING:\n    x = [*a]\n",
    ],
)
def test_bad_syntax_is_seen(bad: str):
    assert len(dialect.syntax(bad)) == 1


@pytest.mark.parametrize(
    "good",
    [
        "f(*a, **b)\n",
        "first, *rest = a\n",
        "x = a[1:2]\n",
        "raise ValueError()\n",
        "isinstance(x, bytes)\n",
        "x = sorted(table.items())\nfor row in x:\n    pass\n",
        "x = {value: name for name, value in table.items()}\n",
        "x = sum(value for value in table.values())\n",
        "for value in table.values():  # any order\n    pass\n",
        "def f(a: 'int', *, b: 'str') -> 'None':\n    pass\n",
    ],
)
def test_good_syntax_passes(good: str):
    assert dialect.syntax(good) == []


@pytest.mark.parametrize(
    "bad",
    [
        "import dataclasses\n",
        "import enum\n",
        "import functools\n",
        "import contextlib\n",
        "import logging\n",
        "from typing import Any\n",
        "from collections import Counter\n",
        "import struct\ns = struct.Struct('<B')\n",
        "import time\nnow = time.monotonic()\n",
        "import asyncio\nq = asyncio.Queue()\n",
        "from asyncio import TaskGroup\n",
        "x = digest.hexdigest()\n",
        "x = b''.removeprefix(b'a')\n",
        "x = (5).bit_length()\n",
        "try:\n    pass\nexcept FileNotFoundError:\n    pass\n",
        "def f():\n    import decimal\n",
        "x = 5 if True else vars()\n",
    ],
)
def test_absent_names_are_seen(absences: tree.Check, bad: str):
    assert len(absences(bad)) == 1


@pytest.mark.parametrize(
    "good",
    [
        "try:\n    from typing import TYPE_CHECKING\nexcept ImportError:\n    TYPE_CHECKING = False\n",
        "if TYPE_CHECKING:\n    from typing import Any\nelse:\n    Any = None\n",
        "import struct\nstruct.pack_into('<B', b, 0, 1)\n",
        "from collections import namedtuple\n",
        "def f(a: Any) -> Any:\n    x: Any = 1\n",
        "import firmware.link.schema\n",
    ],
)
def test_present_names_pass(absences: tree.Check, good: str):
    assert absences(good) == []


def test_what_does_not_compile_is_seen(tmp_path: Path):
    bad = tmp_path / "bad.py"
    bad.write_text("def f(a, /):\n    pass\n")
    assert "SyntaxError" in micropython.compile_for_board(bad, tmp_path / "out.mpy")


def test_what_does_not_import_is_seen(tmp_path: Path):
    tmp_path.joinpath("bad.py").write_text("import dataclasses\n")
    assert micropython.import_failures(["bad"], tmp_path, root=tmp_path) == [
        "bad: ImportError: no module named 'dataclasses'"
    ]
