"""An emulated reader behind a pseudo-terminal, as a program or a test opens it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from host_tools.emulator.plugs import PtyPlug

READ_BYTES = 1_024


class ReaderPlug:
    """``feed``: bytes from the host in, bytes for it out; called with none when ``wake`` is asked for."""

    def __init__(self, link: Path, feed: Callable[[bytes], bytes]) -> None:
        self.plug = PtyPlug(link, self._step)
        self._feed = feed
        self._out = b""
        self.plug.put_in()

    def wake(self) -> None:
        """The reader may have something to say."""
        asyncio.get_running_loop().call_soon(self._step)

    def pull_out(self) -> None:
        """Unplug it."""
        self.plug.pull_out()

    def _step(self) -> None:
        if not self.plug.is_open():
            return
        buffer = bytearray(READ_BYTES)
        count = self.plug.read_into(buffer)
        self._out += self._feed(bytes(buffer[:count]))
        self._out = self._out[self.plug.write(self._out) :] if self._out else b""
        self.plug.want_write(bool(self._out))
