"""Padding before sealing, so that the length of a name does not show: 0x80, then zeros to a multiple of 256 bytes.

Unambiguous for any bytes (ISO/IEC 7816-4). Checked only after the tag has held, so there is nothing to probe.
"""

from firmware.formats.errors import FormatError

PAD_BYTES = 256  # a wearer's id, name and profile are almost always shorter: one length for all
_MARK = 0x80


def pad(data: bytes) -> bytes:
    """``data`` with its padding; at least one byte is added."""
    return data + bytes((_MARK,)) + bytes(-(len(data) + 1) % PAD_BYTES)


def unpad(padded: bytes, what: str) -> bytes:
    """The data before its padding. FormatError unless the padding is the one that ``pad`` makes."""
    data = padded.rstrip(b"\x00")[:-1]
    if pad(data) != padded:
        raise FormatError(f"{what}: not padded to a multiple of {PAD_BYTES} bytes")
    return data
