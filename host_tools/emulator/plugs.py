"""Plugs: how an emulated board's byte stream comes out of the emulator. Here: a real pseudo-terminal.

A plug is the board's Stream port on one side. It is put in and pulled out like a cable: pulled out, the other side
sees a hang-up, as with a real USB serial port. A board may have further ways to its host beside the terminal (its USB
functions at an emulated host); whoever spoke last is answered, as on a real board with several.
"""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from firmware.ports.stream import Stream
from host_tools.protocol.capture import Recorder
from host_tools.protocol.tap import LinkTap

Buffer = bytes | bytearray | memoryview
Wake = Callable[[], None]

SLOW_LINE_S = 0.02  # of bytes that a slow line takes at once: fewer turns of the loop, and still an even flow
SLOW_LINE_BYTES_MIN = 64  # the hardware buffer of a common UART


class SlowLine:
    """A line that takes so many bytes a second: a buffer at once, and the next one when that has gone out."""

    def __init__(self, bytes_per_s: int) -> None:
        self._buffer_bytes = max(SLOW_LINE_BYTES_MIN, int(bytes_per_s * SLOW_LINE_S))
        self._buffer_s = self._buffer_bytes / bytes_per_s
        self._room_bytes = self._buffer_bytes
        self._free_s = 0.0

    def room_bytes(self, now_s: float) -> int:
        """What can be written now."""
        return self._room_bytes if now_s >= self._free_s else 0

    def wait_s(self, now_s: float) -> float:
        """Until something can be written."""
        return max(0.0, self._free_s - now_s)

    def take(self, count_bytes: int, now_s: float) -> None:
        """That many were written."""
        self._room_bytes -= count_bytes
        if self._room_bytes == 0:
            self._room_bytes = self._buffer_bytes
            self._free_s = now_s + self._buffer_s


class Way(Protocol):
    """Another way to the host than the terminal: a Stream of the board's that is plugged and pulled with it."""

    def put_in(self) -> None: ...
    def pull_out(self) -> None: ...
    def read_into(self, buffer: bytearray | memoryview) -> int: ...
    def write(self, data: Buffer) -> int: ...


class PtyPlug(Stream):
    """A pseudo-terminal behind a stable symbolic link. ``wake`` is called when the board should be stepped."""

    def __init__(self, link: Path, wake: Wake) -> None:
        self._link = link
        self._wake = wake
        self._master = -1
        self._slave = -1
        self._writing = False
        self._line: SlowLine | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._ways: list[Way] = []
        self._chosen: Way | None = None  # None: the terminal
        self.tap: LinkTap | None = None
        self.recorder: Recorder | None = None

    def add_way(self, way: Way) -> None:
        """One more way to the host. Whoever makes it has it wake the board when bytes have come or can go."""
        self._ways.append(way)
        if self.is_open():
            way.put_in()

    @property
    def link(self) -> Path:
        """Where the other side opens the port."""
        return self._link

    @property
    def name(self) -> str:
        """Of the port."""
        return self._link.name

    @property
    def where(self) -> str:
        """The same as text."""
        return str(self._link)

    def limit(self, bytes_per_s: int | None) -> None:
        """Make the line to the host as slow as that from now on; None: as fast as it can be."""
        self._line = None if bytes_per_s is None else SlowLine(bytes_per_s)
        self._wake()

    def put_in(self) -> None:
        """Make the port appear."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._link.parent.mkdir(parents=True, exist_ok=True)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(self._slave))
        if self.tap is not None:
            self.tap.plugged()
        asyncio.get_running_loop().add_reader(self._master, self._wake)
        self._note("plugged in")
        self._chosen = None
        for way in self._ways:
            way.put_in()
        self._wake()

    def pull_out(self) -> None:
        """Make the port vanish; what was under way is lost. A second call does nothing."""
        if self._master < 0:
            return
        self._note("pulled out")
        for way in self._ways:
            way.pull_out()
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._master)
        self.want_write(False)
        self._link.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1

    def want_write(self, wanted: bool) -> None:
        """Whether ``wake`` should be called when the stream takes bytes again."""
        if self._master < 0:
            return
        loop = asyncio.get_running_loop()
        wait_s = self._line.wait_s(loop.time()) if wanted and self._line is not None else 0.0
        if self._resting is not None:
            self._resting.cancel()
        self._resting = loop.call_later(wait_s, self._wake) if wait_s else None
        by_terminal = wanted and not wait_s and self._chosen is None  # another way wakes the board itself
        if by_terminal == self._writing:
            return
        self._writing = not self._writing
        if self._writing:
            loop.add_writer(self._master, self._wake)
        else:
            loop.remove_writer(self._master)

    # -- the board's Stream port

    def is_open(self) -> bool:
        return self._master >= 0

    def read_into(self, buffer: bytearray | memoryview) -> int:
        if self._master < 0:
            return 0
        count = self._read_any(buffer)
        if not count:
            return 0
        if self.tap is not None:
            self.tap.to_board(memoryview(buffer)[:count], _now_ms())
        if self.recorder is not None:
            self.recorder.to_board(memoryview(buffer)[:count])
        return count

    def write(self, data: Buffer) -> int:
        if self._master < 0:
            return 0
        now_s = asyncio.get_running_loop().time()
        if self._line is not None:
            data = memoryview(data)[: self._line.room_bytes(now_s)]
            if not len(data):
                return 0
        count = self._write_chosen(data)
        if not count:
            return 0
        if self._line is not None:
            self._line.take(count, now_s)
        if self.tap is not None:
            self.tap.to_host(memoryview(data)[:count], _now_ms())
        if self.recorder is not None:
            self.recorder.to_host(memoryview(data)[:count])
        return count

    def _read_any(self, buffer: bytearray | memoryview) -> int:
        try:
            count = os.readv(self._master, [buffer])
        except OSError:  # nothing there, or the line is being hung up: the same to a board
            count = 0
        if count:
            self._chosen = None
            return count
        for way in self._ways:
            count = way.read_into(buffer)
            if count:
                self._chosen = way
                return count
        return 0

    def _write_chosen(self, data: Buffer) -> int:
        if self._chosen is not None:
            return self._chosen.write(data)
        try:
            return os.write(self._master, data)
        except OSError:
            return 0

    def _note(self, text: str) -> None:
        if self.recorder is not None:
            self.recorder.note(text)


def _now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)
