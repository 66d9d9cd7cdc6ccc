"""Faults from another process: over the bench's socket, and by ``bwc bench``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware.ports.memory_files import MemoryFiles
from host_tools.cli.bench_commands import UNSUPPORTED_STATUS, app
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.remote import BenchServer, bench_client
from host_tools.transports.local import LocalClient, LocalError
from tests.unit.emulator.rig import LIMIT_S, SMALL

PLAN = '[[fault]]\nat_s = 0.01\nboard = "dock-1"\ncomponent = "link"\ntype = "torn"\n'


@asynccontextmanager
async def served(folder: Path) -> AsyncGenerator[LocalClient]:
    """A bench in this process, and who asks it."""
    server = BenchServer(EmulatedBench(SMALL, folder, lambda name, capacity_bytes: MemoryFiles()))
    ready = asyncio.Event()
    serving = asyncio.create_task(server.serve(ready))
    await ready.wait()
    try:
        yield bench_client(folder)
    finally:
        server.stopping.set()
        await serving


@pytest.mark.req("EMU-04", "EMU-06")
def test_faults_over_the_socket_are_done_told_and_cleared(tmp_path: Path):
    async def scenario() -> None:
        async with served(tmp_path) as client:
            done = await client.ask("fault", board="camera-2", component="card", type="torn")
            assert done == {"outcome": "done", "text": ""}
            fault = {"board": "camera-2", "component": "card", "type": "torn", "instance": 0}
            assert await client.ask("faults") == [fault]
            assert (await client.ask("state"))["faults"] == [fault]
            refused = await client.ask("fault", board="dock-1", component="card", type="torn")
            assert refused["outcome"] == "unsupported"
            assert refused["text"].startswith("unsupported: dock-1 is a dock and has no card")
            with pytest.raises(LocalError, match="no board camera-9 on this bench"):
                await client.ask("fault", board="camera-9", component="card", type="off")
            table = await client.ask("fault_table")
            assert {"component": "card", "type": "torn", "boards": "camera", "instance": ""}.items() <= next(
                row for row in table if (row["component"], row["type"]) == ("card", "torn")
            ).items()
            await client.ask("fault", board="camera-2", component="card", type="ok")
            assert await client.ask("faults") == []
            assert await client.ask("plan", text=PLAN) == {"faults": 1}
            assert (await until_played(client))[0]["outcome"] == "done"
            with pytest.raises(LocalError, match="plan:4: fault 1: no component lnik; did you mean link"):
                await client.ask("plan", text=PLAN.replace("link", "lnik"))

    asyncio.run(scenario())


@pytest.mark.req("EMU-04", "EMU-06")
def test_faults_by_command_line(tmp_path: Path):
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")

    def bwc(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, [*words, "--folder", str(tmp_path)])
        return result.exit_code, result.output

    async def scenario() -> None:
        async with served(tmp_path) as client:
            assert (await asyncio.to_thread(bwc, "fault", "link", "bitflip", "--board", "camera-1"))[0] == 0
            assert (await asyncio.to_thread(bwc, "fault", "contact", "off", "-i", "3", "--board", "dock-1"))[0] == 0
            status, shown = await asyncio.to_thread(bwc, "faults")
            assert status == 0
            assert "camera-1" in shown
            assert "bitflip" in shown
            status, shown = await asyncio.to_thread(bwc, "fault", "card", "off", "--board", "dock-1")
            assert status == UNSUPPORTED_STATUS
            assert shown.startswith("unsupported: dock-1 is a dock and has no card; components: adc")
            assert (await asyncio.to_thread(bwc, "plan", str(plan)))[0] == 0
            await until_played(client)
            assert "done" in (await asyncio.to_thread(bwc, "played"))[1]
            assert (await asyncio.to_thread(bwc, "fault", "link", "ok", "--board", "camera-1"))[0] == 0
            assert "bitflip" not in (await asyncio.to_thread(bwc, "faults"))[1]
            status, shown = await asyncio.to_thread(bwc, "faults", "--table")
            assert "presence pin does not touch" in " ".join(shown.split())

    asyncio.run(scenario())


async def until_played(client: LocalClient) -> list[dict[str, object]]:
    """What the plan has done, as soon as it has."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            found: list[dict[str, object]] = await client.ask("played")
            if found:
                return found
