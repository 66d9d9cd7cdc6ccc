"""Commands about recordings that only look: all there ever were, newest first, and where each one is."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from host_tools.accounts.roles import Actor
from host_tools.controller.commands import CommandError, CommandGroup, Gate, command
from host_tools.controller.status import recording_row
from host_tools.custody.blocking import RunBlocking
from host_tools.custody.index import Index

PAGE_ROWS_MAX = 500  # of one answer
_PLACE = re.compile(r"(\d{1,16})-([0-9a-f]{32})")


class RecordingCommands(CommandGroup):
    """A facade of one index."""

    def __init__(self, gate: Gate, index: Index, run_blocking: RunBlocking) -> None:
        super().__init__(gate)
        self._index = index
        self._run_blocking = run_blocking

    @command
    async def list_recordings(
        self,
        actor: Actor,
        camera: Annotated[str, Field(max_length=64)] = "",
        after: Annotated[str, Field(max_length=64)] = "",
        limit: Annotated[int, Field(ge=1, le=PAGE_ROWS_MAX)] = 100,
        recording: Annotated[str, Field(pattern="^[0-9a-f]{0,32}$")] = "",
    ) -> dict[str, Any]:
        """Recordings (of one camera), newest first: ``rows`` and ``next``, which leads on as ``after``. ``recording``:
        the first digits of a recording's identity, to find it by."""
        found = _PLACE.fullmatch(after)
        if after and found is None:
            raise CommandError("after: is no place in this list: send what next said")
        before = (int(found[1]), bytes.fromhex(found[2])) if found else None

        def read() -> dict[str, Any]:
            rows = self._index.newest(limit + 1, camera, before, recording)
            shown = rows[:limit]
            place = f"{shown[-1].started_unix_ms}-{shown[-1].recording.hex()}" if len(rows) > limit else ""
            return {"rows": [recording_row(self._index, row) for row in shown], "next": place}

        return await self._run_blocking(read)
