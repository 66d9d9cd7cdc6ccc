"""A system with cameras and a controller on real files, and the whole way of a recording through it, without a cable.

What an attacker does is done to the files, to what a camera announces, or to what it is told; everything else is what
the product runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from firmware.camera.recorder import Wearer
from firmware.camera.trust import CameraTrust, evidence_signer
from firmware.camera.vault import StoredRecording, Vault
from firmware.formats import authorisation
from firmware.formats import manifest as manifests
from firmware.formats.authorisation import EraseAuthorisation
from firmware.formats.header import RecordingInfo
from firmware.formats.moment import Moment
from firmware.link.schema import PART_CHUNKS, PART_MANIFEST
from firmware.platform.linux.files import LinuxFiles
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.sensor import FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment
from firmware.secure.certificates import EVIDENCE
from firmware.secure.sealing_file import FileSealer
from firmware.secure.signing import P256Signer
from firmware.secure.suite import SUITE_SEALED
from host_tools.controller.delivery import Delivery
from host_tools.controller.happenings import Happenings
from host_tools.custody import belief
from host_tools.custody.blocking import run_in_thread
from host_tools.custody.index import Announcement, Index, Recording, open_index
from host_tools.custody.journey import Journey
from host_tools.custody.spool import Spool
from host_tools.destinations.directory import DirectoryDestination, create
from tests.patience import LIMIT_S
from tests.unit.trust.parts import NOW_MS, Camera, World, peer

WEARER = Wearer("W-4711", "Ada Åström")
PROFILE = "patrol-north"
SPOKEN = b"a sentence that somebody said beside the camera "
CONTENT = [b"ftyp+moov " + SPOKEN * 10, SPOKEN * 60, SPOKEN * 22_000, SPOKEN * 30]  # the third takes two chunks
STARTED = Moment(5_000, NOW_MS + 60_000, "controller", 40)


class SealingCamera:
    """A camera of a system, on its card. ``board_secret``: what only this board has; ``suite``: of its board file."""

    def __init__(self, world: World, folder: Path, serial: str, suite: str = SUITE_SEALED) -> None:
        self.serial = serial
        self.suite = suite
        self.card = folder
        folder.mkdir()
        self.board_secret = world.entropy.random_bytes(32)
        self.member: Camera = world.camera(serial)
        self._world = world
        self._seed = 0
        controller = world.controller()
        issued = world.trust.renew(peer(self.member), self.member.identity.request(EVIDENCE), world.now_ms)
        self.member.identity.renew(controller, issued.chain, world.now_ms)
        self.boot().seal_to([world.trust.recipient().raw])
        self.trust.assignment().keep(WEARER, PROFILE)

    def boot(self) -> CameraTrust:
        """Power comes: everything is read again."""
        self._seed += 1
        entropy = SeededEntropy(f"{self.serial} {self._seed}")
        self.trust = CameraTrust(LinuxFiles(self.card), FileSealer(self.board_secret, entropy), self.suite)
        self.trust.load()
        identity = self.member.identity.identity(EVIDENCE)
        assert identity is not None
        slots = ("evidence_a", "evidence_b")
        (slot,) = [slot for slot in slots if self.member.keystore.has_key(slot)]
        self.trust.sign_with(evidence_signer(self.member.keystore, slot, identity.chain))
        self.trust.meet(self._world.controller())
        self.vault: Vault = self.trust.vault(entropy)
        self.notes = self.vault.open()
        return self.trust

    def record(self, content: list[bytes] | None = None, close: bool = True, started: Moment = STARTED) -> bytes:
        """A recording of as many seconds as ``content`` has pieces after the first."""
        assignment = self.trust.assignment()
        assignment.load()
        assert assignment.wearer is not None
        opened = self.vault.begin(
            RecordingInfo(
                camera_serial=self.serial,
                camera_model="pi_zero_2w_camera",
                firmware="0.1.0",
                system=self._world.trust.system,
                wearer_id=assignment.wearer.wearer_id,
                wearer_name=assignment.wearer.name,
                profile=assignment.profile,
                boot="00112233445566aa",
                cause_start="button",
                started=started,
            )
        )
        pieces = content or CONTENT
        for number, data in enumerate(pieces):
            kind = FRAGMENT_MEDIA if number else FRAGMENT_INIT
            duration_ms, frames = (1000, 25) if number else (0, 0)
            opened.append(Fragment(kind, data, 1000 * max(0, number - 1), duration_ms, frames))
        if close:
            opened.close(started.later(1000 * (len(pieces) - 1)), "button")
        return opened.recording

    def folder(self, recording: bytes) -> Path:
        """Where a recording lies on the card."""
        return self.card / "recordings" / recording.hex()

    def stored(self, recording: bytes) -> StoredRecording:
        """What the camera announces of a recording."""
        return next(each for each in self.vault.recordings() if each.recording == recording)

    def part(self, recording: bytes, part: int) -> bytes:
        """An object of a recording, as the controller pulls it."""
        stored = self.stored(recording)
        size = stored.chunks_bytes if part == PART_CHUNKS else stored.manifest_bytes
        pieces = [
            self.vault.read_piece(recording, part, offset, min(1 << 16, size - offset))
            for offset in range(0, size, 1 << 16)
        ]
        return b"".join(pieces)


class Controller:
    """A controller of a system: spool, index and destination in folders of their own."""

    def __init__(self, world: World, folder: Path, suite: str = SUITE_SEALED) -> None:
        self.folder = folder
        (folder / "spool").mkdir(parents=True)
        (folder / "destination").mkdir()
        self.destination = folder / "destination"
        create(LinuxFiles(self.destination), "destination", "d1")
        self.world = world
        self.belief = belief.of_system(world.trust, lambda serial: frozenset({suite}))
        self.index: Index = open_index(str(folder / "index.sqlite"))
        self.spool = Spool(LinuxFiles(folder / "spool"), self.index, self.wall_ms, belief=self.belief)
        self.journey = Journey(self.index, self.wall_ms)

    def wall_ms(self) -> int:
        """Some minutes after the recordings."""
        return NOW_MS + 600_000

    def restart(self) -> None:
        """Pick up where the last run stopped."""
        self.close()
        self.index = open_index(str(self.folder / "index.sqlite"))
        self.spool = Spool(LinuxFiles(self.folder / "spool"), self.index, self.wall_ms, belief=self.belief)
        self.journey = Journey(self.index, self.wall_ms)

    def close(self) -> None:
        """Give all files back."""
        self.spool.close()
        self.index.close()

    def offload(
        self, camera: SealingCamera, recording: bytes, manifest: bytes | None = None, chunks: bytes | None = None
    ) -> Recording:
        """All that a docked camera and its controller do to one recording until it is held. ``manifest`` and
        ``chunks``: what an attacker puts in their place, announced as if they were the camera's own."""
        data = camera.part(recording, PART_MANIFEST) if manifest is None else manifest
        stored = camera.stored(recording)
        announced = replace(stored, manifest_sha256=manifests.digest(data), manifest_bytes=len(data))
        self.announce(camera.serial, announced)
        self.spool.accept(data, camera.serial, announced.manifest_sha256, {}, recording)
        self.spool.write(recording, 0, camera.part(recording, PART_CHUNKS) if chunks is None else chunks)
        self.spool.commit()
        return self.index.get(recording)

    def announce(self, serial: str, stored: StoredRecording) -> Recording:
        """What ``list_recordings`` leads to."""
        return self.spool.announce(
            Announcement(
                stored.recording,
                serial,
                stored.manifest_sha256,
                stored.manifest_bytes,
                stored.chunks_bytes,
                stored.started_unix_ms,
                stored.duration_ms,
                stored.interrupted,
            )
        )

    def deliver(self, expected: int = 1) -> list[dict[str, object]]:
        """Run delivery until that many recordings have come to an end, good or bad; what was told."""
        return asyncio.run(self._deliver(expected))

    def clip(self, recording: bytes) -> bytes:
        """What the destination has of it."""
        (path,) = (self.destination / self.index.get(recording).container).glob("*.mp4")
        return path.read_bytes()

    def authorise(self, recording: bytes) -> EraseAuthorisation:
        """Leave to erase, not signed yet."""
        return self.journey.authorise_erase(recording)

    def signed(self, given: EraseAuthorisation) -> bytes:
        """The same as the camera gets it."""
        return authorisation.encode(given, P256Signer(self.world.trust.controller_key()))

    async def _deliver(self, expected: int) -> list[dict[str, object]]:
        happenings = Happenings(self.wall_ms)
        told: list[dict[str, object]] = []
        ended = asyncio.Event()

        def take(happening: dict[str, object]) -> None:
            told.append(happening)
            if sum(each["what"] in ("delivered", "set_aside", "trouble", "damaged") for each in told) >= expected:
                ended.set()

        happenings.listen(take)
        store = DirectoryDestination(lambda: LinuxFiles(self.destination), "destination", run_in_thread)
        delivery = Delivery(
            self.index, self.spool, store, self.wall_ms, self.belief.opener_of, run_in_thread, happenings
        )
        running = asyncio.create_task(delivery.run())
        try:
            async with asyncio.timeout(LIMIT_S):
                await ended.wait()
        finally:
            running.cancel()
            await asyncio.wait({running})
        return told


@contextmanager
def controller(world: World, folder: Path, suite: str = SUITE_SEALED) -> Generator[Controller]:
    """A controller whose files are given back. ``suite``: what it knows its cameras' boards to use."""
    made = Controller(world, folder, suite)
    try:
        yield made
    finally:
        made.close()


def every_byte(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their path in it; the paths themselves are bytes that show, too."""
    return {
        str(path.relative_to(folder)): path.read_bytes() + str(path.relative_to(folder)).encode()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def writings_of(text: str) -> list[bytes]:
    """How a text may be written down: as it is, escaped, in hexadecimal, in UTF-16."""
    plain = text.encode()
    escaped = text.encode("unicode_escape").replace(b"\\x", b"\\u00")
    return [plain, escaped, plain.hex().encode(), text.encode("utf-16-le")]
