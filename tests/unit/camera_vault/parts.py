"""What the tests of the vault share: fragments, infos, and the check of a stored recording against what went in."""

from hashlib import sha256
from random import Random

from firmware.camera.vault import OpenRecording, StoredRecording, Vault
from firmware.formats import authorisation, manifest
from firmware.formats.authorisation import EraseAuthorisation
from firmware.formats.chunk import new_opener
from firmware.formats.header import RecordingInfo
from firmware.formats.manifest import Manifest, Moment
from firmware.link.schema import PART_CHUNKS, PART_MANIFEST
from firmware.ports.errors import IoFault, PortFault
from firmware.ports.files import File, Files
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.power_cut_files import PowerCutFiles
from firmware.ports.sensor import FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment

SERIAL = "OB-000042"
STARTED = Moment(5_000, 1_750_000_000_000, "controller", 40)
STOPPED = Moment(8_500, 1_750_000_003_500, "controller", 40)


def info(started: Moment = STARTED, cause: str = "button") -> RecordingInfo:
    return RecordingInfo(
        camera_serial=SERIAL,
        camera_model="zero2w",
        firmware="0.1.0",
        system="",
        wearer_id="w-7",
        wearer_name="Ada Åström",
        profile="standard",
        boot="00112233445566aa",
        cause_start=cause,
        started=started,
    )


def fragments(seed: int, sizes: list[int]) -> list[Fragment]:
    """The initialisation and one fragment of a second for each further size."""
    chance = Random(f"fragments {seed}")
    made = [Fragment(FRAGMENT_INIT, chance.randbytes(sizes[0]), 0, 0, 0)]
    for number, size in enumerate(sizes[1:]):
        made.append(Fragment(FRAGMENT_MEDIA, chance.randbytes(size), 1000 * number, 1000, 25))
    return made


def opened(files: Files, seed: int = 1) -> Vault:
    """A vault on a card that needs no recovery."""
    vault = Vault(files, SeededEntropy(seed))
    assert vault.open() == []
    return vault


def record(vault: Vault, made: list[Fragment], started: Moment = STARTED) -> OpenRecording:
    recording = vault.begin(info(started))
    for fragment in made:
        recording.append(fragment)
    return recording


def stored(vault: Vault, recording: bytes) -> StoredRecording:
    (found,) = [entry for entry in vault.recordings() if entry.recording == recording]
    return found


def read_part(vault: Vault, recording: bytes, part: int, size: int, piece: int = 70_000) -> bytes:
    whole = bytearray()
    while len(whole) < size:
        whole += vault.read_piece(recording, part, len(whole), min(piece, size - len(whole)))
    return bytes(whole)


def check_stored(vault: Vault, entry: StoredRecording) -> tuple[Manifest, bytes]:
    """Read a recording as a controller would, check every digest, and return manifest and content."""
    data = read_part(vault, entry.recording, PART_MANIFEST, entry.manifest_bytes)
    assert sha256(data).digest() == entry.manifest_sha256
    found = manifest.decode(data)
    assert (found.recording, found.chunks_bytes) == (entry.recording, entry.chunks_bytes)
    assert (found.duration_ms, found.interrupted) == (entry.duration_ms, entry.interrupted)
    assert (found.started.unix_ms, found.started.monotonic_ms) == (entry.started_unix_ms, entry.started_monotonic_ms)
    sealed = read_part(vault, entry.recording, PART_CHUNKS, entry.chunks_bytes)
    opener = new_opener(found.suite, found.recording)
    content = bytearray()
    for fragment in found.fragments:
        plain = bytearray()
        for index in range(fragment.first_chunk, fragment.first_chunk + fragment.chunk_count):
            chunk = found.chunks[index]
            body = sealed[chunk.offset : chunk.offset + chunk.length]
            assert sha256(body).digest() == chunk.sealed_sha256
            plain += opener.open(index, body)
        assert (len(plain), sha256(plain).digest()) == (fragment.content_bytes, fragment.content_sha256)
        content += plain
    assert (len(content), sha256(content).digest()) == (found.content_bytes, found.content_sha256)
    return found, bytes(content)


def joined(made: list[Fragment]) -> bytes:
    return b"".join(fragment.data for fragment in made)


def allow(recording: bytes, manifest_sha256: bytes, counter: int, serial: str = SERIAL) -> bytes:
    """An authorisation to erase."""
    return authorisation.encode(
        EraseAuthorisation(serial, recording, manifest_sha256, "acknowledged", counter, 1_750_000_100_000)
    )


class FailingFiles(PowerCutFiles):
    """A card that fails at change number ``fail_at``, ``times`` times in a row, and works again afterwards."""

    def __init__(self, files: Files, fail_at: int, times: int = 1, fault: type[PortFault] = IoFault) -> None:
        super().__init__(files)
        self._failing = range(fail_at, fail_at + times)
        self._fault = fault

    def change(self, operation: str) -> None:
        super().change(operation)
        if self.changes - 1 in self._failing:
            raise self._fault(f"{operation}: the card failed")


class HandleCounter(PowerCutFiles):
    """Counts the handles that are open."""

    def __init__(self, files: Files) -> None:
        super().__init__(files)
        self.open_handles = 0

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        return CountedFile(self, super().create(path, reserve_bytes))

    def open(self, path: str, writable: bool = False) -> File:
        return CountedFile(self, super().open(path, writable))


class CountedFile(File):
    def __init__(self, counter: HandleCounter, file: File) -> None:
        self._counter = counter
        self._file = file
        self._open = True
        counter.open_handles += 1

    def read_at(self, offset_bytes: int, buffer: bytearray | memoryview) -> int:
        return self._file.read_at(offset_bytes, buffer)

    def write_at(self, offset_bytes: int, data: bytes | bytearray | memoryview) -> None:
        self._file.write_at(offset_bytes, data)

    def size_bytes(self) -> int:
        return self._file.size_bytes()

    def truncate(self, size_bytes: int) -> None:
        self._file.truncate(size_bytes)

    def sync(self) -> None:
        self._file.sync()

    def close(self) -> None:
        self._file.close()
        self._counter.open_handles -= self._open
        self._open = False
