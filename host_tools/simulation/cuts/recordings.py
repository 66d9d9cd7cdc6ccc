"""What both sides of the sweep record with: a real recorder on a real vault, and a note of what it was given.

Law: knows what the sensor made and what the recorder said was safe; nothing of power cuts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from firmware.camera.recorder import CameraIdentity, Outcome, Profile, Recorder, Wearer
from firmware.camera.vault import StoredRecording, Vault
from firmware.formats import manifest as manifests
from firmware.formats.chunk import new_opener
from firmware.formats.errors import FormatError
from firmware.formats.manifest import Manifest
from firmware.link.schema import PART_CHUNKS, PART_MANIFEST
from firmware.ports.clock import WALL_CONTROLLER
from firmware.ports.files import Files
from firmware.ports.memory_clock import ManualClock
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_sensor import MemorySensor
from firmware.ports.sensor import FRAGMENT_END, Fragment, Sensor, SensorSettings

CAMERA_SERIAL = "OB-000042"
STARTED_UNIX_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
SECOND_MS = 1_000
PIECE_BYTES = 64 << 10  # read from a card at once
RECORDER_ROUNDS_MAX = 100  # polls until a recording that was told to stop has ended


@dataclass(slots=True)
class Made:
    """One recording: what the sensor gave, and what was said of it. ``safe_bytes`` of its content are on the card."""

    fragments: list[bytes] = field(default_factory=list[bytes])
    safe_bytes: int = 0
    stopping: bool = False
    manifest_sha256: bytes = b""

    def boundaries(self) -> list[int]:
        """How long the content may be: whole fragments only."""
        lengths = [0]
        for fragment in self.fragments:
            lengths.append(lengths[-1] + len(fragment))
        return lengths

    def content(self) -> bytes:
        """All of it."""
        return b"".join(self.fragments)


class NotedSensor(Sensor):
    """Passes a sensor on, and notes what it gave."""

    def __init__(self, sensor: Sensor) -> None:
        self.made = Made()
        self._sensor = sensor

    def start(self, settings: SensorSettings) -> None:
        """See Sensor."""
        self.made = Made()
        self._sensor.start(settings)

    def stop(self) -> None:
        """See Sensor."""
        self._sensor.stop()

    def poll(self) -> Fragment | None:
        """See Sensor."""
        fragment = self._sensor.poll()
        if fragment is not None and fragment.kind != FRAGMENT_END:
            self.made.fragments.append(fragment.data)
        return fragment


class Camera:
    """A camera without its buttons: vault and recorder on ``files``. ``made`` outlives it, as memory would not."""

    def __init__(self, files: Files, made: dict[bytes, Made], seed: str, fragment_bytes: int = 3_000) -> None:
        self.made = made
        self.clock = ManualClock(5_000)
        self.clock.set_wall(STARTED_UNIX_MS, WALL_CONTROLLER, 40)
        self.vault = Vault(files, SeededEntropy(seed))
        self.notes = self.vault.open()
        self._sensor = NotedSensor(MemorySensor(self.clock, 7, fragment_bytes))
        identity = CameraIdentity(CAMERA_SERIAL, "zero2w", "0.1.0", "", "00112233445566aa")
        self._recorder = Recorder(self._sensor, self.vault, self.clock, identity)

    def start(self) -> bytes:
        """Begin a recording. VaultError if the card is full."""
        recording = self._recorder.start("button", Wearer("w-7", "Ada Åström"), Profile("std", 640, 360, 25, 1, False))
        self.made[recording] = self._sensor.made
        return recording

    def pass_time(self, seconds: int) -> Outcome | None:
        """Record so long; what the recorder says is safe is noted. The outcome if it ended by itself."""
        for _ in range(seconds):
            self.clock.advance(SECOND_MS)
            outcome = self._poll()
            if outcome is not None:
                return outcome
        return None

    def stop(self) -> Outcome:
        """End it as a button does."""
        self._sensor.made.stopping = True
        self._recorder.stop("button")
        for _ in range(RECORDER_ROUNDS_MAX):
            outcome = self._poll()
            if outcome is not None:
                return outcome
        raise AssertionError("a recording that was told to stop goes on")

    def record(self, seconds: int) -> bytes:
        """A whole recording."""
        recording = self.start()
        if self.pass_time(seconds) is None:
            self.stop()
        return recording

    def _poll(self) -> Outcome | None:
        # The recorder closes at its own end too (a full card): whatever is closed from here on need not be interrupted.
        outcome = self._recorder.poll()
        made = self._sensor.made
        if outcome is None:
            made.safe_bytes = self._recorder.recorded_bytes() or made.safe_bytes
        elif outcome.manifest is not None:
            made.safe_bytes = outcome.manifest.content_bytes
            (entry,) = [entry for entry in self.vault.recordings() if entry.recording == outcome.recording]
            made.manifest_sha256 = entry.manifest_sha256
        return outcome


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A stored recording as a controller would read it. ``whole_bytes``: content before the first byte that is not as
    its digest says; ``faults``: what did not hold."""

    manifest: Manifest
    content: bytes
    whole_bytes: int
    faults: list[str]


def read_part(vault: Vault, recording: bytes, part: int, size_bytes: int) -> bytes:
    """A whole object of a stored recording."""
    data = bytearray()
    while len(data) < size_bytes:
        data += vault.read_piece(recording, part, len(data), min(PIECE_BYTES, size_bytes - len(data)))
    return bytes(data)


def read_back(vault: Vault, entry: StoredRecording) -> ReadBack:
    """Read a recording and check every digest."""
    data = read_part(vault, entry.recording, PART_MANIFEST, entry.manifest_bytes)
    manifest = manifests.decode(data)
    faults: list[str] = []
    if sha256(data).digest() != entry.manifest_sha256:
        faults.append("the manifest has another digest than the vault says")
    sealed = read_part(vault, entry.recording, PART_CHUNKS, entry.chunks_bytes)
    opener = new_opener(manifest.suite, manifest.recording)
    content = bytearray()
    whole_bytes: int | None = None
    for fragment in manifest.fragments:
        for number in range(fragment.first_chunk, fragment.first_chunk + fragment.chunk_count):
            chunk = manifest.chunks[number]
            body = sealed[chunk.offset : chunk.offset + chunk.length]
            try:
                plain = bytes(opener.open(number, body)) if sha256(body).digest() == chunk.sealed_sha256 else b""
            except FormatError:
                plain = b""
            if not plain:
                faults.append(f"chunk {number} is not as the manifest says")
                whole_bytes = len(content) if whole_bytes is None else whole_bytes
            content += plain
    if not faults and sha256(content).digest() != manifest.content_sha256:
        faults.append("the content has another digest than the manifest says")
    return ReadBack(manifest, bytes(content), len(content) if whole_bytes is None else whole_bytes, faults)
