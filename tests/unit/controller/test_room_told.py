"""That the spool has no room for what a camera brings is told once, and only then."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from firmware.ports.memory_files import MemoryFiles
from host_tools.controller.happenings import Happenings
from host_tools.controller.offload import Offload
from host_tools.controller.turns import Turns
from host_tools.custody.blocking import run_inline
from host_tools.custody.index import open_index
from host_tools.custody.spool import Spool

NOBODY = cast("Any", None)  # nothing is pulled here
CAPACITY_BYTES = 1 << 20


@pytest.mark.req("CTRL-08")
def test_no_room_is_told_once_for_the_same_recordings_and_not_where_there_is_room() -> None:
    index = open_index(":memory:")
    spool = Spool(MemoryFiles(capacity_bytes=CAPACITY_BYTES), index, lambda: 5_000, spare_bytes=4_096)
    happenings = Happenings(lambda: 5_000)
    told: list[dict[str, Any]] = []
    happenings.listen(told.append)
    offload = Offload(NOBODY, "CAM-0001", spool, NOBODY, run_inline, happenings, Turns())

    def brings(*sizes_bytes: int) -> list[int]:
        """How many were told of as having no room, each time that was told."""
        told.clear()
        entries = [
            {"recording": bytes([number]) * 16, "chunks_bytes": size, "manifest_bytes": 100}
            for number, size in enumerate(sizes_bytes)
        ]
        asyncio.run(offload.prepare(entries, complete=False))
        assert {each["what"] for each in told} <= {"spool_full"}, told
        return [each["recordings"] for each in told]

    try:
        assert brings(1_000) == []
        assert brings(1_000, CAPACITY_BYTES) == [1]
        assert brings(1_000, CAPACITY_BYTES) == [], "that was told"
        assert brings(1_000, CAPACITY_BYTES, CAPACITY_BYTES) == [2]
        assert brings(1_000) == []
        assert brings(1_000, CAPACITY_BYTES) == [1], "it had gone and is back"
    finally:
        spool.close()
        index.close()
