"""An emulated computer: started with a kernel, listened to line by line, and ended whatever happens."""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager

from tests.guests.stages import Lacking, LaneFailed, say

READ_BYTES = 65_536
LINES_KEPT = 20
END_LIMIT_S = 120.0  # for an emulator whose guest has powered itself off


class Guest:
    """A running guest, by its console."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._rest = b""
        self._heard: deque[str] = deque()
        self.last_lines: list[str] = []

    def until(self, wanted: Callable[[str], bool], limit_s: float, what: str) -> str:
        """The first line that is wanted; all lines on the way are shown. LaneFailed when none comes in time."""
        deadline_s = time.monotonic() + limit_s
        for line in self._lines(deadline_s):
            if wanted(line):
                return line
        how = f"in {limit_s:.0f} s"
        if time.monotonic() < deadline_s:  # its output has ended, and so will it
            how = f"before the emulator ended (exit status {self._process.wait(END_LIMIT_S)})"
        raise LaneFailed(f"the guest did not come to {what} {how}; it said last: {self.last_lines[-3:]}")

    def wait(self) -> None:
        """Until the emulator has ended by itself. LaneFailed if it does not."""
        try:
            self._process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise LaneFailed("the guest did not power itself off") from None

    def _lines(self, deadline_s: float) -> Generator[str]:
        with selectors.DefaultSelector() as ready:
            assert self._process.stdout is not None
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while True:
                while self._heard:
                    yield self._heard.popleft()
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or not ready.select(left_s):
                    return
                data = os.read(self._process.stdout.fileno(), READ_BYTES)
                if not data:
                    return
                self._hear(data)

    def _hear(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            text = line.decode(errors="replace").rstrip("\r")
            self.last_lines = [*self.last_lines[-LINES_KEPT:], text]
            self._heard.append(text)
            say(f"  guest: {text}")


@contextmanager
def running(command: list[str], package: str) -> Generator[Guest]:
    """A guest while it runs; it is gone afterwards. Lacking without the emulator, which is in ``package``."""
    if shutil.which(command[0]) is None:
        raise Lacking(f"{command[0]} is missing: apt install {package}")
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield Guest(process)
        finally:
            process.kill()
