"""The client and the reference server against each other, over HTTPS, through the one suite of destinations."""

import asyncio
from pathlib import Path

import pytest

from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.suite import CASES, Case, Subject
from host_tools.destinations.swift import SwiftDestination
from tests.unit.evidence.running import running, wall_ms


@pytest.mark.req("DEST-02", "DEST-03", "CTRL-09")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_suite(case: Case, tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path / "destination") as server:
            client = SwiftDestination(server.connection, wall_ms, run_in_thread)
            try:
                await case(Subject(client, server.reader))
            finally:
                await client.close()

    asyncio.run(run())
