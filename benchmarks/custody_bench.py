"""Durable offload beside what it stands on: ``python -m benchmarks.custody_bench``.

For 1, 4 and 8 cameras, over a socket pair each and over a pseudo-terminal each, in one run and interleaved in rounds:
*custody* is the whole way (vault, link, spool with fsync, index), until every recording is held; *link* the same bytes
over the same carriers into nothing; *cp* the same bytes with ``cp`` and an fsync of each file and folder. Then memory:
one controller takes many gigabytes in cycles of offload, acknowledgement and erase, and tells its size after each.
Prints tables, writes ``build/custody_bench.json`` and custody's part of ``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.custody_ends import FRAGMENT_BYTES, fill
from benchmarks.link_bench import Line, machine, pseudo_terminal, socket_pair
from benchmarks.marked_docs import write_between

MB = 1_000_000
MIB = 1 << 20
GIB = 1 << 30
LIMIT_S = 600  # for one run; the memory run gets as much for each gigabyte
TARGET = 0.8  # of the slower of link and cp
FLAT_MIB = 32  # how far the controller's memory may move
DISK_GIB_MAX = 6
CAMERAS = (1, 4, 8)
CARRIERS = {"socketpair": socket_pair, "pty": pseudo_terminal}


@dataclass
class Run:
    """One measurement. ``syncs``: of the spool; the index adds one to each commit."""

    contender: str
    carrier: str
    cameras: int
    bytes: int
    seconds: float
    cpu_s: float = 0.0
    commits: int = 0
    chunks: int = 0
    syncs: int = 0


def start(module: str, arguments: list[str], lines: list[Line]) -> subprocess.Popen[str]:
    """One end as a process."""
    fds = tuple(fd for line in lines for fd in line.fds)
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, pass_fds=fds, stdout=subprocess.PIPE, text=True)


def finish(first: subprocess.Popen[str], others: list[subprocess.Popen[str]], limit_s: float) -> list[str]:
    """What the first one says, line by line; then the others are over too."""
    try:
        output, _ = first.communicate(timeout=limit_s)
        for other in others:
            other.communicate(timeout=limit_s)
    finally:
        for process in (first, *others):
            process.kill()
            process.wait()
    lines = output.strip().splitlines()
    if first.returncode != 0 or not lines:
        raise SystemExit(f"custody_bench: an end failed with exit code {first.returncode}; its words are above")
    return lines


def wait_ready(process: subprocess.Popen[str]) -> None:
    """Until a process has said that it is ready."""
    assert process.stdout is not None
    process.stdout.readline()


def run_custody(carrier: str, cards: list[Path], folder: Path, size_bytes: int) -> Run:
    """The whole way."""
    with ExitStack() as stack:
        lines = [stack.enter_context(CARRIERS[carrier]()) for _ in cards]
        cameras = [
            start("benchmarks.custody_ends", ["camera", line.send, str(card)], [line])
            for line, card in zip(lines, cards, strict=True)
        ]
        for each in cameras:
            wait_ready(each)
        places = ",".join(line.receive for line in lines)
        host = start("benchmarks.custody_ends", ["controller", places, str(folder / "controller")], lines)
        told = json.loads(finish(host, cameras, LIMIT_S)[-1])
    shutil.rmtree(folder / "controller")
    assert told["bytes"] == size_bytes, (told, size_bytes)
    return Run(
        "custody", carrier, len(cards), size_bytes, told["seconds"], told["cpu"],
        int(told["commits"]), int(told["chunks"]), int(told["syncs"]),
    )  # fmt: skip


def run_link(carrier: str, cards: list[Path], size_bytes: int) -> Run:
    """The same bytes over the same carriers into nothing, and nothing else."""
    with ExitStack() as stack:
        lines = [stack.enter_context(CARRIERS[carrier]()) for _ in cards]
        contents = [joined(card) for card in cards]
        sends = [
            start("benchmarks.link_ends", ["ours-send", line.send, str(content)], [line])
            for line, content in zip(lines, contents, strict=True)
        ]
        for each in sends:
            wait_ready(each)
        places = ",".join(line.receive for line in lines)
        length = min(content.stat().st_size for content in contents)
        host = start("benchmarks.link_ends", ["ours-receive-many", places, "/dev/null", str(length)], lines)
        told = json.loads(finish(host, sends, LIMIT_S)[-1])
    return Run("link", carrier, len(cards), length * len(cards), told["seconds"], told["cpu"])


def run_copy(carrier: str, cards: list[Path], folder: Path, size_bytes: int) -> Run:
    """The same bytes by ``cp``, then an fsync of each file and of the folder."""
    target = folder / "copies"
    target.mkdir()
    names = [(path, target / f"{card.name}-{path.parent.name}") for card in cards for path in chunk_files(card)]
    started = time.perf_counter()
    for source, copy in names:
        subprocess.run(["cp", str(source), str(copy)], check=True)
    for path in (*(copy for _, copy in names), target):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    seconds = time.perf_counter() - started
    shutil.rmtree(target)
    return Run("cp", carrier, len(cards), size_bytes, seconds, syncs=len(names) + 1)


def chunk_files(card: Path) -> list[Path]:
    """The chunk files of a card."""
    return sorted(path for path in (card / "recordings").glob("*/*") if path.stat().st_size >= FRAGMENT_BYTES)


def joined(card: Path) -> Path:
    """All chunks of a card as one file, made once."""
    path = card.with_suffix(".all")
    if not path.exists():
        with path.open("wb") as whole:
            for part in chunk_files(card):
                with part.open("rb") as file:
                    shutil.copyfileobj(file, whole, MIB)
    return path


def run_all(total_bytes: int, rounds: int, cameras: tuple[int, ...], folder: Path) -> list[Run]:
    """Everything, interleaved."""
    runs: list[Run] = []
    for count in cameras:
        cards = [folder / f"cards-{count}" / f"CAM-{number}" for number in range(count)]
        size_bytes = sum(fill(card, card.name, total_bytes // count) for card in cards)
        for number in range(rounds):
            for carrier in CARRIERS:
                for run in (
                    run_copy(carrier, cards, folder, size_bytes),
                    run_link(carrier, cards, size_bytes),
                    run_custody(carrier, cards, folder, size_bytes),
                ):
                    runs.append(run)
                    rate = run.bytes / run.seconds / MB
                    print(
                        f"round {number + 1}: {count} cameras {carrier:10} {run.contender:8} {rate:7.1f} MB/s",
                        flush=True,
                    )
        shutil.rmtree(folder / f"cards-{count}")
    return runs


def rate_of(runs: list[Run], contender: str, carrier: str, cameras: int) -> float:
    """Median MB/s."""
    chosen = [run for run in runs if (run.contender, run.carrier, run.cameras) == (contender, carrier, cameras)]
    return statistics.median(run.bytes / run.seconds / MB for run in chosen)


def table(runs: list[Run], rounds: int, cameras: tuple[int, ...]) -> list[str]:
    """Markdown."""
    columns = ("carrier", "cameras", "custody", "link alone", "cp + fsync", "of the slower", "controller CPU s/GB",
               "chunks", "commits", "fsyncs of files")  # fmt: skip
    lines = [
        f"Machine: {machine()}. Medians of {rounds} interleaved rounds; MB/s together. Target: custody at least "
        f"{TARGET} of the slower of link and cp.",
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    for carrier in CARRIERS:
        for count in cameras:
            rates = [rate_of(runs, contender, carrier, count) for contender in ("custody", "link", "cp")]
            found = [run for run in runs if (run.contender, run.carrier, run.cameras) == ("custody", carrier, count)]
            cpu = statistics.median(run.cpu_s / run.bytes for run in found) * 1e9
            last = found[-1]
            shown = " | ".join(f"{rate:.1f}" for rate in rates)
            ratio = rates[0] / min(rates[1:])
            lines.append(
                f"| {carrier} | {count} | {shown} | {ratio:.2f} | {cpu:.2f} | {last.chunks} | {last.commits} "
                f"| {last.syncs} |"
            )
    return lines


def memory_report(wanted_bytes: int, folder: Path) -> list[str]:
    """One controller over many gigabytes in cycles, four cameras."""
    cards = [folder / "cards" / f"CAM-{number}" for number in range(4)]
    for card in cards:
        fill(card, card.name, 128 * FRAGMENT_BYTES)
    free_before = shutil.disk_usage(folder).free + sum(p.stat().st_size for card in cards for p in chunk_files(card))
    with ExitStack() as stack:
        lines = [stack.enter_context(socket_pair()) for _ in cards]
        cameras = [
            start("benchmarks.custody_ends", ["camera", line.send, str(card)], [line])
            for line, card in zip(lines, cards, strict=True)
        ]
        for each in cameras:
            wait_ready(each)
        places = ",".join(line.receive for line in lines)
        arguments = ["controller", places, str(folder / "controller"), "--cycle", str(wanted_bytes)]
        host = start("benchmarks.custody_ends", arguments, lines)
        said = finish(host, cameras, LIMIT_S * max(1, wanted_bytes // GIB))
    samples = [json.loads(line) for line in said if line.startswith("{")]
    last, cycles = samples[-1], samples[:-1]
    settled = [each["rss"] for each in cycles[len(cycles) // 8 :]]  # the first cycles fill caches and arenas
    spread = (max(settled) - min(settled)) / MIB
    disk = (free_before - min(each["free"] for each in cycles)) / GIB
    rates = f"{last['bytes'] / last['seconds'] / MB:.1f} MB/s while cameras record anew"
    return [
        "",
        f"Memory: {last['bytes'] / GIB:.1f} GiB from 4 cameras in {len(cycles)} cycles of offload, acknowledgement and "
        f"erase ({rates}): the controller took {min(settled) / MIB:.0f} to {max(settled) / MIB:.0f} MiB, "
        f"{spread:.0f} MiB apart (target {FLAT_MIB} up or down), with {disk:.1f} GiB of disk at most (target under "
        f"{DISK_GIB_MAX}).",
    ]


def main() -> None:
    """Run it, print it, write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=384, help="offloaded in each run, all cameras together")
    parser.add_argument("--cameras", default=",".join(map(str, CAMERAS)))
    parser.add_argument("--gigabytes", type=float, default=2, help="GiB of the memory run; the full one is 16; 0: none")
    parser.add_argument("--folder", type=Path, help="on the disk to measure; default: a temporary one")
    parser.add_argument("--docs", type=Path, help="write the report into this page (docs/benchmarks.md)")
    asked = parser.parse_args()
    cameras = tuple(int(each) for each in asked.cameras.split(",") if each)
    folder = Path(tempfile.mkdtemp(prefix="custody-bench", dir=asked.folder))
    try:
        runs = run_all(asked.megabytes * MB, asked.rounds, cameras, folder) if cameras else []
        lines = table(runs, asked.rounds, cameras) if cameras else []
        if asked.gigabytes:
            lines += memory_report(int(asked.gigabytes * GIB), folder)
    finally:
        shutil.rmtree(folder)
    text = "\n".join(lines)
    print(text)
    Path("build").mkdir(exist_ok=True)
    Path("build/custody_bench.json").write_text(json.dumps([asdict(run) for run in runs], indent=1))
    if asked.docs is not None:
        write_between(asked.docs, "custody benchmark", "Custody", text + "\n")


if __name__ == "__main__":
    main()
