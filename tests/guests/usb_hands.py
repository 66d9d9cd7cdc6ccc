"""The scenario's hands and eyes in the USB guest: camera processes by their pipes, and waiting for what they tell."""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import NoReturn, TypeVar

T = TypeVar("T")

LOOK_S = 0.2  # the processor is slow enough without it
READ_BYTES = 4_096
CRASH_EXIT = 1


class ScenarioFailed(Exception):
    """Something did not come in time. One line."""


class Child:
    """A process of this guest that waits for ``start``, and is spoken to by lines. ``work(commands, reports)`` is run
    in it. Processes are forked before the scenario has any thread."""

    def __init__(self, name: str, work: Callable[[int, int], None]) -> None:
        self.name = name
        self.told: list[str] = []
        self._rest = b""
        commands, self._commands = os.pipe()
        self._reports, reports = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._commands)
            os.close(self._reports)
            _be_child(name, work, commands, reports)
        os.close(commands)
        os.close(reports)
        os.set_blocking(self._reports, False)

    def say(self, word: str) -> None:
        """A command."""
        os.write(self._commands, word.encode() + b"\n")

    def do(self, word: str, limit_s: float = 30.0) -> None:
        """A command, and wait until it is done."""
        before = self.count(f"done {word}")
        self.say(word)
        until(lambda: self.count(f"done {word}") > before, f"{self.name} to {word}", limit_s)

    def count(self, start: str) -> int:
        """How many of its lines start so."""
        return len(self.lines(start))

    def lines(self, start: str) -> list[str]:
        """What follows that start, in each of its lines that have it."""
        self._read()
        return [line.removeprefix(start).strip() for line in self.told if line.startswith(start)]

    def check(self) -> None:
        """ScenarioFailed if it has ended by itself."""
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        if ended:
            raise ScenarioFailed(f"{self.name} has ended (exit status {os.waitstatus_to_exitcode(status)})")

    def kill(self) -> None:
        """No farewell."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def end(self) -> int:
        """Ask it to end; its exit status."""
        os.kill(self.pid, signal.SIGTERM)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._reports, READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                return
            *whole, self._rest = (self._rest + data).split(b"\n")
            self.told += [line.decode() for line in whole]


def until(condition: Callable[[], T | None], what: str, limit_s: float = 60.0) -> T:
    """Look until it is so. ScenarioFailed."""
    deadline_s = time.monotonic() + limit_s
    with selectors.DefaultSelector() as nothing:
        while not (found := condition()):
            if time.monotonic() > deadline_s:
                raise ScenarioFailed(f"waited {limit_s:.0f} s for {what}")
            nothing.select(LOOK_S)
    return found


def _be_child(name: str, work: Callable[[int, int], None], commands: int, reports: int) -> NoReturn:
    """The other side of the fork: nothing of the scenario may go on here."""
    status = 0
    try:
        if os.read(commands, len(b"start\n")) == b"start\n":
            work(commands, reports)
    except Exception:  # noqa: BLE001  the edge of a process: what ended it is told, and it ends
        print(f"{name} has crashed:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        status = CRASH_EXIT
    finally:
        os._exit(status)
