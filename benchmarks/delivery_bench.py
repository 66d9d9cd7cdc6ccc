"""Delivery over HTTPS on loopback: ``python -m benchmarks.delivery_bench [--swift VENV] [--docs docs/benchmarks.md]``.

In one run: a controller's own delivery (spool, opening, ledger, completion) and its client alone into the reference
destination; ``curl -T`` into the same server, which isolates the client; the client into a plain OpenStack Swift, which
isolates the server (over HTTP, so that our client into our server over HTTP stands beside it); many small clips; and
the server's memory while eight clips arrive at once. The server is a process of its own. Rounds take turns, so that
what else the machine does meets all alike; figures are medians, CPU is of each end. Prints tables with the targets,
writes ``build/delivery_bench.json`` and, where asked, its part of a page.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.delivery_ends import (
    MB,
    Blank,
    Custody,
    Server,
    cpu_s,
    curl,
    forget_peak,
    peak_mib,
    send,
    server,
    write_clip,
)
from benchmarks.link_bench import machine
from benchmarks.marked_docs import write_between
from benchmarks.swift_node import KEY, USER, made_environment, swift_node
from host_tools.destinations.connection_file import ConnectionFile

SMALL_BYTES = 256 << 10
HUGE_BYTES = 5_000_000_000
AT_ONCE = 8
MEMORY_MIB_MAX = 300
CURL_SHARE_MIN = 0.8
SWIFT_SHARE_MIN = 1.0

CONTROLLER, CLIENT, CURL = "controller to ours, HTTPS", "client to ours, HTTPS", "`curl -T` to ours, HTTPS"
PLAIN, SWIFT = "client to ours, HTTP", "client to Swift, HTTP"
ONE, MANY = "one clip", "small clips"


class Row(NamedTuple):
    """One line of the table. ``run`` answers seconds; ``ready`` is done before it, and not measured."""

    who: str
    what: str
    size_bytes: int
    run: Callable[[], float]
    server: int = 0  # its process; 0: not measured
    ready: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Run:
    """One contender in one round; CPU in seconds per 10⁹ bytes, None where it is not known."""

    who: str
    what: str
    mb_per_s: float
    client_s: float
    server_s: float | None


class Target(NamedTuple):
    """``share`` of one in the other."""

    name: str
    share: float
    least: float


def measure(row: Row) -> Run:
    """Once."""
    row.ready()
    server_before, before = cpu_s(row.server) if row.server else 0.0, own_cpu_s()
    seconds = row.run()
    gb = row.size_bytes / 1e9
    server_s = (cpu_s(row.server) - server_before) / gb if row.server else None
    return Run(row.who, row.what, row.size_bytes / seconds / MB, (own_cpu_s() - before) / gb, server_s)


def own_cpu_s() -> float:
    """Of this process and of what it has waited for."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in found)


def rows_of(stack: ExitStack, place: Path, asked: argparse.Namespace, tls: Server, plain: Server) -> list[Row]:
    """What is compared."""
    long_bytes, many_bytes = asked.mib << 20, asked.clips * SMALL_BYTES
    clip, custody = write_clip(place / "clip", asked.mib), Custody(place / "custody")
    stack.callback(custody.close)
    long, small = [Blank(long_bytes)], [Blank(SMALL_BYTES)] * asked.clips

    def hold_small() -> None:
        for _ in small:
            custody.hold(SMALL_BYTES)

    def sent(who: str, to: ConnectionFile, process: int) -> list[Row]:
        return [
            Row(who, ONE, long_bytes, lambda: asyncio.run(send(to, long)), process),
            Row(who, MANY, many_bytes, lambda: asyncio.run(send(to, small)), process),
        ]

    def delivered(count: int) -> Callable[[], float]:
        return lambda: asyncio.run(custody.deliver(tls.connection, count))

    ours = tls.process
    rows = [
        Row(CONTROLLER, ONE, long_bytes, delivered(1), ours, lambda: custody.hold(long_bytes)),
        Row(CONTROLLER, MANY, many_bytes, delivered(asked.clips), ours, hold_small),
        *sent(CLIENT, tls.connection, ours),
        *sent(PLAIN, plain.connection, plain.process),
    ]
    if shutil.which("curl"):
        rows.insert(1, Row(CURL, ONE, long_bytes, lambda: curl(tls, clip), ours))
    if asked.swift:
        url = stack.enter_context(swift_node(place / "swift", made_environment(asked.swift)))
        rows += sent(SWIFT, ConnectionFile("bench", "bench", "1", (url,), USER, KEY, (), "mp4"), 0)
    return rows


def measure_memory(tls: Server, asked: argparse.Namespace) -> dict[str, float]:
    """The most that the server ever had, MiB, by what it was doing."""
    found: dict[str, float] = {}
    eight = [Blank((asked.mib << 20) // AT_ONCE)] * AT_ONCE
    forget_peak(tls.process)
    asyncio.run(send(tls.connection, eight, AT_ONCE))
    found["eight clips at once"] = peak_mib(tls.process)
    if asked.huge:
        forget_peak(tls.process)
        asyncio.run(send(tls.connection, [Blank(HUGE_BYTES)]))
        found["one clip of 5 GB"] = peak_mib(tls.process)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swift", type=Path, help="a virtual environment with PyPI's swift; made if it is not there")
    parser.add_argument("--small", action="store_true", help="a minute: 128 MiB, 50 clips, one round")
    parser.add_argument("--huge", action="store_true", help="also one clip of 5 GB: memory stays where it was")
    parser.add_argument("--mib", type=int, default=2048, help="of the long clip")
    parser.add_argument("--clips", type=int, default=500, help="how many small ones")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--docs", type=Path, help="write the report into this page (docs/benchmarks.md)")
    asked = parser.parse_args()
    if asked.small:
        asked.mib, asked.clips, asked.rounds = 128, 50, 1
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="delivery-bench-") as name, ExitStack() as stack:
        place = Path(name)
        tls = stack.enter_context(server(place / "tls", http=False))
        plain = stack.enter_context(server(place / "plain", http=True))
        rows = rows_of(stack, place, asked, tls, plain)
        for number in range(asked.rounds):
            # each round begins with another row, so that none always comes after the same
            runs += [measure(row) for row in rows[number % len(rows) :] + rows[: number % len(rows)]]
        load = os.getloadavg()[0]
        memory = measure_memory(tls, asked)
    memory["the client"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    targets = targets_of(runs)
    text = report(runs, memory, targets, load, asked)
    print(text)
    if asked.docs is not None:
        write_between(asked.docs, "delivery benchmark", "Delivery", text)
    Path("build").mkdir(exist_ok=True)
    document = {
        "mib": asked.mib, "clips": asked.clips, "runs": [asdict(run) for run in runs], "memory_mib": memory,
        "targets": [target._asdict() for target in targets], "load": load,
    }  # fmt: skip
    Path("build/delivery_bench.json").write_text(json.dumps(document, indent=2) + "\n")


def targets_of(runs: list[Run]) -> list[Target]:
    """Ratios of medians."""
    found: list[Target] = []
    for ours, theirs, what, least in (
        (CONTROLLER, CURL, ONE, CURL_SHARE_MIN),
        (CLIENT, CURL, ONE, CURL_SHARE_MIN),
        (PLAIN, SWIFT, ONE, SWIFT_SHARE_MIN),
        (PLAIN, SWIFT, MANY, SWIFT_SHARE_MIN),
    ):
        if any(run.who == theirs for run in runs):
            share = median(runs, ours, what) / median(runs, theirs, what)
            found.append(Target(f"{what}: {ours} ÷ {theirs}", share, least))
    return found


def median(runs: list[Run], who: str, what: str) -> float:
    """MB/s."""
    return statistics.median(run.mb_per_s for run in runs if (run.who, run.what) == (who, what))


def report(
    runs: list[Run], memory: dict[str, float], targets: list[Target], load: float, asked: argparse.Namespace
) -> str:
    """For people, in Markdown."""
    lines = [
        f"Machine: {machine()}; load average {load:.1f} at the end. One clip is of {asked.mib} MiB; small ones are "
        f"{asked.clips} of {SMALL_BYTES >> 10} KiB. Medians of {asked.rounds} interleaved rounds; CPU in seconds per "
        "10⁹ bytes.",
        "",
        "| | | MB/s (min to max) | CPU sender | CPU server |",
        "|---|---|---|---|---|",
    ]
    for who, what in dict.fromkeys((run.who, run.what) for run in sorted(runs, key=lambda run: run.what != ONE)):
        some = [run for run in runs if (run.who, run.what) == (who, what)]
        rates = [run.mb_per_s for run in some]
        sender = statistics.median(run.client_s for run in some)
        servers = [run.server_s for run in some if run.server_s is not None]
        served = f"{statistics.median(servers):.2f}" if servers else "-"
        rate = f"{statistics.median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})"
        lines.append(f"| {what} | {who} | {rate} | {sender:.2f} | {served} |")
    lines += ["", "| target | ratio | at least | |", "|---|---|---|---|"]
    for name, share, least in targets:
        lines.append(f"| {name} | {share:.2f} | {least:.1f} | {'reached' if share >= least else 'missed'} |")
    said = ", ".join(f"{value:.0f} MiB with {name}" for name, value in memory.items() if name != "the client")
    is_met = all(value < MEMORY_MIB_MAX for value in memory.values())
    lines += [
        "",
        f"The server's memory: {said}; the sender's, recordings and all: {memory['the client']:.0f} MiB. Target below "
        f"{MEMORY_MIB_MAX}: {'reached' if is_met else 'missed'}.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
