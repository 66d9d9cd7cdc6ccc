"""Which parts of the tree are generated, by what, and whether they are fresh. ``make docs`` writes them all anew.

Law: a row names a function that returns text, without arguments or with the row's ``subject``. A whole file belongs to
it, or only the part between
``<!-- generated NAME -->`` and ``<!-- end of generated NAME -->`` in a file that people write.
"""

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from tests.house.tree import ROOT


@dataclass(frozen=True, slots=True)
class Generated:
    """``file``: relative to the root. ``function``: ``package.module:name``. ``part``: NAME of the marks, if any.
    ``subject``: what the function makes its text of, if it makes several."""

    file: str
    function: str
    part: str = ""
    subject: str = ""


BOARDS: Final = tuple(sorted(path.parent.name for path in (ROOT / "boards").glob("*/board.toml")))
GENERATED: Final[tuple[Generated, ...]] = (
    *(
        Generated(f"boards/{model}/board_data.py", "host_tools.hardware.source:board_data_source", subject=model)
        for model in BOARDS
    ),
    *(
        Generated(f"docs/boards/{model}.svg", "host_tools.hardware.pinout:pinout_svg", subject=model)
        for model in BOARDS
    ),
    Generated("docs/boards.md", "host_tools.hardware.document:boards", part="boards"),
    Generated("docs/emulator.md", "host_tools.emulator.document:faults", part="faults"),
    Generated("docs/openbwc.lua", "host_tools.protocol.dissector:dissector"),
    Generated("docs/protocol.md", "host_tools.protocol.document:header", part="frame header"),
    Generated("docs/protocol.md", "host_tools.protocol.document:frame_kinds", part="frame kinds"),
    Generated("docs/protocol.md", "host_tools.protocol.document:session_states", part="session states"),
    Generated("docs/protocol.md", "host_tools.protocol.document:words", part="words"),
    Generated("docs/protocol.md", "host_tools.protocol.document:messages", part="messages"),
    Generated("docs/protocol.md", "host_tools.protocol.document:records", part="records"),
    Generated("docs/protocol.md", "host_tools.protocol.document:error_codes", part="error codes"),
    Generated("docs/protocol.md", "host_tools.protocol.document:limits", part="limits"),
)


class MarksMissing(Exception):
    """A file lacks the marks between which its generated part belongs."""


def main() -> int:
    """Write everything that is stale. Returns the exit code."""
    for row in GENERATED:
        path = ROOT / row.file
        if stale(row, ROOT):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted(row, ROOT), encoding="utf-8")
            sys.stdout.write(f"wrote {row.file}\n")
    return 0


def stale(row: Generated, root: Path) -> bool:
    """Whether a file is not what its generator makes of today's tree."""
    path = root / row.file
    return not path.exists() or path.read_text(encoding="utf-8") != wanted(row, root)


def wanted(row: Generated, root: Path) -> str:
    """What a file should be. MarksMissing if it has no place for its generated part."""
    text = generator(row.function)(row.subject) if row.subject else generator(row.function)()
    if not row.part:
        return text
    begin, end = f"<!-- generated {row.part} -->\n", f"<!-- end of generated {row.part} -->"
    now = (root / row.file).read_text(encoding="utf-8") if (root / row.file).exists() else ""
    before, found, rest = now.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise MarksMissing(f"{row.file}: put {begin.strip()} and {end} where the generated part belongs")
    return f"{before}{begin}{text.rstrip()}\n{end}{after}"


def generator(function: str) -> Callable[..., str]:
    """The function behind ``package.module:name``."""
    module, _, name = function.partition(":")
    return cast("Callable[..., str]", getattr(importlib.import_module(module), name))


if __name__ == "__main__":
    sys.exit(main())
