"""The files of the house, read from the folder (so also from an unpacked archive without git)."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("boards", "firmware", "hil_tests", "host_tools")
PORTABLE: Final = (
    "firmware/link",
    "firmware/ports",
    "firmware/drivers",
    "firmware/dock",
    "firmware/platform/rp2",
    "firmware/platform/unix_micropython",
    "boards/pico_dock_1",
    "boards/pico_dock_8",
)
# Made by us or by tools, never written by hand. Names at the root only, as in .gitignore.
MADE_AT_ROOT: Final = frozenset({"bench", "build", "demo", "dist"})
MADE: Final = frozenset({".git", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache"})

Check = Callable[[str], list[str]]


@cache
def files() -> tuple[Path, ...]:
    """Every file of the house, relative to its root, in order; as it was when it was first asked for."""
    found: list[Path] = []
    for folder, folders, names in os.walk(ROOT):
        relative = Path(folder).relative_to(ROOT)
        made = MADE | (MADE_AT_ROOT if relative == Path() else frozenset())
        folders[:] = sorted(name for name in folders if name not in made and not is_environment(Path(folder, name)))
        found += (relative / name for name in sorted(names))
    return tuple(found)


def python_files(*folders: str) -> list[Path]:
    """Python files, of some folders or of all."""
    within = tuple(f"{folder}/" for folder in folders) or ("",)
    return [path for path in files() if path.suffix == ".py" and path.as_posix().startswith(within)]


def text_files() -> list[Path]:
    """Files that hold text."""
    return [path for path in files() if b"\0" not in (ROOT / path).read_bytes()[:4096]]


def read(path: Path) -> str:
    """Text of a file of the house; bytes that are no UTF-8 come back as replacement characters."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def is_environment(folder: Path) -> bool:
    """Whether a folder is a virtual environment, whatever its name."""
    return (folder / "pyvenv.cfg").exists()


def module_name(path: Path) -> str:
    """The import name of a Python file."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def hold(paths: list[Path], *checks: Check) -> None:
    """Fail the test that calls this with all places in ``paths`` where a check is broken, as ``file:line: what``."""
    require_none([f"{path}:{place}" for path in paths for check in checks for place in check(read(path))])


def require_none(places: list[str]) -> None:
    """Fail the test that calls this with all of ``places``, one a line."""
    if places:
        pytest.fail("\n".join(places), pytrace=False)
