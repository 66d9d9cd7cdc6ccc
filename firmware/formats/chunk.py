"""Sealed chunks: what the bytes of a recording look like on the card, on the wire and in the spool.

A sealed chunk is a header of 32 bytes (little-endian: magic, version, suite, flags, zero, recording, index, length of
the plaintext), the body and the suite's tag. The header is the associated data of a sealing suite, so that a chunk
opens only at its own place in its own recording. Sealed chunks of one recording stand one after another in one object.

Here is the suite ``clear``, which seals nothing: body = plaintext, no tag. Digests are the caller's to check.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

from firmware.formats.errors import FormatError
from firmware.formats.recording_id import RECORDING_ID_BYTES
from firmware.ports.entropy import Entropy
from firmware.ports.errors import Unprovided

CHUNK_BYTES_MAX = 1 << 20  # of plaintext, 1 MiB: a Zero 2 W seals it between two frames, one pull carries it
CHUNKS_MAX = 1 << 18  # chunks in a recording: three days of one a second; their manifest stays below its own limit
CHUNK_HEADER_BYTES = 32
FLAG_FRAGMENT_END = 1  # the last chunk of its fragment
SUITE_CLEAR = "clear"

_MAGIC = b"OBWC"
_VERSION = 1
_LAYOUT = struct.Struct("<4sBBBB16sII")
# number in the header, bytes of the tag
_SUITES = {SUITE_CLEAR: (0, 0), "aes-256-gcm": (1, 16)}
_SUITE_NAMES = {row[0]: name for name, row in _SUITES.items()}

Bytes = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class ChunkHeader:
    """``index``: place in the recording, from 0; ``last``: the last chunk of its fragment; ``sealed_bytes``: of the
    whole chunk with header and tag."""

    suite: str
    recording: bytes
    index: int
    last: bool
    plaintext_bytes: int
    sealed_bytes: int


def encode_header(suite: str, recording: bytes, index: int, plaintext_bytes: int, last: bool) -> bytes:
    """The 32 bytes in front of a chunk. FormatError beyond the limits."""
    if suite not in _SUITES:
        raise FormatError(f"chunk: unknown suite {suite[:20]!r}")
    if len(recording) != RECORDING_ID_BYTES:
        raise FormatError(f"chunk: a recording id of {len(recording)} bytes")
    if not 0 <= index < CHUNKS_MAX:
        raise FormatError(f"chunk: index {index} is not below {CHUNKS_MAX}")
    if not 0 <= plaintext_bytes <= CHUNK_BYTES_MAX:
        raise FormatError(f"chunk: {plaintext_bytes} bytes, at most {CHUNK_BYTES_MAX} are allowed")
    flags = FLAG_FRAGMENT_END if last else 0
    return _LAYOUT.pack(_MAGIC, _VERSION, _SUITES[suite][0], flags, 0, recording, index, plaintext_bytes)


def decode_header(sealed: Bytes) -> ChunkHeader:
    """What the first 32 bytes of a chunk say. FormatError if they are not a chunk's."""
    if len(sealed) < CHUNK_HEADER_BYTES:
        raise FormatError(f"chunk: {len(sealed)} bytes are shorter than a header")
    magic, version, number, flags, zero, recording, index, length = _LAYOUT.unpack_from(sealed)
    if magic != _MAGIC or version != _VERSION or zero:
        raise FormatError("chunk: not a sealed chunk of a known version")
    if number not in _SUITE_NAMES or flags & ~FLAG_FRAGMENT_END:
        raise FormatError("chunk: unknown suite or flags; it may come from newer firmware: update this side")
    if index >= CHUNKS_MAX or length > CHUNK_BYTES_MAX:
        raise FormatError("chunk: index or length beyond the limits")
    suite = _SUITE_NAMES[number]
    return ChunkHeader(suite, recording, index, bool(flags), length, sealed_bytes(suite, length))


def sealed_bytes(suite: str, plaintext_bytes: int) -> int:
    """Length of a sealed chunk of that much plaintext."""
    if suite not in _SUITES:
        raise FormatError(f"chunk: unknown suite {suite[:20]!r}")
    return CHUNK_HEADER_BYTES + plaintext_bytes + _SUITES[suite][1]


class Sealer:
    """Seals the chunks of one recording; the obligation of every suite. An index is sealed once, never again."""

    def seal(self, index: int, plaintext: Bytes, last: bool) -> bytes:
        """The sealed chunk; ``last``: it ends its fragment."""
        raise Unprovided(self, "seal")

    def conceal(self, private: bytes) -> bytes:
        """The private part of the recording, sealed; nothing where the suite conceals nothing. Once a recording."""
        raise Unprovided(self, "conceal")

    def conceal_places(self, fragment: int, places: bytes) -> bytes:
        """A fragment's block of the track, sealed; as it is where the suite conceals nothing. Once a fragment, in
        their order."""
        raise Unprovided(self, "conceal_places")

    def forget(self) -> None:
        """Drop the key, if there is one. Nothing can be sealed afterwards."""
        raise Unprovided(self, "forget")


class Opener:
    """Opens the chunks of one recording; the obligation of every suite."""

    def open(self, index: int, sealed: Bytes) -> memoryview:
        """The plaintext. FormatError unless ``sealed`` is the whole chunk of that index of this recording."""
        raise Unprovided(self, "open")

    def reveal(self, private: Bytes) -> bytes:
        """What ``Sealer.conceal`` was given. FormatError unless it is this recording's private part."""
        raise Unprovided(self, "reveal")

    def reveal_places(self, fragment: int, places: Bytes) -> bytes:
        """What ``Sealer.conceal_places`` was given. FormatError unless it is that of that fragment of this
        recording."""
        raise Unprovided(self, "reveal_places")


class Begun(NamedTuple):
    """A recording's sealer, and its key wrapped once for each recipient (nothing in the suite ``clear``)."""

    sealer: Sealer
    wrapped_keys: "tuple[bytes, ...]"


class Suite:
    """How recordings are sealed; ``name`` goes into every header. The obligation of every suite."""

    name = ""

    def begin(self, recording: bytes, entropy: Entropy) -> Begun:
        """A fresh key for a new recording."""
        raise Unprovided(self, "begin")


class ClearSuite(Suite):
    """Nothing is sealed."""

    name = SUITE_CLEAR

    def begin(self, recording: bytes, entropy: Entropy) -> Begun:
        """No key, nothing wrapped."""
        return Begun(ClearSealer(recording), ())


class ClearSealer(Sealer):
    """Puts a header in front of the plaintext."""

    def __init__(self, recording: bytes) -> None:
        self._recording = recording

    def seal(self, index: int, plaintext: Bytes, last: bool) -> bytes:
        """Header and plaintext."""
        return b"".join((encode_header(SUITE_CLEAR, self._recording, index, len(plaintext), last), plaintext))

    def conceal(self, private: bytes) -> bytes:
        """Nothing: what is private stays in the clear too."""
        return b""

    def conceal_places(self, fragment: int, places: bytes) -> bytes:
        """As it is."""
        return places

    def forget(self) -> None:
        """There is no key."""


class ClearOpener(Opener):
    """Takes the header off again."""

    def __init__(self, recording: bytes) -> None:
        self._recording = recording

    def open(self, index: int, sealed: Bytes) -> memoryview:
        """A view of the body of ``sealed``."""
        header = decode_header(sealed)
        if header.suite != SUITE_CLEAR:
            raise FormatError(f"chunk {index}: sealed with {header.suite}, not clear")
        if header.recording != self._recording or header.index != index:
            raise FormatError(f"chunk {index}: belongs to another place or recording")
        if len(sealed) != header.sealed_bytes:
            raise FormatError(f"chunk {index}: {len(sealed)} bytes instead of {header.sealed_bytes}")
        return memoryview(sealed)[CHUNK_HEADER_BYTES:]

    def reveal(self, private: Bytes) -> bytes:
        """There is nothing to reveal."""
        raise FormatError("private part: of a recording in the clear, which has none")

    def reveal_places(self, fragment: int, places: Bytes) -> bytes:
        """As it is."""
        return bytes(places)


def new_opener(suite: str, recording: bytes) -> Opener:
    """The opener of a suite that needs no key. FormatError for any other."""
    if suite != SUITE_CLEAR:
        raise FormatError(f"chunk: suite {suite[:20]!r} cannot be opened without its key")
    return ClearOpener(recording)
