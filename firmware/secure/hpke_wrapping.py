"""A recording's key, wrapped to one recipient with HPKE (RFC 9180): base mode, one shot, the hybrid KEM.

A wrapped key is ``OBWK``, version, zero, HPKE's three algorithm numbers (big-endian), key id, encapsulation and
ciphertext. HPKE's ``info`` binds recording, recipient and cipher suite, so that a wrapped key opens nowhere else. The
numbers are written down for readers; nobody chooses by them: any but these three are refused.
"""

import struct
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from firmware.formats.chunk import Bytes
from firmware.formats.errors import FormatError
from firmware.secure.hpke_keys import KEY_ID_BYTES, RecipientKey, SealingKey, shown

RECORDING_KEY_BYTES = 32
ENCAPSULATION_BYTES = 1120
WRAPPED_BYTES = 1212  # 44 in front, the encapsulation, the key and a tag of 16
INFO_PREFIX = b"openbwc-recording-key-1\x00"

_HEAD = struct.Struct(">4sBBHHH32s")
_MAGIC = b"OBWK"
_VERSION = 1
_KEM_NUMBER = 0x647A  # MLKEM768-X25519
_KDF_NUMBER = 0x0001  # HKDF-SHA256
_AEAD_NUMBER = 0x0002  # AES-256-GCM
_NUMBERS = (_KEM_NUMBER, _KDF_NUMBER, _AEAD_NUMBER)
_HPKE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class WrappedKey(NamedTuple):
    """Whose it is, and what HPKE made: encapsulation and ciphertext."""

    key_id: bytes
    sealed: bytes


def wrap(key: bytes, recipient: RecipientKey, suite: str, recording: bytes) -> bytes:
    """``key``, 32 bytes, for one recipient alone."""
    if len(key) != RECORDING_KEY_BYTES:
        raise FormatError(f"recording key: {len(key)} bytes instead of {RECORDING_KEY_BYTES}")
    sealed = _HPKE.encrypt(key, recipient.hpke, info_of(suite, recording, recipient.key_id))
    return _HEAD.pack(_MAGIC, _VERSION, 0, *_NUMBERS, recipient.key_id) + sealed


def decode(wrapped: Bytes) -> WrappedKey:
    """The parts of a wrapped key. FormatError if it is not one of this kind."""
    if len(wrapped) != WRAPPED_BYTES:
        raise FormatError(f"wrapped key: {len(wrapped)} bytes instead of {WRAPPED_BYTES}")
    magic, version, zero, kem, kdf, aead, key_id = _HEAD.unpack_from(wrapped)
    if magic != _MAGIC or version != _VERSION or zero:
        raise FormatError("wrapped key: not one of a known version; it may come from newer firmware: update this side")
    if (kem, kdf, aead) != _NUMBERS:
        raise FormatError(f"wrapped key: HPKE with {kem:#06x}, {kdf:#06x}, {aead:#06x} is not used here")
    return WrappedKey(key_id, bytes(wrapped[_HEAD.size :]))


def unwrap(wrapped: WrappedKey, key: SealingKey, suite: str, recording: bytes) -> bytes:
    """The recording's key. FormatError if anything was changed, or it is of another recording, suite or recipient."""
    try:
        return _HPKE.decrypt(wrapped.sealed, key.hpke, info_of(suite, recording, key.key_id))
    except InvalidTag as error:
        raise FormatError(
            f"recording {recording.hex()}: the key wrapped for {shown(key.key_id)} is damaged or of another recording"
        ) from error


def info_of(suite: str, recording: bytes, key_id: bytes) -> bytes:
    """What HPKE binds: 24 bytes of prefix, recording, key id, then the suite's word to the end."""
    if len(key_id) != KEY_ID_BYTES:
        raise FormatError(f"wrapped key: a key id of {len(key_id)} bytes")
    return INFO_PREFIX + recording + key_id + suite.encode()
