"""Delivery over HTTPS on loopback: ``python -m benchmarks.destination_bench [--swift VENV]``.

In one run: our client into our server, ``curl -T`` into our server (isolates our client), our client into a plain
OpenStack Swift (isolates our server; over HTTP, so our client into our server over HTTP stands beside it), 500 small
clips, and the server's memory while eight clips arrive at once. The server is a process of its own. Prints a table and
writes ``build/destination_bench.json``.
"""

from __future__ import annotations

import argparse
import asyncio
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
from collections.abc import AsyncIterator, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.swift_node import KEY, USER, swift_node
from host_tools.custody.blocking import run_in_thread
from host_tools.destinations import connection_file
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.swift import SwiftDestination

MB = 1_000_000
PIECE_BYTES = 1 << 20
SMALL_BYTES = 256 << 10
AT_ONCE = 8
START_S_MAX = 20.0


class Blank:
    """A clip of random bytes that costs nothing to read: one piece, again and again."""

    def __init__(self, length_bytes: int) -> None:
        self._length_bytes = length_bytes
        self._piece = memoryview(secrets.token_bytes(PIECE_BYTES))

    async def __aiter__(self) -> AsyncIterator[memoryview]:
        for start in range(0, self._length_bytes, PIECE_BYTES):
            yield self._piece[: min(PIECE_BYTES, self._length_bytes - start)]


@contextmanager
def server(folder: Path, http: bool) -> Generator[tuple[ConnectionFile, int]]:
    """Our server as a process; the connection file and its process id."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "host_tools.cli", "destination"]
    subprocess.run([*command, "create", str(folder), "--port", str(port)], check=True, stdout=subprocess.DEVNULL)
    settings = folder / "server.toml"
    settings.write_text(settings.read_text() + "requires_known = false\n")
    issued = folder.with_suffix(".json")
    subprocess.run([*command, "connection-file", str(folder), str(issued)], check=True, stdout=subprocess.DEVNULL)
    options = ["--listen", "127.0.0.1", *(["--http"] if http else [])]
    process = subprocess.Popen([*command, "serve", str(folder), *options], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        known = connection_file.parse(issued.read_bytes())
        if http:
            uris = tuple(uri.replace("https:", "http:") for uri in known.auth_uris)
            known = replace(known, certificates=(), auth_uris=uris)
        yield known, process.pid
    finally:
        process.terminate()
        process.communicate()


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


async def deliver(connection: ConnectionFile, lengths: list[int], at_once: int = 1) -> float:
    """MB/s over all clips."""
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


async def token_of(connection: ConnectionFile) -> tuple[str, str]:
    """For curl."""
    client = SwiftDestination(connection, wall_ms, run_in_thread)
    answer = await client.session.bare_request(
        "GET", connection.auth_uris[0], {"X-Auth-User": connection.user, "X-Auth-Key": connection.key}
    )
    await client.session.open()
    await client.ensure_container("curl", {})
    await client.close()
    return answer.headers["x-auth-token"], answer.headers["x-storage-url"]


def curl(connection: ConnectionFile, folder: Path, clip: Path) -> float:
    """MB/s of ``curl -T`` into the same server."""
    token, storage = asyncio.run(token_of(connection))
    trust = ["--cacert", str(folder / "certificate.pem")] if connection.certificates else []
    started = time.perf_counter()
    subprocess.run(
        [
            "curl",
            "-sSf",
            *trust,
            "-H",
            f"X-Auth-Token: {token}",
            "-T",
            str(clip),
            f"{storage}/curl/{secrets.token_hex(4)}",
        ],
        check=True,
    )
    return clip.stat().st_size / (time.perf_counter() - started) / MB


def peak_mib(process: int) -> float:
    """Most memory that a process ever had."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swift", type=Path, help="a virtual environment with PyPI's swift")
    parser.add_argument("--mib", type=int, default=2048, help="of the long clip")
    parser.add_argument("--small", type=int, default=500, help="how many small ones")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    long = arguments.mib << 20
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="destination-bench-") as name, ExitStack() as stack:
        place = Path(name)
        clip = place / "clip"
        piece = secrets.token_bytes(PIECE_BYTES)
        with clip.open("wb") as file:
            for _ in range(arguments.mib):
                file.write(piece)
        tls, tls_process = stack.enter_context(server(place / "tls", http=False))
        plain, _ = stack.enter_context(server(place / "plain", http=True))
        swift: ConnectionFile | None = None
        if arguments.swift:
            url = stack.enter_context(swift_node(place / "swift", arguments.swift))
            swift = ConnectionFile("bench", "bench", "1", (url,), USER, KEY, (), "mp4")
        for _ in range(arguments.rounds):
            note = found.setdefault
            note("ours to ours, HTTPS, one clip", []).append(asyncio.run(deliver(tls, [long])))
            if shutil.which("curl"):
                note("curl -T to ours, HTTPS, one clip", []).append(curl(tls, place / "tls", clip))
            note("ours to ours, HTTP, one clip", []).append(asyncio.run(deliver(plain, [long])))
            if swift is not None:
                note("ours to Swift, HTTP, one clip", []).append(asyncio.run(deliver(swift, [long])))
            small = [SMALL_BYTES] * arguments.small
            note("ours to ours, HTTPS, small clips", []).append(asyncio.run(deliver(tls, small)))
            if swift is not None:
                note("ours to Swift, HTTP, small clips", []).append(asyncio.run(deliver(swift, small)))
        many = asyncio.run(deliver(tls, [long // AT_ONCE] * AT_ONCE, AT_ONCE))
        found["ours to ours, HTTPS, eight at once"] = [many]
        report(found, peak_mib(tls_process), arguments)


def report(found: dict[str, list[float]], server_mib: float, arguments: argparse.Namespace) -> None:
    """Print, and write down."""
    small = f"{arguments.small} clips of {SMALL_BYTES >> 10} KiB"
    print(f"{arguments.mib} MiB clip, {small}, {arguments.rounds} rounds, medians")
    medians = {name: statistics.median(values) for name, values in found.items()}
    for name, value in medians.items():
        print(f"{name:38} {value:8.1f} MB/s")
    client_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"server's most memory {server_mib:.0f} MiB, client's {client_mib:.0f} MiB; load {os.getloadavg()[0]:.1f}")
    folder = Path("build")
    folder.mkdir(exist_ok=True)
    document = {"mib": arguments.mib, "rounds": found, "server_mib": server_mib, "load": os.getloadavg()}
    (folder / "destination_bench.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
