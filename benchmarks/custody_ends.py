"""The two ends of the custody benchmark, as processes: ``python -m benchmarks.custody_ends END PLACES FOLDER``.

``camera`` is a board: the firmware's vault over a folder and its cable over a descriptor. What is erased it records
anew, so that it never runs dry. ``controller`` is a host: connections, offload, group commit, spool with fsync and
index, as the controller has them; it ends when everything is held. With ``--cycle`` it delivers (to nowhere), frees and
has erased each recording until so many bytes have passed, and tells its memory after each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from benchmarks.link_ends import PAYLOAD_BYTES, FdStream, Stopwatch, board_session, wait_turn
from firmware.camera.vault import Vault
from firmware.camera.vault_errors import VaultError
from firmware.drivers.cable import Cable, Refusal
from firmware.formats import authorisation
from firmware.formats.header import RecordingInfo
from firmware.formats.moment import Moment
from firmware.platform.linux.entropy import LinuxEntropy
from firmware.platform.linux.files import LinuxFiles
from firmware.ports.sensor import FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment
from host_tools.controller.committer import Committer
from host_tools.controller.happenings import Happenings
from host_tools.controller.offload import Offload
from host_tools.controller.turns import Turns
from host_tools.custody.blocking import SideBySide, run_in_thread
from host_tools.custody.index import Index, open_index
from host_tools.custody.journey import Journey
from host_tools.custody.spool import SYNCS_AT_ONCE, Spool
from host_tools.protocol.connection import Connection
from host_tools.protocol.constructs import ConstructCodec
from host_tools.transports.pipe import FdPipe

FRAGMENT_BYTES = 1_000_000  # a second at 8 Mbit/s
STARTED = Moment(5_000, 1_767_225_600_000, "controller", 20)
AGAIN_S = 0.05  # between two questions for a recording that is being made
RECORDING_BYTES_MAX = 128 * FRAGMENT_BYTES  # two minutes: a camera has several


def record(vault: Vault, serial: str, size_bytes: int) -> Generator[None]:
    """Record random content, as a camera would, a second each step: nothing on the way can compress it."""
    info = RecordingInfo(serial, "bench", "0", "", "W-001", "Ada", "default", "00" * 8, "button", STARTED)
    opened = vault.begin(info)
    opened.append(Fragment(FRAGMENT_INIT, os.urandom(700), 0, 0, 0))
    for second in range(max(1, size_bytes // FRAGMENT_BYTES)):
        opened.append(Fragment(FRAGMENT_MEDIA, os.urandom(FRAGMENT_BYTES), 1_000 * second, 1_000, 30))
        yield
    opened.close(STARTED.later(1_000), "button", False)


def fill(card: Path, serial: str, size_bytes: int) -> int:
    """Record until a card holds so much; returns the bytes of its chunks."""
    card.mkdir(parents=True)
    vault = Vault(LinuxFiles(card), LinuxEntropy())
    vault.open()
    while size_bytes > 0:
        deque(record(vault, serial, min(size_bytes, RECORDING_BYTES_MAX)), maxlen=0)
        size_bytes -= RECORDING_BYTES_MAX
    found = sum(each.chunks_bytes for each in vault.recordings())
    vault.close()
    return found


def camera(fd: int, card: Path) -> None:
    """Serve a card until the host closes the session in order."""
    vault = Vault(LinuxFiles(card), LinuxEntropy())
    vault.open()
    serial = card.name
    recorded_anew: deque[Generator[None]] = deque()

    def list_recordings(fields: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        entries = [
            {
                "recording": each.recording,
                "chunks_bytes": each.chunks_bytes,
                "manifest_bytes": each.manifest_bytes,
                "manifest_sha256": each.manifest_sha256,
                "started_unix_ms": each.started_unix_ms,
                "duration_ms": each.duration_ms,
                "interrupted": each.interrupted,
                "priority": 0,
            }
            for each in vault.recordings()
        ]
        return "recordings", {"more": False, "entries": entries}

    def erase(fields: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        size_bytes = sum(each.chunks_bytes for each in vault.recordings())
        try:
            erased = vault.erase(fields["authorisation"], serial)
        except VaultError as error:
            raise Refusal("refused", str(error)) from error
        gone_bytes = size_bytes - sum(each.chunks_bytes for each in vault.recordings())
        recorded_anew.append(record(vault, serial, gone_bytes))
        return "erased", {"recording": erased.recording, "counter": erased.counter}

    stream = FdStream(fd)
    cable = Cable(stream, board_session, {"list_recordings": list_recordings, "erase": erase}, vault.read_piece)
    watch = Stopwatch()
    was_up = done = False
    while not stream.lost and not done:
        cable.pump(time.monotonic_ns() // 1_000_000)
        done = was_up and not cable.is_up()
        was_up = cable.is_up()
        if recorded_anew:
            if next(recorded_anew[0], True):  # None: there is more of it
                recorded_anew.popleft()
        else:
            wait_turn(stream.fd, cable)
    vault.close()
    watch.tell()


class Counted:
    """How often something of ``os`` is called."""

    def __init__(self, name: str) -> None:
        self.count = 0
        self._inner: Callable[[int], None] = getattr(os, name)
        setattr(os, name, self)

    def __call__(self, descriptor: int) -> None:
        self.count += 1
        self._inner(descriptor)


class Host:
    """A controller's custody and its connections to some cameras."""

    def __init__(self, folder: Path, places: list[int]) -> None:
        folder.mkdir(parents=True)
        (folder / "spool").mkdir()
        self.syncs = [Counted("fsync"), Counted("fdatasync")]
        self.index: Index = open_index(str(folder / "index.sqlite"))
        self.side_by_side = SideBySide(SYNCS_AT_ONCE)
        self.spool = Spool(LinuxFiles(folder / "spool"), self.index, wall_ms, together=self.side_by_side)
        self.journey = Journey(self.index, wall_ms)
        self.happenings = Happenings(wall_ms)
        self.committer = Committer(self.spool, run_in_thread, self.happenings)
        self.turns = Turns()
        self.places = places
        self.durable_bytes = 0
        self.told: list[str] = []
        self.happenings.listen(lambda each: self.told.append(each["what"]) if each["what"] != "progress" else None)

    async def run(self, one_camera: Callable[[Connection, Offload], Any]) -> None:
        """Serve all cameras at once."""
        committing = asyncio.create_task(self.committer.run())
        async with asyncio.TaskGroup() as cameras:
            for place in self.places:
                cameras.create_task(self._serve(place, one_camera))
        committing.cancel()
        await asyncio.wait({committing})

    async def _serve(self, place: int, one_camera: Callable[[Connection, Offload], Any]) -> None:
        pipe = FdPipe(str(place), place, lambda: None)
        connection = Connection(pipe, time.monotonic_ns(), ConstructCodec(), PAYLOAD_BYTES)
        await connection.open()
        serial = f"CAM-{self.places.index(place)}"
        offload = Offload(connection, serial, self.spool, self.committer, run_in_thread, self.happenings, self.turns)
        await one_camera(connection, offload)
        connection.close()

    async def take(self, connection: Connection, offload: Offload) -> list[dict[str, Any]]:
        """Offload all that a camera has now."""
        entries: list[dict[str, Any]] = (await connection.ask("list_recordings", {"after": bytes(16)}))["entries"]
        await offload.prepare(entries, complete=True)
        for entry in entries:
            await offload.announce(entry)
            await offload.run(entry, {})
            self.durable_bytes += entry["chunks_bytes"]
        return entries

    async def let_go(self, connection: Connection, entry: dict[str, Any]) -> None:
        """Deliver to nowhere, free the space, have the camera erase it (and record anew)."""
        recording: bytes = entry["recording"]

        def acknowledge() -> bytes:
            self.journey.start_delivery(recording, recording.hex())
            self.journey.delivered(recording, "nowhere", [])
            self.spool.remove(recording)
            return authorisation.encode(self.journey.authorise_erase(recording))

        answer = await connection.ask("erase", {"authorisation": await run_in_thread(acknowledge)}, limit_s=60)
        await run_in_thread(lambda: self.journey.erased(recording, answer["counter"]))

    def tell(self, watch: Stopwatch, **more: float) -> None:
        counters = self.spool.counters()
        watch.tell(
            bytes=self.durable_bytes,
            commits=counters.commits,
            chunks=counters.committed_chunks,
            syncs=sum(each.count for each in self.syncs),
            **more,
        )

    def close(self) -> None:
        self.spool.close()
        self.side_by_side.close()
        self.index.close()


def controller(places: list[int], folder: Path) -> None:
    """Offload everything once."""
    host = Host(folder, places)
    watch = Stopwatch()
    asyncio.run(host.run(host.take))
    states = host.index.count_by_state()
    assert set(states) == {"held"}, f"{states}, {host.told}"
    host.tell(watch)
    host.close()


def controller_in_cycles(places: list[int], folder: Path, wanted_bytes: int) -> None:
    """Offload, deliver, free, erase, again and again, until so much has passed."""
    host = Host(folder, places)
    watch = Stopwatch()

    async def one_camera(connection: Connection, offload: Offload) -> None:
        while host.durable_bytes < wanted_bytes:
            entries = await host.take(connection, offload)
            for entry in entries:
                await host.let_go(connection, entry)
            if not entries:
                await asyncio.sleep(AGAIN_S)  # it records anew
                continue
            free = shutil.disk_usage(folder).free
            print(json.dumps({"bytes": host.durable_bytes, "rss": resident_bytes(), "free": free}), flush=True)

    asyncio.run(host.run(one_camera))
    host.tell(watch, rss=resident_bytes())
    host.close()


def resident_bytes() -> int:
    """Memory of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wall_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def main() -> None:
    """Run one end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("end", choices=("camera", "controller"))
    parser.add_argument("places")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cycle", type=int, default=0, help="until so many bytes have passed")
    asked = parser.parse_args()
    if asked.end == "camera":
        camera(int(asked.places), asked.folder)
        return
    places = [int(each) for each in asked.places.split(",")]
    if asked.cycle:
        controller_in_cycles(places, asked.folder, asked.cycle)
    else:
        controller(places, asked.folder)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
