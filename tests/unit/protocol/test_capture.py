"""What passes on a cable is written down as it passed, and passing is not disturbed by it."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from firmware.link.session import CLOSED
from host_tools.emulator.bench import BenchError, EmulatedBench
from host_tools.emulator.bench_file import default_bench
from host_tools.emulator.plugs import PtyPlug
from host_tools.protocol.capture import CaptureFile, ListeningPipe, Relay, offer_port
from host_tools.protocol.decode import FRAME, MESSAGE, NOTE, Entry
from host_tools.protocol.pcapng import TO_BOARD, TO_HOST, CaptureFileError, PcapngReader
from host_tools.protocol.replay import read_entries
from host_tools.transports.errors import LinkLost, PortError
from host_tools.transports.registry import Registry
from tests.patience import LIMIT_S
from tests.unit.emulator.rig import until
from tests.unit.protocol.parts import CONTENT, IDENTITY, PtyBoard, connected, pulled


def messages(entries: list[Entry]) -> list[tuple[str, str]]:
    return [(entry.direction, entry.name) for entry in entries if entry.what == MESSAGE]


def bulk_bytes(entries: list[Entry]) -> bytes:
    """The content, put together from the data frames of a capture."""
    copy = bytearray(len(CONTENT))
    for entry in entries:
        if entry.what == FRAME and entry.name == "data":
            data = entry.fields["data"]
            copy[entry.fields["offset"] : entry.fields["offset"] + len(data)] = data
    return bytes(copy)


def steps() -> Callable[[], int]:
    """A clock without pauses: whoever reads a capture gives up a frame that stood still for long, as it may on a busy
    machine in the middle of ours."""
    return itertools.count(1).__next__


@asynccontextmanager
async def relayed(
    folder: Path, wall_us: Callable[[], int] | None = None
) -> AsyncGenerator[tuple[PtyBoard, Relay, asyncio.Queue[str]]]:
    """A board, a relay in front of it that offers ``port`` in the folder, and what the relay tells."""
    board = PtyBoard(folder / "board")
    file = CaptureFile(folder / "trace.pcapng", "seed 5", wall_us)
    url = str(folder / "board")
    relay = Relay(url, Registry().open, file.recorder("camera1"), folder / "port")
    told: asyncio.Queue[str] = asyncio.Queue()
    relay.on_change = told.put_nowait
    running = asyncio.create_task(relay.run(await Registry().open(url)))
    try:
        async with asyncio.timeout(LIMIT_S):
            assert await told.get() == str(folder / "port")
        yield board, relay, told
    finally:
        running.cancel()
        await asyncio.wait({running})
        file.close()
        board.unplug()


@pytest.mark.req("LINK-09")
def test_a_man_in_the_middle_records_a_live_line_and_changes_nothing(tmp_path: Path):
    async def scenario() -> None:
        async with relayed(tmp_path, steps()) as (board, _, _):
            async with connected(tmp_path / "port") as connection:
                assert await connection.ask("identify") == IDENTITY
                assert await pulled(connection) == CONTENT
            await until(lambda: board.cable.session.state == CLOSED, "the goodbye to reach the board")

    asyncio.run(scenario())
    entries = list(read_entries(tmp_path / "trace.pcapng"))
    assert messages(entries) == [(TO_BOARD, "identify"), (TO_HOST, "identity")]
    assert next(entry for entry in entries if entry.name == "identity").fields == IDENTITY
    assert bulk_bytes(entries) == CONTENT
    names = [entry.name for entry in entries if entry.name in ("open", "accept", "close")]
    assert (names[0], names[-1]) == ("open", "close")
    assert {"accept"} <= set(names[1:-1]) <= {"open", "accept"}, "it may have asked more than once"
    times = [entry.unix_us for entry in entries]
    assert times == sorted(times)


@pytest.mark.req("LINK-09")
def test_unplugging_hangs_up_the_controller_and_the_port_comes_back_with_the_board(tmp_path: Path):
    async def scenario() -> None:
        async with relayed(tmp_path) as (board, _, told):
            async with connected(tmp_path / "port") as connection:
                board.plug.pull_out()
                board.step()  # it sees that its cable is out
                async with asyncio.timeout(LIMIT_S):
                    assert await told.get() == ""
                    assert isinstance(await connection.closed, LinkLost)
            assert not (tmp_path / "port").exists()
            board.plug.put_in()
            async with asyncio.timeout(LIMIT_S):
                assert await told.get() == str(tmp_path / "port")
            async with connected(tmp_path / "port") as connection:
                assert await connection.ask("identify") == IDENTITY

    asyncio.run(scenario())
    entries = list(read_entries(tmp_path / "trace.pcapng"))
    notes = [entry.remark for entry in entries if entry.what == NOTE]
    assert len(notes) == 2
    assert "is gone" in notes[0]
    assert "is back" in notes[1]
    assert messages(entries) == [(TO_BOARD, "identify"), (TO_HOST, "identity")]
    assert len([entry for entry in entries if entry.name == "accept"]) >= 2


def test_a_listening_pipe_records_both_directions(tmp_path: Path):
    async def scenario() -> None:
        board = PtyBoard(tmp_path / "board")
        file = CaptureFile(tmp_path / "trace.pcapng", wall_us=steps())
        recorder = file.recorder("camera1")
        wrap: Any = lambda pipe: ListeningPipe(pipe, recorder.to_board, recorder.to_host)  # noqa: E731
        async with connected(tmp_path / "board", wrap) as connection:
            assert await pulled(connection) == CONTENT
        file.close()
        board.unplug()
        assert recorder.bytes_to_host > len(CONTENT)

    asyncio.run(scenario())
    assert bulk_bytes(list(read_entries(tmp_path / "trace.pcapng"))) == CONTENT


def test_several_boards_share_a_file(tmp_path: Path):
    clock = iter(range(1, 100))
    file = CaptureFile(tmp_path / "trace.pcapng", "scenario x", lambda: next(clock))
    camera, dock = file.recorder("camera1", "CAM-1"), file.recorder("dock1")
    camera.to_board(b"one")
    dock.to_host(b"two")
    camera.note("moved")
    file.close()
    camera.to_board(b"dropped: the file is closed")
    with (tmp_path / "trace.pcapng").open("rb") as opened:
        reader = PcapngReader(opened, "trace")
        packets = [(packet.interface, packet.unix_us, packet.direction, packet.data) for packet in reader]
    assert packets == [(0, 1, TO_BOARD, b"one"), (1, 2, TO_HOST, b"two"), (0, 3, "", b"")]
    assert [each.name for each in reader.interfaces] == ["camera1", "dock1"]
    assert reader.comment == "scenario x"


def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path: Path):
    for path in (tmp_path / "missing" / "trace.pcapng", Path("/dev/full")):
        with pytest.raises(CaptureFileError, match=re.escape(str(path))):
            CaptureFile(path)


def test_a_file_that_can_be_written_no_more_ends_the_recording_not_the_line(tmp_path: Path):
    async def scenario() -> None:
        ours, theirs = os.pipe()
        board = PtyBoard(tmp_path / "board")
        file = CaptureFile(Path(f"/dev/fd/{theirs}"))
        failed: list[bool] = []
        file.on_failure = lambda: failed.append(True)
        board.plug.recorder = file.recorder("camera1")
        async with connected(tmp_path / "board") as connection:
            assert await connection.ask("identify") == IDENTITY
            assert file.failure is None
            os.close(ours)
            assert await connection.ask("identify") == IDENTITY
        assert file.failure is not None
        assert "cannot be written" in str(file.failure)
        assert failed == [True]
        file.close()
        os.close(theirs)
        board.unplug()

    asyncio.run(scenario())


def test_an_offered_port_never_takes_the_place_of_a_file(tmp_path: Path):
    (tmp_path / "port").write_text("mine")
    with pytest.raises(PortError, match="something already"):
        offer_port(tmp_path / "port")
    with pytest.raises(PortError, match="cannot be made"):
        offer_port(tmp_path / "missing" / "port")
    assert (tmp_path / "port").read_text() == "mine"


def test_a_port_that_is_not_there_is_told_and_an_older_capture_kept(tmp_path: Path):
    trace = tmp_path / "trace.pcapng"
    trace.write_text("precious")
    command = [sys.executable, "-m", "host_tools.cli", "capture", str(tmp_path / "nothing"), "-w", str(trace)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 1
    assert re.fullmatch(r"bwc: .*nothing: no such port; .*\n", done.stderr)
    assert trace.read_text() == "precious"


@pytest.mark.req("LINK-09")
def test_a_bench_records_the_cables_of_its_boards(tmp_path: Path):
    async def scenario() -> None:
        bench = EmulatedBench(default_bench("recorded", 0, seed=9), tmp_path, lambda name, size: None)  # type: ignore[arg-type, return-value]
        (dock,) = bench.docks
        bench.record(dock, tmp_path / "trace.pcapng")
        with pytest.raises(BenchError, match="recorded already"):
            bench.record(dock, tmp_path / "other.pcapng")
        await bench.start()
        plug = bench.docks[dock].plug
        assert isinstance(plug, PtyPlug)
        await until(plug.is_open, "the board to be plugged in")
        async with connected(plug.link) as connection:
            bays = await connection.ask("get_bays")
        await bench.stop()
        entries = list(read_entries(tmp_path / "trace.pcapng"))
        assert (TO_BOARD, "get_bays") in messages(entries)
        assert next(entry.fields for entry in entries if entry.name == "bays") == bays
        assert {entry.board for entry in entries} == {dock}
        notes = [entry.remark for entry in entries if entry.what == NOTE]
        assert notes == ["plugged in", "pulled out"]

    asyncio.run(scenario())


@pytest.mark.req("LINK-09")
def test_the_command_records_until_it_is_interrupted(tmp_path: Path):
    async def scenario() -> None:
        board = PtyBoard(tmp_path / "board")
        arguments = [str(tmp_path / "board"), "-w", str(tmp_path / "trace.pcapng"), "--as", str(tmp_path / "port")]
        command = [sys.executable, "-m", "host_tools.cli", "capture", *arguments, "--name", "camera1"]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            assert b"instead of" in await process.stdout.readuntil(b"Ctrl-C")
            async with connected(tmp_path / "port") as connection:
                assert await connection.ask("identify") == IDENTITY
            process.send_signal(signal.SIGINT)
            output, _ = await process.communicate()
        assert process.returncode == 0
        assert b"packets" in output
        assert not (tmp_path / "port").is_symlink()
        board.unplug()

    asyncio.run(scenario())
    entries = list(read_entries(tmp_path / "trace.pcapng"))
    assert messages(entries) == [(TO_BOARD, "identify"), (TO_HOST, "identity")]
