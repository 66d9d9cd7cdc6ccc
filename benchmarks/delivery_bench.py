"""Delivery over HTTPS on loopback: ``python -m benchmarks.delivery_bench [--small] [--swift VENV]``.

In one run: a controller's own delivery (spool, ledger, completion) and its client alone into the reference destination;
``curl -T`` into the same server, which isolates the client; the client into a plain OpenStack Swift, which isolates the
server (over HTTP, so that our client into our server over HTTP stands beside it); many small clips; and the server's
memory while eight clips arrive at once. The server is a process of its own. Rounds take turns, so that what
else the machine does meets all alike. Prints a table with the targets and writes ``build/delivery_bench.json``.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import resource
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from benchmarks.swift_node import KEY, USER, swift_node
from firmware.formats import manifest as manifests
from firmware.formats.chunk import ClearOpener, ClearSealer
from firmware.formats.manifest import ChunkEntry, FragmentEntry, Manifest
from firmware.formats.moment import Moment
from firmware.platform.linux.files import LinuxFiles
from firmware.ports.sensor import FRAGMENT_INIT, FRAGMENT_MEDIA
from host_tools.controller.delivery import Delivery
from host_tools.controller.happenings import Happening, Happenings
from host_tools.custody.blocking import SideBySide, run_in_thread
from host_tools.custody.index import open_index
from host_tools.custody.spool import SYNCS_AT_ONCE, Spool
from host_tools.destinations import connection_file
from host_tools.destinations.connecting import connect
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.swift import SwiftDestination

MB = 1_000_000
PIECE_BYTES = 1 << 20
SMALL_BYTES = 256 << 10
AT_ONCE = 8
MEMORY_MIB_MAX = 300
CURL_SHARE_MIN = 0.8
SWIFT_SHARE_MIN = 1.0
STARTED_UNIX_MS = 1_767_225_600_000


class Row(NamedTuple):
    """One line of the table."""

    name: str
    run: Callable[[], float]  # MB/s


class Blank:
    """A clip of random bytes that costs nothing to read: one piece, again and again."""

    def __init__(self, length_bytes: int) -> None:
        self._length_bytes = length_bytes
        self._piece = memoryview(secrets.token_bytes(PIECE_BYTES))

    async def __aiter__(self) -> AsyncIterator[memoryview]:
        for start in range(0, self._length_bytes, PIECE_BYTES):
            yield self._piece[: min(PIECE_BYTES, self._length_bytes - start)]


@dataclass(frozen=True)
class Server:
    """Ours, running. ``folder``: its own."""

    connection: ConnectionFile
    process: int
    folder: Path


@contextmanager
def server(folder: Path, http: bool) -> Generator[Server]:
    """Our server as a process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "host_tools.cli", "destination"]
    subprocess.run([*command, "create", str(folder), "--port", str(port)], check=True, stdout=subprocess.DEVNULL)
    settings = folder / "server.toml"
    settings.write_text(settings.read_text() + "requires_known = false\n")
    issued = folder.with_suffix(".json")
    subprocess.run([*command, "connection-file", str(folder), str(issued)], check=True, stdout=subprocess.DEVNULL)
    options = ["--listen", "127.0.0.1", *(["--http"] if http else [])]
    log = folder.with_suffix(".log").open("wb")
    process = subprocess.Popen([*command, "serve", str(folder), *options], stdout=subprocess.PIPE, stderr=log)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        known = connection_file.parse(issued.read_bytes())
        if http:
            uris = tuple(uri.replace("https:", "http:") for uri in known.auth_uris)
            known = replace(known, certificates=(), auth_uris=uris)
        yield Server(known, process.pid, folder)
    finally:
        process.terminate()
        process.communicate()
        log.close()


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


async def send(connection: ConnectionFile, lengths: list[int], at_once: int = 1) -> float:
    """MB/s of the client over all clips."""
    client = SwiftDestination(connection, wall_ms, run_in_thread)
    await client.open()
    box = f"W_C_{secrets.token_hex(4)}"
    await client.ensure_container(box, {})
    waiting = list(enumerate(lengths))
    started = time.perf_counter()

    async def one() -> None:
        while waiting:
            number, length = waiting.pop()
            await client.put_object(box, f"{number}.mp4", Blank(length), length, {})

    await asyncio.gather(*(one() for _ in range(at_once)))
    seconds = time.perf_counter() - started
    await client.complete(box)
    await client.close()
    return sum(lengths) / seconds / MB


class Custody:
    """A controller's spool with recordings that are held; each delivery is timed from the first byte to the ledger."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._index = open_index(str(folder / "index.sqlite"))
        self._together = SideBySide(SYNCS_AT_ONCE)
        (folder / "spool").mkdir()
        self._spool = Spool(LinuxFiles(folder / "spool"), self._index, wall_ms, together=self._together)
        self._count = 0

    def close(self) -> None:
        self._spool.close()
        self._together.close()
        self._index.close()

    def hold(self, length_bytes: int) -> None:
        """Another recording, offloaded."""
        self._count += 1
        recording = secrets.token_bytes(16)
        document, chunks = make_recording(recording, length_bytes, STARTED_UNIX_MS + 60_000 * self._count)
        digest = hashlib.sha256(document).digest()
        self._spool.accept(document, "CAM-0001", digest)
        offset_bytes = 0
        for chunk in chunks:
            self._spool.write(recording, offset_bytes, chunk)
            offset_bytes += len(chunk)
            if self._spool.pending_bytes() > 64 * PIECE_BYTES:
                self._spool.commit()
        self._spool.commit()
        assert self._index.get(recording).state == "held"

    async def deliver(self, connection: ConnectionFile, total_bytes: int, count: int) -> float:
        """MB/s until all that is held is delivered."""
        destination = connect(connection, wall_ms, run_in_thread, secrets.token_bytes, lambda _: None, lambda _: None)
        happenings, done, left = Happenings(wall_ms), asyncio.Event(), [count]

        def hear(happening: Happening) -> None:
            if happening["what"] == "delivered":
                left[0] -= 1
            if left[0] == 0:
                done.set()

        happenings.listen(hear)
        delivery = Delivery(
            self._index,
            self._spool,
            destination,
            wall_ms,
            lambda manifest: ClearOpener(manifest.recording),
            run_in_thread,
            happenings,
        )
        started = time.perf_counter()
        task = asyncio.create_task(delivery.run())
        await done.wait()
        seconds = time.perf_counter() - started
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await destination.close()
        return total_bytes / seconds / MB


def make_recording(recording: bytes, length_bytes: int, started_unix_ms: int) -> tuple[bytes, Iterator[bytes]]:
    """Manifest and chunks of a recording whose every full chunk is the same bytes: made and digested in constant
    memory."""
    piece = secrets.token_bytes(min(PIECE_BYTES, length_bytes))
    sealer = ClearSealer(recording)
    lengths = [min(PIECE_BYTES, length_bytes - start) for start in range(0, length_bytes, PIECE_BYTES)]
    chunks: list[ChunkEntry] = []
    fragments: list[FragmentEntry] = []
    content, offset_bytes = hashlib.sha256(), 0
    for number, length in enumerate(lengths):
        plain = piece[:length]
        sealed = bytes(sealer.seal(number, plain, True))
        chunks.append(ChunkEntry(offset_bytes, len(sealed), hashlib.sha256(sealed).digest()))
        digest = hashlib.sha256(plain).digest()
        kind, length_ms = (FRAGMENT_MEDIA, 1000) if number else (FRAGMENT_INIT, 0)
        start_ms = max(0, number - 1) * 1000
        fragments.append(FragmentEntry(kind, number, 1, start_ms, length_ms, length_ms // 40, length, digest))
        content.update(plain)
        offset_bytes += len(sealed)
    moment = Moment(1_000, started_unix_ms, "controller", 0)
    manifest = Manifest(
        recording=recording,
        suite="clear",
        camera_serial="CAM-0001",
        camera_model="bench",
        firmware="1",
        system="bench",
        wearer_id="W-1",
        wearer_name="Bench",
        profile="default",
        boot="00" * 8,
        cause_start="button",
        cause_stop="button",
        started=moment,
        stopped=moment,
        interrupted=False,
        chunks=tuple(chunks),
        fragments=tuple(fragments),
        content_sha256=content.digest(),
        content_bytes=length_bytes,
        chunks_bytes=offset_bytes,
    )
    again = ClearSealer(recording)
    sealed_again = (bytes(again.seal(at, piece[:length], True)) for at, length in enumerate(lengths))
    return manifests.encode(manifest), sealed_again


async def token_of(connection: ConnectionFile) -> tuple[str, str]:
    """For curl."""
    client = SwiftDestination(connection, wall_ms, run_in_thread)
    keys = {"X-Auth-User": connection.user, "X-Auth-Key": connection.key}
    answer = await client.session.bare_request("GET", connection.auth_uris[0], keys)
    await client.session.open()
    await client.ensure_container("curl", {})
    await client.close()
    return answer.headers["x-auth-token"], answer.headers["x-storage-url"]


def curl(to: Server, clip: Path) -> float:
    """MB/s of ``curl -T`` into the same server."""
    token, storage = asyncio.run(token_of(to.connection))
    trust = ["--cacert", str(to.folder / "certificate.pem")]
    url = f"{storage}/curl/{secrets.token_hex(4)}"
    words = ["curl", "-sSf", *trust, "-H", f"X-Auth-Token: {token}", "-T", str(clip), url]
    started = time.perf_counter()
    subprocess.run(words, check=True)
    return clip.stat().st_size / (time.perf_counter() - started) / MB


def peak_mib(process: int) -> float:
    """Most memory that a process ever had."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def forget_peak(process: int) -> None:
    """Count the most memory from now on."""
    with suppress(OSError):
        Path(f"/proc/{process}/clear_refs").write_text("5")


def rows_of(stack: ExitStack, place: Path, arguments: argparse.Namespace, tls: Server, plain: Server) -> list[Row]:
    """What is compared."""
    long, small = arguments.mib << 20, [SMALL_BYTES] * arguments.clips
    clip = write_clip(place / "clip", arguments.mib)
    custody = Custody(place / "custody")
    stack.callback(custody.close)

    def deliver_long() -> float:
        custody.hold(long)
        return asyncio.run(custody.deliver(tls.connection, long, 1))

    def deliver_small() -> float:
        for _ in small:
            custody.hold(SMALL_BYTES)
        return asyncio.run(custody.deliver(tls.connection, sum(small), len(small)))

    rows = [
        Row("controller to ours, HTTPS, one clip", deliver_long),
        Row("client to ours, HTTPS, one clip", lambda: asyncio.run(send(tls.connection, [long]))),
    ]
    if shutil.which("curl"):
        rows.append(Row("curl -T to ours, HTTPS, one clip", lambda: curl(tls, clip)))
    rows.append(Row("client to ours, HTTP, one clip", lambda: asyncio.run(send(plain.connection, [long]))))
    rows.append(Row("controller to ours, HTTPS, small clips", deliver_small))
    rows.append(Row("client to ours, HTTPS, small clips", lambda: asyncio.run(send(tls.connection, small))))
    rows.append(Row("client to ours, HTTP, small clips", lambda: asyncio.run(send(plain.connection, small))))
    if arguments.swift:
        url = stack.enter_context(swift_node(place / "swift", arguments.swift))
        swift = ConnectionFile("bench", "bench", "1", (url,), USER, KEY, (), "mp4")
        rows.append(Row("client to Swift, HTTP, one clip", lambda: asyncio.run(send(swift, [long]))))
        rows.append(Row("client to Swift, HTTP, small clips", lambda: asyncio.run(send(swift, small))))
    return rows


def write_clip(path: Path, mib: int) -> Path:
    """For curl."""
    piece = secrets.token_bytes(PIECE_BYTES)
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(piece)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swift", type=Path, help="a virtual environment with PyPI's swift")
    parser.add_argument("--small", action="store_true", help="a minute: 128 MiB, 50 clips, one round")
    parser.add_argument("--huge", action="store_true", help="also one clip of 5 GB: memory stays where it was")
    parser.add_argument("--mib", type=int, default=2048, help="of the long clip")
    parser.add_argument("--clips", type=int, default=500, help="how many small ones")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.small:
        arguments.mib, arguments.clips, arguments.rounds = 128, 50, 1
    found: dict[str, list[float]] = {}
    memory: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="delivery-bench-") as name, ExitStack() as stack:
        place = Path(name)
        tls = stack.enter_context(server(place / "tls", http=False))
        plain = stack.enter_context(server(place / "plain", http=True))
        rows = rows_of(stack, place, arguments, tls, plain)
        for _ in range(arguments.rounds):
            for row in rows:
                found.setdefault(row.name, []).append(row.run())
        forget_peak(tls.process)
        eight = [(arguments.mib << 20) // AT_ONCE] * AT_ONCE
        found["client to ours, HTTPS, eight at once"] = [asyncio.run(send(tls.connection, eight, AT_ONCE))]
        memory["server, eight clips at once"] = peak_mib(tls.process)
        if arguments.huge:
            forget_peak(tls.process)
            found["client to ours, HTTPS, 5 GB"] = [asyncio.run(send(tls.connection, [5_000_000_000]))]
            memory["server, one clip of 5 GB"] = peak_mib(tls.process)
    memory["client"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report(found, memory, arguments)


def report(found: dict[str, list[float]], memory: dict[str, float], arguments: argparse.Namespace) -> None:
    """Print, and write down."""
    medians = {name: statistics.median(values) for name, values in found.items()}
    small = f"{arguments.clips} clips of {SMALL_BYTES >> 10} KiB"
    print(f"{arguments.mib} MiB clip, {small}, {arguments.rounds} rounds, medians; load {os.getloadavg()[0]:.1f}")
    for name, value in medians.items():
        print(f"{name:40} {value:8.1f} MB/s")
    for name, value in memory.items():
        print(f"{name:40} {value:8.0f} MiB")
    targets: list[tuple[str, float, float]] = []
    for ours, theirs, least in (
        ("client to ours, HTTPS, one clip", "curl -T to ours, HTTPS, one clip", CURL_SHARE_MIN),
        ("controller to ours, HTTPS, one clip", "curl -T to ours, HTTPS, one clip", CURL_SHARE_MIN),
        ("client to ours, HTTP, one clip", "client to Swift, HTTP, one clip", SWIFT_SHARE_MIN),
        ("client to ours, HTTP, small clips", "client to Swift, HTTP, small clips", SWIFT_SHARE_MIN),
    ):
        if theirs in medians:
            targets.append((f"{ours} / {theirs}", medians[ours] / medians[theirs], least))
    for name, share, least in targets:
        print(f"{'met   ' if share >= least else 'MISSED'} {name}: {share:.2f}, at least {least:.2f}")
    most = memory["server, eight clips at once"]
    print(f"{'met   ' if most < MEMORY_MIB_MAX else 'MISSED'} server's memory: {most:.0f} MiB, below {MEMORY_MIB_MAX}")
    folder = Path("build")
    folder.mkdir(exist_ok=True)
    document = {
        "mib": arguments.mib, "clips": arguments.clips, "rounds": found, "memory_mib": memory,
        "targets": targets, "load": os.getloadavg(),
    }  # fmt: skip
    (folder / "delivery_bench.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
