"""Group commit: one task makes durable what all cameras have sent; eight of them do not fsync each chunk alone."""

from __future__ import annotations

import asyncio

from host_tools.controller.happenings import Happenings
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.errors import CustodyError
from host_tools.custody.spool import Spool

LINGER_S = 0.2  # chunks wait at most this long for others to be committed with


class Committer:
    """``run`` is a task of the controller; ``flush`` returns when all that was written before is durable or missing."""

    def __init__(self, spool: Spool, run_blocking: RunBlocking, happenings: Happenings) -> None:
        self._spool = spool
        self._run_blocking = run_blocking
        self._happenings = happenings
        self._written = asyncio.Event()
        self._urgent = asyncio.Event()
        self._turn = asyncio.Lock()

    def written(self) -> None:
        """Bytes have been written to the spool."""
        self._written.set()
        if self._spool.wants_commit():
            self._urgent.set()

    async def flush(self) -> None:
        """Commit now. CustodyError if the index or the disk failed; then those chunks are missing again."""
        async with self._turn:
            report = await self._run_blocking(self._spool.commit)
        for fault in report.faults:
            self._happenings.tell("custody_fault", text=fault)
        for chunk in report.rejected:
            self._happenings.tell("chunk_rejected", recording=chunk.recording.hex(), chunk=chunk.chunk)
        for recording in report.held:
            self._happenings.tell("held", recording=recording.hex())

    async def run(self) -> None:
        """Commit when enough has gathered, or when a little has waited long enough."""
        while True:
            await self._written.wait()
            try:
                async with asyncio.timeout(LINGER_S):
                    await self._urgent.wait()
            except TimeoutError:
                pass  # nothing urgent: what is there goes now
            self._written.clear()
            self._urgent.clear()
            try:
                await self.flush()
            except CustodyError as error:
                self._happenings.tell("custody_fault", text=str(error))
