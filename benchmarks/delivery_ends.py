"""What ``delivery_bench`` sets up: servers, a controller's custody with recordings in it, clips, and who sends them.

Recordings are sealed as a camera seals them (AES-256-GCM), one fragment of a MiB a chunk.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from firmware.formats import manifest as manifests
from firmware.formats.manifest import ChunkEntry, FragmentEntry, Manifest
from firmware.formats.moment import Moment
from firmware.platform.linux.files import LinuxFiles
from firmware.ports.sensor import FRAGMENT_INIT, FRAGMENT_MEDIA
from firmware.secure.sealing import SUITE_SEALED, GcmOpener, GcmSealer
from host_tools.controller.delivery import Delivery
from host_tools.controller.happenings import Happening, Happenings
from host_tools.custody.blocking import SideBySide, Tap, TappedSource, run_in_thread
from host_tools.custody.index import open_index
from host_tools.custody.spool import SYNCS_AT_ONCE, Spool
from host_tools.destinations import connection_file
from host_tools.destinations.connecting import connect
from host_tools.destinations.connection_file import ConnectionFile
from host_tools.destinations.swift import SwiftDestination

MB = 1_000_000
PIECE_BYTES = 1 << 20
STARTED_UNIX_MS = 1_767_225_600_000
KEY = bytes(range(32))


class Blank:
    """A clip that costs nothing to read, and whose digest is known as that of a recording is."""

    def __init__(self, length_bytes: int) -> None:
        self.length_bytes = length_bytes
        self._piece = memoryview(secrets.token_bytes(PIECE_BYTES))
        digest = hashlib.sha256()
        for piece in self._pieces():
            digest.update(piece)
        self.source = TappedSource(self._pieces, self._tapped, run_in_thread, digest.hexdigest())

    def _pieces(self) -> Generator[memoryview, None, None]:
        for start in range(0, self.length_bytes, PIECE_BYTES):
            yield self._piece[: min(PIECE_BYTES, self.length_bytes - start)]

    def _tapped(self, tap: Tap) -> Generator[tuple[memoryview, ...], None, None]:
        for piece in self._pieces():
            tap.feed(piece)
            yield (piece,)


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


async def send(connection: ConnectionFile, clips: list[Blank], at_once: int = 1) -> float:
    """Seconds of the client over all clips."""
    client = SwiftDestination(connection, wall_ms, run_in_thread)
    await client.open()
    box = f"W_C_{secrets.token_hex(4)}"
    await client.ensure_container(box, {})
    waiting = list(enumerate(clips))
    started = time.perf_counter()

    async def one() -> None:
        while waiting:
            number, clip = waiting.pop()
            await client.put_object(box, f"{number}.mp4", clip.source, clip.length_bytes, {})

    await asyncio.gather(*(one() for _ in range(at_once)))
    seconds = time.perf_counter() - started
    await client.complete(box)
    await client.close()
    return seconds


class OneKey:
    """A belief: whatever is well formed counts, and one key opens it."""

    def judge(self, data: bytes, camera_serial: str, recording: bytes | None, received_unix_ms: int) -> Manifest:
        """See Belief."""
        del camera_serial, recording, received_unix_ms
        return manifests.decode(data)

    def opener_of(self, manifest: Manifest) -> GcmOpener:
        """See Belief."""
        return GcmOpener(manifest.recording, KEY)


class Custody:
    """A controller's spool with recordings that are held; each delivery is timed from the first byte to the ledger."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._index = open_index(str(folder / "index.sqlite"))
        self._together = SideBySide(SYNCS_AT_ONCE)
        (folder / "spool").mkdir()
        self._spool = Spool(
            LinuxFiles(folder / "spool"), self._index, wall_ms, belief=OneKey(), together=self._together
        )
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

    async def deliver(self, connection: ConnectionFile, count: int) -> float:
        """Seconds until all that is held is delivered."""
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
            OneKey().opener_of,
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
        return seconds


def make_recording(recording: bytes, length_bytes: int, started_unix_ms: int) -> tuple[bytes, Iterator[bytes]]:
    """Manifest and chunks of a recording whose every full chunk is the same bytes: made and digested in constant
    memory."""
    piece = secrets.token_bytes(min(PIECE_BYTES, length_bytes))
    sealer = GcmSealer(recording, KEY)
    lengths = [min(PIECE_BYTES, length_bytes - start) for start in range(0, length_bytes, PIECE_BYTES)]
    chunks: list[ChunkEntry] = []
    fragments: list[FragmentEntry] = []
    content, offset_bytes = hashlib.sha256(), 0
    for number, length in enumerate(lengths):
        plain = piece[:length]
        sealed = sealer.seal(number, plain, True)
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
        suite=SUITE_SEALED,
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
    again = GcmSealer(recording, KEY)
    sealed_again = (again.seal(at, piece[:length], True) for at, length in enumerate(lengths))
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
    """Seconds of ``curl -T`` into the same server."""
    token, storage = asyncio.run(token_of(to.connection))
    trust = ["--cacert", str(to.folder / "certificate.pem")]
    url = f"{storage}/curl/{secrets.token_hex(4)}"
    words = ["curl", "-sSf", *trust, "-H", f"X-Auth-Token: {token}", "-T", str(clip), url]
    started = time.perf_counter()
    subprocess.run(words, check=True)
    return time.perf_counter() - started


def write_clip(path: Path, mib: int) -> Path:
    """For curl."""
    piece = secrets.token_bytes(PIECE_BYTES)
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(piece)
    return path


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


def cpu_s(process: int) -> float:
    """What another process has used so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
