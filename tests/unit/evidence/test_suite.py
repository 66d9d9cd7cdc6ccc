"""The client over HTTP through the one suite of destinations: into the reference server, into a store without logic."""

import asyncio
from pathlib import Path

import pytest

from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.interface import COMPLETE, STATUS, TRANSFERRING, DestinationRefused
from host_tools.destinations.suite import BOX, CASES, CLIP, CONTENT, Case, Pieces, Reader, Subject
from host_tools.destinations.swift import SwiftDestination
from tests.unit.evidence.plain_store import plain_store
from tests.unit.evidence.running import running, wall_ms


async def pass_through(case: Case, connection: ConnectionFile, reader: Reader) -> None:
    client = SwiftDestination(connection, wall_ms, run_in_thread)
    try:
        await case(Subject(client, reader))
    finally:
        await client.close()


@pytest.mark.req("DEST-02", "DEST-03", "CTRL-09")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_reference_destination(case: Case, tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path / "destination") as server:
            await pass_through(case, server.connection, server.reader)

    asyncio.run(run())


@pytest.mark.req("DEST-02", "CTRL-09")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_store_without_logic(case: Case) -> None:
    async def run() -> None:
        async with plain_store() as (store, connection):
            await pass_through(case, connection, store)

    asyncio.run(run())


@pytest.mark.req("DEST-02", "CTRL-09")
def test_a_controller_that_starts_again_knows_what_was_complete() -> None:
    async def run() -> None:
        async with plain_store() as (store, connection):
            await pass_through(CASES[0], connection, store)
            again = SwiftDestination(connection, wall_ms, run_in_thread)
            await again.open()
            await again.ensure_container(BOX, {STATUS: TRANSFERRING})
            await again.put_object(BOX, CLIP, Pieces(CONTENT), len(CONTENT), {})
            with pytest.raises(DestinationRefused):
                await again.put_object(BOX, CLIP, Pieces(b"other"), 5, {})
            await again.close()
            assert store.containers[BOX].metadata[STATUS] == COMPLETE
            assert store.contents[BOX, CLIP] == CONTENT

    asyncio.run(run())
