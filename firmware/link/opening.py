"""What the first frames of a session say: versions, frame size, nonces, and the salt that follows from them.

Law: pure functions between the values of open, accept and refuse frames.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

import struct
from binascii import crc32

from firmware.link import schema
from firmware.link.errors import PeerError

if TYPE_CHECKING:
    from typing import Any

NONCE_STEP = 0x9E3779B97F4A7C15  # odd, so that successive nonces of one start all differ


def next_nonce(nonce: int) -> int:
    """Another nonce of the same start."""
    return (nonce + NONCE_STEP) & 0xFFFFFFFFFFFFFFFF


def salt_of(host_nonce: int, board_nonce: int) -> int:
    """The start value of header checks in the session of these two nonces."""
    return crc32(struct.pack("<QQ", host_nonce, board_nonce))


def offer(payload_max: int, capabilities: int, nonce: int) -> "dict[str, Any]":
    """Fields of an open frame."""
    return {
        "version_min": schema.PROTOCOL_VERSION_OLDEST,
        "version_max": schema.PROTOCOL_VERSION,
        "payload_max": payload_max,
        "capabilities": capabilities,
        "nonce": nonce,
    }


def agreed_version(offered: "dict[str, Any]") -> "int | None":
    """The newest version that both speak, or None."""
    version = min(offered["version_max"], schema.PROTOCOL_VERSION)
    return version if version >= max(offered["version_min"], schema.PROTOCOL_VERSION_OLDEST) else None


def refusal(offered: "dict[str, Any]") -> "dict[str, Any]":
    """Fields of the refuse frame that answers this offer."""
    return {
        "version_min": schema.PROTOCOL_VERSION_OLDEST,
        "version_max": schema.PROTOCOL_VERSION,
        "nonce_seen": offered["nonce"],
    }


def acceptance(
    version: int, payload_max: int, capabilities: int, nonce: int, offered: "dict[str, Any]"
) -> "dict[str, Any]":
    """Fields of the accept frame that answers this offer."""
    return {
        "version": version,
        "payload_max": payload_max,
        "capabilities": capabilities,
        "nonce": nonce,
        "nonce_seen": offered["nonce"],
    }


def check_agreement(version: int, payload_max: int) -> None:
    """PeerError for a version that nobody offered or frames too small to hold an open."""
    if version < schema.PROTOCOL_VERSION_OLDEST or version > schema.PROTOCOL_VERSION:
        raise PeerError("the board accepted version %d, which was not offered" % version)
    if payload_max < schema.PAYLOAD_BYTES_MIN:
        raise PeerError("payloads of at most %d bytes" % payload_max)
