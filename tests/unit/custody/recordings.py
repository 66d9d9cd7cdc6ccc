"""Small recordings for tests: real manifests and sealed chunks of any shape, from a seed."""

import hashlib
import random
from dataclasses import dataclass

from firmware.formats import manifest as manifests
from firmware.formats import track
from firmware.formats.chunk import ClearOpener, ClearSealer
from firmware.formats.manifest import ChunkEntry, FragmentEntry, Manifest
from firmware.formats.moment import Moment
from firmware.formats.track import Place, TrackEntry
from firmware.ports.sensor import FRAGMENT_INIT, FRAGMENT_MEDIA

CAMERA = "CAM-0001"
STARTED_UNIX_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


@dataclass(frozen=True)
class Sample:
    """A recording as a camera would offer it. ``content``: the playable file; ``chunks``: the sealed object."""

    manifest: Manifest
    manifest_bytes: bytes
    digest: bytes
    chunks: bytes
    content: bytes

    @property
    def recording(self) -> bytes:
        return self.manifest.recording

    @property
    def opener(self) -> ClearOpener:
        return ClearOpener(self.manifest.recording)

    def sealed(self, chunk: int) -> bytes:
        entry = self.manifest.chunks[chunk]
        return self.chunks[entry.offset : entry.offset + entry.length]


def sample(
    seed: int = 1,
    fragments: int = 3,
    chunks_each: int = 2,
    chunk_bytes: int = 700,
    camera: str = CAMERA,
    started_unix_ms: int = STARTED_UNIX_MS,
    wearer: tuple[str, str] = ("W-7", "Zoë Example"),
    film: bytes = b"",
    places: tuple[Place, ...] = (),
) -> Sample:
    """``fragments`` fragments of ``chunks_each`` chunks, the last of each one byte shorter per fragment; or ``film``
    cut into as many fragments and chunks. ``places``: noted with the last fragment."""
    source = random.Random(seed)
    recording = source.randbytes(16)
    plains = [source.randbytes(chunks_each * chunk_bytes - number) for number in range(fragments)]
    if film:
        chunk_bytes = -(-len(film) // (fragments * chunks_each))
        size = chunk_bytes * chunks_each
        plains = [film[number * size : (number + 1) * size] for number in range(fragments)]
    parts = [[plain[at * chunk_bytes : (at + 1) * chunk_bytes] for at in range(chunks_each)] for plain in plains]
    chunk_entries, chunks = _seal(recording, parts)
    content = b"".join(plains)
    duration_ms = max(0, fragments - 1) * 1000
    manifest = Manifest(
        recording=recording,
        suite="clear",
        camera_serial=camera,
        camera_model="zero2w",
        firmware="0.1.0",
        system="",
        wearer_id=wearer[0],
        wearer_name=wearer[1],
        profile="default",
        boot="0011223344556677",
        cause_start="button",
        cause_stop="button",
        started=Moment(5_000, started_unix_ms, "controller", 20),
        stopped=Moment(5_000 + duration_ms, started_unix_ms + duration_ms, "controller", 20),
        interrupted=False,
        chunks=chunk_entries,
        fragments=tuple(_fragment(number, chunks_each, plain) for number, plain in enumerate(plains)),
        content_sha256=hashlib.sha256(content).digest(),
        content_bytes=len(content),
        chunks_bytes=len(chunks),
        track=(TrackEntry(fragments - 1, track.pack(places)),) if places else (),
    )
    data = manifests.encode(manifest)
    return Sample(manifest, data, manifests.digest(data), chunks, content)


def _seal(recording: bytes, parts: list[list[bytes]]) -> tuple[tuple[ChunkEntry, ...], bytes]:
    sealer = ClearSealer(recording)
    entries: list[ChunkEntry] = []
    chunks = bytearray()
    for pieces in parts:
        for place, piece in enumerate(pieces):
            sealed = sealer.seal(len(entries), piece, place == len(pieces) - 1)
            entries.append(ChunkEntry(len(chunks), len(sealed), hashlib.sha256(sealed).digest()))
            chunks += sealed
    return tuple(entries), bytes(chunks)


def _fragment(number: int, chunks_each: int, plain: bytes) -> FragmentEntry:
    kind, start, duration, frames = (FRAGMENT_INIT, 0, 0, 0) if number == 0 else (FRAGMENT_MEDIA, number - 1, 1, 30)
    digest = hashlib.sha256(plain).digest()
    first = number * chunks_each
    return FragmentEntry(kind, first, chunks_each, start * 1000, duration * 1000, frames, len(plain), digest)
