"""The link beside its peers: ``python -m benchmarks.link_bench`` (``make bench``).

Side by side in one run, interleaved in rounds, medians: ours, ZMODEM (lrzsz, when installed), XMODEM-1K (PyPI), a bare
loop of reads and writes in Python and a raw copy, over a socket pair, a pseudo-terminal and a damaged line; then one
board beside ten at once. Prints tables, writes ``build/link_bench.json`` and the link's part of ``docs/benchmarks.md``.
Seconds count from the moment both ends have the line open (for lrzsz: its processes' whole life, which starts in
milliseconds).
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import tty
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

LIMIT_S = 60  # for one transfer; a peer that needs longer has given up
MB = 1_000_000
PYTHON = sys.executable


@dataclass
class Run:
    """One transfer. ``wire_bytes``: sent by both ends together, where a relay counted them."""

    contender: str
    carrier: str
    file_bytes: int
    seconds: float
    send_cpu_s: float
    receive_cpu_s: float
    identical: bool
    wire_bytes: int = 0
    note: str = ""


@dataclass
class Line:
    """What a carrier gives the two ends: descriptors to hand down, or paths to open."""

    send: str
    receive: str
    fds: tuple[int, ...] = ()
    passed: Callable[[], int] = lambda: 0


@contextmanager
def socket_pair() -> Generator[Line]:
    """No line ceiling at all."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Line(str(ours.fileno()), str(theirs.fileno()), (ours.fileno(), theirs.fileno()))


@contextmanager
def pseudo_terminal() -> Generator[Line]:
    """The kernel's tty: at most 4 KiB a read."""
    master, slave = os.openpty()
    tty.setraw(slave)
    try:
        yield Line(str(master), str(slave), (master, slave))
    finally:
        os.close(master)
        os.close(slave)


def damaged(**faults: str) -> Callable[[], AbstractContextManager[Line]]:
    """A relay between two pseudo-terminals."""

    @contextmanager
    def line() -> Generator[Line]:
        folder = Path(tempfile.mkdtemp(prefix="relay"))
        left, right = folder / "left", folder / "right"
        arguments = [part for name, value in faults.items() for part in (f"--{name.replace('_', '-')}", value)]
        relay = subprocess.Popen(
            [PYTHON, "-m", "benchmarks.relay", str(left), str(right), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        control, told_by = relay.stdin, relay.stdout
        assert control is not None
        assert told_by is not None
        told_by.readline()

        def passed() -> int:
            control.close()
            told = json.loads(told_by.readline())
            return told["from_left"] + told["from_right"]

        try:
            yield Line(str(left), str(right), (), passed)
        finally:
            relay.kill()
            relay.wait()
            told_by.close()
            control.close()
            shutil.rmtree(folder)

    return line


class Ends:
    """Starts the two ends of a contender and collects what they cost."""

    def __init__(self, line: Line, source: Path, copy: Path) -> None:
        self.line, self.source, self.copy = line, source, copy
        self.size = source.stat().st_size

    def python(self, name: str) -> tuple[float, float, float]:
        """Seconds and CPU of both ends, as they report them."""
        send = self.start_python([f"{name}-send", self.line.send, str(self.source)])
        assert send.stdout is not None
        send.stdout.readline()
        receive = self.start_python([f"{name}-receive", self.line.receive, str(self.copy), str(self.size)])
        sent, received = _finish(send, receive)
        return received["seconds"], sent["cpu"], received["cpu"]

    def zmodem(self, _name: str) -> tuple[float, float, float]:
        """lrzsz: escapes nothing that it need not (-8 is its default over a clean line)."""
        started = time.perf_counter()
        receive = self._start_lrzsz(["rz", "-q", "-b", "-y"], self.line.receive, self.copy.parent)
        send = self._start_lrzsz(["sz", "-q", "-b", "-8", str(self.source)], self.line.send, self.source.parent)
        send_cpu, receive_cpu = _wait_rusage(send), _wait_rusage(receive)
        return time.perf_counter() - started, send_cpu, receive_cpu

    def copy_raw(self, _name: str) -> tuple[float, float, float]:
        """``cat`` into the line, ``head`` out of it: a copy in C with nothing around it."""
        started = time.perf_counter()
        with self.copy.open("wb") as output, _descriptor(self.line.receive) as fd:
            receive = subprocess.Popen(["head", "-c", str(self.size)], stdin=fd, stdout=output)
        with _descriptor(self.line.send) as fd:
            send = subprocess.Popen(["cat", str(self.source)], stdout=fd)
        receive_cpu, send_cpu = _wait_rusage(receive), _wait_rusage(send)
        return time.perf_counter() - started, send_cpu, receive_cpu

    def start_python(self, arguments: list[str]) -> subprocess.Popen[str]:
        """One end as a process."""
        return subprocess.Popen(
            [PYTHON, "-m", "benchmarks.link_ends", *arguments],
            pass_fds=self.line.fds, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def _start_lrzsz(self, command: list[str], place: str, folder: Path) -> subprocess.Popen[bytes]:
        with _descriptor(place) as fd:
            return subprocess.Popen(command, stdin=fd, stdout=fd, stderr=subprocess.DEVNULL, cwd=folder)


CONTENDERS: dict[str, Callable[[Ends, str], tuple[float, float, float]]] = {
    "ours": Ends.python,
    "zmodem": Ends.zmodem,
    "xmodem": Ends.python,
    "loop": Ends.python,
    "copy": Ends.copy_raw,
}
CARRIERS: dict[str, Callable[[], AbstractContextManager[Line]]] = {
    "socketpair": socket_pair,
    "pty": pseudo_terminal,
    "relay clean": damaged(seed="1"),
    "relay BER 1e-6": damaged(seed="2", ber="1e-6"),
    "relay BER 1e-5": damaged(seed="3", ber="1e-5"),
    "relay 1% blocks lost": damaged(seed="4", loss="0.01"),
    "relay one cut": damaged(seed="5", cut_after="16000000"),
}


def run_one(contender: str, carrier: str, source: Path, folder: Path) -> Run:
    """One transfer of ``source``."""
    copy = folder / "out" / source.name
    copy.parent.mkdir(exist_ok=True)
    copy.unlink(missing_ok=True)
    size = source.stat().st_size
    with CARRIERS[carrier]() as line:
        try:
            seconds, send_cpu, receive_cpu = CONTENDERS[contender](Ends(line, source, copy), contender)
        except (TimeoutError, subprocess.TimeoutExpired, json.JSONDecodeError):
            return Run(contender, carrier, size, 0, 0, 0, False, note=f"gave up or took over {LIMIT_S} s")
        wire = line.passed()
    identical = copy.exists() and filecmp.cmp(source, copy, shallow=False)
    return Run(contender, carrier, size, seconds, send_cpu, receive_cpu, identical, wire)


def run_all(plan: list[tuple[str, str, int]], rounds: int, folder: Path) -> list[Run]:
    """All of the plan (contender, carrier, bytes), interleaved, ``rounds`` times.

    The first transfer is made twice and counted once: it pays for memory that a virtual machine has not backed yet.
    """
    runs: list[Run] = []
    for contender, carrier, size in plan[:1]:
        run_one(contender, carrier, make_file(folder, size), folder)
    for number in range(rounds):
        for contender, carrier, size in plan:
            source = make_file(folder, size)
            run = run_one(contender, carrier, source, folder)
            runs.append(run)
            rate = f"{size / run.seconds / MB:8.1f} MB/s" if run.seconds else run.note
            print(f"round {number + 1}: {carrier:22} {contender:8} {rate}", flush=True)
    return runs


def make_file(folder: Path, size: int) -> Path:
    """Random content: nothing on the way can compress it."""
    path = folder / f"content-{size}.bin"
    if not path.exists():
        with path.open("wb") as file:
            for _ in range(size >> 20):
                file.write(os.urandom(1 << 20))
    return path


def make_plan(quick: bool) -> list[tuple[str, str, int]]:
    """Who runs over what, with how much."""
    scale = 8 if quick else 1
    plan: list[tuple[str, str, int]] = []
    have_zmodem = shutil.which("sz") is not None
    peers = ["ours", *(["zmodem"] if have_zmodem else []), "loop", "copy"]
    plan += [(peer, "socketpair", (512 << 20) // scale) for peer in peers]
    plan += [(peer, "pty", (128 << 20) // scale) for peer in peers]
    plan += [("xmodem", carrier, (8 << 20) // scale) for carrier in ("socketpair", "pty")]
    for carrier in [name for name in CARRIERS if name.startswith("relay")]:
        plan += [(peer, carrier, (32 << 20) // scale) for peer in peers[: 1 + have_zmodem]]
    return plan


def main() -> None:
    """Run it, print it, write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="an eighth of the bytes")
    parser.add_argument("--only", default="", help="only carriers whose name contains this")
    parser.add_argument("--docs", type=Path, default=Path("docs/benchmarks.md"))
    asked = parser.parse_args()
    from benchmarks.link_report import report
    from benchmarks.marked_docs import write_between

    folder = Path(tempfile.mkdtemp(prefix="link-bench"))
    try:
        plan = [row for row in make_plan(asked.quick) if asked.only in row[1]]
        runs = run_all(plan, asked.rounds, folder)
    finally:
        shutil.rmtree(folder)
    text = report(runs, machine(), asked.rounds)
    if "many" in asked.only or not asked.only:
        text += many_report(asked.rounds, asked.quick)
    print(text)
    Path("build").mkdir(exist_ok=True)
    Path("build/link_bench.json").write_text(json.dumps([asdict(run) for run in runs], indent=1))
    if not asked.quick and not asked.only:
        write_between(asked.docs, "link benchmark", "The link", text)


def many_report(rounds: int, quick: bool) -> str:
    """One board, then ten at once, each over a pseudo-terminal of its own, with the same bytes in all; and the same
    with bare loops of reads and writes in Python."""
    total = (320 << 20) // (8 if quick else 1)
    folder = Path(tempfile.mkdtemp(prefix="link-many"))
    plan = [(contender, lines) for contender in ("ours", "loop") for lines in (1, 10)]
    rates: dict[tuple[str, int], list[float]] = {row: [] for row in plan}
    spreads: dict[tuple[str, int], list[float]] = {row: [] for row in plan}
    try:
        for _ in range(rounds):
            for contender, lines in plan:
                size = total // lines >> 20 << 20
                seconds, slowest, fastest = _run_many(contender, lines, make_file(folder, size))
                rates[contender, lines].append(size * lines / seconds / MB)
                spreads[contender, lines].append(fastest / slowest)
                print(f"{lines:2} lines, {contender}: {rates[contender, lines][-1]:.1f} MB/s", flush=True)
    finally:
        shutil.rmtree(folder)
    found = {row: statistics.median(each) for row, each in rates.items()}
    table = [
        f"| {contender} | {lines} | {found[contender, lines]:.1f} "
        f"| {found[contender, lines] / found[contender, 1]:.2f} | {found[contender, lines] / found['loop', lines]:.2f} "
        f"| {statistics.median(spreads[contender, lines]):.2f} |"
        for contender, lines in plan
    ]
    return "\n".join(
        [
            "### ten boards at once, over a pty each",
            "",
            "| contender | lines | MB/s together | of one line | of the bare loop | fastest line's time ÷ slowest's |",
            "|---|---|---|---|---|---|",
            *table,
            "",
            "",
        ]
    )


def _run_many(contender: str, boards: int, source: Path) -> tuple[float, float, float]:
    """Seconds in all, and of the slowest and the fastest line."""
    with ExitStack() as stack:
        lines = [stack.enter_context(pseudo_terminal()) for _ in range(boards)]
        sends = [
            Ends(line, source, source).start_python([f"{contender}-send", line.send, str(source)]) for line in lines
        ]
        for send in sends:
            assert send.stdout is not None
            send.stdout.readline()
        places = ",".join(line.receive for line in lines)
        everything = Line("", "", tuple(fd for line in lines for fd in line.fds))
        receive = Ends(everything, source, source).start_python(
            [f"{contender}-receive-many", places, "/dev/null", str(source.stat().st_size)]
        )
        told = _finish(receive, *sends)[0]
    return told["seconds"], told["slowest"], told["fastest"]


def machine() -> str:
    """What it ran on, without names of places."""
    cpu = platform.processor() or platform.machine()
    for row in Path("/proc/cpuinfo").read_text().splitlines():
        if row.startswith("model name"):
            cpu = row.split(":", 1)[1].strip()
            break
    return f"{os.cpu_count()} cores, {cpu}, Linux {platform.release()}, Python {platform.python_version()}"


def _finish(*processes: subprocess.Popen[str]) -> list[dict[str, float]]:
    told: list[dict[str, float]] = []
    try:
        for process in processes:
            output, _ = process.communicate(timeout=LIMIT_S)
            told.append(json.loads(output.strip().splitlines()[-1]) if output.strip() else json.loads(""))
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return told


def _wait_rusage(process: subprocess.Popen[bytes]) -> float:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        pid, _, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = 0
            return usage.ru_utime + usage.ru_stime
        time.sleep(0.002)
    process.kill()
    process.wait()
    raise TimeoutError


@contextmanager
def _descriptor(place: str) -> Generator[int]:
    if place.isdigit():
        yield int(place)
        return
    fd = os.open(place, os.O_RDWR | os.O_NOCTTY)
    try:
        yield fd
    finally:
        os.close(fd)


if __name__ == "__main__":
    main()
