"""A registry whose every pipe is recorded: ``bwc controller --capture FOLDER``, and the traces of scenarios.

Law: whoever opens a port through it does not notice. One capture for each start of the program, so that one that was
killed leaves what it has heard; a capture that cannot be written on stops, and the controller goes on.
"""

from __future__ import annotations

import os
import time
import weakref
from pathlib import Path

from host_tools.protocol.capture import CaptureFile, ListeningPipe, Recorder
from host_tools.transports.pipe import Pipe
from host_tools.transports.registry import Registry


class CapturingRegistry(Registry):
    """Opens what any registry opens, and writes what passes into a new capture in ``folder``. CaptureFileError."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self._file = CaptureFile(folder / f"{time.time_ns() // 1_000_000}-{os.getpid()}.pcapng", "a controller's ports")
        weakref.finalize(self, self._file.close)

    async def open(self, url: str) -> Pipe:
        pipe = await super().open(url)
        recorder = self._file.recorder(url.rstrip("/").rpartition("/")[2] or url, url)
        return CapturedPipe(pipe, recorder, self)


class CapturedPipe(ListeningPipe):
    """A recorded pipe. It keeps the registry, and so the capture, for as long as it is used itself."""

    def __init__(self, pipe: Pipe, recorder: Recorder, registry: CapturingRegistry) -> None:
        super().__init__(pipe, recorder.to_board, recorder.to_host)
        self._registry = registry
