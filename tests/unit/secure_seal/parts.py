"""What the tests of sealing share: fixed keys, a small house of certificates, and one sealed, signed recording."""

from dataclasses import dataclass
from hashlib import sha256
from random import Random

from firmware.formats.chunk import ClearSuite, Suite
from firmware.formats.header import Header, RecordingInfo
from firmware.formats.manifest import ChunkEntry, FragmentEntry, Manifest, Moment
from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure import certificates
from firmware.secure.document import EvidenceSigner
from firmware.secure.hpke_keys import KeyRing, SealingKey
from firmware.secure.sealing import GcmOpener, GcmSealer
from firmware.secure.signing import MemoryKey
from firmware.secure.suite import SealedSuite, opener_for
from tests.unit.secure_seal.issuing import certificate, p256

SERIAL = "OB-000042"
RECORDING = bytes(range(16))
OTHER = bytes(range(16, 32))
SYSTEM_KEY = SealingKey(bytes(range(32)))
OLD_KEY = SealingKey(bytes(range(32, 64)))
PHONE_KEY = SealingKey(bytes(range(64, 96)))
STRANGER = SealingKey(bytes(range(96, 128)))
STARTED = Moment(5_000, 1_750_000_000_000, "controller", 40)
STOPPED = Moment(7_000, 1_750_000_002_000, "controller", 40)
RECEIVED_MS = 1_750_100_000_000


ROOT_KEY, EVIDENCE_KEY, CONTROLLER_KEY, FOREIGN_KEY = map(p256, (1001, 1002, 1003, 1004))


ROOT = certificate(certificates.ROOT, "root", ROOT_KEY, ROOT_KEY)
EVIDENCE = certificate(certificates.EVIDENCE, SERIAL, EVIDENCE_KEY, ROOT_KEY)
SIGNER = EvidenceSigner(MemoryKey(EVIDENCE_KEY), (EVIDENCE,))


def info(wearer_id: str = "", wearer_name: str = "", profile: str = "") -> RecordingInfo:
    return RecordingInfo(
        camera_serial=SERIAL,
        camera_model="zero2w",
        firmware="0.1.0",
        system="system-1",
        wearer_id=wearer_id,
        wearer_name=wearer_name,
        profile=profile,
        boot="00112233445566aa",
        cause_start="button",
        started=STARTED,
    )


@dataclass(frozen=True)
class Sealed:
    """One recording: its header, its manifest, its sealed chunks one after another, and its plaintext by chunk."""

    header: Header
    manifest: Manifest
    chunks: bytes
    plaintexts: tuple[bytes, ...]

    def chunk(self, index: int) -> bytes:
        """One sealed chunk."""
        entry = self.manifest.chunks[index]
        return self.chunks[entry.offset : entry.offset + entry.length]


def sealing_suite(*recipients: SealingKey) -> SealedSuite:
    return SealedSuite([key.recipient for key in recipients or (SYSTEM_KEY,)])


def seal(
    suite: Suite | None = None,
    recording: bytes = RECORDING,
    sizes: tuple[tuple[int, ...], ...] = ((700,), (3000,), (1 << 20, 5)),
    seed: str = "content",
) -> Sealed:
    """A recording of some fragments, each of chunks of these sizes."""
    entropy, content = SeededEntropy(f"{seed} {recording.hex()}"), Random(f"{seed} {recording.hex()}")
    chosen = suite or sealing_suite()
    begun = chosen.begin(recording, entropy)
    chunks: list[bytes] = []
    plaintexts: list[bytes] = []
    entries: list[ChunkEntry] = []
    fragments: list[FragmentEntry] = []
    for number, lengths in enumerate(sizes):
        pieces = [content.randbytes(length) for length in lengths]
        first = len(chunks)
        for place, piece in enumerate(pieces):
            sealed = begun.sealer.seal(first + place, piece, place + 1 == len(pieces))
            entries.append(ChunkEntry(sum(map(len, chunks)), len(sealed), sha256(sealed).digest()))
            chunks.append(sealed)
        plaintexts += pieces
        whole = b"".join(pieces)
        fragments.append(
            FragmentEntry(
                1 if number else 0, first, len(pieces), max(0, number - 1) * 1000, 1000 if number else 0,
                25 if number else 0, len(whole), sha256(whole).digest(),
            )
        )  # fmt: skip
    begun.sealer.forget()
    header = Header(recording, chosen.name, begun.wrapped_keys, info())
    return Sealed(header, _manifest(header, entries, fragments, plaintexts), b"".join(chunks), tuple(plaintexts))


def clear() -> Sealed:
    return seal(ClearSuite())


def open_all(sealed: Sealed, ring: KeyRing) -> bytes:
    """The content, opened chunk by chunk."""
    opener = opener_for(sealed.manifest, ring)
    return b"".join(opener.open(index, sealed.chunk(index)) for index in range(len(sealed.manifest.chunks)))


def pair(recording: bytes = RECORDING, key: bytes = bytes(32)) -> tuple[GcmSealer, GcmOpener]:
    """A sealer and its opener, without wrapping."""
    return GcmSealer(recording, key), GcmOpener(recording, key)


def _manifest(
    header: Header, entries: list[ChunkEntry], fragments: list[FragmentEntry], plaintexts: list[bytes]
) -> Manifest:
    known = header.info
    return Manifest(
        recording=header.recording,
        suite=header.suite,
        camera_serial=known.camera_serial,
        camera_model=known.camera_model,
        firmware=known.firmware,
        system=known.system,
        wearer_id=known.wearer_id,
        wearer_name=known.wearer_name,
        profile=known.profile,
        boot=known.boot,
        cause_start=known.cause_start,
        cause_stop="button",
        started=known.started,
        stopped=STOPPED,
        interrupted=False,
        chunks=tuple(entries),
        fragments=tuple(fragments),
        content_sha256=sha256(b"".join(plaintexts)).digest(),
        content_bytes=sum(map(len, plaintexts)),
        chunks_bytes=sum(entry.length for entry in entries),
        wrapped_keys=header.wrapped_keys,
    )
