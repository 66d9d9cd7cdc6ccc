"""Sealed chunks and the sealed private part of a recording: AES-256-GCM under the recording's own key.

Why no nonce is ever used twice. A nonce is ``kind`` (4 bytes) and ``number`` (8 bytes), little-endian: kind 0 with a
chunk's index, kind 1 with the number of a private part, kind 2 with the number of the fragment whose places they are.
The key is 32 fresh random bytes for every recording and lives in one sealer only; it is never written down in the
clear and no sealer is ever made again for it, so after a power cut nothing can be sealed under it at all. The sealer
refuses an index or a fragment that is not above the one before, and a second private part. So a pair of key and nonce
occurs once. A recording holds at most 2^18 chunks of 2^16 blocks of 16 bytes; what 2^34 blocks under one key give an
attacker, (2^34)^2 / 2^129, is below 2^-60.

What shows. The 32 bytes in front of a chunk are associated data: recording, index, length, the mark of a fragment's
last chunk, suite. A changed bit, a chunk moved, repeated, put into another recording or cut short does not open.
Python cannot wipe memory: ``forget`` drops the only reference, which frees the key with the cipher that holds it.
"""

import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firmware.formats.chunk import CHUNK_HEADER_BYTES, Bytes, Opener, Sealer, decode_header, encode_header
from firmware.formats.errors import FormatError
from firmware.formats.manifest import PRIVATE_BYTES_MAX
from firmware.formats.recording_id import RECORDING_ID_BYTES
from firmware.secure import sealing_padding

SUITE_SEALED = "aes-256-gcm"  # the word for all of it: the KEM of hpke_wrapping for the key, this for the chunks
TAG_BYTES = 16
PRIVATE_PREFIX = b"openbwc-private-1\x00"
PLACES_PREFIX = b"openbwc-places-1\x00"

_NONCE = struct.Struct("<IQ")
_KIND_CHUNK = 0
_KIND_PRIVATE = 1
_KIND_PLACES = 2


class GcmSealer(Sealer):
    """Seals one recording, chunks in the order of their index. Holds the only copy of its key."""

    def __init__(self, recording: bytes, key: bytes) -> None:
        _require_recording(recording)
        self._recording = recording
        self._name = recording.hex()
        self._cipher: AESGCM | None = AESGCM(key)
        self._buffer = bytearray()  # kept: fresh memory for every ciphertext costs more than encrypting it
        self._next_index = 0
        self._next_places = 0
        self._concealed = False

    def seal(self, index: int, plaintext: Bytes, last: bool) -> bytes:
        """The sealed chunk. FormatError: an index at or below one that was sealed before, or the key is gone."""
        cipher = self._held()
        if index < self._next_index:
            raise FormatError(f"chunk {index}: recording {self._name} is sealed beyond it; an index is sealed once")
        head = encode_header(SUITE_SEALED, self._recording, index, len(plaintext), last)
        self._next_index = index + 1
        whole = CHUNK_HEADER_BYTES + len(plaintext) + TAG_BYTES
        if len(self._buffer) < whole:
            self._buffer = bytearray(whole)
        view = memoryview(self._buffer)[:whole]
        view[:CHUNK_HEADER_BYTES] = head
        cipher.encrypt_into(_NONCE.pack(_KIND_CHUNK, index), plaintext, head, view[CHUNK_HEADER_BYTES:])
        return bytes(view)

    def conceal(self, private: bytes) -> bytes:
        """The private part of the recording's header, sealed; its length tells the true one to the next 256 bytes.

        FormatError: there is one already, it is too long, or the key is gone.
        """
        cipher = self._held()
        if self._concealed:
            raise FormatError(f"recording {self._name}: its private part is sealed already")
        padded = sealing_padding.pad(private)
        if len(padded) + TAG_BYTES > PRIVATE_BYTES_MAX:
            raise FormatError(f"recording {self._name}: a private part of {len(private)} bytes")
        self._concealed = True
        return cipher.encrypt(_NONCE.pack(_KIND_PRIVATE, 0), padded, PRIVATE_PREFIX + self._recording)

    def conceal_places(self, fragment: int, places: bytes) -> bytes:
        """See Sealer. FormatError: a fragment at or below one whose places were sealed before, or the key is gone."""
        cipher = self._held()
        if fragment < self._next_places:
            raise FormatError(f"recording {self._name}: the places of fragment {fragment} are sealed already")
        self._next_places = fragment + 1
        return cipher.encrypt(_NONCE.pack(_KIND_PLACES, fragment), places, PLACES_PREFIX + self._recording)

    def forget(self) -> None:
        """Drop the key. What was sealed can only be opened by its recipients from now on."""
        self._cipher = None
        self._buffer = bytearray()

    def _held(self) -> AESGCM:
        if self._cipher is None:
            raise FormatError(f"recording {self._name}: its key is gone; begin another recording")
        return self._cipher


class GcmOpener(Opener):
    """Opens the chunks of one recording, in any order, and its private part.

    ``ends``: the indices of all chunks that end a fragment, where a manifest tells them; then each is held to that.
    """

    def __init__(self, recording: bytes, key: bytes, ends: "frozenset[int] | None" = None) -> None:
        _require_recording(recording)
        self._recording = recording
        self._cipher = AESGCM(key)
        self._ends = ends

    def open(self, index: int, sealed: Bytes) -> memoryview:
        """The plaintext. FormatError names what does not hold."""
        header = decode_header(sealed)
        if header.suite != SUITE_SEALED:
            raise FormatError(f"chunk {index}: sealed with {header.suite}, not {SUITE_SEALED}")
        if header.recording != self._recording or header.index != index:
            raise FormatError(f"chunk {index}: belongs to another place or recording")
        if len(sealed) != header.sealed_bytes:
            raise FormatError(f"chunk {index}: {len(sealed)} bytes instead of {header.sealed_bytes}")
        if self._ends is not None and header.last != (index in self._ends):
            raise FormatError(f"chunk {index}: ends a fragment where its manifest does not, or the reverse")
        view = memoryview(sealed)
        nonce = _NONCE.pack(_KIND_CHUNK, index)
        try:
            return memoryview(self._cipher.decrypt(nonce, view[CHUNK_HEADER_BYTES:], view[:CHUNK_HEADER_BYTES]))
        except InvalidTag as error:
            raise FormatError(f"chunk {index}: damaged, or not sealed by the camera of this recording") from error

    def reveal(self, private: Bytes) -> bytes:
        """What ``conceal`` was given. FormatError if it is damaged or of another recording."""
        name = self._recording.hex()
        if len(private) > PRIVATE_BYTES_MAX:
            raise FormatError(f"recording {name}: a private part of {len(private)} bytes")
        try:
            padded = self._cipher.decrypt(_NONCE.pack(_KIND_PRIVATE, 0), private, PRIVATE_PREFIX + self._recording)
        except InvalidTag as error:
            raise FormatError(f"recording {name}: its private part is damaged or of another recording") from error
        return sealing_padding.unpad(padded, f"recording {name}: private part")

    def reveal_places(self, fragment: int, places: Bytes) -> bytes:
        """See Opener."""
        nonce = _NONCE.pack(_KIND_PLACES, fragment)
        try:
            return self._cipher.decrypt(nonce, places, PLACES_PREFIX + self._recording)
        except InvalidTag as error:
            name = self._recording.hex()
            raise FormatError(
                f"recording {name}: the places of fragment {fragment} are damaged or another's"
            ) from error


def _require_recording(recording: bytes) -> None:
    if len(recording) != RECORDING_ID_BYTES:
        raise FormatError(f"recording id: {len(recording)} bytes instead of {RECORDING_ID_BYTES}")
