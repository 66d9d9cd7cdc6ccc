"""``bwc capture``, ``replay``, ``decode``, ``dissector``: looking into the wire."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from host_tools.cli.registry import make_registry
from host_tools.protocol.capture import CaptureFile, ListeningPipe, Recorder, Relay
from host_tools.protocol.connection import Connection
from host_tools.protocol.constructs import ConstructCodec
from host_tools.protocol.decode import MESSAGE, Entry, LineDecoder, json_of, text_of
from host_tools.protocol.decode_input import InputError, bytes_of_hex, decode_bytes
from host_tools.protocol.dissector import dissector as dissector_text
from host_tools.protocol.pcapng import TO_BOARD, TO_HOST, CaptureFileError
from host_tools.protocol.replay import LEFT_OUT, Script, Step, compare, read_entries, replay_to_board, steps_of

READ_BYTES = 65_536
SETTLE_S = 0.2  # after the last answer, so that what the board says on its own accord is heard too

console = Console()

Trace = Annotated[Path, typer.Argument(help="A capture (pcapng).")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
OnlyMessages = Annotated[bool, typer.Option("--messages", help="Only messages, not the frames that carry them.")]
SaltOption = Annotated[
    str | None, typer.Option("--salt", help="The session's salt in hexadecimal; else it is worked out.")
]


def capture(
    url: Annotated[str, typer.Argument(help="The board's port: /dev/tty…, socket://…, emu://…")],
    write: Annotated[Path, typer.Option("--write", "-w", help="The capture to write.")],
    link: Annotated[Path | None, typer.Option("--as", help="Offer the port under this path, as a link.")] = None,
    name: Annotated[str, typer.Option(help="The board's name in the capture.")] = "",
    comment: Annotated[str, typer.Option(help="A line about the whole capture: scenario, seed.")] = "",
) -> None:
    """Record a live line: open the port this prints instead of the board's own. Until Ctrl-C."""
    asyncio.run(_capture(url, link, write, name or url.rstrip("/").rpartition("/")[2] or url, comment))


def replay(
    trace: Trace,
    to_board: Annotated[
        str | None, typer.Option("--to-board", metavar="URL", help="Ask this board what the host asked in the capture.")
    ] = None,
    board: Annotated[str | None, typer.Option(help="Only this board of the capture.")] = None,
    fast: Annotated[bool, typer.Option("--fast", help="To a board: one after the other, without the pauses.")] = False,
    change: Annotated[
        bool, typer.Option("--change", help="To a board: also what changes it (time, wearer, power, erasing).")
    ] = False,
    messages: OnlyMessages = False,
    as_json: AsJson = False,
    salt: SaltOption = None,
) -> None:
    """Play a capture again: to the parser, or the host's side of it to a board. Exit code 1: it answered otherwise."""
    entries = read_entries(trace, board, _salt(salt))
    if to_board is None:
        _print_entries(entries, messages, as_json)
        return
    make_registry().check(to_board)
    recorded = steps_of(_of_one_board(entries, trace))
    played = asyncio.run(_replay_to_board(to_board, recorded, None if fast else 1.0, change))
    raise typer.Exit(_print_comparison(compare(recorded, played, change), as_json))


def decode(
    binary: Annotated[bool, typer.Option("--binary", help="Standard input is bytes, not hexadecimal.")] = False,
    sender: Annotated[str, typer.Option("--from", help="Who sent it: host or board; else not known.")] = "",
    messages: OnlyMessages = False,
    as_json: AsJson = False,
    salt: SaltOption = None,
) -> None:
    """Read frames, or messages without frames around them, from standard input."""
    directions = {"": "", "host": TO_BOARD, "board": TO_HOST}
    if sender not in directions:
        raise typer.BadParameter("write host or board", param_hint="--from")
    data = sys.stdin.buffer.read() if binary else bytes_of_hex(sys.stdin.read())
    _print_entries(decode_bytes(data, directions[sender], _salt(salt)), messages, as_json)


def dissector() -> None:
    """Print the Wireshark dissector; put it into a file of Wireshark's plugin folder."""
    sys.stdout.write(dissector_text())


async def _capture(url: str, link: Path | None, write: Path, name: str, comment: str) -> None:
    opener = make_registry().open
    pipe = await opener(url)  # before the file: whoever mistypes a port keeps an older capture
    try:
        file = CaptureFile(write, comment)
    except CaptureFileError:
        pipe.close()
        raise
    recorder = file.recorder(name, url)
    relay = Relay(url, opener, recorder, link)
    relay.on_change = lambda path: _tell_port(url, path)
    running = asyncio.create_task(relay.run(pipe))
    file.on_failure = running.cancel
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.cancel)
    await asyncio.wait({running})
    failure = file.failure
    file.close()
    _tell_end(write, file, recorder)
    if failure is not None:
        raise failure
    if not running.cancelled():
        running.result()


def _tell_port(url: str, path: str) -> None:
    offered = f"open [bold]{path}[/] instead of {url}; end: Ctrl-C"
    console.print(offered if path else f"{url} has gone; waiting for it", soft_wrap=True)


def _tell_end(write: Path, file: CaptureFile, recorder: Recorder) -> None:
    passed = f"{recorder.bytes_to_board} bytes to the board, {recorder.bytes_to_host} to the host"
    console.print(f"{write}: {file.packets} packets, {passed}", soft_wrap=True)


async def _replay_to_board(url: str, steps: list[Step], pace: float | None, change: bool) -> list[Step]:
    """What the board answered now."""
    decoder, script = LineDecoder(), Script()
    loop = asyncio.get_running_loop()

    def listen(direction: str) -> Callable[[bytes], None]:
        def hear(data: bytes) -> None:
            for entry in decoder.feed(direction, data, int(loop.time() * 1_000_000)):
                script.hear(entry)

        return hear

    pipe = ListeningPipe(await make_registry().open(url), listen(TO_BOARD), listen(TO_HOST))
    connection = Connection(pipe, secrets.randbits(64), ConstructCodec())
    try:
        await replay_to_board(connection, steps, pace, change)
        await asyncio.sleep(SETTLE_S)
    finally:
        connection.close()
    return script.steps


def _of_one_board(entries: Iterator[Entry], trace: Path) -> Iterator[Entry]:
    board = None
    for entry in entries:
        if board not in (None, entry.board):
            raise CaptureFileError(
                f"{trace} has several boards, {board} and {entry.board} among them; name one: --board"
            )
        board = entry.board
        yield entry


def _print_entries(entries: Iterable[Entry], messages: bool, as_json: bool) -> None:
    printed = left_out = 0
    for entry in entries:
        if messages and entry.what != MESSAGE:
            left_out += 1
            continue
        printed += 1
        print(json.dumps(json_of(entry), ensure_ascii=False) if as_json else text_of(entry))
    if not printed:
        rest = f"; without --messages there is more ({left_out})" if left_out else ""
        raise InputError(f"no message is in it{rest}" if messages else "nothing is in it")


def _print_comparison(pairs: list[tuple[Step, str]], as_json: bool) -> int:
    different = [pair for pair in pairs if pair[1] not in (pair[0].outcome, LEFT_OUT)]
    if as_json:
        rows = [{"asked": step.name, "recorded": step.outcome, "now": now} for step, now in pairs]
        print(json.dumps({"same": not different, "steps": rows}))
        return 1 if different else 0
    table = Table("Asked", "Recorded", "Now")
    for step, now in pairs:
        style = "" if now == step.outcome else "dim" if now == LEFT_OUT else "red"
        table.add_row(step.name, step.outcome, now, style=style)
    console.print(table)
    left_out = sum(now == LEFT_OUT for _, now in pairs)
    console.print(f"{len(pairs)} steps, {left_out} left out, {len(different)} answered otherwise")
    return 1 if different else 0


def _salt(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        salt = int(text, 16)
    except ValueError:
        salt = -1
    if not 0 <= salt <= 0xFFFFFFFF:
        raise typer.BadParameter(f"{text} is no salt; write up to eight hexadecimal digits", param_hint="--salt")
    return salt
