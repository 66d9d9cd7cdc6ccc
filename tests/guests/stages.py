"""What a lane says while it runs: every stage with its time beside its budget, and one line for what went wrong."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

FAILED_EXIT = 1
LACKING_EXIT = 3  # the lane could not begin: told apart by whoever starts it
INTERRUPTED_EXIT, TERMINATED_EXIT = 130, 143  # as shells count: 128 and the signal's number


class Terminated(KeyboardInterrupt):
    """Somebody wants the lane to end: SIGTERM."""


class LaneFailed(Exception):
    """The lane ran and something in it is not as it must be. One line."""


class Lacking(Exception):
    """The lane cannot run here. One line that names what is missing and how it is had."""


def say(text: str) -> None:
    """A line for people."""
    print(text, flush=True)


class Stages:
    """Measures the stages of one lane."""

    def __init__(self, lane: str) -> None:
        self._lane = lane
        self._rows: list[tuple[str, float, float]] = []

    @contextmanager
    def stage(self, name: str, budget_s: float) -> Generator[None]:
        """One stage; being over its budget is told, and is no failure."""
        begin_s = time.monotonic()
        try:
            yield
        finally:
            self.note(name, time.monotonic() - begin_s, budget_s)

    def note(self, name: str, took_s: float, budget_s: float) -> None:
        """A stage that somebody else has measured."""
        self._rows.append((name, took_s, budget_s))
        say(f"{self._lane}: {row_text(name, took_s, budget_s)}")

    def table(self) -> str:
        """All stages, and their sum."""
        rows = [*self._rows, ("in all", sum(row[1] for row in self._rows), sum(row[2] for row in self._rows))]
        head = f"{'stage':<34} {'seconds':>8} {'budget':>8}"
        return "\n".join([head, *(row_text(*row) for row in rows)])


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def row_text(name: str, took_s: float, budget_s: float) -> str:
    """One line of the table."""
    return f"{name:<34} {took_s:8.1f} {budget_s:8.0f}" + ("  over budget" if took_s > budget_s else "")


def run_lane(lane: str, run: Callable[[Stages], None]) -> int:
    """Run a lane; its exit status. A lane that is asked to end takes its guest with it, and says what it had done."""
    stages = Stages(lane)
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        run(stages)
    except Lacking as lacking:
        print(f"{lane}: cannot run: {lacking}", file=sys.stderr)
        return LACKING_EXIT
    except LaneFailed as failed:
        print(f"{stages.table()}\n{lane}: FAILED: {failed}", file=sys.stderr)
        return FAILED_EXIT
    except KeyboardInterrupt as told:
        was_terminated = isinstance(told, Terminated)
        how = "terminated" if was_terminated else "interrupted"
        print(f"{stages.table()}\n{lane}: {how}; its guest has been ended", file=sys.stderr)
        return TERMINATED_EXIT if was_terminated else INTERRUPTED_EXIT
    finally:
        signal.signal(signal.SIGTERM, before)
    say(f"\n{stages.table()}\n{lane}: passed")
    return 0
