"""One thing that does not fit together in a board file; shared by all rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """``path`` leads to the key to change; ``text`` names thing and remedy."""

    path: Path
    text: str


def repeated(values: Sequence[object]) -> Iterator[int]:
    """Indices of values that stood before; None is no value."""
    seen: set[object] = set()
    for index, value in enumerate(values):
        if value is not None and value in seen:
            yield index
        seen.add(value)
