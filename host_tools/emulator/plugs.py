"""Plugs: how an emulated board's byte stream comes out of the emulator. Here: a real pseudo-terminal.

A plug is the board's Stream port on one side. It is put in and pulled out like a cable: pulled out, the other side
sees a hang-up, as with a real USB serial port.
"""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable
from pathlib import Path

from firmware.ports.stream import Stream
from host_tools.protocol.tap import LinkTap

Buffer = bytes | bytearray | memoryview
Wake = Callable[[], None]


class PtyPlug(Stream):
    """A pseudo-terminal behind a stable symbolic link. ``wake`` is called when the board should be stepped."""

    def __init__(self, link: Path, wake: Wake) -> None:
        self._link = link
        self._wake = wake
        self._master = -1
        self._slave = -1
        self._writing = False
        self.tap: LinkTap | None = None

    @property
    def link(self) -> Path:
        """Where the other side opens the port."""
        return self._link

    def put_in(self) -> None:
        """Make the port appear."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._link.parent.mkdir(parents=True, exist_ok=True)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(self._slave))
        asyncio.get_running_loop().add_reader(self._master, self._wake)
        self._wake()

    def pull_out(self) -> None:
        """Make the port vanish; what was under way is lost. A second call does nothing."""
        if self._master < 0:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._master)
        self.want_write(False)
        self._link.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1

    def want_write(self, wanted: bool) -> None:
        """Whether ``wake`` should be called when the stream takes bytes again."""
        if wanted == self._writing or self._master < 0:
            return
        self._writing = wanted
        loop = asyncio.get_running_loop()
        if wanted:
            loop.add_writer(self._master, self._wake)
        else:
            loop.remove_writer(self._master)

    # -- the board's Stream port

    def is_open(self) -> bool:
        return self._master >= 0

    def read_into(self, buffer: bytearray | memoryview) -> int:
        if self._master < 0:
            return 0
        try:
            count = os.readv(self._master, [buffer])
        except OSError:  # nothing there, or the line is being hung up: the same to a board
            return 0
        if self.tap is not None:
            self.tap.to_board(memoryview(buffer)[:count], _now_ms())
        return count

    def write(self, data: Buffer) -> int:
        if self._master < 0:
            return 0
        try:
            count = os.write(self._master, data)
        except OSError:
            return 0
        if self.tap is not None:
            self.tap.to_host(memoryview(data)[:count], _now_ms())
        return count


def _now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)
