"""What is wrong with a board file, in one line."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from host_tools.hardware.said import printable

NAMES_LISTED_MAX = 12  # valid names a message lists when none is near


class BoardFileError(Exception):
    """``boards/x/board.toml:12: unknown key usb.vidd; did you mean usb.vid?``. ``line`` and ``key`` may be None."""

    def __init__(self, path: Path, line: int | None, key: str | None, text: str) -> None:
        place = _shown(path) if line is None else f"{_shown(path)}:{line}"
        super().__init__(printable(f"{place}: {text}"))
        self.path = path
        self.line = line
        self.key = key
        self.text = text


def nearest(wrong: str, valid: Iterable[str], what: str, prefix: str = "") -> str:
    """The remedy for a name that is not among ``valid``: the nearest one (behind ``prefix``), else a list of them."""
    names = sorted(valid)
    if not names:
        return f"there are no {what} here"
    close = get_close_matches(wrong, names, n=1)
    if close:
        return f"did you mean {prefix}{close[0]}?"
    listed = ", ".join(names[:NAMES_LISTED_MAX])
    more = "" if len(names) <= NAMES_LISTED_MAX else f" and {len(names) - NAMES_LISTED_MAX} more"
    return f"{what}: {listed}{more}"


def _shown(path: Path) -> str:
    """Relative where that is shorter to read: below the current folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
