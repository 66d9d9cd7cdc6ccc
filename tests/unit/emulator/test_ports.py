"""The same emulated board by every way in: pseudo-terminal, our own transport, plain pyserial."""

from __future__ import annotations

import asyncio
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import serial

from firmware.link import events
from firmware.link.session import HOST, Session
from firmware.ports.memory_files import MemoryFiles
from host_tools.emulator import rendezvous
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.remote import BenchServer, bench_client
from host_tools.protocol.connection import Connection, RequestRefused
from host_tools.protocol.constructs import ConstructCodec
from host_tools.transports.errors import PortError, PortMissing
from host_tools.transports.local import LocalError, LocalServer
from host_tools.transports.registry import Registry
from tests.patience import LIMIT_S
from tests.unit.emulator.rig import SMALL, bench_at_work, until

READ_BYTES = 4_096
pytestmark = pytest.mark.usefixtures("patient_links")
NONCES = itertools.count(1)  # every session of a board has one of its own


@pytest.fixture(autouse=True)
def benches_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Benches of this test are found in a folder of their own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


def identity_over_pyserial(url: str) -> dict[str, Any]:
    """What a plain pyserial program gets: a port by URL, and a session of our link over it."""
    with serial.serial_for_url(url, timeout=0.02) as port:
        session = Session(HOST, nonce=next(NONCES))
        session.open(now_ms())
        deadline_s = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline_s:
            session.receive(port.read(READ_BYTES), now_ms())
            session.tick(now_ms())
            while (event := session.next_event()) is not None:
                if isinstance(event, events.Opened):
                    session.send("identify", {}, 1)
                if isinstance(event, events.Message) and event.request == 1:
                    return event.fields
            while (data := session.take_output()) is not None:
                port.write(bytes(data))
    raise AssertionError(f"{url} did not say who it is")


async def identity_over_transport(registry: Registry, url: str) -> dict[str, Any]:
    """What a controller gets."""
    connection = Connection(await registry.open(url), next(NONCES), ConstructCodec())
    try:
        await connection.open()
        found: dict[str, Any] = await connection.ask("identify")
        return found
    finally:
        connection.close()


def now_ms() -> int:
    return int(time.monotonic() * 1000)


@pytest.mark.req("EMU-03", "LINK-01")
def test_one_board_says_the_same_by_every_way_in(tmp_path: Path):
    serial.protocol_handler_packages.append("host_tools.emulator.urlhandlers")
    registry = Registry()
    registry.add(rendezvous.SCHEME, rendezvous.open_emulated)

    async def scenario() -> None:
        async with bench_at_work(tmp_path):
            rendezvous.register(SMALL.name, tmp_path)
            pty = tmp_path / "ports" / "dock-1"
            await until(pty.exists, "the dock's port")
            url = f"emu://{SMALL.name}/dock-1"
            found = [
                await asyncio.to_thread(identity_over_pyserial, url),
                await asyncio.to_thread(identity_over_pyserial, str(pty)),
                await identity_over_transport(registry, url),
                await identity_over_transport(registry, str(pty)),
            ]
            assert {(each["serial"], each["model"]) for each in found} == {("DOCK-0001", "pico_dock_8")}
            assert len({each["boot"] for each in found}) == 1
            await until((tmp_path / "ports" / "camera-1").exists, "the camera's port")
            # a camera answers its own system alone
            with pytest.raises(RequestRefused, match="open a new session, securely"):
                await identity_over_transport(registry, f"emu://{SMALL.name}/camera-1")

    try:
        asyncio.run(scenario())
    finally:
        serial.protocol_handler_packages.remove("host_tools.emulator.urlhandlers")


def test_wrong_names_get_one_line_that_says_what_there_is(tmp_path: Path):
    async def scenario() -> None:
        async with bench_at_work(tmp_path):
            link = rendezvous.register(SMALL.name, tmp_path)
            await until((tmp_path / "ports" / "camera-1").exists, "the camera's port")
            with pytest.raises(PortMissing, match=r"no bench elsewhere is running; there is: unit"):
                rendezvous.port_path("emu://elsewhere/camera-1")
            with pytest.raises(PortMissing, match=r"camera-2 has no port now; plugged in are: camera-1, dock-1\. Dock"):
                rendezvous.port_path("emu://unit/camera-2")
            for wrong in ("emu://unit", "emu:///camera-1", "emu://unit/camera-1/x"):
                with pytest.raises(PortError, match="write emu://BENCH/BOARD"):
                    rendezvous.port_path(wrong)
            rendezvous.unregister(link, tmp_path)
            with pytest.raises(PortMissing, match="none is running; start one with `bwc emulate`"):
                rendezvous.port_path("emu://unit/camera-1")

    asyncio.run(scenario())


def test_pyserial_programs_get_our_line_too(tmp_path: Path):
    serial.protocol_handler_packages.append("host_tools.emulator.urlhandlers")
    try:
        with pytest.raises(serial.SerialException, match="no bench nowhere is running"):
            serial.serial_for_url("emu://nowhere/camera-1")
    finally:
        serial.protocol_handler_packages.remove("host_tools.emulator.urlhandlers")


def test_a_bench_that_stops_leaves_the_entry_of_a_later_one_of_its_name(tmp_path: Path):
    first = rendezvous.register("same", tmp_path / "first")
    rendezvous.register("same", tmp_path / "second")
    rendezvous.unregister(first, tmp_path / "first")
    assert first.is_symlink()
    rendezvous.unregister(first, tmp_path / "second")
    assert not first.is_symlink()


def test_a_bench_that_runs_keeps_its_name(tmp_path: Path):
    async def nothing(verb: str, arguments: dict[str, Any], peer: object) -> None:
        return None

    async def scenario() -> None:
        first, second = tmp_path / "first", tmp_path / "second"
        first.mkdir()
        server = LocalServer(first / rendezvous.SOCKET, nothing)
        await server.start()
        link = rendezvous.register("kept", first)
        assert rendezvous.holder("kept") == first
        rendezvous.unregister(rendezvous.register("kept", second), second)
        assert rendezvous.holder("kept") == first, "the later one neither took the name nor removed it"
        await server.close()
        assert rendezvous.holder("kept") is None
        rendezvous.unregister(rendezvous.register("kept", second), second)
        assert not link.is_symlink()

    asyncio.run(scenario())


@pytest.mark.req("EMU-06")
def test_the_hands_work_from_another_process_and_refuse_in_one_line(tmp_path: Path):
    async def scenario() -> None:
        server = BenchServer(EmulatedBench(SMALL, tmp_path, lambda name, capacity_bytes: MemoryFiles()))
        ready = asyncio.Event()
        serving = asyncio.create_task(server.serve(ready))
        await ready.wait()
        client = bench_client(tmp_path)
        assert sorted((await client.ask("state"))["cameras"]) == ["camera-1", "camera-2"]
        await client.ask("put_in", camera="camera-2", bay=2)
        assert (await client.ask("state"))["cameras"]["camera-2"]["bay"] == ["dock-1", 2]
        for verb, arguments, words in (
            ("dance", {}, "the bench knows no dance; it knows"),
            ("put_in", {"camera": "camera-9", "bay": 1}, "no camera camera-9 on this bench; it has camera-1, camera-2"),
            ("put_in", {"camera": "camera-2", "bay": 3}, "camera-2 is in bay 2 of dock-1; take it out first"),
            ("limit_link", {"board": "camera-1", "bytes_per_s": 1}, "no link; give at least"),
        ):
            with pytest.raises(LocalError, match=words):
                await client.ask(verb, **arguments)
        with pytest.raises(LocalError, match="another process serves this folder"):
            await BenchServer(EmulatedBench(SMALL, tmp_path, lambda name, capacity_bytes: MemoryFiles())).serve()
        await client.ask("stop")
        await serving
        with pytest.raises(LocalError, match="no bench answers in"):
            await client.ask("state")

    asyncio.run(scenario())


def test_benches_of_one_name_that_begin_and_end_at_one_moment_do_not_trip_each_other(tmp_path: Path):
    def begin_and_end(folder: Path) -> None:
        for _ in range(300):
            rendezvous.unregister(rendezvous.register("same", folder), folder)

    with ThreadPoolExecutor(2) as pool:
        for ended in [pool.submit(begin_and_end, tmp_path / each) for each in ("first", "second")]:
            ended.result()
    assert rendezvous.holder("same") is None
