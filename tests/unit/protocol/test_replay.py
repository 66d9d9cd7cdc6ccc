"""A capture played again: the parser tells the same, and a board is asked the same."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from firmware.link import schema
from host_tools.protocol.capture import CaptureFile, ListeningPipe
from host_tools.protocol.connection import RequestRefused
from host_tools.protocol.decode import Entry, LineDecoder, json_of
from host_tools.protocol.pcapng import TO_BOARD, TO_HOST, CaptureFileError, PcapngWriter
from host_tools.protocol.replay import (
    DATA,
    HARMLESS,
    LEFT_OUT,
    NOTHING,
    Script,
    Step,
    compare,
    is_harmless,
    read_entries,
    replay_to_board,
    steps_of,
)
from tests.patience import LIMIT_S
from tests.unit.protocol.parts import RECORDING, PtyBoard, connected, connected_later, pulled


async def recorded(folder: Path) -> list[Entry]:
    """A session with a board, captured; what a listener told while it went on."""
    live: list[Entry] = []
    decoder = LineDecoder("camera1")
    clock = iter(range(0, 10**9, 1000))  # not the machine's: where that stood still amid a frame, a stall would be read
    file = CaptureFile(folder / "trace.pcapng", "", lambda: next(clock))
    recorder = file.recorder("camera1")

    def to_board(data: bytes) -> None:
        recorder.to_board(data)
        live.extend(decoder.feed(TO_BOARD, data))

    def to_host(data: bytes) -> None:
        recorder.to_host(data)
        live.extend(decoder.feed(TO_HOST, data))

    board = PtyBoard(folder / "board")
    async with connected(folder / "board", lambda pipe: ListeningPipe(pipe, to_board, to_host)) as connection:
        await connection.ask("identify")
        await connection.ask("set_time", {"unix_ms": 5, "uncertainty_ms": 1})
        with pytest.raises(RequestRefused):
            await connection.ask("set_lamp", {"bay": 3, "pattern": 1})
        await pulled(connection)
        with pytest.raises(RequestRefused):
            await connection.pull(bytes(16), schema.PART_CHUNKS, 0, 10, lambda _offset, _data: None)
    file.close()
    board.unplug()
    live.extend(decoder.finish())
    return live


async def played(folder: Path, steps: list[Step], change: bool = True, handlers: Any = None) -> list[Step]:
    """The same asked of a fresh board."""
    decoder, script = LineDecoder(), Script()

    def listen(direction: str) -> Any:
        return lambda data: [script.hear(entry) for entry in decoder.feed(direction, data)]

    board = PtyBoard(folder / "fresh", handlers)
    wrap: Any = lambda pipe: ListeningPipe(pipe, listen(TO_BOARD), listen(TO_HOST))  # noqa: E731
    async with connected_later(folder / "fresh", wrap) as connection:
        await replay_to_board(connection, steps, None, change)
    board.unplug()
    return script.steps


@pytest.mark.req("LINK-09")
def test_the_parser_tells_of_a_capture_what_it_told_of_the_line(tmp_path: Path):
    live = asyncio.run(recorded(tmp_path))
    again = list(read_entries(tmp_path / "trace.pcapng"))
    assert [entry._replace(unix_us=0) for entry in again] == live
    assert len([entry for entry in again if entry.name == "data"]) > 10


def test_steps_are_what_the_host_asked_and_what_came_of_it(tmp_path: Path):
    steps = steps_of(asyncio.run(recorded(tmp_path)))
    questions = [(step.name, step.outcome) for step in steps if not step.is_pull]
    assert questions == [("identify", "identity"), ("set_time", "done"), ("set_lamp", "error not_found")]
    pulls = [step.outcome for step in steps if step.is_pull]
    assert pulls == [DATA] * (len(pulls) - 1) + ["error not_found"]
    assert sum(step.fields["length"] for step in steps if step.outcome == DATA) == 400_000


@pytest.mark.req("LINK-09")
def test_a_board_that_is_asked_again_answers_the_same(tmp_path: Path):
    async def scenario() -> None:
        steps = steps_of(await recorded(tmp_path))
        pairs = compare(steps, await played(tmp_path, steps), change=True)
        assert [now for _, now in pairs] == [step.outcome for step in steps]

    asyncio.run(scenario())


def test_a_board_that_answers_otherwise_is_seen(tmp_path: Path):
    async def scenario() -> None:
        steps = steps_of(await recorded(tmp_path))
        again = await played(tmp_path, steps, handlers={"set_time": lambda fields: None})
        different = {step.name: now for step, now in compare(steps, again, change=True) if now != step.outcome}
        assert different == {"identify": "error unsupported", "set_lamp": "error unsupported"}

    asyncio.run(scenario())


def test_what_changes_a_board_is_left_out_unless_asked_for(tmp_path: Path):
    async def scenario() -> None:
        steps = steps_of(await recorded(tmp_path))
        again = await played(tmp_path, steps, change=False)
        assert {step.name for step in again} == {"identify", "pull"}
        left_out = {step.name for step, now in compare(steps, again, change=False) if now == LEFT_OUT}
        assert left_out == {"set_time", "set_lamp"}

    asyncio.run(scenario())


def test_harmless_messages_are_questions_of_the_host():
    directions = {row[1]: row[2] for row in schema.MESSAGES}
    assert all(directions[name] == "host" for name in HARMLESS)
    assert not is_harmless(Step(0, "erase", {}))


def test_the_recorded_pace_is_kept(tmp_path: Path):
    async def scenario() -> list[float]:
        loop = asyncio.get_running_loop()
        times: list[float] = []

        def identify(fields: dict[str, Any]) -> None:
            times.append(loop.time())

        board = PtyBoard(tmp_path / "board", {"identify": identify})
        steps = [Step(1_000_000 + 100_000 * number, "identify", {}) for number in range(4)]
        async with connected_later(tmp_path / "board") as connection:
            begun_s = loop.time()
            await replay_to_board(connection, steps, pace=2.0, change=False)
        board.unplug()
        return [moment_s - begun_s for moment_s in times]

    times = asyncio.run(scenario())
    assert len(times) == 4
    assert times[-1] > 0.149, "a slow machine makes them later, nothing makes them earlier"


def test_pulls_that_only_ask_again_are_no_steps():
    decoder_fields = {"recording": RECORDING, "part": 0, "piece_max": 100, "mac": bytes(16)}

    def pull(request: int, offset: int, length: int) -> Entry:
        fields = {"request": request, "offset": offset, "length": length, **decoder_fields}
        return Entry(0, "", TO_BOARD, "frame", "pull", request, 0, fields)

    data = Entry(0, "", TO_HOST, "frame", "data", 0, 0, {"request": 3, "offset": 50, "data": b"x"})
    steps = steps_of([pull(1, 0, 100), pull(2, 100, 100), pull(3, 50, 20), data])
    assert [(step.fields["offset"], step.outcome) for step in steps] == [(0, DATA), (100, NOTHING)]


def test_a_capture_of_something_else_is_told_in_a_line(tmp_path: Path):
    path = tmp_path / "trace.pcapng"
    with path.open("wb") as file:
        PcapngWriter(file, "tests").add_interface("camera1")
    with pytest.raises(CaptureFileError, match="no packet at all"):
        list(read_entries(path))
    with pytest.raises(CaptureFileError, match=r"no packet of dock1 .*camera1"):
        list(read_entries(path, "dock1"))
    with pytest.raises(CaptureFileError, match="cannot be read"):
        list(read_entries(tmp_path / "nothing"))


@pytest.mark.req("LINK-09")
def test_the_command_plays_to_the_parser_and_to_a_board(tmp_path: Path):
    command = [sys.executable, "-m", "host_tools.cli", "replay", str(tmp_path / "trace.pcapng"), "--json"]

    async def scenario() -> list[Entry]:
        live = await recorded(tmp_path)
        board = PtyBoard(tmp_path / "fresh")
        arguments = ["--to-board", str(tmp_path / "fresh"), "--fast"]
        process = await asyncio.create_subprocess_exec(*command, *arguments, stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(LIMIT_S):
            output, _ = await process.communicate()
        assert process.returncode == 0, output
        rows = json.loads(output)["steps"]
        assert {row["asked"]: row["now"] for row in rows if row["asked"] != "pull"} == {
            "identify": "identity",
            "set_time": LEFT_OUT,
            "set_lamp": LEFT_OUT,
        }
        board.unplug()
        return live

    live = asyncio.run(scenario())
    done = subprocess.run(command, capture_output=True, check=True, timeout=LIMIT_S)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    for row in rows:
        row.pop("unix_us")
    expected = [json_of(entry) for entry in live]
    for row in expected:
        row.pop("unix_us")
    assert rows == expected
