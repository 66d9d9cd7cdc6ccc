"""The manifest: what one closed recording consists of. Its SHA-256 stands for the recording in custody."""

from dataclasses import dataclass
from hashlib import sha256

from firmware.formats import canonical, moment, track
from firmware.formats.chunk import CHUNK_BYTES_MAX, CHUNK_HEADER_BYTES, CHUNKS_MAX
from firmware.formats.errors import FormatError
from firmware.formats.moment import Moment, moment_of
from firmware.formats.recording_id import RECORDING_ID_BYTES
from firmware.formats.track import TrackEntry
from firmware.ports.sensor import FRAGMENT_INIT, FRAGMENT_MEDIA

__all__ = ("ChunkEntry", "FragmentEntry", "Manifest", "Moment", "TrackEntry", "decode", "encode", "moment_of")

MANIFEST_BYTES_MAX = 1 << 26  # 64 MiB: CHUNKS_MAX chunks and as many fragments fit; also the limit on the wire
FRAGMENT_CHUNKS_MAX = 64  # 64 MiB in one fragment: far above a second of any video a board can encode
WRAPPED_KEYS_MAX = 16  # recipients: the system, and paired phones
WRAPPED_KEY_BYTES_MAX = 2048  # an ML-KEM-768 + X25519 encapsulation with a wrapped key is 1.2 KB
PRIVATE_BYTES_MAX = 5120  # three texts of 240 bytes, escaped, padded and sealed
BOOT_BYTES = 8
SHA256_BYTES = 32
CONTAINER_MP4 = "mp4"

_CHUNK_WIDTH = 3
_FRAGMENT_WIDTH = 8
_TEXTS = ("camera_serial", "camera_model", "firmware", "system", "wearer_id", "wearer_name", "profile")
_WORDS = ("suite", "cause_start", "cause_stop", "container")
_COUNTS = ("content_bytes", "chunks_bytes")
_BINARIES = ("recording", "content_sha256")
PRIVATE_KEY = "private"  # there if and only if the private texts are sealed
PRIVATE_TEXTS = ("wearer_id", "wearer_name", "profile")
TRACK_KEY = "track"  # there if and only if places were noted
_OTHERS = ("format", "schema", "boot", "started", "stopped", "interrupted", "chunks", "fragments", "wrapped_keys")
_KEYS = frozenset((*_TEXTS, *_WORDS, *_COUNTS, *_BINARIES, *_OTHERS))


@dataclass(frozen=True, slots=True)
class ChunkEntry:
    """One sealed chunk: where it stands in the chunks object, and its digest. Offset and length in bytes."""

    offset: int
    length: int
    sealed_sha256: bytes


@dataclass(frozen=True, slots=True)
class FragmentEntry:
    """One fragment: kind FRAGMENT_INIT or FRAGMENT_MEDIA (ports.sensor), its chunks, media time and plaintext."""

    kind: int
    first_chunk: int
    chunk_count: int
    start_ms: int
    duration_ms: int
    frames: int
    content_bytes: int
    content_sha256: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """A closed recording. ``content_sha256``: of all fragments' plaintext in order, which is the playable file.

    ``boot``: 16 hexadecimal digits, the boot whose monotonic clock the moments use; ``interrupted``: it did not end as
    somebody or something asked for; ``wrapped_keys``: the recording's key, once per recipient (none in ``clear``);
    ``private``: PRIVATE_TEXTS, sealed, which are then empty themselves (nothing in ``clear``); ``track``: where it was
    made, block by block, sealed where the chunks are (nothing where no place was noted).
    """

    recording: bytes
    suite: str
    camera_serial: str
    camera_model: str
    firmware: str
    system: str
    wearer_id: str
    wearer_name: str
    profile: str
    boot: str
    cause_start: str
    cause_stop: str
    started: Moment
    stopped: Moment
    interrupted: bool
    chunks: "tuple[ChunkEntry, ...]"
    fragments: "tuple[FragmentEntry, ...]"
    content_sha256: bytes
    content_bytes: int
    chunks_bytes: int
    container: str = CONTAINER_MP4
    wrapped_keys: "tuple[bytes, ...]" = ()
    private: bytes = b""
    track: "tuple[TrackEntry, ...]" = ()
    schema: int = canonical.SCHEMA

    @property
    def duration_ms(self) -> int:
        """Media time of the recording: end of the last fragment."""
        return max((entry.start_ms + entry.duration_ms for entry in self.fragments), default=0)


def encode(manifest: Manifest) -> bytes:
    """The canonical form. FormatError if the manifest contradicts itself or a limit."""
    fields = _to_fields(manifest)
    canonical.require_kind(fields, "manifest")
    if _from_fields(fields) != manifest:
        raise FormatError("manifest: a value that does not survive being written down")
    _check_chunks(manifest)
    _check_fragments(manifest)
    data = canonical.encode(fields)
    if len(data) > MANIFEST_BYTES_MAX:
        raise FormatError(f"manifest: {len(data)} bytes, at most {MANIFEST_BYTES_MAX} are allowed")
    return data


def decode(data: "bytes | bytearray | memoryview") -> Manifest:
    """The manifest whose canonical form ``data`` is."""
    fields = canonical.decode(data, "manifest", MANIFEST_BYTES_MAX)
    canonical.require_kind(fields, "manifest")
    canonical.require_keys(fields, keys_with_private(_KEYS, fields) | ({TRACK_KEY} & fields.keys()), "manifest")
    manifest = _from_fields(fields)
    _check_chunks(manifest)
    _check_fragments(manifest)
    return manifest


def digest(data: "bytes | bytearray | memoryview") -> bytes:
    """The SHA-256 that stands for an encoded manifest."""
    return sha256(data).digest()


def boot_id(value: object, what: str) -> str:
    """A boot identity as documents write it."""
    return canonical.binary(value, what, BOOT_BYTES).hex()


def wrapped_key_list(value: object, what: str) -> "tuple[bytes, ...]":
    """Wrapped keys as documents write them."""
    keys = canonical.rows(value, what, WRAPPED_KEYS_MAX)
    return tuple(canonical.binary(key, f"{what}[{n}]", bytes_max=WRAPPED_KEY_BYTES_MAX) for n, key in enumerate(keys))


def keys_with_private(keys: "frozenset[str]", fields: canonical.Document) -> "frozenset[str]":
    """The keys of a document in which the private part may stand."""
    return keys | {PRIVATE_KEY} if PRIVATE_KEY in fields else keys


def private_fields(private: bytes) -> canonical.Document:
    """The private part as documents write it: not at all where there is none."""
    return {PRIVATE_KEY: private.hex()} if private else {}


def private_part(fields: canonical.Document, what: str) -> bytes:
    """The private part of a document. FormatError for an empty one, or with its texts in the clear beside it."""
    if PRIVATE_KEY not in fields:
        return b""
    private = canonical.binary(fields[PRIVATE_KEY], f"{what}.private", bytes_max=PRIVATE_BYTES_MAX)
    if not private:
        raise FormatError(f"{what}.private: empty; leave it out")
    for name in PRIVATE_TEXTS:
        if fields[name]:
            raise FormatError(f"{what}.{name}: in the clear beside a private part")
    return private


def chunk_row(entry: ChunkEntry) -> "list[int | str]":
    """A chunk as documents write it."""
    return [entry.offset, entry.length, entry.sealed_sha256.hex()]


def chunk_rows(value: object, what: str, count_max: int) -> "tuple[ChunkEntry, ...]":
    """Chunks as documents write them."""
    rows = canonical.rows(value, what, count_max, _CHUNK_WIDTH)
    return tuple(
        ChunkEntry(
            offset=canonical.integer(row[0], what),
            length=canonical.integer(row[1], what),
            sealed_sha256=canonical.binary(row[2], what, SHA256_BYTES),
        )
        for row in rows
    )


def fragment_row(entry: FragmentEntry) -> "list[int | str]":
    """A fragment as documents write it."""
    return [
        entry.kind,
        entry.first_chunk,
        entry.chunk_count,
        entry.start_ms,
        entry.duration_ms,
        entry.frames,
        entry.content_bytes,
        entry.content_sha256.hex(),
    ]


def fragment_of_row(row: "list[object]", what: str) -> FragmentEntry:
    """A fragment as documents write it, alone consistent."""
    if len(row) != _FRAGMENT_WIDTH:
        raise FormatError(f"{what}: not a list of {_FRAGMENT_WIDTH} values")
    numbers = [canonical.integer(value, what) for value in row[:-1]]
    kind, first_chunk, chunk_count, start_ms, duration_ms, frames, content_bytes = numbers
    if kind not in (FRAGMENT_INIT, FRAGMENT_MEDIA):
        raise FormatError(f"{what}: unknown kind of fragment {kind}")
    if not 1 <= chunk_count <= FRAGMENT_CHUNKS_MAX or content_bytes > chunk_count * CHUNK_BYTES_MAX:
        raise FormatError(f"{what}: {content_bytes} bytes do not fit {chunk_count} chunks")
    content_sha256 = canonical.binary(row[-1], what, SHA256_BYTES)
    return FragmentEntry(kind, first_chunk, chunk_count, start_ms, duration_ms, frames, content_bytes, content_sha256)


def _to_fields(manifest: Manifest) -> canonical.Document:
    fields: dict[str, object] = {name: getattr(manifest, name) for name in (*_TEXTS, *_WORDS, *_COUNTS)}
    fields.update({name: getattr(manifest, name).hex() for name in _BINARIES})
    fields.update(
        format="openbwc-manifest",
        schema=manifest.schema,
        boot=manifest.boot,
        started=moment.to_fields(manifest.started),
        stopped=moment.to_fields(manifest.stopped),
        interrupted=manifest.interrupted,
        chunks=[chunk_row(entry) for entry in manifest.chunks],
        fragments=[fragment_row(entry) for entry in manifest.fragments],
        wrapped_keys=[key.hex() for key in manifest.wrapped_keys],
        **private_fields(manifest.private),
    )
    if manifest.track:
        fields[TRACK_KEY] = [track.row(entry) for entry in manifest.track]
    return fields


def _from_fields(fields: canonical.Document) -> Manifest:
    texts = {name: canonical.text(fields[name], f"manifest.{name}") for name in _TEXTS}
    words = {name: canonical.word(fields[name], f"manifest.{name}") for name in _WORDS}
    fragments = canonical.rows(fields["fragments"], "manifest.fragments", CHUNKS_MAX, _FRAGMENT_WIDTH)
    return Manifest(
        **texts,
        **words,
        schema=canonical.SCHEMA,
        recording=canonical.binary(fields["recording"], "manifest.recording", RECORDING_ID_BYTES),
        content_sha256=canonical.binary(fields["content_sha256"], "manifest.content_sha256", SHA256_BYTES),
        content_bytes=canonical.integer(fields["content_bytes"], "manifest.content_bytes"),
        chunks_bytes=canonical.integer(fields["chunks_bytes"], "manifest.chunks_bytes"),
        boot=boot_id(fields["boot"], "manifest.boot"),
        started=moment.from_fields(fields["started"], "manifest.started"),
        stopped=moment.from_fields(fields["stopped"], "manifest.stopped"),
        interrupted=canonical.boolean(fields["interrupted"], "manifest.interrupted"),
        chunks=chunk_rows(fields["chunks"], "manifest.chunks", CHUNKS_MAX),
        fragments=tuple(fragment_of_row(row, f"manifest.fragments[{n}]") for n, row in enumerate(fragments)),
        wrapped_keys=wrapped_key_list(fields["wrapped_keys"], "manifest.wrapped_keys"),
        private=private_part(fields, "manifest"),
        track=track.entries(fields[TRACK_KEY], "manifest.track", len(fragments)) if TRACK_KEY in fields else (),
    )


def _check_chunks(manifest: Manifest) -> None:
    """Chunks stand one after another from 0 and fill the object."""
    offset = 0
    for number, entry in enumerate(manifest.chunks):
        if entry.offset != offset or entry.length < CHUNK_HEADER_BYTES:
            raise FormatError(f"manifest.chunks[{number}]: does not follow the chunk before it")
        offset += entry.length
    if offset != manifest.chunks_bytes:
        raise FormatError(f"manifest.chunks_bytes: {manifest.chunks_bytes}, but the chunks are {offset} bytes long")


def _check_fragments(manifest: Manifest) -> None:
    """Fragments take all chunks in order, the first one the initialisation, and add up to the content."""
    chunk = 0
    content_bytes = 0
    for number, entry in enumerate(manifest.fragments):
        if entry.first_chunk != chunk:
            raise FormatError(f"manifest.fragments[{number}]: does not follow the fragment before it")
        if (entry.kind == FRAGMENT_INIT) != (number == 0):
            raise FormatError(f"manifest.fragments[{number}]: exactly the first fragment is the initialisation")
        chunk += entry.chunk_count
        content_bytes += entry.content_bytes
    if chunk != len(manifest.chunks):
        raise FormatError(f"manifest.fragments: {chunk} chunks of {len(manifest.chunks)} belong to a fragment")
    if content_bytes != manifest.content_bytes:
        raise FormatError(f"manifest.content_bytes: {manifest.content_bytes}, but the fragments hold {content_bytes}")
