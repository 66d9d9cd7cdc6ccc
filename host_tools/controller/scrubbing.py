"""Scrubbing: one task reads back what is held, slowly, again and again, until the destination has it.

Law: a disk that forgets is found out while the camera still has the recording. Offloads go first: a step reads a few
megabytes and then rests, so that scrubbing takes a small share of the disk.
"""

from __future__ import annotations

import asyncio

from host_tools.controller.happenings import Happenings
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.errors import CustodyError, SpoolDamage
from host_tools.custody.index import Index, Recording
from host_tools.custody.spool import Spool

STEP_BYTES = 4 << 20  # between two rests: some ten milliseconds of a disk
REST_S = 0.5  # so at most 8 MB/s: a tenth of a slow disk, and a full terabyte within two days
LOOK_S = 60.0  # between two looks for recordings whose turn it is
AGAIN_S = 24 * 3_600.0  # a recording that waits for its destination is read once a day, first as soon as it is held


class Scrubbing:
    """``run`` is a task of the controller."""

    def __init__(self, index: Index, spool: Spool, run_blocking: RunBlocking, happenings: Happenings) -> None:
        self._index = index
        self._spool = spool
        self._run_blocking = run_blocking
        self._happenings = happenings
        self._due_s: dict[bytes, float] = {}

    async def run(self) -> None:
        """Read back, rest, look again."""
        while True:
            try:
                for row in await self._run_blocking(self._held):
                    if self._due_s.get(row.recording, 0.0) <= asyncio.get_running_loop().time():
                        await self._read_back(row)
            except CustodyError as fault:
                self._happenings.tell("custody_fault", text=str(fault))
            await asyncio.sleep(LOOK_S)

    def _held(self) -> list[Recording]:
        rows = [*self._index.recordings("held"), *self._index.recordings("delivering")]
        known = {row.recording for row in rows}
        self._due_s = {recording: due_s for recording, due_s in self._due_s.items() if recording in known}
        return rows

    async def _read_back(self, row: Recording) -> None:
        recording = row.recording
        chunk: int | None = 0
        while chunk is not None:
            try:
                chunk = await self._run_blocking(lambda first=chunk: self._spool.scrub(recording, first, STEP_BYTES))
            except SpoolDamage as damage:
                # The cameras that are docked look at this: the one that has the recording sends the chunk again.
                self._happenings.tell("damaged", recording=recording.hex(), text=str(damage))
                return
            except CustodyError as error:
                self._happenings.tell("custody_fault", text=str(error))
                break
            await asyncio.sleep(REST_S)
        self._due_s[recording] = asyncio.get_running_loop().time() + AGAIN_S
