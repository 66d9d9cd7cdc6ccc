"""A capture played again: to the parser, or the host's side of it to a board.

Law: a session is salted by nonces that no board gives twice, so bytes of an old session mean nothing to a live board,
by design. What can be played to one are the host's questions and pulls, on a session of their own, in the recorded
order and pace; what comes back is then held against what came back at that time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware.link import schema
from host_tools.protocol.connection import Connection, RequestRefused
from host_tools.protocol.decode import FRAME, MESSAGE, NOTE, SESSION, Entry, LineDecoder
from host_tools.protocol.decode_words import ERROR_WORDS
from host_tools.protocol.pcapng import LINKTYPE_USER0, TO_BOARD, CaptureFileError, PcapngReader

# Questions that leave a board as it is. Every other message changes something, and is played only when asked for.
HARMLESS = frozenset({"identify", "get_camera", "list_recordings", "get_bays", "check_contacts"})
DATA = "data"  # the outcome of a pull of which bytes came
NOTHING = "no answer"
LEFT_OUT = "left out"


@dataclass
class Step:
    """Something the host asked for, and what became of it."""

    at_us: int
    name: str
    fields: dict[str, Any]
    outcome: str = NOTHING

    @property
    def is_pull(self) -> bool:
        return self.name == "pull"

    def covers(self, fields: dict[str, Any]) -> bool:
        """Whether a later pull only asks again for bytes of this one."""
        mine = self.fields
        same = self.is_pull and (mine["recording"], mine["part"]) == (fields["recording"], fields["part"])
        end, mine_end = fields["offset"] + fields["length"], mine["offset"] + mine["length"] if same else 0
        return same and mine["offset"] <= fields["offset"] and end <= mine_end


def read_entries(path: Path, board: str | None = None, salt: int | None = None) -> Iterator[Entry]:
    """Everything a capture tells, of all boards or of one. CaptureFileError if it cannot be read."""
    try:
        with path.open("rb") as file:
            yield from _entries(PcapngReader(file, str(path)), board, salt)
    except OSError as error:
        raise CaptureFileError(f"{path}: cannot be read ({error.strerror}); name a pcapng file") from error


def steps_of(entries: Iterable[Entry]) -> list[Step]:
    """What the host asked in these entries of one board, in order, with what came of each."""
    script = Script()
    for entry in entries:
        script.hear(entry)
    return script.steps


class Script:
    """The host's side of one board's line: what it asked, in order, with what came of each. Keeps no bulk data."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._begin()

    def hear(self, entry: Entry) -> None:
        """The next entry of the line."""
        if entry.what == SESSION:
            self._begin()
        elif entry.remark:
            return  # spoilt
        elif entry.what == MESSAGE:
            self._on_message(entry)
        elif entry.what == FRAME and entry.name == "pull":
            self._on_pull(entry)
        elif entry.what == FRAME and entry.name in ("data", "fail"):
            step = self._pulls.get(entry.fields["request"])
            if step is not None:
                step.outcome = DATA if entry.name == "data" else _error(entry.fields["code"])

    def _begin(self) -> None:
        self._questions: dict[int, Step] = {}
        self._pulls: dict[int, Step] = {}
        self._asked: list[Step] = []

    def _on_message(self, entry: Entry) -> None:
        if entry.direction == TO_BOARD:
            self.steps.append(Step(entry.unix_us, entry.name, entry.fields))
            self._questions[entry.number] = self.steps[-1]
            return
        question = self._questions.get(entry.number) if entry.number else None
        if question is not None:
            question.outcome = _error(entry.fields["code"]) if entry.name == "error" else entry.name

    def _on_pull(self, entry: Entry) -> None:
        """A pull frame; one that only asks again for what was lost is no step of its own."""
        step = next((step for step in reversed(self._asked) if step.covers(entry.fields)), None)
        if step is None:
            step = Step(entry.unix_us, "pull", entry.fields)
            self._asked.append(step)
            self.steps.append(step)
        self._pulls[entry.fields["request"]] = step


async def replay_to_board(connection: Connection, steps: list[Step], pace: float | None, change: bool) -> None:
    """Ask a board again. ``pace``: 1 as recorded, 2 twice as fast, None for one after the other without waiting.
    ``change``: also what changes something on the board. LinkLost if the line does not last."""
    await connection.open()
    chosen = [step for step in steps if change or is_harmless(step)]
    if pace is None:
        for step in chosen:
            await _play(connection, step)
        return
    tasks: list[asyncio.Task[None]] = []
    try:
        async for step in _paced(chosen, pace):
            tasks.append(asyncio.create_task(_play(connection, step)))
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def is_harmless(step: Step) -> bool:
    """Whether a step leaves a board as it is."""
    return step.is_pull or step.name in HARMLESS


def compare(recorded: list[Step], played: list[Step], change: bool) -> list[tuple[Step, str]]:
    """For every recorded step the outcome it had when it was played again; LEFT_OUT for those that were not."""
    again = iter(played)
    pairs: list[tuple[Step, str]] = []
    for step in recorded:
        if not change and not is_harmless(step):
            pairs.append((step, LEFT_OUT))
            continue
        other = next(again, None)
        pairs.append((step, other.outcome if other is not None else NOTHING))
    return pairs


def _entries(reader: PcapngReader, board: str | None, salt: int | None) -> Iterator[Entry]:
    decoders: dict[int, LineDecoder] = {}
    for packet in reader:
        interface = reader.interfaces[packet.interface]
        if interface.linktype != LINKTYPE_USER0 or board not in (None, interface.name):
            continue
        if packet.interface not in decoders:
            decoders[packet.interface] = LineDecoder(interface.name, salt)
        if packet.comment:
            yield Entry(packet.unix_us, interface.name, packet.direction, NOTE, "", 0, 0, {}, packet.comment)
        yield from decoders[packet.interface].feed(packet.direction, packet.data, packet.unix_us)
    for decoder in decoders.values():
        yield from decoder.finish()
    if not decoders:
        raise CaptureFileError(_nothing(reader, board))


def _nothing(reader: PcapngReader, board: str | None) -> str:
    names = [each.name for each in reader.interfaces if each.linktype == LINKTYPE_USER0]
    if not names:
        return f"{reader.name}: no cable of ours in it; `bwc capture` makes captures that have"
    wanted = f"of {board}" if board is not None else "at all"
    return f"{reader.name}: no packet {wanted} in it; it has cables of: {', '.join(names)}"


async def _paced(steps: list[Step], pace: float) -> AsyncIterator[Step]:
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    for step in steps:
        wait_s = (step.at_us - steps[0].at_us) / 1_000_000 / pace - (loop.time() - begin_s)
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        yield step


async def _play(connection: Connection, step: Step) -> None:
    fields = step.fields
    try:
        if step.is_pull:
            await connection.pull(
                fields["recording"], fields["part"], fields["offset"], fields["length"], lambda _offset, _data: None
            )
        else:
            await connection.ask(step.name, fields)
    except RequestRefused:
        return  # an answer like any other; whoever listens on the line has heard it


def _error(code: int) -> str:
    return f"error {schema.word_of(ERROR_WORDS, code)}"
