"""The identity of a recording: 16 random bytes; as text, 32 lower-case hexadecimal digits."""

from firmware.formats.errors import FormatError
from firmware.ports.entropy import Entropy

RECORDING_ID_BYTES = 16  # 128 random bits: no two cameras ever draw the same one
RECORDING_TEXT_CHARACTERS = 2 * RECORDING_ID_BYTES
_DIGITS = frozenset("0123456789abcdef")


def new_id(entropy: Entropy) -> bytes:
    """A fresh identity."""
    return entropy.random_bytes(RECORDING_ID_BYTES)


def text(recording: bytes) -> str:
    """The identity as people and file names write it. FormatError if it is not 16 bytes."""
    if len(recording) != RECORDING_ID_BYTES:
        raise FormatError(f"recording id: {len(recording)} bytes instead of {RECORDING_ID_BYTES}")
    return recording.hex()


def parse(name: str) -> bytes:
    """The identity behind its text form. FormatError if it is not exactly 32 lower-case hexadecimal digits."""
    if len(name) != RECORDING_TEXT_CHARACTERS or not _DIGITS.issuperset(name):
        raise FormatError(
            f"recording id: {name[:40]!r} is not {RECORDING_TEXT_CHARACTERS} lower-case hexadecimal digits"
        )
    return bytes.fromhex(name)
