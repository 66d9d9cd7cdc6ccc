"""Small files that a camera keeps for itself, sealed under a key that only this camera has.

The key is HKDF-SHA256 of a secret of the board. A sealed file is ``OBWD``, version, three zeros, a random nonce of 12
bytes, ciphertext and tag (AES-256-GCM). The first eight bytes and the file's name are bound in, so that one file never
passes for another. What this does not stop: putting an older sealed file back in place of a newer one. A factory reset
destroys the secret, and so the files.
"""

import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firmware.formats.chunk import Bytes
from firmware.formats.errors import FormatError
from firmware.formats.marks import Marks
from firmware.ports.entropy import Entropy
from firmware.secure import sealing_padding

DEVICE_KEY_BYTES = 32
DERIVATION_INFO = b"openbwc-device-file-1\x00"
MARKS_DERIVATION_INFO = b"openbwc-device-marks-1\x00"
SEALED_FILE_BYTES_MAX = 65536  # an assignment takes 0.3 KB; bounds what is read into memory
_HEAD = struct.Struct("<4sB3s")
_HEAD_BYTES = _HEAD.pack(b"OBWD", 1, bytes(3))
_NONCE_BYTES = 12  # random: files change a few times a day, GCM stands 2^32 of them under one key
_OVERHEAD_BYTES = len(_HEAD_BYTES) + _NONCE_BYTES + 16 + sealing_padding.PAD_BYTES


class FileSealer:
    """Seals under a key derived from ``device_key``, a secret of this board that may serve other purposes too."""

    def __init__(self, device_key: bytes, entropy: Entropy) -> None:
        if len(device_key) != DEVICE_KEY_BYTES:
            raise FormatError(f"device key: {len(device_key)} bytes instead of {DEVICE_KEY_BYTES}")
        self._cipher = AESGCM(_derived(device_key, DERIVATION_INFO))
        self._marks_key = _derived(device_key, MARKS_DERIVATION_INFO)
        self._entropy = entropy

    def marks_of(self, recording: bytes) -> Marks:
        """The marks of a recording's header and journal, under a key of their own (see firmware.formats.marks)."""
        return Marks(self._marks_key, recording)

    def seal(self, name: str, data: bytes) -> bytes:
        """The content of file ``name``; its length tells the true one to the next 256 bytes. FormatError: too long."""
        if len(data) + _OVERHEAD_BYTES > SEALED_FILE_BYTES_MAX:
            raise FormatError(f"{name}: {len(data)} bytes are too long for a sealed file")
        nonce = self._entropy.random_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, sealing_padding.pad(data), _HEAD_BYTES + name.encode())
        return _HEAD_BYTES + nonce + sealed

    def open(self, name: str, sealed: Bytes) -> bytes:
        """What was sealed as file ``name`` on this camera. FormatError for anything else."""
        if len(sealed) > SEALED_FILE_BYTES_MAX:
            raise FormatError(f"{name}: {len(sealed)} bytes, at most {SEALED_FILE_BYTES_MAX} are allowed")
        raw = bytes(sealed)
        start = len(_HEAD_BYTES) + _NONCE_BYTES
        if raw[: len(_HEAD_BYTES)] != _HEAD_BYTES:
            raise FormatError(f"{name}: not a sealed file of a known version")
        try:
            padded = self._cipher.decrypt(raw[len(_HEAD_BYTES) : start], raw[start:], _HEAD_BYTES + name.encode())
        except (InvalidTag, ValueError) as error:
            raise FormatError(f"{name}: damaged, or sealed on another camera") from error
        return sealing_padding.unpad(padded, name)


def _derived(device_key: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), DEVICE_KEY_BYTES, salt=None, info=info).derive(device_key)
