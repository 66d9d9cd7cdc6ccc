"""An asyncio loop whose time passes only when nobody has anything to do: hours of waiting cost nothing.

For code that runs its blocking work inline; a thread's work would take no time at all here.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Skipping(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everybody waits for something that will never happen"
        self.skipped_s += max(0.0, timeout)
        return super().select(0)


class VirtualTime(asyncio.SelectorEventLoop):
    """Begins at 0."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.skipped_s


def run_virtually(scenario: Coroutine[Any, Any, T]) -> T:
    """Run a scenario on virtual time."""
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        return runner.run(scenario)
