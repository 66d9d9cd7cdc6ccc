"""What the secure channel costs: ``python -m benchmarks.channel_bench``.

A board in a process of its own at one end of a pseudo-terminal or a socket pair, a controller's connection at the
other, first bare, then with TLS 1.3 and both certificates. Measured: the time from opening a session to its first
answer, and the rate at which the same bytes are pulled, with a MAC under the session's token on every pull. Interleaved
rounds, medians, ratios in one run. Prints a table, writes ``build/channel_bench.json`` and its part of
``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import select
import socket
import statistics
import time
import tty
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.link_bench import machine
from benchmarks.link_ends import PULLS_AT_ONCE, RECORDING, STEP_BYTES, FdStream
from benchmarks.marked_docs import write_between
from benchmarks.seal_bench import SystemEntropy
from firmware.drivers.cable import Cable
from firmware.link import schema
from firmware.link.control import ControlStream
from firmware.link.session import BOARD, Session
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.memory_keystore import MemoryKeystore
from firmware.secure import channel_greeting
from firmware.secure.certificates import IDEVID, LDEVID, identify
from firmware.secure.certificates_keys import P256
from firmware.secure.certificates_store import CameraIdentity
from firmware.secure.channel import SecureChannel
from firmware.secure.channel_context import ChannelTrust
from firmware.secure.channel_greeting import GreetingReader
from firmware.secure.channel_stream import SecuredStream
from firmware.secure.token import PullToken, new_token
from host_tools.protocol.connection import Connection
from host_tools.protocol.constructs import ConstructCodec
from host_tools.transports.pipe import FdPipe
from host_tools.trust.provisioning import make_manufacturer
from host_tools.trust.system import create_system

MB = 1_000_000
SERIAL = "CAM-0001"
OPENINGS = 60  # of each kind in a round
BYTES = {"pty": 64 << 20, "socketpair": 512 << 20}  # pulled in a round: a second or so
TARGET = 0.85  # of the bare rate


class Trust:
    """One system and one camera of it."""

    def __init__(self) -> None:
        entropy, now_ms = SystemEntropy(), time.time_ns() // 1_000_000
        maker = make_manufacturer(MemoryFiles(), "bench", now_ms, entropy)
        system = create_system(MemoryFiles(), "a passphrase of a bench", "controller-1", now_ms, entropy)
        system.trust_manufacturer(maker.root)
        camera = CameraIdentity(MemoryFiles(), MemoryKeystore(P256(entropy)), SERIAL)
        maker.provision(camera, now_ms)
        factory = camera.identity(IDEVID)
        if factory is None:
            raise ValueError("the camera was provisioned and has no IDevID")
        issued = system.adopt(factory, camera.request(LDEVID), now_ms)
        camera.adopt(identify(system.record.controller.chain, True), issued.chain, now_ms)
        self.host, self.board = system.channel_trust(), camera.channel_trust()


def host_side(trust: ChannelTrust, stream: ControlStream, version: int, now_ms: int) -> SecuredStream:
    """See Session's make_secure."""
    return SecuredStream(stream, SecureChannel(trust, version, now_ms, SERIAL), reader=GreetingReader())


def board_side(trust: ChannelTrust, stream: ControlStream, version: int, now_ms: int) -> SecuredStream:
    """See Session's make_secure."""
    return SecuredStream(stream, SecureChannel(trust, version, now_ms), channel_greeting.encode(SERIAL))


def be_a_board(fd: int, trust: ChannelTrust | None) -> None:
    """Answer and serve until the line hangs up."""
    content = memoryview(os.urandom(STEP_BYTES))
    stream = FdStream(fd)
    make_secure = partial(board_side, trust) if trust is not None else None

    def session() -> Session:
        nonce = int.from_bytes(os.urandom(8), "little")
        return Session(BOARD, nonce, payload_max=65_536, slack_bytes=65_536, make_secure=make_secure)

    def take_token(fields: dict[str, Any]) -> None:
        cable.session.pull_macs = PullToken(fields["token"], cable.session.salt)

    cable = Cable(stream, session, {"bulk_token": take_token}, lambda _r, _p, _o, length: content[:length])
    poller = select.poll()
    while not stream.lost:
        cable.pump(time.monotonic_ns() // 1_000_000)
        poller.register(fd, select.POLLIN | (select.POLLOUT if cable.wants_write() else 0))
        poller.poll(100)


async def open_once(fd: int, trust: ChannelTrust | None, codec: ConstructCodec) -> tuple[Connection, float]:
    """A session, and the seconds until its first answer."""
    make_secure = partial(host_side, trust) if trust is not None else None
    pipe = FdPipe("bench", fd, lambda: None)
    nonce = int.from_bytes(os.urandom(8), "little")
    connection = Connection(pipe, nonce, codec, make_secure=make_secure)
    started = time.perf_counter()
    await connection.open()
    token = new_token(SystemEntropy())
    await connection.ask("bulk_token", {"token": token})
    seconds = time.perf_counter() - started
    if trust is not None:
        connection.session.pull_macs = PullToken(token, connection.session.salt)
    return connection, seconds


async def pull_all(connection: Connection, size: int) -> float:
    """MB a second."""
    steps = iter(range(0, size, STEP_BYTES))
    got = 0

    def sink(_offset: int, data: memoryview) -> None:
        nonlocal got
        got += len(data)

    async def work() -> None:
        for _ in steps:
            await connection.pull(RECORDING, schema.PART_CHUNKS, 0, STEP_BYTES, sink)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(PULLS_AT_ONCE):
            tasks.create_task(work())
    seconds = time.perf_counter() - started
    if got != size:
        raise ValueError(f"{got} bytes came instead of {size}")
    return size / seconds / MB


async def one_round(fd: int, trust: ChannelTrust | None, size: int) -> dict[str, float]:
    """Openings one after another, then the pull."""
    codec = ConstructCodec()
    taken: list[float] = []
    for _ in range(OPENINGS):
        connection, seconds = await open_once(fd, trust, codec)
        connection.close(schema.CLOSE_DONE)
        taken.append(seconds)
    connection, _ = await open_once(fd, trust, codec)
    rate = await pull_all(connection, size)
    connection.close(schema.CLOSE_DONE)
    return {"open_ms": statistics.median(taken) * 1000, "mb_per_s": rate}


def pty_fds() -> tuple[int, int]:
    """Both ends of a raw pseudo-terminal."""
    master, slave = os.openpty()
    tty.setraw(slave)
    return master, slave


def socket_fds() -> tuple[int, int]:
    """Both ends of a socket pair."""
    one, other = socket.socketpair()
    return one.detach(), other.detach()


CARRIERS: dict[str, Callable[[], tuple[int, int]]] = {"pty": pty_fds, "socketpair": socket_fds}


def run_one(carrier: str, trust: Trust | None, size: int) -> dict[str, float]:
    """One round over a new line with a new board."""
    theirs, ours = CARRIERS[carrier]()
    board = os.fork()
    if board == 0:
        os.close(ours)
        be_a_board(theirs, trust.board if trust is not None else None)
        os._exit(0)
    os.close(theirs)
    try:
        return asyncio.run(one_round(ours, trust.host if trust is not None else None, size))
    finally:
        os.close(ours)
        os.waitpid(board, 0)


def main() -> None:
    """Run it, print it, write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="an eighth of the bytes, nothing written to docs")
    parser.add_argument("--docs", type=Path, default=Path("docs/benchmarks.md"))
    asked = parser.parse_args()
    trust = Trust()
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for number in range(asked.rounds + 1):
        for carrier, size in BYTES.items():
            for kind, who in (("bare", None), ("secured", trust)):
                told = run_one(carrier, who, size // (8 if asked.quick else 1))
                if number:  # the first round only warms up
                    found.setdefault(carrier, {}).setdefault(kind, []).append(told)
    text = report(found, asked.rounds)
    print(text)
    Path("build").mkdir(exist_ok=True)
    Path("build/channel_bench.json").write_text(json.dumps(found, indent=1))
    if not asked.quick:
        write_between(asked.docs, "channel benchmark", "The secure channel", text)


def report(found: dict[str, dict[str, list[dict[str, float]]]], rounds: int) -> str:
    """Markdown: the table."""
    lines = [
        f"Machine: {machine()}. Medians of {rounds} interleaved rounds of {OPENINGS} openings and one pull each. "
        f"Target: pulls at {TARGET} of the bare rate or better.",
        "",
        "| carrier | to the first answer, bare | with TLS and both certificates | pull, bare, MB/s | secured | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for carrier, kinds in found.items():
        bare, secured = kinds["bare"], kinds["secured"]
        ratio = statistics.median(one["mb_per_s"] / other["mb_per_s"] for one, other in zip(secured, bare, strict=True))
        lines.append(
            f"| {carrier} | {_median(bare, 'open_ms'):.2f} ms | {_median(secured, 'open_ms'):.2f} ms "
            f"| {_median(bare, 'mb_per_s'):.1f} | {_median(secured, 'mb_per_s'):.1f} | {ratio:.2f} |"
        )
    return "\n".join(lines) + "\n"


def _median(rounds: list[dict[str, float]], name: str) -> float:
    return statistics.median(each[name] for each in rounds)


if __name__ == "__main__":
    main()
