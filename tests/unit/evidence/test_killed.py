"""The destination's process killed in the middle of a clip, and started again."""

import asyncio
import hashlib
import sys
from pathlib import Path

import pytest

from firmware.platform.linux.files import LinuxFiles
from host_tools.bench.programs import free_port
from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.connection_file import parse
from host_tools.destinations.interface import STATUS, TRANSFERRING, DestinationUnavailable
from host_tools.destinations.suite import BOX, CLIP, CONTENT, Pieces
from host_tools.destinations.swift import SwiftDestination
from host_tools.evidence import folder
from tests.unit.evidence.running import OPEN_HOUSE, SECRET, wall_ms


class Stopping(Pieces):
    """A source that stops after half of it until it is told to go on."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.is_half = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def __aiter__(self):
        sent = 0
        async for piece in super().__aiter__():
            yield piece
            sent += len(piece)
            if sent > len(CONTENT) // 2 and not self.is_half.is_set():
                self.is_half.set()
                await self.may_go_on.wait()


async def serve(place: Path) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "host_tools.cli", "destination", "serve", str(place), "--listen", "127.0.0.1"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert b"destination" in await process.stdout.readline()
    return process


@pytest.mark.req("DEST-02", "CTRL-09")
def test_a_clip_that_was_cut_off_is_not_there_and_comes_again(tmp_path: Path):
    place = tmp_path / "destination"
    port = free_port()
    folder.create(place, f"{OPEN_HOUSE}port = {port}\n", SECRET, wall_ms())
    with folder.opened(place, LinuxFiles(place), wall_ms, str, print) as opened:
        connection = parse(folder.connection_text(opened, port))

    async def run() -> None:
        first = await serve(place)
        client = SwiftDestination(connection, wall_ms, run_in_thread)
        source = Stopping(CONTENT)
        try:
            await client.open()
            await client.ensure_container(BOX, {STATUS: TRANSFERRING})
            sending = asyncio.create_task(client.put_object(BOX, CLIP, source, len(CONTENT), {}))
            await source.is_half.wait()
        finally:
            first.kill()
            await first.communicate()
        source.may_go_on.set()
        with pytest.raises(DestinationUnavailable):
            await sending
        second = await serve(place)
        try:
            await client.open()
            receipt = await client.put_object(BOX, CLIP, source, len(CONTENT), {})
            await client.complete(BOX)
        finally:
            second.terminate()
            await client.close()
            await second.communicate()
        assert receipt.sha256 == hashlib.sha256(CONTENT).hexdigest()

    asyncio.run(run())
    assert [path.read_bytes() for path in (place / "objects").rglob("*") if path.is_file()] == [CONTENT]
